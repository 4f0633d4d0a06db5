"""Solve the p-median problems of OR-Library (Beasley 1990), which are not kept here.

The folder that the environment variable ``LOCATOR_ORLIB`` names has ``pmed1.txt`` and so on,
from http://people.brunel.ac.uk/~mastjjb/jeb/orlib/pmedinfo.html.
"""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array
from scipy.sparse.csgraph import shortest_path

from locator.errors import DataError
from locator.solving.center import p_center
from locator.solving.distances import Distances
from locator.solving.median import p_median

_VARIABLE = "LOCATOR_ORLIB"
_SECONDS = 60.0
# Optimal values of p-median, pmed1 to pmed40: OR-Library's own list, pmedopt.txt.
MEDIANS = (
    *(5819, 4093, 4250, 3034, 1355, 7824, 5631, 4445, 2734, 1255),
    *(7696, 6634, 4374, 2968, 1729, 8162, 6999, 4809, 2845, 1789),
    *(9138, 8579, 4619, 2961, 1828, 9917, 8307, 4498, 3033, 1989),
    *(10086, 9297, 4700, 3013, 10400, 9934, 5057, 11060, 9423, 5128),
)


@dataclass(frozen=True, slots=True, eq=False)
class Instance:
    """A network of places, each of which is demand and a site.

    Attributes
    ----------
    metres
        Shape ``(n, n)``: lengths of the shortest paths.
    number
        How many medians are asked for.
    """

    metres: npt.NDArray[np.float64]
    number: int


def load(path: Path) -> Instance:
    """Read an instance: places, edges and medians in a line, then two places and a cost each.

    Of several lines for one edge the last holds, as pmedinfo.html says.

    Raises
    ------
    DataError
        The file is not of this form, or its network is not in one piece.
    """
    try:
        numbers = np.array(path.read_text(encoding="ascii").split(), np.int64)
        places, edges, number = numbers[:3].tolist()
        one, other, cost = numbers[3:].reshape(edges, 3).T
    except ValueError as error:
        msg = f"{path} is no p-median problem of OR-Library: get it anew."
        raise DataError(msg) from error
    lengths = np.zeros((places, places))
    for here, there, length in zip(one - 1, other - 1, cost, strict=True):
        lengths[here, there] = lengths[there, here] = length
    metres = shortest_path(csr_array(lengths), directed=False)
    if not np.isfinite(metres).all():
        msg = f"{path} has places that no path leads to: get it anew."
        raise DataError(msg)
    return Instance(metres, number)


def report() -> str:
    """Solve the instances that there are and give a section in Markdown."""
    lines = [
        "## Problems of OR-Library\n",
        (
            "Networks of 100 to 900 places, each of which is a site; at most "
            f"{_SECONDS:.0f} s each. Values of p-median are to be those that OR-Library gives.\n"
        ),
        "| instance | places | sites | published | p-median | says | s | p-center | says | s |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    folder = os.environ.get(_VARIABLE, "")
    names = [f"pmed{number}" for number in range(1, len(MEDIANS) + 1)]
    some = [name for name in names if folder and (Path(folder) / f"{name}.txt").exists()]
    if not some:
        return (
            "## Problems of OR-Library\n\n"
            f"Not solved in this run: the instances are not kept here ({_VARIABLE}).\n"
        )
    for name in some:
        instance = load(Path(folder) / f"{name}.txt")
        distances = Distances.of_table(instance.metres)
        median = p_median(distances, instance.number, seconds=_SECONDS)
        center = p_center(distances, instance.number, seconds=_SECONDS)
        published = MEDIANS[names.index(name)]
        assert median.bound <= published <= median.cost
        lines.append(
            f"| {name} | {distances.rows} | {instance.number} | {published} "
            f"| {median.cost:.0f} | {median.says} | {median.seconds:.2f} "
            f"| {center.cost:.0f} | {center.says} | {center.seconds:.2f} |"
        )
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    print(report())
