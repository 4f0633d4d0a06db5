"""Tell what each kit is worth, where kits overlap, and what longer hours would add."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from locator import geodesy
from locator.analysis.coverage import Counting, Coverage, type_mask
from locator.demand import NIGHT
from locator.hours import WEEK_H
from locator.solving.cover import Cover
from locator.solving.fewest import fewest

# less than this much weight is what adding shares of hours leaves of nothing
_NOTHING = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class Worth:
    """What each kit is worth.

    Attributes
    ----------
    counting
        Which kits count.
    covered
        Weight that all of them cover together.
    total
        Weight of all demand.
    table
        One row a placed kit, those worth most first:

        - ``reference``, ``name``, ``kind``, ``opening_hours``;
        - ``in_service``, ``counts``: whether it is in service, and counts at some hour;
        - ``near``: weight within the standard of it, whatever its hours;
        - ``marginal``: weight that is lost when this kit alone is out of service;
        - ``shapley``: its share of ``covered`` when what several kits cover is divided equally
          among them, hour by hour; these shares add up to ``covered``;
        - ``shapley_night``: the part of it at night (22:00 to 05:59);
        - ``always_adds``: weight that would be added if it were in service and reachable at
          every hour, with all others as they are in this counting;
        - ``always_adds_night``: the part of it at night;
        - ``always_adds_least``: the same if every kit of unknown hours turned out to be open;
        - ``redundant``: it counts, and others cover all records that it covers;
        - ``nothing_near``: it counts, and no record is near it at its hours;
        - ``rough``: its place is known less exactly than the standard;
        - ``residents``: people within the standard of it; NaN if residents were not given.

        None of this is a reason to take a kit away: records are of the past, and neither places
        nor hours are confirmed.
    not_judged
        Kits in service that do not count at any hour, since it is not known when they can be had.
    """

    counting: Counting
    covered: float
    total: float
    table: pd.DataFrame
    not_judged: int

    def as_dict(self) -> dict[str, object]:
        """Give the figures as plain values for JSON."""
        numbers = self.table.select_dtypes("float").columns
        rounded = self.table.assign(**{name: self.table[name].round(4) for name in numbers})
        return {
            "counting": str(self.counting),
            "covered": round(self.covered, 4),
            "total": self.total,
            "not_judged": self.not_judged,
            "kits": rounded.astype(object).where(rounded.notna(), None).to_dict("records"),
        }


def worth(
    coverage: Coverage,
    counting: Counting = Counting.KNOWN,
    *,
    residents: Coverage | None = None,
) -> Worth:
    """Divide what is covered among the kits that cover it.

    The weight of each place in each hour is shared equally among the kits that count there then.
    That is the Shapley value of this game: of all orders in which the kits could have
    come, each of them is the first to cover the place in an equal part.

    Parameters
    ----------
    coverage
        What is covered.
    counting
        Which kits count.
    residents
        The same kits and standard measured on residents, to count those near each kit.
    """
    every = np.ones(WEEK_H, dtype=np.bool_)
    sums = {}
    for suffix, hours in (("", every), ("_night", NIGHT)):
        marginal, shapley = _divided(coverage, counting, hours)
        sums["marginal" + suffix], sums["shapley" + suffix] = marginal, shapley
        sums["always_adds" + suffix] = _would_add(coverage, counting, hours)
    least = Counting.POSSIBLE if counting is Counting.KNOWN else counting
    counts = coverage.counts(counting)
    frame = coverage.kits[["reference", "name", "kind", "opening_hours"]].reset_index(drop=True)
    table = frame.assign(
        in_service=coverage.in_service,
        counts=counts,
        near=_near(coverage),
        marginal=sums["marginal"],
        shapley=sums["shapley"],
        shapley_night=sums["shapley_night"],
        always_adds=sums["always_adds"],
        always_adds_night=sums["always_adds_night"],
        always_adds_least=_would_add(coverage, least, every),
        redundant=counts & (sums["marginal"] <= _NOTHING) & (sums["shapley"] > _NOTHING),
        nothing_near=counts & (sums["shapley"] <= _NOTHING),
        rough=coverage.kits["precision_m"].to_numpy() > coverage.standard.metres,
        residents=_near(residents) if residents else np.nan,
    )
    order = ["shapley", "always_adds", "reference"]
    table = table.sort_values(order, ascending=[False, False, True], ignore_index=True)
    covered = float((coverage.weight * coverage.share(counting)).sum())
    possible = coverage.counts(Counting.POSSIBLE)
    not_judged = int((coverage.in_service & possible & ~counts).sum())
    return Worth(counting, covered, coverage.demand.total, table, not_judged)


@dataclass(frozen=True, slots=True)
class Needed:
    """The fewest kits that cover as much as all of them do: a measure of how much kits overlap.

    Attributes
    ----------
    kits
        References of those kits.
    doubled
        References of the others that count and have something within reach: the former cover all
        of that as well. That is no reason to take them away.
    proven
        Whether it is proven that fewer kits cover less.
    """

    kits: tuple[str, ...]
    doubled: tuple[str, ...]
    proven: bool


def needed(
    coverage: Coverage, counting: Counting = Counting.KNOWN, *, seconds: float = 20.0
) -> Needed:
    """Find the fewest kits that cover as much as all of them do, hour by hour.

    Several kits may each be redundant, but not together. There may be other choices of as few
    kits.

    Parameters
    ----------
    coverage
        What is covered.
    counting
        Which kits count.
    seconds
        About how long to search.
    """
    opened, near = coverage.opened[counting], coverage.near
    places, classes = opened.kits.shape
    every = np.ones(WEEK_H, dtype=np.bool_)
    parts = opened.by_class(coverage.demand.profiles, every)
    # who alone covers something is needed in any case; only what these leave is searched
    alone, equal = _divided(coverage, counting, every)
    sure = alone > _NOTHING
    held = np.zeros((places, classes))
    kit, row = [], []
    for number, kits in enumerate(opened.sets):
        left = coverage.place_sums(coverage.weight * parts[coverage.demand.profile_of, number])
        left[near.origin[(kits & sure)[near.target]]] = 0.0
        held[:, number] = left
        # what is worth nothing needs no kit
        pairs = kits[near.target] & (left[near.origin] > 0)
        kit.append(near.target[pairs])
        row.append(near.origin[pairs] * classes + number)
    cover = Cover.of_pairs(
        np.concatenate(kit), np.concatenate(row), held.ravel(), sites=len(coverage.kits)
    )
    counts = np.flatnonzero(coverage.counts(counting))
    found = fewest(cover, cover.worth(counts), seconds=seconds)
    chosen = np.union1d(np.flatnonzero(sure), found.chosen)
    references = coverage.kits["reference"].to_numpy(dtype=object)
    return Needed(
        kits=tuple(sorted(references[chosen])),
        doubled=tuple(sorted(references[np.setdiff1d(np.flatnonzero(equal > _NOTHING), chosen)])),
        proven=found.proven,
    )


def _divided(
    coverage: Coverage, counting: Counting, hours: type_mask
) -> tuple[geodesy.type_floats, geodesy.type_floats]:
    """Sum by kit what it alone covers, and its equal part of what several cover."""
    demand, opened, near = coverage.demand, coverage.opened[counting], coverage.near
    alone, equal = np.zeros((2, len(coverage.kits)))
    parts = opened.by_class(demand.profiles, hours)
    for number, kits in enumerate(opened.sets):
        held = coverage.place_sums(coverage.weight * parts[demand.profile_of, number])
        open_then = kits[near.target]
        place, kit = near.origin[open_then], near.target[open_then]
        count = opened.kits[place, number]
        alone += np.bincount(kit, np.where(count == 1, held[place], 0.0), len(alone))
        equal += np.bincount(kit, held[place] / count, len(equal))
    return alone, equal


def _near(coverage: Coverage) -> geodesy.type_floats:
    """Sum the weight within the standard of each kit."""
    near = coverage.near
    held = coverage.place_sums(coverage.weight)[near.origin]
    return np.asarray(np.bincount(near.target, held, len(coverage.kits)), dtype=np.float64)


def _would_add(coverage: Coverage, counting: Counting, hours: type_mask) -> geodesy.type_floats:
    """Sum what is out of reach within the standard of each kit."""
    beyond = coverage.place_sums(coverage.weight * coverage.uncovered_share(counting, hours))
    near = coverage.near
    adds = np.bincount(near.target, beyond[near.origin], len(coverage.kits))
    return np.asarray(adds, dtype=np.float64)
