"""Tell what each choice would reach beside the kits that there are, hour by hour.

Demand becomes rows: one for each place, step of distance, group of hours and number of kits that
reach it already. Whatever the choices, the worth of a plan is a sum over rows, and every weight
of a row is a sum over demand points. So other weights need no new rows.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from locator import geodesy
from locator.analysis.coverage import open_classes
from locator.demand import NIGHT, Demand
from locator.solving.cover import Cover
from locator.travel.journey import Travel
from locator.travel.standard import Standard

type_flags = npt.NDArray[np.bool_]


class Sites(NamedTuple):
    """Places of kits with their hours.

    Attributes
    ----------
    grid
        Easting and northing (EPSG:27700 metres), shape ``(n, 2)``.
    week
        Whether each can be reached in each hour of the week, shape ``(n, 168)``; hour 0 is
        Monday 00:00 to 01:00.
    """

    grid: geodesy.type_floats
    week: type_flags


class Worth(NamedTuple):
    """What it is worth to be reached.

    Attributes
    ----------
    steps
        Metres and the worth of a kit within them, the nearest first; ``((400.0, 1.0),)`` is
        plain cover.
    backup
        What the first, second ... kit is worth, not rising: ``(1.0,)`` or ``(1.0, 0.5)``.
    """

    steps: tuple[tuple[float, float], ...]
    backup: tuple[float, ...] = (1.0,)

    @property
    def most(self) -> float:
        """Worth of a unit of weight that is reached in full."""
        return self.steps[0][1] * sum(self.backup)


class Added(NamedTuple):
    """What one choice adds to those before it: weight in all, and at night (22:00 to 06:00)."""

    weight: float
    at_night: float


@dataclass(frozen=True, slots=True, eq=False)
class Benefit:
    """Rows of demand that fixed kits leave open, and which choices reach them.

    Attributes
    ----------
    blank
        The cover with weights of 1 a row and level before demand is filled in.
    spread, at_night
        Share of each point's weight that falls into each row, in all and at night: shape
        ``(rows, points)``, sparse.
    reached
        Worth of a unit of each point's weight with the fixed kits alone, shape ``(points,)``.
    most
        Worth of a unit of weight that is reached in full.
    """

    blank: Cover
    spread: csr_array
    at_night: csr_array
    reached: geodesy.type_floats
    most: float

    def cover(self, weights: geodesy.type_floats) -> Cover:
        """Fill in the weights of the points, shape ``(points,)``."""
        weight = (self.spread @ weights)[:, None] * self.blank.weight
        return Cover(self.blank.first, self.blank.row, weight)

    def before(self, weights: geodesy.type_floats) -> float:
        """Add up what fixed kits reach."""
        return float(self.reached @ weights)

    def total(self, weights: geodesy.type_floats) -> float:
        """Add up what it would be worth to reach everything."""
        return float(self.most * weights.sum())

    def added(self, chosen: Sequence[int], weights: geodesy.type_floats) -> list[Added]:
        """Tell what each choice adds to those before it."""
        by_row, by_night = self.spread @ weights, self.at_night @ weights
        count = np.zeros(self.blank.rows, dtype=np.int32)
        found = []
        for site in chosen:
            rows = self._rows(site)
            gain = self._level(rows, count[rows])
            count[rows] += 1
            found.append(Added(float(gain @ by_row[rows]), float(gain @ by_night[rows])))
        return found

    def alone(self, chosen: Sequence[int], weights: geodesy.type_floats) -> list[float]:
        """Tell how much less would be reached without each choice, the others staying."""
        by_row, count = self.spread @ weights, self.blank.counts(chosen)
        rows = map(self._rows, chosen)
        return [float(self._level(each, count[each] - 1) @ by_row[each]) for each in rows]

    def share(self, chosen: Sequence[int]) -> geodesy.type_floats:
        """Give the worth of a unit of each point's weight with some choices: ``(points,)``."""
        counted = self.blank.counts(chosen)[:, None] > np.arange(self.blank.levels)
        return np.asarray(self.reached + (self.blank.weight * counted).sum(axis=1) @ self.spread)

    def _rows(self, site: int) -> npt.NDArray[np.int32]:
        return self.blank.row[self.blank.first[site] : self.blank.first[site + 1]]

    def _level(
        self, rows: npt.NDArray[np.int32], level: npt.NDArray[np.int32]
    ) -> geodesy.type_floats:
        """Give what a cover of some rows is worth that have so many already."""
        last = self.blank.levels - 1
        worth = self.blank.weight[rows, np.minimum(level, last)]
        return np.where(level <= last, worth, 0.0)


