"""Measure all pairs of incidents and kits within a distance."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely
from scipy.spatial import cKDTree

from benchmarks._timing import medians, versions
from locator.travel.index import PointIndex

_INCIDENTS = 2_000_000
_KITS = 10_000
_METRES = (200.0, 400.0)
_ROUNDS = 3
# nearly all of England, metres (EPSG:27700)
_BOX = ((130_000, 20_000), (655_000, 655_000))
_TOWNS = 1000
# of ours to each peer
_GOALS = {"sparse_distance_matrix": 0.5, "STRtree dwithin": 0.25}


def report() -> str:
    """Measure and give a section in Markdown."""
    incidents, kits = _towns(_INCIDENTS, 3), _towns(_KITS, 4)
    shapes, places = shapely.points(incidents), shapely.points(kits)
    lines = [
        "## Pairs within a distance\n",
        (
            f"`PointIndex.pairs` of {_INCIDENTS:,} incidents and {_KITS:,} kits, nine in ten of "
            "them in 1,000 towns, against `cKDTree.sparse_distance_matrix` "
            f"({versions('scipy')}) and `STRtree.query` with `dwithin` ({versions('shapely')}); "
            "the index of the kits is built each time, one thread each, and the pairs are the "
            f"same. Goals at 400 m: {_GOALS['sparse_distance_matrix']} and "
            f"{_GOALS['STRtree dwithin']}.\n"
        ),
        "| metres | pairs | ours s | cKDTree s | ratio | STRtree s | ratio | without numba s |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for metres in _METRES:
        ours: Callable[[], Any] = partial(_pairs, kits, incidents, metres, compiled=True)
        contestants: dict[str, Callable[[], Any]] = {
            "ours": ours,
            "tree": partial(_by_tree, kits, incidents, metres),
            "boxes": partial(_by_boxes, places, shapes, metres),
            "without": partial(_pairs, kits, incidents, metres, compiled=False),
        }
        pairs = np.stack(ours()[:2])
        tree, boxes = contestants["tree"](), contestants["boxes"]()
        order = np.lexsort((tree["j"], tree["i"]))
        assert np.array_equal(pairs, np.stack([tree["i"], tree["j"]])[:, order])
        assert np.array_equal(pairs, boxes[:, np.lexsort(boxes[::-1])])
        assert np.array_equal(pairs, np.stack(contestants["without"]()[:2]))
        count = pairs.shape[1]
        del pairs, tree, boxes, order
        times = medians(contestants, _ROUNDS)
        lines.append(
            f"| {metres:.0f} | {count:,} | {times['ours']:.2f} "
            f"| {times['tree']:.2f} | {times['ours'] / times['tree']:.2f} "
            f"| {times['boxes']:.2f} | {times['ours'] / times['boxes']:.2f} "
            f"| {times['without']:.2f} |"
        )
    return "\n".join([*lines, ""])


def _towns(count: int, seed: int) -> npt.NDArray[np.float64]:
    """Place points: nine in ten in towns whose sizes follow Zipf, the others anywhere.

    Returns
    -------
    points
        Metres (EPSG:27700), shape ``(count, 2)``.
    """
    # kits and incidents are in the same towns
    centres = np.random.default_rng(0).uniform(*_BOX, (_TOWNS, 2))
    share = 1 / np.arange(1, _TOWNS + 1)
    random = np.random.default_rng(seed)
    town = random.choice(_TOWNS, count, p=share / share.sum())
    points = centres[town] + random.normal(size=(count, 2)) * (400 + 2600 * share[town])[:, None]
    rural = random.random(count) > 0.9
    points[rural] = random.uniform(*_BOX, (int(rural.sum()), 2))
    return np.clip(points, *_BOX)


def _pairs(
    kits: npt.NDArray[np.float64],
    incidents: npt.NDArray[np.float64],
    metres: float,
    *,
    compiled: bool,
) -> Any:
    return PointIndex(kits, compiled=compiled).pairs(incidents, metres)


def _by_tree(
    kits: npt.NDArray[np.float64], incidents: npt.NDArray[np.float64], metres: float
) -> Any:
    return cKDTree(incidents).sparse_distance_matrix(cKDTree(kits), metres, output_type="ndarray")


def _by_boxes(places: Any, shapes: Any, metres: float) -> Any:
    # the kits are indexed: the other way round takes twice as long
    return shapely.STRtree(places).query(shapes, predicate="dwithin", distance=metres)


if __name__ == "__main__":
    print(report())
