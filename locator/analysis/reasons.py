"""Say in words why a site was chosen."""

from typing import NamedTuple

import numpy as np

from locator import geodesy
from locator.analysis.choosing import Choice, Question
from locator.analysis.goal import Action
from locator.demand import Basis, Demand
from locator.hours import STATES, State
from locator.registry.schema import Decision
from locator.travel.journey import Pairs

_MONTHS = 12
# what is said of a place that is known no better than this, metres
_ROUGH_M = 100.0
# a kit that is not in service is worth a look within so many metres
_WORTH_A_LOOK_M = 1_000.0
# a part smaller than this is not worth a sentence
_LITTLE = 0.005


class Found(NamedTuple):
    """What is said of one site.

    Attributes
    ----------
    reasons
        In sentences.
    nearest_kit
        Reference and name of the nearest other kit in service; empty if there is none.
    nearest_m
        Straight-line metres to it; infinite if there is none.
    residents
        People who come within the standard of any kit in service for the first time; None if
        residents were not given.
    """

    reasons: tuple[str, ...]
    nearest_kit: str
    nearest_m: float
    residents: float | None


def unit(demand: Demand) -> str:
    """Name what a weight of demand counts: "residents", "records" or "weighted records"."""
    if demand.basis is Basis.RESIDENTS:
        return "residents"
    plain = np.allclose(demand.weights, demand.points["count"].to_numpy(dtype=np.float64))
    return "records" if plain else "weighted records"


def period(demand: Demand) -> str:
    """Say of which time the records are: " a year", " of 2025-03 to 2025-06" or nothing."""
    if demand.basis is Basis.RESIDENTS or demand.points.empty:
        return ""
    first, last = demand.months
    years, months = (int(last[at]) - int(first[at]) for at in (slice(0, 4), slice(5, 7)))
    known = demand.points["month"].replace("", np.nan).nunique()
    if years * _MONTHS + months + 1 == known == _MONTHS:
        return " a year"
    return f" of {first}" if first == last else f" of {first} to {last}"


