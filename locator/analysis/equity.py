"""Tell whether coverage favours deprived neighbourhoods or the others, in figures and a picture."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
import pandas as pd

from locator import geodesy
from locator.analysis.coverage import Counting, Coverage
from locator.demand import Basis
from locator.wording import Figure, Sentence

# an index nearer to zero than this is called even
_EVEN = 0.01
_DECILES = 10


@dataclass(frozen=True, slots=True, eq=False)
class Equity:
    """Coverage by deprivation.

    Attributes
    ----------
    table
        :attr:`~locator.analysis.coverage.Coverage.by_decile` without what lies in no
        neighbourhood: ``group`` (1 is the most deprived tenth of England), ``weight``, ``paper``,
        ``known``, ``possible``.
    left_out
        Weight of the demand that lies in no neighbourhood of known deprivation.
    index
        Concentration index of each counting, -1 to 1; NaN where nothing is covered. Below zero
        coverage is concentrated among the more deprived, above zero among the less deprived.
    corrected
        The same after Erreygers, -1 to 1: it takes into account that a share covered cannot be
        more than 1, so that its size can be compared between countings and years, and the index of
        what is not covered is its mirror image.
    basis
        Whether incidents or residents are shared out.
    """

    table: pd.DataFrame
    left_out: float
    index: Mapping[Counting, float]
    corrected: Mapping[Counting, float]
    basis: Basis

    def says(self, counting: Counting) -> str:
        """Say in a sentence what the index of a counting means."""
        index = self.index[counting]
        if self.table.empty:
            return Sentence("Nothing in a known neighbourhood has any weight.")
        if np.isnan(index):
            return Sentence("Nothing is covered, so nothing can be said about who gets it.")
        written = Figure(index, "+.2f")
        if abs(index) < _EVEN:
            return Sentence(
                "Coverage is spread evenly over deprived and other places (index %(index)s).",
                index=written,
            )
        if index < 0:
            return Sentence(
                "Coverage is concentrated in the more deprived places (index %(index)s).",
                index=written,
            )
        return Sentence(
            "Coverage is concentrated in the less deprived places (index %(index)s).",
            index=written,
        )

    def as_dict(self) -> dict[str, object]:
        """Give the figures as plain values for JSON."""

        def plain(values: Mapping[Counting, float]) -> dict[str, float | None]:
            return {
                c.name.lower(): None if np.isnan(value) else round(value, 6)
                for c, value in values.items()
            }

        table = self.table.astype(object).where(self.table.notna(), None)
        return {
            "basis": str(self.basis),
            "by_decile": table.to_dict("records"),
            "left_out": self.left_out,
            "concentration_index": plain(self.index),
            "erreygers_index": plain(self.corrected),
            "says": self.says(Counting.KNOWN),
        }


def equity(coverage: Coverage) -> Equity:
    """Compare coverage with deprivation.

    Neighbourhoods are ranked by deprivation decile; those of one decile share its middle rank.
    """
    table = coverage.by_decile
    ranked = table[(table["group"] != "") & (table["weight"] > 0)]
    weight = ranked["weight"].to_numpy()
    columns = {counting: ranked[counting.name.lower()].to_numpy() for counting in Counting}
    return Equity(
        table=ranked.reset_index(drop=True),
        left_out=float(table.loc[table["group"] == "", "weight"].sum()),
        index={c: concentration_index(share, weight) for c, share in columns.items()},
        corrected={c: erreygers_index(share, weight) for c, share in columns.items()},
        basis=coverage.demand.basis,
    )


def concentration_index(share: geodesy.type_floats, weight: geodesy.type_floats) -> float:
    """Measure how unevenly a share is spread over ranked groups.

    ``2 cov(share, rank) / mean``, all weighted, where the rank of a group is the part of
    all weight in the groups before it and in half of itself. It is twice the area between the
    diagonal and the concentration curve. Source: Kakwani, Wagstaff and van Doorslaer 1997,
    doi 10.1016/S0304-4076(96)01807-6.

    Parameters
    ----------
    share
        Share covered of each group, 0 to 1, ``(k,)``, the most deprived group first.
    weight
        Weight of each group, more than 0, ``(k,)``.

    Returns
    -------
    index
        -1 to 1; negative if coverage is concentrated in the first groups. NaN if nothing is
        covered.
    """
    mean = float(share @ weight / weight.sum()) if len(weight) else 0.0
    return 2 * _covariance(share, weight) / mean if mean else np.nan


def erreygers_index(share: geodesy.type_floats, weight: geodesy.type_floats) -> float:
    """Measure the same for a share that lies between 0 and 1: ``8 cov(share, rank)``.

    That is four times the mean times the concentration index. Source: Erreygers 2009,
    doi 10.1016/j.jhealeco.2008.02.003.

    Parameters
    ----------
    share, weight
        As in :func:`concentration_index`.

    Returns
    -------
    index
        -1 to 1; negative if coverage is concentrated in the first groups. NaN without groups.
    """
    return 8 * _covariance(share, weight) if len(weight) else np.nan


def _covariance(share: geodesy.type_floats, weight: geodesy.type_floats) -> float:
    part = weight / weight.sum()
    rank = np.cumsum(part) - part / 2
    return float(part @ ((share - part @ share) * (rank - part @ rank)))


def curve(
    share: geodesy.type_floats, weight: geodesy.type_floats
) -> tuple[geodesy.type_floats, geodesy.type_floats]:
    """Trace the concentration curve.

    Returns
    -------
    demand, covered
        Running shares of all demand and of all that is covered, ``(k + 1,)`` each, from 0
        to 1, the most deprived group first.
    """
    covered = share * weight
    return (
        np.concatenate([[0.0], np.cumsum(weight) / weight.sum()]),
        np.concatenate([[0.0], np.cumsum(covered) / covered.sum()]),
    )


# drawn in these units; text of 13 stays readable on a phone of 320 pixels
_WIDTH, _HEIGHT = 320, 250
_LEFT, _RIGHT, _TOP, _BOTTOM = 44, 301, 14, 204
_HATCH = (
    '<defs><pattern id="hatch" width="5" height="5" patternUnits="userSpaceOnUse" '
    'patternTransform="rotate(45)"><path d="M0 0V5" stroke="currentColor" stroke-width="2"/>'
    "</pattern></defs>"
)
_STEPS = (0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0)

# says sentences and figures in the reader's language; ``str`` leaves them in English
type_say = Callable[[str | Figure], str]


def decile_picture(found: Equity, say: type_say = str) -> str:
    """Draw coverage by deprivation decile as SVG.

    Bars are filled up to what is known to be open, hatched up to what is perhaps open, and empty
    up to what is covered on paper: readable without colours. Everything that is drawn is said in
    its description.

    Parameters
    ----------
    found
        Coverage by deprivation.
    say
        Puts what is written into the reader's language.
    """
    shares = found.table[["paper", "possible", "known"]].to_numpy(dtype=np.float64)
    highest = float(shares.max()) if shares.size else 0.0
    top = next(step for step in _STEPS if highest <= step + 1e-9)
    wide = (_RIGHT - _LEFT) / _DECILES
    parts = [_HATCH]
    said = []
    for group, paper, possible, known in zip(found.table["group"], *shares.T, strict=True):
        x = _LEFT + (int(group) - 1) * wide + wide * 0.15
        parts += [
            _bar(x, wide * 0.7, paper / top, "none"),
            _bar(x, wide * 0.7, possible / top, "url(#hatch)"),
            _bar(x, wide * 0.7, known / top, "currentColor"),
        ]
        parts.append(_text(x + wide * 0.35, _BOTTOM + 17, str(group), "middle"))
        sentence = Sentence(
            "decile %(decile)s: %(known)s, %(possible)s, %(paper)s",
            decile=group,
            known=Figure(known, ".0%"),
            possible=Figure(possible, ".0%"),
            paper=Figure(paper, ".0%"),
        )
        said.append(sentence)
    axis = Sentence("Deprivation decile, 1: most deprived")
    parts += [*_scale(top, say), _text((_LEFT + _RIGHT) / 2, _HEIGHT - 8, say(axis), "middle")]
    title = _DECILES_OF[found.basis]
    description = Sentence(
        "Known to be open, open or perhaps open, on paper: %(deciles)s.",
        deciles=Sentence.joined(*said, between="; "),
    )
    return _svg("deciles", say(title), say(description), parts)


_DECILES_OF = {
    Basis.INCIDENTS: Sentence("Share of incidents within reach of a kit, by deprivation decile"),
    Basis.RESIDENTS: Sentence("Share of residents within reach of a kit, by deprivation decile"),
}
_CURVE_OF = {
    Basis.INCIDENTS: Sentence(
        "Share of all that is covered, over incidents from the most deprived decile on"
    ),
    Basis.RESIDENTS: Sentence(
        "Share of all that is covered, over residents from the most deprived decile on"
    ),
}
_FIRST_OF = {
    Basis.INCIDENTS: Sentence("incidents, most deprived first"),
    Basis.RESIDENTS: Sentence("residents, most deprived first"),
}


def curve_picture(found: Equity, say: type_say = str) -> str:
    """Draw the concentration curves on paper (dashed) and as known (firm) as SVG.

    Parameters
    ----------
    found
        Coverage by deprivation.
    say
        Puts what is written into the reader's language.
    """
    weight = found.table["weight"].to_numpy(dtype=np.float64)
    parts = [_line([(0.0, 0.0), (1.0, 1.0)], 'stroke-width="1" stroke-dasharray="1 3"')]
    said = [Sentence("The dotted diagonal is an even spread")]
    for counting, style in (
        (Counting.PAPER, 'stroke-width="2" stroke-dasharray="7 4"'),
        (Counting.KNOWN, 'stroke-width="2.5"'),
    ):
        if np.isnan(found.index[counting]):
            continue
        share = found.table[counting.name.lower()].to_numpy(dtype=np.float64)
        demand, covered = curve(share, weight)
        points = list(zip(demand.tolist(), covered.tolist(), strict=True))
        parts.append(_line(points, style))
        figures = {
            "half": Figure(np.interp(0.5, demand, covered), ".0%"),
            "index": Figure(found.index[counting], "+.2f"),
        }
        if counting is Counting.PAPER:
            sentence = Sentence(
                "as on paper (dashed): the more deprived half has %(half)s of all that is "
                "covered, index %(index)s",
                **figures,
            )
        else:
            sentence = Sentence(
                "known to be open (firm): the more deprived half has %(half)s of all that is "
                "covered, index %(index)s",
                **figures,
            )
        said.append(sentence)
    across = ((x, say(Figure(x, ".0%"))) for x in (0, 0.5, 1))
    parts += [
        *_scale(1.0, say),
        *(_text(_across(x), _BOTTOM + 17, share, "middle") for x, share in across),
        _text((_LEFT + _RIGHT) / 2, _HEIGHT - 8, say(_FIRST_OF[found.basis]), "middle"),
    ]
    description = Sentence.joined(*said, between=". ", end=".")
    return _svg("curve", say(_CURVE_OF[found.basis]), say(description), parts)


def _svg(name: str, title: str, description: str, parts: Sequence[str]) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
        f'aria-labelledby="{name}-title {name}-description" font-family="sans-serif" '
        f'font-size="13" fill="currentColor"><title id="{name}-title">{escape(title)}</title>'
        f'<desc id="{name}-description">{escape(description)}</desc>{"".join(parts)}</svg>'
    )


def _scale(top: float, say: type_say) -> list[str]:
    """Draw both axes and three figures of the upright one."""
    frame = f"M{_LEFT} {_TOP}V{_BOTTOM}H{_RIGHT}"
    figures = []
    for share in (0.0, 0.5, 1.0):
        form = ".0%" if (100 * share * top).is_integer() else ".1%"
        written = say(Figure(share * top, form))
        figures.append(_text(_LEFT - 5, _down(share) + 4, written, "end"))
    return [f'<path d="{frame}" fill="none" stroke="currentColor"/>', *figures]


def _bar(x: float, width: float, share: float, fill: str) -> str:
    y = _down(share)
    size = f'x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{_BOTTOM - y:.1f}"'
    return f'<rect {size} fill="{fill}" stroke="currentColor"/>'


def _line(points: Sequence[tuple[float, float]], style: str) -> str:
    path = " ".join(f"{_across(x):.1f},{_down(y):.1f}" for x, y in points)
    return f'<polyline points="{path}" fill="none" stroke="currentColor" {style}/>'


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _across(share: float) -> float:
    return _LEFT + share * (_RIGHT - _LEFT)


def _down(share: float) -> float:
    return _BOTTOM - share * (_BOTTOM - _TOP)
