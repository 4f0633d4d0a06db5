"""Choose sites by distance: so that the mean or the longest way to a kit is short."""

import dataclasses
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from locator import geodesy
from locator.analysis.benefit import Sites
from locator.analysis.coverage import open_classes
from locator.demand import Demand
from locator.errors import InputError
from locator.solving.center import p_center
from locator.solving.distances import Assigned, Distances
from locator.solving.median import p_median
from locator.travel.journey import Pairs, Travel
from locator.travel.standard import Kind, Standard

# for the mean, whatever is farther than this counts as so far; for the longest way nothing may
# be farther than this
_MEAN_M, _LONGEST_M = 2_000.0, 20_000.0
_STANDARDS = 5
_MOST_PAIRS = 8_000_000
_SAMPLE = 200


class Asked(NamedTuple):
    """What a choice by distance follows from.

    Attributes
    ----------
    demand
        Points with their hours.
    weights
        Of the points, shape ``(points,)``.
    fixed
        Kits that stand already, with their hours.
    grid
        Candidates (EPSG:27700 metres), shape ``(n, 2)``, open at all hours.
    travel, standard
        How metres are counted.
    number
        Of new kits.
    seconds
        How long to search.
    """

    demand: Demand
    weights: geodesy.type_floats
    fixed: Sites
    grid: geodesy.type_floats
    travel: Travel
    standard: Standard
    number: int
    seconds: float


class Ways(NamedTuple):
    """A choice by distance.

    Attributes
    ----------
    chosen
        Rows of the candidates, in the order in which each shortens ways most for the mean.
    before, after, bound
        Metres, the mean or the longest: now, with the choice, and less than which no choice
        reaches; ways longer than ``cap`` count as so long.
    cap
        Metres.
    full_before, full_after
        The first two with all ways as long as they are; None where at some hour no kit is open.
    says
        How good the choice is.
    interrupted
        Whether somebody stopped the search.
    """

    chosen: npt.NDArray[np.int64]
    before: float
    after: float
    bound: float
    cap: float
    full_before: float | None
    full_after: float | None
    says: str
    interrupted: bool


def shortest_mean(asked: Asked, progress: Callable[[Assigned], None] | None = None) -> Ways:
    """Choose sites so that the mean way to the nearest open kit is shortest (p-median).

    A way longer than five times the standard, and than 2 km, counts as so long.

    Raises
    ------
    InputError
        There are too many candidates.
    """
    standard = asked.standard
    limit_m = max(_STANDARDS * standard.metres, _MEAN_M)
    within = _metres(standard, min(limit_m, _LONGEST_M))
    class_of_hour, now = _now(asked, within)
    # hours with the same nearest kit are one row of a place
    place = np.repeat(np.arange(len(now)), now.shape[1])
    key = np.unique(np.column_stack([place, now.ravel()]), axis=0, return_inverse=True)
    rows, row_of = key[0], key[1].reshape(now.shape)
    mass = _mass(asked, class_of_hour)
    weight = np.bincount(row_of.ravel(), mass.ravel(), len(rows))
    pairs = _pairs(asked, within)
    first = np.searchsorted(rows[:, 0], np.arange(len(now) + 1))
    again = np.diff(first)[pairs.origin]
    listed = np.repeat(first[pairs.origin] - np.cumsum(again) + again, again)
    distances = Distances.of_pairs(
        listed + np.arange(len(listed)),
        np.repeat(pairs.target, again),
        np.repeat(pairs.metres, again),
        rows=len(rows),
        sites=len(asked.grid),
        limit=rows[:, 1],
        weight=weight,
    )
    found = p_median(distances, asked.number, seconds=asked.seconds, progress=progress)
    before, total = float(rows[:, 1] @ weight), float(weight.sum())
    before, after, bound = (
        sum_m / total if total else 0.0 for sum_m in (before, found.cost, found.bound)
    )
    full_before, full_after = (
        _known(float(ways[mass > 0] @ mass[mass > 0]) / total if total else 0.0)
        for ways in _in_full(asked, found.chosen)
    )
    return Ways(
        chosen=found.chosen,
        before=before,
        after=after,
        bound=bound,
        cap=within.metres,
        full_before=full_before,
        full_after=full_after,
        says=found.says,
        interrupted=found.interrupted,
    )