class Around:
    """What lies around the chosen sites.

    Parameters
    ----------
    question, choice
        What was asked and chosen.
    before
        Share of each demand point's weight that the kits that stay reach, plainly counted,
        shape ``(points,)``.
    residents
        Where people live.
    """

    def __init__(
        self,
        question: Question,
        choice: Choice,
        before: geodesy.type_floats,
        residents: Demand | None,
    ) -> None:
        self._question, self._choice = question, choice
        self._open = question.demand.weights * (1 - before)
        self._kits = np.flatnonzero(question.snapshot.installed)
        self._kit_grid = question.snapshot.grid[self._kits]
        self._places = question.demand.places
        self._near_kits = self._pairs(self._places.grid, self._kit_grid)
        self._near_sites = self._pairs(self._places.grid, choice.where())
        self._names = question.snapshot.placed["name"].to_numpy()
        self._references = question.snapshot.placed["reference"].to_numpy()
        self._homes = residents
        if residents is not None:
            homes = residents.places
            self._home_pairs = self._pairs(homes.grid, choice.where())
            self._people = np.bincount(homes.place_of, residents.weights, len(homes.grid))
            self._people[self._pairs(homes.grid, self._kit_grid).origin] = 0.0

    def tell(self, number: int, newly: float, night_share: float) -> Found:
        """Describe a site; to be called in the order of ranks, once each.

        Parameters
        ----------
        number
            From 0, in the order of ``choice.done``.
        newly
            Weight that it reaches first, plainly counted.
        night_share
            The part of what it adds that falls into the night.
        """
        row = self._choice.done[number]
        option = self._choice.found.frame.iloc[row]
        kit, candidate = int(option["kit"]), int(option["candidate"])
        said = [*self._of_the_kit(kit)] if kit >= 0 else []
        said += self._of_demand(number, newly)
        if newly > 0:
            assumed = " by the assumed hours" if self._question.demand.assumed_share else ""
            said.append(
                f"{night_share:.0%} of what it adds falls between 22:00 and 06:00{assumed}."
            )
        nearest_kit, nearest_m, where = self._nearest(number, kit)
        said += [where, *self._not_in_service(number, kit, nearest_m)]
        residents = self._residents(number)
        if residents is not None and residents >= 1:
            said.append(f"{residents:,.0f} residents come within the standard for the first time.")
        if option["action"] == Action.NEW_BAG:
            hours = self._question.goal.bag_hours
            said.append(f"A bag there is counted in the hours of its host only: {hours}.")
        if candidate >= 0:
            said += self._of_the_candidate(candidate)
        return Found(tuple(said), nearest_kit, nearest_m, residents)

    def _pairs(self, places: geodesy.type_floats, sites: geodesy.type_floats) -> Pairs:
        question = self._question
        return question.travel.pairs(places, sites, question.standard)

    def _of_demand(self, number: int, newly: float) -> list[str]:
        demand = self._question.demand
        noun, time = unit(demand), period(demand)
        inside = np.zeros(len(self._places.grid), dtype=np.bool_)
        inside[self._near_sites.origin[self._near_sites.target == number]] = True
        points = inside[self._places.place_of]
        total, missed = float(demand.weights[points].sum()), float(self._open[points].sum())
        if total <= 0:
            return []
        part = f"{missed:,.0f} of them ({missed / total:.0%})" if missed < total else "all of them"
        said = [
            (
                f"{total:,.0f} {noun}{time} within {self._question.standard}; {part} without a kit "
                "there that is known to be open."
            )
        ]
        paper = np.zeros(len(inside), dtype=np.bool_)
        paper[self._near_kits.origin] = True
        shut = float(self._open[points & paper[self._places.place_of]].sum())
        if missed > 0 and shut > missed * _LITTLE:
            by_place = np.bincount(self._places.place_of, self._open, len(inside))
            at = inside[self._near_kits.origin]
            by_kit = np.bincount(
                self._near_kits.target[at],
                by_place[self._near_kits.origin[at]],
                minlength=len(self._kits),
            )
            kit = int(self._kits[int(np.argmax(by_kit))])
            others = " or another kit" if np.count_nonzero(by_kit) > 1 else ""
            said.append(
                f"{shut / missed:.0%} of those are that near to {self._name(kit)}{others}, "
                f"{self._why_shut(kit)}."
            )
        if newly < missed * (1 - _LITTLE):
            said.append(f"Sites ranked before it reach {missed - newly:,.0f} of them already.")
        return said

    def _of_the_kit(self, kit: int) -> list[str]:
        codes = self._question.snapshot.week(self._question.day)[kit]
        shut = int((codes == STATES.index(State.CLOSED)).sum())
        unknown = int((codes == STATES.index(State.UNKNOWN)).sum())
        if unknown == len(codes):
            return ["Its hours are not known: ask first, it may be open already."]
        more = f", and open in part or not known for {unknown} more" if unknown else ""
        return [f"It is shut for {shut} of the 168 hours of a week{more}."]

    def _of_the_candidate(self, candidate: int) -> list[str]:
        row = self._question.candidates.frame.iloc[candidate]
        said = []
        if row["decision"] == Decision.AGREED:
            said.append("Its host has agreed.")
        if row["precision_m"] >= _ROUGH_M:
            said.append(f"Its place is known to about {row['precision_m']:.0f} m only.")
        return said

    def _nearest(self, number: int, kit: int) -> tuple[str, float, str]:
        others = self._kits != kit
        if not others.any():
            return "", np.inf, "There is no other kit in service."
        apart = np.hypot(*(self._kit_grid[others] - self._choice.where()[number]).T)
        at = int(np.argmin(apart))
        nearest = int(self._kits[others][at])
        metres = float(apart[at])
        precision_m = self._question.snapshot.precision_m[nearest]
        return (
            f"{self._references[nearest]} {self._names[nearest]}",
            metres,
            (
                f"The nearest {'other ' if kit >= 0 else ''}kit in service is "
                f"{self._name(nearest)}, {_rounded(metres):,.0f} m away in a straight line; its "
                f"place is known to {precision_m:.0f} m."
            ),
        )

    def _not_in_service(self, number: int, kit: int, nearest_m: float) -> list[str]:
        """Name a kit that is nearer still, but planned, obstructed or the like."""
        snapshot = self._question.snapshot
        apart = np.hypot(*(snapshot.grid - self._choice.where()[number]).T)
        apart[self._kits] = np.inf
        if kit >= 0 or not len(apart) or apart.min() >= min(nearest_m, _WORTH_A_LOOK_M):
            return []
        other = int(np.argmin(apart))
        status = snapshot.placed["status"].iloc[other]
        metres = _rounded(float(apart[other]))
        return [
            f"Look at {self._name(other)} first, {metres:,.0f} m away: {status}, not in service."
        ]

    def _residents(self, number: int) -> float | None:
        if self._homes is None:
            return None
        homes = self._home_pairs.origin[self._home_pairs.target == number]
        people = float(self._people[homes].sum())
        self._people[homes] = 0.0
        return people

    def _name(self, kit: int) -> str:
        return f"{self._names[kit]} ({self._references[kit]})"

    def _why_shut(self, kit: int) -> str:
        codes = self._question.snapshot.week(self._question.day)[kit]
        unknown = (codes == STATES.index(State.UNKNOWN)).all()
        return "whose hours are not known" if unknown else "shut or of unknown hours then"


def _rounded(metres: float) -> float:
    """Round to ten metres: no position is known better."""
    return float(np.round(metres, -1)) if metres >= 10 else metres  # noqa: PLR2004
