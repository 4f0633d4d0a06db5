"""Pack the National Grid and lists of places so small that a phone can search in them alone.

``static/search.js`` unpacks both.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from locator import geodesy

# of the polynomials: they follow the curve of the Earth, and no higher ones the unevenness of
# the grid, which is measured with nodes so far apart
_DEGREE, _NODES_M = 5, 3000.0
# of factors: metres to a tenth of a millimetre, degrees to about as much
_METRE_DIGITS, _DEGREE_DIGITS = 4, 10
_MILLIMETRES = 1000
# one character holds so much: those from "#" on, without the backslash and what HTML needs
_ALPHABET = "".join(chr(c) for c in range(35, 127) if chr(c) not in "\\&<>'")[:80]
_BASE = len(_ALPHABET)
_LETTERS = 26


@dataclass(frozen=True, slots=True)
class Plane:
    """A polynomial of two variables for each of two axes.

    Attributes
    ----------
    middle, half
        Of the area that they were fitted to, on both axes: a variable is the value without the
        middle, divided by the half.
    terms
        Factors of ``x**i * y**j`` by ``i``, then ``j``, for each axis of the result.
    """

    middle: tuple[float, float]
    half: tuple[float, float]
    terms: tuple[tuple[float, ...], tuple[float, ...]]

    @classmethod
    def fit(cls, known: geodesy.type_floats, wanted: geodesy.type_floats, digits: int) -> "Plane":
        """Fit polynomials that lead from some positions, ``(2, n)``, to others."""
        low, high = known.min(axis=1), known.max(axis=1)
        middle, half = (low + high) / 2, (high - low) / 2
        powers = _powers(*((known.T - middle) / half).T)
        terms = np.linalg.lstsq(powers, wanted.T)[0].T.round(digits).tolist()
        return cls(tuple(middle.tolist()), tuple(half.tolist()), (tuple(terms[0]), tuple(terms[1])))

    def __call__(self, x: geodesy.type_floats, y: geodesy.type_floats) -> geodesy.type_floats:
        """Work the polynomials out, shape ``(2, n)``."""
        variables = zip((x, y), self.middle, self.half, strict=True)
        powers = _powers(*((axis - middle) / half for axis, middle, half in variables))
        return np.asarray(np.array(self.terms) @ powers.T)

    def as_dict(self) -> dict[str, object]:
        """Give the polynomials as plain values for JSON."""
        return {
            "middle": self.middle,
            "half": self.half,
            "degree": _DEGREE,
            "terms": self.terms,
        }


def _powers(x: geodesy.type_floats, y: geodesy.type_floats) -> geodesy.type_floats:
    exponents = [(i, j) for i in range(_DEGREE + 1) for j in range(_DEGREE + 1 - i)]
    return np.column_stack([x**i * y**j for i, j in exponents])


def pack_grid(
    easting: geodesy.type_floats, northing: geodesy.type_floats, margin_m: float
) -> dict[str, object]:
    """Pack the National Grid around some positions.

    Parameters
    ----------
    easting, northing
        Metres (EPSG:27700), ``(n,)``.
    margin_m
        Metres around the box that holds them.

    Returns
    -------
    packed
        ``to_grid``, polynomials from longitude and latitude (EPSG:4326) to easting and northing;
        ``to_degrees``, those back; and ``uneven``, what the former lack, in millimetres at nodes
        ``step`` metres apart from a ``corner`` on, northings within eastings.
    """
    x, y = (
        np.arange(axis.min() - margin_m, axis.max() + margin_m + _NODES_M, _NODES_M)
        for axis in (easting, northing)
    )
    grid = np.array(np.meshgrid(x, y, indexing="ij")).reshape(2, -1)
    degrees = np.array(geodesy.to_wgs84(grid[0].copy(), grid[1].copy()))
    inside = np.isfinite(degrees).all(axis=0)
    to_grid = Plane.fit(degrees[:, inside], grid[:, inside], _METRE_DIGITS)
    to_degrees = Plane.fit(grid[:, inside], degrees[:, inside], _DEGREE_DIGITS)
    lacks = np.where(inside, grid - to_grid(*degrees), 0.0)
    return {
        "to_grid": to_grid.as_dict(),
        "to_degrees": to_degrees.as_dict(),
        "uneven": {
            "corner": [float(x[0]), float(y[0])],
            "step": _NODES_M,
            "shape": [len(x), len(y)],
            "lacks": np.rint(lacks * _MILLIMETRES).astype(int).tolist(),
        },
    }


def pack_postcodes(
    codes: list[str], easting: npt.NDArray[np.int64], northing: npt.NDArray[np.int64]
) -> dict[str, object]:
    """Pack postcodes and their positions.

    Parameters
    ----------
    codes
        Whole postcodes such as ``NN1 1DE``.
    easting, northing
        Whole metres (EPSG:27700), ``(n,)``.

    Returns
    -------
    packed
        ``sectors`` and how many postcodes each has; ``units``, the steps from one to the next of
        the last two letters in a sector; ``first``, where the first one is, and ``steps``, those
        of easting and northing from one to the next. Digits of one rank stand together: they
        are alike, so that compression finds more in them.
    """
    order = sorted(range(len(codes)), key=codes.__getitem__)
    listed = [codes[row] for row in order]
    units = np.array([_unit(code) for code in listed], dtype=np.int64)
    sectors: dict[str, int] = {}
    for code in listed:
        sectors[code[:-2]] = sectors.get(code[:-2], 0) + 1
    first = np.cumsum([0, *sectors.values()])[:-1]
    gaps = np.diff(units, prepend=0)
    gaps[first] = units[first]
    axes = [axis[order] for axis in (easting, northing)]
    steps = [np.diff(axis, prepend=axis[0]) for axis in axes]
    # small steps to either side become small numbers
    folded = [np.where(step < 0, -2 * step - 1, 2 * step) for step in steps]
    return {
        "alphabet": _ALPHABET,
        "sectors": list(sectors),
        "counts": list(sectors.values()),
        "units": _digits(gaps),
        "first": [int(axis[0]) for axis in axes],
        "steps": [_digits(axis) for axis in folded],
    }


def _unit(code: str) -> int:
    first, second = (ord(letter) - ord("A") for letter in code[-2:])
    return first * _LETTERS + second


def _digits(values: npt.NDArray[np.int64]) -> list[str]:
    """Write numbers with as many digits as the largest needs, the highest of all of them first."""
    count = 1
    while values.max(initial=0) >= _BASE**count:
        count += 1
    ranks = [values // _BASE**rank % _BASE for rank in reversed(range(count))]
    return ["".join(_ALPHABET[digit] for digit in rank) for rank in ranks]