def shortest_longest(asked: Asked, progress: Callable[[Assigned], None] | None = None) -> Ways:
    """Choose sites so that the longest way to the nearest kit is shortest (p-center).

    Each place counts at the hour when its nearest open kit is farthest; how much demand it has
    plays no part.

    Raises
    ------
    InputError
        There are too many candidates.
    """
    demand = asked.demand
    within = _metres(asked.standard, _LONGEST_M)
    weight = np.bincount(demand.places.place_of, asked.weights, len(demand.places.grid))
    _, now = _now(asked, within)
    farthest = now.max(axis=1)
    pairs = _pairs(asked, within)
    distances = Distances.of_pairs(
        pairs.origin,
        pairs.target,
        pairs.metres,
        rows=len(farthest),
        sites=len(asked.grid),
        limit=farthest,
        weight=weight,
    )
    found = p_center(distances, asked.number, seconds=asked.seconds, progress=progress)
    # places that no candidate brings nearer stay as far as they are
    left = distances.unreachable
    least = float(farthest[left[weight[left] > 0]].max(initial=0.0))
    before = float(farthest[weight > 0].max(initial=0.0))
    after, bound = max(found.cost, least), max(found.bound, least)
    says = "proven best" if after <= bound else found.says
    full_before, full_after = (
        _known(float(ways[weight > 0].max(initial=0))) for ways in _in_full(asked, found.chosen)
    )
    return Ways(
        chosen=found.chosen,
        before=before,
        after=after,
        bound=bound,
        cap=within.metres,
        full_before=full_before,
        full_after=full_after,
        says=says,
        interrupted=found.interrupted,
    )


def _metres(standard: Standard, metres: float) -> Standard:
    return dataclasses.replace(
        standard, kind=Kind.METRES, limit=metres, metres=metres, m_per_s=None
    )


def _now(asked: Asked, within: Standard) -> tuple[npt.NDArray[np.intp], geodesy.type_floats]:
    """Give metres to the nearest open kit by place and class of hours, and the class of hours."""
    places = asked.demand.places.grid
    class_of_hour, sets = open_classes(asked.fixed.week)
    pairs = asked.travel.pairs(places, asked.fixed.grid, within)
    now = np.full((len(places), len(sets)), within.metres, dtype=np.float64)
    for number, is_open in enumerate(sets):
        counts = is_open[pairs.target]
        np.minimum.at(now[:, number], pairs.origin[counts], pairs.metres[counts])
    return class_of_hour, now


def _mass(asked: Asked, class_of_hour: npt.NDArray[np.intp]) -> geodesy.type_floats:
    """Give the weight of each place in each class of hours, shape ``(places, classes)``."""
    demand = asked.demand
    hours = np.zeros((len(demand.profiles), int(class_of_hour.max()) + 1))
    np.add.at(hours.T, class_of_hour, demand.profiles.T)
    mass = np.zeros((len(demand.places.grid), hours.shape[1]))
    np.add.at(mass, demand.places.place_of, asked.weights[:, None] * hours[demand.profile_of])
    return mass


def _in_full(
    asked: Asked, chosen: npt.NDArray[np.int64]
) -> tuple[geodesy.type_floats, geodesy.type_floats]:
    """Give metres to the nearest open kit, however far: now and with a choice, as ``_now``."""
    places, walking = asked.demand.places.grid, asked.standard.walking
    _, sets = open_classes(asked.fixed.week)
    now = np.empty((len(places), len(sets)))
    for number, is_open in enumerate(sets):
        kits = asked.fixed.grid[is_open]
        now[:, number], _ = asked.travel.metres_to_nearest(places, kits, walking=walking)
    new, _ = asked.travel.metres_to_nearest(places, asked.grid[chosen], walking=walking)
    return now, np.minimum(now, new[:, None])


def _known(metres: float) -> float | None:
    return metres if np.isfinite(metres) else None


def _pairs(asked: Asked, within: Standard) -> Pairs:
    """List how far places are from candidates, unless that would be too many pairs."""
    places, grid = asked.demand.places.grid, asked.grid
    some = places[:: max(len(places) // _SAMPLE, 1)]
    about = len(asked.travel.pairs(some, grid, within).origin) / max(len(some), 1) * len(places)
    if about > _MOST_PAIRS:
        msg = (
            f"That would compare about {about / 1e6:,.0f} million pairs of places and candidates. "
            "Name fewer kinds of candidates, such as --candidates hospital,practice,school, or "
            "a wider grid, such as grid:2000."
        )
        raise InputError(msg)
    return asked.travel.pairs(places, grid, within)