def benefit(
    demand: Demand, fixed: Sites, choices: Sites, travel: Travel, standard: Standard, worth: Worth
) -> Benefit:
    """Find what each choice would reach beside the fixed kits.

    Parameters
    ----------
    demand
        Points with their hours of the week.
    fixed
        Kits that stay as they are.
    choices
        What can be chosen, each with the hours that it would add.
    travel
        How far it is.
    standard
        The farthest that counts.
    worth
        Its last step is as far as the standard.
    """
    places, place_of = demand.places.grid, demand.places.place_of
    class_of_hour, sets = open_classes(np.concatenate([fixed.week, choices.week]))
    fixed_class, choice_class = sets.T[: len(fixed.grid)], sets.T[len(fixed.grid) :]
    groups = list(_alike(choice_class))
    mass, night = (_by_class(demand.profiles * hours, class_of_hour) for hours in (1.0, NIGHT))
    mass, night = mass[demand.profile_of], night[demand.profile_of]
    near_fixed = travel.pairs(places, fixed.grid, standard)
    near = travel.pairs(places, choices.grid, standard)
    levels = len(worth.backup)
    had = np.concatenate([[0.0], np.cumsum(worth.backup)])
    reached = np.zeros(len(place_of))
    rows = _Rows(len(place_of), levels)
    for metres, each in _increments(worth):
        within = near_fixed.metres <= metres
        kits = _counted(
            near_fixed.origin[within], fixed_class[near_fixed.target[within]], len(places), levels
        )
        for number in range(mass.shape[1]):
            reached += each * mass[:, number] * had[kits[place_of, number]]
        place, choice = (side[near.metres <= metres] for side in (near.origin, near.target))
        for classes in groups:
            can = choice_class[choice, classes[0]]
            for already in range(levels):
                misses = kits[:, classes] == already
                rows.add(
                    place[can],
                    choice[can],
                    misses.any(axis=1),
                    place_of,
                    tuple(
                        (part[:, classes] * misses[place_of]).sum(axis=1) for part in (mass, night)
                    ),
                    each * np.array([*worth.backup[already:], *[0.0] * already]),
                )
    return rows.benefit(len(choices.grid), reached, worth.most)


class _Rows:
    """Collects rows group by group."""

    def __init__(self, points: int, levels: int) -> None:
        self._points, self._levels, self._count = points, levels, 0
        self._pairs: list[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]] = []
        self._shares: list[tuple[npt.NDArray[Any], ...]] = []
        self._worth: list[geodesy.type_floats] = []

    def add(  # one group of rows is made of so many parts
        self,
        place: npt.NDArray[np.int64],
        choice: npt.NDArray[np.int64],
        wanted: type_flags,
        place_of: npt.NDArray[np.intp],
        shares: tuple[geodesy.type_floats, ...],
        worth: geodesy.type_floats,
    ) -> None:
        """Add a row for each wanted place that a choice reaches."""
        kept = wanted[place]
        place, choice = place[kept], choice[kept]
        number = np.full(len(wanted), -1)
        reached = np.unique(place)
        number[reached] = self._count + np.arange(len(reached))
        self._pairs.append((choice, number[place]))
        point = np.flatnonzero((number[place_of] >= 0) & (shares[0] > 0))
        self._shares.append((number[place_of[point]], point, *(part[point] for part in shares)))
        self._worth.append(np.tile(worth, (len(reached), 1)))
        self._count += len(reached)

    def benefit(self, choices: int, reached: geodesy.type_floats, most: float) -> Benefit:
        """Put the rows together."""
        choice, row = (np.concatenate(part) for part in zip(*self._pairs, strict=True))
        at, point, share, night = (np.concatenate(part) for part in zip(*self._shares, strict=True))
        blank = Cover.of_pairs(choice, row, np.concatenate(self._worth), sites=choices)
        shape = (self._count, self._points)
        spread, at_night = (csr_array((part, (at, point)), shape=shape) for part in (share, night))
        return Benefit(blank, spread, at_night, reached, most)


def _alike(choice_class: type_flags) -> Iterator[npt.NDArray[np.intp]]:
    """Group classes of hours in which the same choices can be reached."""
    group, sets = open_classes(choice_class)
    for number in range(len(sets)):
        yield np.flatnonzero(group == number)


def _by_class(
    profiles: geodesy.type_floats, class_of_hour: npt.NDArray[np.intp]
) -> geodesy.type_floats:
    classes = int(class_of_hour.max()) + 1
    member = class_of_hour[:, None] == np.arange(classes)
    return np.asarray(profiles @ member.astype(np.float64))


def _counted(
    place: npt.NDArray[np.int64], states: type_flags, places: int, most: int
) -> npt.NDArray[np.int8]:
    """Count the kits that reach each place in each class of hours, at most ``most``."""
    count = np.zeros((places, states.shape[1]), dtype=np.int32)
    np.add.at(count, place, states)
    return np.minimum(count, most).astype(np.int8)


def _increments(worth: Worth) -> Iterator[tuple[float, float]]:
    """Give each step's metres and how much more it is worth than the next farther one."""
    farther = [*(value for _, value in worth.steps[1:]), 0.0]
    for (metres, value), less in zip(worth.steps, farther, strict=True):
        yield metres, value - less
