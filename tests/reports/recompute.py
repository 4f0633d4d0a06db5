"""Work out every figure of the planner's report again, sharing no code with the package.

It reads the tables of a geodata folder and what a report has exported (the candidate sites, the
chosen sites, the draws), and adds up with plain loops. Of other projects it uses numpy, the grid of
Ordnance Survey (convertbng), H3 for the names of cells, and SciPy's solver for optima.

``figures(...)`` gives a value for every figure, under the same keys.
"""

import csv
import datetime as dt
import gzip
import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import h3
import numpy as np
from convertbng.cutil import convert_bng
from scipy.optimize import LinearConstraint, milp
from scipy.sparse import csr_array

HOURS = 168
NIGHT = [h % 24 >= 22 or h % 24 < 6 for h in range(HOURS)]
KINDS = ("Possession of weapons", "Robbery", "Violence and sexual offences")
OPEN, PART, UNKNOWN, CLOSED = "open", "open for a part", "unknown", "closed"
BANDS = {"morning": range(6, 12), "afternoon": range(12, 18), "evening": range(18, 22)}
COSTS = {
    "new cabinet": 385 + 200 + 96,
    "bag in premises": 96,
    "make reachable day and night": 385 + 200,
}
SAME_M = 200.0
DAYS = ("Mo", "Tu", "We", "Th", "Fr", "Sa", "Su")


def read(path: Path) -> list[dict[str, str]]:
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def week_of(text: str) -> list[str]:
    """Work out the hours of a week from ``24/7``, or from ``Mo-Fr 08:00-18:00; Sa 10:00-16:00``."""
    if not text:
        return [UNKNOWN] * HOURS
    if text == "24/7":
        return [OPEN] * HOURS
    week = [CLOSED] * HOURS
    for rule in text.split("; "):
        days, times = rule.split(" ")
        first, _, last = days.partition("-")
        begin, end = (int(part[:2]) + int(part[3:]) / 60 for part in times.split("-"))
        for day in range(DAYS.index(first), DAYS.index(last or first) + 1):
            for hour in range(24):
                part = min(end, hour + 1) - max(begin, hour)
                if part > 0:
                    week[24 * day + hour] = OPEN if part == 1 else PART
    return week


class Kit(NamedTuple):
    reference: str
    at: tuple[float, float]
    precision_m: float
    serving: bool
    promised: bool
    week: list[str]
    reported: str

    def counts(self, counting: str, hour: int) -> bool:
        if not self.serving:
            return False
        state = self.week[hour]
        return counting == "paper" or state == OPEN or (counting == "possible" and state != CLOSED)


class Point(NamedTuple):
    place: int
    lsoa: str
    category: str
    month: str
    weight: float


class World:
    """Everything that is read, and who is near to what."""

    def __init__(self, geodata: Path, metres: float, profile: str) -> None:
        self.metres = metres
        self.lsoas = {row["code"]: row for row in read(geodata / "lsoa.csv")}
        self.profiles = self._profiles(geodata)
        self.profile = self.profiles[profile]
        listed = read(geodata / "kits.csv")
        self.listed = len(listed)
        self.detour = float(read(geodata / "detour.csv")[0]["median"])
        self.unplaced_serving = sum(
            not row["longitude"] and row["status"] == "installed" for row in listed
        )
        self.kits = [
            Kit(
                row["reference"],
                grid(float(row["longitude"]), float(row["latitude"])),
                float(row["precision_m"]),
                row["status"] == "installed",
                row["status"] in ("planned", "agreed", "obstructed"),
                week_of(row["opening_hours"]),
                row["reported"],
            )
            for row in listed
            if row["longitude"]
        ]
        self.accounts: dict[str, int] = defaultdict(int)
        rows = []
        for row in read(geodata / "incidents.csv.gz"):
            self.accounts[row["account"]] += int(row["records"])
            if row["account"] == "placed":
                assert row["category"] in KINDS
                rows.append(row)
        degrees = [(float(row["longitude"]), float(row["latitude"])) for row in rows]
        on_grid = grids(degrees)
        self.places = sorted(set(on_grid))
        self.degrees = dict(zip(on_grid, degrees, strict=True))
        number = {place: i for i, place in enumerate(self.places)}
        self.points = [
            Point(number[at], row["lsoa"], row["category"], row["month"], float(row["records"]))
            for at, row in zip(on_grid, rows, strict=True)
        ]
        self.total = sum(point.weight for point in self.points)
        homes: dict[tuple[float, float], float] = defaultdict(float)
        for row in read(geodata / "residents.csv.gz"):
            homes[float(row["easting"]), float(row["northing"])] += float(row["residents"])
        self.homes, self.people = list(homes), list(homes.values())
        kits = [kit.at for kit in self.kits]
        self.near = within(self.places, kits, metres)
        self.home_near = within(self.homes, kits, metres)

    @staticmethod
    def _profiles(geodata: Path) -> dict[str, list[float]]:
        table = read(geodata / "profile.csv")
        assert [int(row["hour"]) for row in table] == list(range(HOURS))
        found = {}
        for name in table[0]:
            if name != "hour":
                numbers = [float(row[name]) for row in table]
                found[name] = [value / sum(numbers) for value in numbers]
        return found

    def share(
        self, near: Iterable[int], counting: str, profile: Sequence[float], hours: Iterable[int]
    ) -> float:
        """Add up the hours in which one of some kits counts."""
        kits = [self.kits[k] for k in near if self.kits[k].serving]
        if not kits:
            return 0.0
        if counting == "paper":
            return sum(profile[hour] for hour in hours)
        return sum(
            profile[hour] for hour in hours if any(kit.counts(counting, hour) for kit in kits)
        )


def grid(longitude: float, latitude: float) -> tuple[float, float]:
    return grids([(longitude, latitude)])[0]


def grids(degrees: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    if not degrees:
        return []
    table = np.array(degrees)
    east, north = convert_bng(table[:, 0].copy(), table[:, 1].copy())
    return [(float(x), float(y)) for x, y in zip(east, north, strict=True)]


def within(
    places: Sequence[tuple[float, float]],
    others: Sequence[tuple[float, float]],
    metres: float,
    factor: float = 1.0,
) -> list[list[int]]:
    """List the others within some metres of each place, the limit included."""
    if not others or not places:
        return [[] for _ in places]
    # loop over the fewer
    if len(places) > len(others):
        found: list[list[int]] = [[] for _ in places]
        for number, near in enumerate(within(others, places, metres, factor)):
            for place in near:
                found[place].append(number)
        return found
    table = np.array(others)
    return [
        ((np.hypot(table[:, 0] - x, table[:, 1] - y) * factor <= metres).nonzero()[0]).tolist()
        for x, y in places
    ]


def nearest(place: tuple[float, float], others: Sequence[tuple[float, float]]) -> float:
    return min((math.hypot(place[0] - x, place[1] - y) for x, y in others), default=math.inf)


def figures(geodata: Path, exported: Path, *, metres: float, profile: str) -> dict[str, Any]:
    """Work out every figure of a report.

    Parameters
    ----------
    geodata
        The tables of facts; its kits are those of the registry.
    exported
        What the report has written.
    metres
        The standard, a straight line.
    profile
        Name of the profile of hours.
    """
    world = World(geodata, metres, profile)
    found = Coverage(world)
    plan = Planned(world, found, exported)
    planned, covered = plan.figures(), found.coverage()
    for now, then in zip(covered["deciles"], planned["plan_deciles"], strict=True):
        now["after"] = then["after"]
    return {
        "standard": {"metres": metres},
        **found.demand(),
        **found.of_kits(),
        **covered,
        **Gaps(world, found, len(read(exported / "gaps.csv"))).figures(),
        **found.worth(),
        **found.equity(),
        **planned,
        "backtest": Backtest(world, found, plan, exported).figures(),
    }


class Coverage:
    """What is within reach, counted three ways."""

    COUNTINGS = ("paper", "known", "possible")

    def __init__(self, world: World) -> None:
        self.world = world
        every, night = range(HOURS), [h for h in range(HOURS) if NIGHT[h]]
        # places with the same kits near have the same shares
        known: dict[tuple[int, ...], dict[str, tuple[float, float]]] = {}
        self.of_place: list[dict[str, tuple[float, float]]] = []
        for near in world.near:
            key = tuple(near)
            if key not in known:
                known[key] = {
                    counting: (
                        world.share(key, counting, world.profile, every),
                        world.share(key, counting, world.profile, night),
                    )
                    for counting in self.COUNTINGS
                }
            self.of_place.append(known[key])

    def covered(self, counting: str, points: Iterable[Point]) -> float:
        return sum(p.weight * self.of_place[p.place][counting][0] for p in points)

    def row(self, points: Sequence[Point]) -> dict[str, float | None]:
        weight = sum(point.weight for point in points)
        shares = {c: self.covered(c, points) / weight if weight else None for c in self.COUNTINGS}
        return {"weight": weight} | shares

    def demand(self) -> dict[str, Any]:
        world, accounts = self.world, self.world.accounts
        counts = {
            "placed": accounts["placed"],
            "without_position": accounts["without position"],
            "outside": accounts["outside"],
            "other_categories": accounts["other category"],
            "other": accounts["not understood"],
        }
        read_ = sum(counts.values())
        night = sum(share for share, dark in zip(world.profile, NIGHT, strict=True) if dark)
        return {
            "demand": counts
            | {
                "read": read_,
                "total": world.total,
                "night_share": night,
                "assumed_share": 1.0,
            },
            "accounts": [{"count": count} for count in (*counts.values(), read_)],
        }

    def of_kits(self) -> dict[str, Any]:
        kits = self.world.kits
        serving = [kit for kit in kits if kit.serving]
        always = [kit for kit in serving if set(kit.week) == {OPEN}]
        unknown = [kit for kit in serving if UNKNOWN in kit.week]
        return {
            "kits": {
                "listed": self.world.listed,
                "without_place": self.world.listed - len(kits),
                "placed": len(kits),
                "in_service": len(serving),
                "always": len(always),
                "unknown": len(unknown),
                "sometimes": len(serving) - len(always) - len(unknown),
                "out": len(kits) - len(serving),
                "rough": sum(kit.precision_m > self.world.metres for kit in serving),
            }
        }

    def coverage(self) -> dict[str, Any]:
        world, points = self.world, self.world.points
        total = self.row(points)
        paper = total["paper"] or 0.0
        hours = self.by_hour()
        night = [row for row, dark in zip(hours, NIGHT, strict=True) if dark]
        bands = {
            name: [hours[24 * d + h] for d in range(7) for h in part]
            for name, part in BANDS.items()
        }
        people = sum(world.people)
        flat = [1 / HOURS] * HOURS
        shares = {
            counting: sum(
                count * world.share(near, counting, flat, range(HOURS))
                for count, near in zip(world.people, world.home_near, strict=True)
            )
            / people
            for counting in self.COUNTINGS
        }
        cells: dict[str, float] = defaultdict(float)
        for point in points:
            beyond = point.weight * (1 - self.of_place[point.place]["known"][0])
            lon, lat = world.degrees[world.places[point.place]]
            cells[h3.latlng_to_cell(lat, lon, 8)] += beyond
        drawn = [value for value in cells.values() if round(value, 6) >= 10]
        wards = self.groups(lambda p: world.lsoas[p.lsoa]["ward"])
        heaviest = sorted(wards, key=lambda ward: (-float(wards[ward]["weight"] or 0), ward))[:15]
        deciles = self.groups(lambda p: int(world.lsoas[p.lsoa]["imd_decile"]))
        return {
            "coverage": {
                **{c: total[c] for c in self.COUNTINGS},
                "loss": (paper - (total["known"] or 0)) / paper if paper else None,
                "loss_least": (paper - (total["possible"] or 0)) / paper if paper else None,
            },
            "night": {c: mean(night, c) for c in self.COUNTINGS},
            "hours": [{"group": h} | row for h, row in enumerate(hours)],
            "bands": [band(bands[name]) for name in BANDS] + [band(night)],
            "categories": list(self.groups(lambda p: p.category).values()),
            "months": list(self.groups(lambda p: p.month).values()),
            "authorities": list(self.groups(lambda p: world.lsoas[p.lsoa]["authority"]).values()),
            "wards": [wards[ward] for ward in heaviest],
            "deciles": [{"group": decile} | row for decile, row in deciles.items()],
            "people": {"total": people} | shares,
            "cells": {"drawn": len(drawn), "in_small_cells": sum(cells.values()) - sum(drawn)},
        }

    def groups(self, key: Any) -> dict[Any, dict[str, float | None]]:
        parts = defaultdict(list)
        for point in self.world.points:
            parts[key(point)].append(point)
        return {name: self.row(parts[name]) for name in sorted(parts)}

    def by_hour(self) -> list[dict[str, float]]:
        world = self.world
        held_by: dict[tuple[int, ...], float] = defaultdict(float)
        for point in world.points:
            held_by[tuple(world.near[point.place])] += point.weight
        rows = []
        for hour, part in enumerate(world.profile):
            row = {"weight": world.total * part}
            for counting in self.COUNTINGS:
                counts = [kit.counts(counting, hour) for kit in world.kits]
                held = sum(w for near, w in held_by.items() if any(counts[k] for k in near))
                row[counting] = held / world.total
            rows.append(row)
        return rows

    def worth(self) -> dict[str, Any]:  # noqa: C901  # one loop, to be read at once
        world = self.world
        sums = {
            name: [0.0] * len(world.kits)
            for name in ("marginal", "shapley", "marginal_known", "shapley_known", "shapley_night")
        }
        adds, adds_night, adds_least = ([0.0] * len(world.kits) for _ in range(3))
        at_place: dict[int, float] = defaultdict(float)
        for point in world.points:
            at_place[point.place] += point.weight
        for place, weight in at_place.items():
            near = world.near[place]
            if not near:
                continue
            for kit in near:
                known, known_night = self.of_place[place]["known"]
                adds[kit] += weight * (1 - known)
                night = sum(s for s, dark in zip(world.profile, NIGHT, strict=True) if dark)
                adds_night[kit] += weight * (night - known_night)
                adds_least[kit] += weight * (1 - self.of_place[place]["possible"][0])
            for hour, part in enumerate(world.profile):
                for counting, suffix in (("paper", ""), ("known", "_known")):
                    counted = [k for k in near if world.kits[k].counts(counting, hour)]
                    for kit in counted:
                        sums["shapley" + suffix][kit] += weight * part / len(counted)
                        if counting == "known" and NIGHT[hour]:
                            sums["shapley_night"][kit] += weight * part / len(counted)
                    if len(counted) == 1:
                        sums["marginal" + suffix][counted[0]] += weight * part
        worth, opening = {}, {}
        for number, one in enumerate(world.kits):
            if one.serving:
                worth[one.reference] = {name: values[number] for name, values in sums.items()}
            if not (one.serving and set(one.week) == {OPEN}):
                opening[one.reference] = {
                    "opened_adds": adds[number],
                    "opened_share": adds[number] / world.total,
                    "opened_night": adds_night[number] / adds[number]
                    if adds[number] > 1e-9
                    else None,
                    "opened_least": adds_least[number],
                }
        return {"worth": worth, "opening": opening}

    def equity(self) -> dict[str, Any]:
        deciles = self.groups(lambda p: int(self.world.lsoas[p.lsoa]["imd_decile"]))
        index, corrected = {}, {}
        for counting in self.COUNTINGS:
            total = sum(float(row["weight"] or 0) for row in deciles.values())
            mean_ = (
                sum(float(r["weight"] or 0) * float(r[counting] or 0) for r in deciles.values())
                / total
            )
            # twice the area between the diagonal and the concentration curve
            below, before, area = 0.0, 0.0, 0.0
            for row in deciles.values():
                part = float(row["weight"] or 0) / total
                after = before + (part * float(row[counting] or 0) / mean_ if mean_ else 0.0)
                area += part * (before + after) / 2
                before, below = after, below + part
            index[counting] = 1 - 2 * area if mean_ else None
            corrected[counting] = 4 * mean_ * (1 - 2 * area) if mean_ else 0.0
        return {"equity": {"index": index, "corrected": corrected, "left_out": 0.0}}


def mean(rows: Sequence[dict[str, float]], counting: str) -> float:
    weight = sum(row["weight"] for row in rows)
    return sum(row["weight"] * row[counting] for row in rows) / weight


def band(rows: Sequence[dict[str, float]]) -> dict[str, float]:
    shares = {counting: mean(rows, counting) for counting in Coverage.COUNTINGS}
    return {"weight": sum(row["weight"] for row in rows)} | shares


class Gaps:
    """The discs that hold most of what no kit is known to cover."""

    def __init__(self, world: World, found: Coverage, count: int) -> None:
        self.world, self.found, self.count = world, found, count

    def figures(self) -> dict[str, Any]:
        world, of_place = self.world, self.found.of_place
        whole: list[float] = [0.0] * len(world.places)
        for point in world.points:
            whole[point.place] += point.weight
        any_kit = [bool(near) for near in world.near]
        causes: list[dict[str, float]] = []
        for place, weight in enumerate(whole):
            paper, known, possible = (
                weight * (1 - of_place[place][c][0]) for c in Coverage.COUNTINGS
            )
            causes.append(
                {
                    "too_far": 0.0 if any_kit[place] else paper,
                    "out_of_service": paper if any_kit[place] else 0.0,
                    "closed": max(possible - paper, 0.0),
                    "not_known": max(known - possible, 0.0),
                }
            )
        out = [sum(cause.values()) for cause in causes]
        night = sum(s for s, dark in zip(world.profile, NIGHT, strict=True) if dark)
        dark_out = [weight * (night - of_place[p]["known"][1]) for p, weight in enumerate(whole)]
        around = within(world.places, world.places, world.metres)
        left, rows = list(out), []
        flat = [1 / HOURS] * HOURS
        lonely = [
            count * (1 - world.share(near, "known", flat, range(HOURS)))
            for count, near in zip(world.people, world.home_near, strict=True)
        ]
        serving = [kit.at for kit in world.kits if kit.serving]
        taken_homes: set[int] = set()
        for rank in range(1, self.count + 1):
            held = [sum(left[p] for p in disc) for disc in around]
            # sums of shares may differ in their last digit: places come from west to east
            most = max(held)
            middle = next(i for i, value in enumerate(held) if value >= most - 1e-9)
            taken = [p for p in around[middle] if left[p] > 0]
            weight = sum(left[p] for p in taken)
            homes = within([world.places[middle]], world.homes, world.metres)[0]
            new_homes = [h for h in homes if h not in taken_homes]
            taken_homes.update(new_homes)
            rows.append(
                {
                    "rank": rank,
                    "weight": weight,
                    "records": weight,
                    "share": weight / world.total,
                    "night": sum(dark_out[p] for p in taken) / weight,
                    "residents": sum(lonely[h] for h in new_homes),
                    "nearest_m": nearest(world.places[middle], serving),
                    **{
                        cause: sum(causes[p][cause] for p in taken) / weight
                        for cause in ("too_far", "out_of_service", "closed", "not_known")
                    },
                }
            )
            for p in taken:
                left[p] = 0.0
        names = ("too_far", "out_of_service", "closed", "not_known")
        beyond = {name: sum(cause[name] for cause in causes) for name in names}
        return {
            "gaps": rows,
            "beyond": {"weight": sum(out), "in_no_gap": sum(left)} | beyond,
        }


class Planned:
    """The chosen sites, what each adds, and how good any choice could be."""

    def __init__(self, world: World, found: Coverage, exported: Path) -> None:
        self.world, self.found = world, found
        self.sites = read(exported / "sites.csv")
        self.candidates = read(exported / "candidates.csv")
        self.exported = exported
        # new kits are open at every hour: what they reach is covered whole
        self.where = [(float(s["easting"]), float(s["northing"])) for s in self.sites]
        self.of_site = within(self.where, world.places, world.metres)
        at_place = [0.0] * len(world.places)
        for point in world.points:
            at_place[point.place] += point.weight
        self.at_place = at_place
        self.missed = [
            weight * (1 - found.of_place[p]["known"][0]) for p, weight in enumerate(at_place)
        ]
        night = sum(s for s, dark in zip(world.profile, NIGHT, strict=True) if dark)
        self.dark = [
            weight * (night - found.of_place[p]["known"][1]) for p, weight in enumerate(at_place)
        ]
        spots = [(float(c["easting"]), float(c["northing"])) for c in self.candidates]
        self.spots = spots
        self.of_candidate = within(spots, world.places, world.metres)

    def figures(self) -> dict[str, Any]:
        world = self.world
        before = sum(self.at_place) - sum(self.missed)
        reached: set[int] = set()
        serving = [kit.at for kit in world.kits if kit.serving]
        homes = within(self.where, world.homes, world.metres)
        people = [
            0.0 if any(world.kits[k].serving for k in near) else count
            for count, near in zip(world.people, world.home_near, strict=True)
        ]
        near_before: set[int] = set()
        rows = []
        frequency, exactly, resampled = self.stability()
        for number, site in enumerate(self.sites):
            mine = set(self.of_site[number])
            new = mine - reached
            reached |= mine
            others = set().union(*(set(o) for i, o in enumerate(self.of_site) if i != number))
            newly_home = set(homes[number]) - near_before
            near_before |= set(homes[number])
            adds = sum(self.missed[p] for p in new)
            dark = sum(self.dark[p] for p in new)
            spot = min(self.spots, key=lambda s: math.dist(s, self.where[number]))
            longitude, latitude = float(site["longitude"]), float(site["latitude"])
            rows.append(
                {
                    "rank": number + 1,
                    "easting": spot[0],
                    "northing": spot[1],
                    "longitude": longitude
                    if math.dist(grid(longitude, latitude), spot) < 0.01
                    else None,
                    "latitude": latitude,
                    "cost": COSTS[site["action"]],
                    "adds": adds,
                    "adds_share": adds / world.total,
                    "adds_night": dark,
                    "night_part": dark / adds if adds else None,
                    "newly": adds,
                    "alone": sum(self.missed[p] for p in mine - others),
                    "residents": sum(people[h] for h in newly_home),
                    "nearest_m": nearest(self.where[number], serving),
                    "frequency": frequency[number],
                    "exactly": exactly[number],
                }
            )
        after = before + sum(self.missed[p] for p in reached)
        best = before + self.best(self.missed, len(self.sites))
        return {
            "plan": {
                "number": len(self.sites),
                "candidates": len(self.candidates),
                "before": before,
                "after": after,
                "total": world.total,
                "bound": best,
                "gap": (best - after) / best,
                "covered_before": before,
                "covered_after": after,
                "demand": world.total,
                "covered_before_share": before / world.total,
                "covered_after_share": after / world.total,
                "cost": sum(row["cost"] for row in rows),
                "residents": sum(row["residents"] for row in rows),
                "night": sum(row["adds_night"] for row in rows),
                "resampled": resampled,
                "promised": sum(
                    nearest(at, [k.at for k in world.kits if k.promised]) <= world.metres
                    for at in self.where
                ),
            },
            "sites": rows,
            "curve": self.curve(before),
            "plan_deciles": self.deciles(reached),
            "sensitivity": self.sensitivity(),
        }

    def curve(self, before: float) -> list[dict[str, Any]]:
        rows = []
        for n in range(1, len(self.sites) + 1):
            adds = self.best(self.missed, n)
            rows.append(
                {
                    "n": n,
                    "cost": n * COSTS["new cabinet"],
                    "adds": adds,
                    "share": (before + adds) / self.world.total,
                    "bound": before + adds,
                    "bound_share": (before + adds) / self.world.total,
                    "gap": 0.0,
                }
            )
        return rows

    def deciles(self, reached: set[int]) -> list[dict[str, Any]]:
        parts: dict[int, list[float]] = defaultdict(lambda: [0.0, 0.0, 0.0])
        for point in self.world.points:
            part = parts[int(self.world.lsoas[point.lsoa]["imd_decile"])]
            known = self.found.of_place[point.place]["known"][0]
            part[0] += point.weight
            part[1] += point.weight * known
            part[2] += point.weight * (1.0 if point.place in reached else known)
        return [
            {"decile": decile, "weight": w, "before": b / w, "after": a / w}
            for decile, (w, b, a) in sorted(parts.items())
        ]

    def best(self, weight: Sequence[float], number: int, of: Any = None) -> float:
        """Find the most that so many candidates can reach, with SciPy's own solver."""
        reach = self.of_candidate if of is None else of
        rows: dict[tuple[int, ...], float] = defaultdict(float)
        sites_of: dict[int, list[int]] = defaultdict(list)
        for site, places in enumerate(reach):
            for place in places:
                sites_of[place].append(site)
        for place, sites in sites_of.items():
            if weight[place] > 0:
                rows[tuple(sites)] += weight[place]
        many, number_of = len(rows), len(reach)
        if not many:
            return 0.0
        # a row counts no more than the sum of the number_of that reach it
        index = [(r, s) for r, key in enumerate(rows) for s in key]
        left = csr_array(
            (np.ones(len(index)), ([r for r, _ in index], [s for _, s in index])),
            shape=(many, number_of),
        )
        covers = csr_array(
            (-np.ones(many), (range(many), range(number_of, number_of + many))),
            shape=(many, number_of + many),
        )
        wide = (
            csr_array((left.data, left.indices, left.indptr), shape=(many, number_of + many))
            + covers
        )
        count = np.concatenate([np.ones(number_of), np.zeros(many)])[None, :]
        found = milp(
            -np.concatenate([np.zeros(number_of), list(rows.values())]),
            constraints=[
                LinearConstraint(wide, 0, np.inf),
                LinearConstraint(count, 0, number),
            ],
            integrality=np.concatenate([np.ones(number_of), np.zeros(many)]),
            bounds=(0, 1),
            options={"mip_rel_gap": 0},
        )
        assert found.success
        return -float(found.fun)

    def stability(self) -> tuple[list[Any], list[Any], int]:
        """Count how often the draws choose each site, or one nearby."""
        path = self.exported / "resampled.csv"
        if not path.exists():
            return [None] * len(self.sites), [None] * len(self.sites), 0
        draws: dict[int, list[tuple[float, float]]] = defaultdict(list)
        for row in read(path):
            draws[int(row["draw"])].append((float(row["easting"]), float(row["northing"])))
        times = max(draws) + 1
        nearly, exactly = [], []
        for at in self.where:
            apart = [nearest(at, chosen) for chosen in draws.values()]
            nearly.append(sum(metres <= SAME_M for metres in apart) / times)
            exactly.append(sum(metres < 0.01 for metres in apart) / times)
        return nearly, exactly, times

    def sensitivity(self) -> list[dict[str, Any]] | None:
        """Work out the plan, and the best one, under each other assumption."""
        path = self.exported / "sensitivity.csv"
        if not path.exists():
            return None
        rows = []
        for row in read(path):
            weight, reach, mine = self.changed(row["changed"])
            worth = sum(weight[p] for p in set().union(*map(set, mine)))
            best = self.best(weight, len(self.sites), reach)
            chosen = [self.spot(reference) for reference in row["chosen"].split("; ") if reference]
            rows.append(
                {
                    "sites": len(chosen),
                    "kept": sum(nearest(at, chosen) <= SAME_M for at in self.where),
                    "worth": worth,
                    "best": best,
                    "share": worth / best,
                }
            )
        return rows

    def spot(self, reference: str) -> tuple[float, float]:
        return next(
            spot
            for spot, row in zip(self.spots, self.candidates, strict=True)
            if row["reference"] == reference
        )

    def changed(  # noqa: C901  # one branch for each assumption
        self, words: str
    ) -> tuple[list[float], list[list[int]], list[list[int]]]:
        """Give what is missed at each place, and who reaches it, under another assumption."""
        world = self.world
        metres, factor, counting, profile = world.metres, 1.0, "known", world.profile
        places, weight, come = world.places, list(self.at_place), False
        if words.endswith("m in a straight line"):
            metres = float(words.split(maxsplit=1)[0])
        elif words.endswith("m on foot"):
            metres, factor = float(words.split(maxsplit=1)[0]), world.detour
        elif words.startswith("hours by the profile"):
            profile = world.profiles[words.split("“")[1].rstrip("”")]
        elif words == "kits with unknown hours count as open":
            counting = "possible"
        elif words.startswith("kits planned, agreed or obstructed come into service"):
            come = True
        elif words.startswith("only "):
            kind = words.removeprefix("only ").capitalize()
            weight = [0.0] * len(places)
            for point in world.points:
                weight[point.place] += point.weight * (point.category == kind)
        elif words == "residents instead of records":
            places, weight, profile = world.homes, world.people, [1 / HOURS] * HOURS
        else:
            assert words == "the most deprived count double"
            weight = [0.0] * len(places)
            for point in world.points:
                decile = int(world.lsoas[point.lsoa]["imd_decile"])
                weight[point.place] += point.weight * (1 + (10 - decile) / 9)
        near = within(places, [kit.at for kit in world.kits], metres, factor)
        shares: dict[tuple[int, ...], float] = {}
        for kits in near:
            key = tuple(kits)
            if key not in shares:
                coming = come and any(world.kits[k].promised for k in key)
                shares[key] = 1.0 if coming else world.share(key, counting, profile, range(HOURS))
        missed = [w * (1 - shares[tuple(kits)]) for w, kits in zip(weight, near, strict=True)]
        return (
            missed,
            within(self.spots, places, metres, factor),
            within(self.where, places, metres, factor),
        )


class Backtest:
    """What kits chosen on earlier months cover in later ones."""

    def __init__(self, world: World, found: Coverage, plan: Planned, exported: Path) -> None:
        self.world, self.found, self.plan, self.exported = world, found, plan, exported
        self.number = len(plan.sites)
        self.months = sorted({point.month for point in world.points})
        self.by_month: dict[str, list[float]] = {
            month: [0.0] * len(world.places) for month in self.months
        }
        for point in world.points:
            self.by_month[point.month][point.place] += point.weight

    def figures(self) -> dict[str, Any] | None:
        if not (self.exported / "backtest.csv").exists():
            return None
        order = self.order()
        shares = self.shares()
        starts, by_month = [], []
        chosen = read(self.exported / "backtest_by_month.csv")
        for row in chosen:
            share = shares[row["start"]][row["strategy"]][row["month"]]
            weight = self.by_month[row["month"]]
            by_month.append(
                {
                    "trained": self.months.index(row["month"]),
                    "share": sum(w * s for w, s in zip(weight, share, strict=True)) / sum(weight),
                }
            )
        names = list(dict.fromkeys(row["start"] for row in read(self.exported / "backtest.csv")))
        for start in names:
            strategies = list(
                dict.fromkeys(row["strategy"] for row in chosen if row["start"] == start)
            )
            table = self.table(start, strategies, shares[start])
            ranked = [
                row["strategy"]
                for row in read(self.exported / "backtest.csv")
                if row["start"] == start
            ]
            starts.append({"rows": [table[strategy] for strategy in ranked]})
        return {
            "new": self.number,
            "starts": starts,
            "by_month": by_month,
            "placed_in_order": len(order),
            "without_position": self.world.unplaced_serving,
        }

    def order(self) -> list[Kit]:
        """Order the kits in service by when they were reported, at the middle of what is known."""
        serving = [kit for kit in self.world.kits if kit.serving]

        def day(kit: Kit) -> dt.date:
            parts = [int(part) for part in kit.reported.split("-")]
            return dt.date(parts[0], *((parts[1:] + [6, 15][len(parts) - 1 :])[:2]))

        return sorted(serving, key=lambda kit: (day(kit), kit.reference))

    def shares(self) -> dict[str, dict[str, dict[str, list[float]]]]:
        """Give what share of each place's weight every choice covers, month by month."""
        world = self.world
        chosen: dict[tuple[str, str, str], list[tuple[float, float]]] = defaultdict(list)
        for row in read(self.exported / "backtest_chosen.csv"):
            at = float(row["easting"]), float(row["northing"])
            chosen[row["start"], row["strategy"], row["month"]].append(at)
        found: dict[str, dict[str, dict[str, list[float]]]] = defaultdict(dict)
        self.draws: dict[str, np.ndarray[Any, Any]] = {}
        means: dict[str, list[float]] = {}
        for row in read(self.exported / "backtest_by_month.csv"):
            start, strategy, month = row["start"], row["strategy"], row["month"]
            of = found[start].setdefault(strategy, {})
            base = self.base(start)
            if strategy == "random sites":
                if start not in self.draws:
                    self.draws[start] = np.array(list(self.drawn(start)))
                    means[start] = self.draws[start].mean(axis=0).tolist()
                of[month] = means[start]
            elif strategy == "the charity's, at known hours":
                of[month] = self.known_of(self.order()[: self.kits_of(start)])
            elif strategy == "the charity's order":
                kits = self.order()[: self.kits_of(start)]
                of[month] = self.covered(base, [kit.at for kit in kits])
            elif strategy == "densest spots":
                of[month] = self.covered(base, self.densest(start, month))
            else:
                spots = chosen[start, strategy, month] or chosen[start, strategy, ""]
                of[month] = self.covered(base, spots)
        assert world.total > 0
        return found

    def base(self, start: str) -> list[float]:
        """Give what is covered at each place before any kit is placed."""
        if start.startswith("beside"):
            return [shares["known"][0] for shares in self.found.of_place]
        return [0.0] * len(self.world.places)

    def kits_of(self, start: str) -> int:
        """Tell how many kits are placed."""
        words = start.split()
        return self.number if words[0] == "beside" else int(words[-2])

    def densest(self, start: str, month: str) -> list[tuple[float, float]]:
        """Give the places with most records in earlier months, those farther west first."""
        earlier = self.months[: self.months.index(month)]
        many = range(len(self.world.places))
        weight = [sum(self.by_month[each][p] for each in earlier) for p in many]
        order = sorted(many, key=lambda p: (-weight[p], p))
        return [self.world.places[p] for p in order[: self.kits_of(start)]]

    def known_of(self, chosen: Sequence[Kit]) -> list[float]:
        kits, references = self.world.kits, {kit.reference for kit in chosen}
        return [
            self.world.share(
                [k for k in near if kits[k].reference in references],
                "known",
                self.world.profile,
                range(HOURS),
            )
            for near in self.world.near
        ]

    def covered(self, base: Sequence[float], at: Sequence[tuple[float, float]]) -> list[float]:
        near = within(self.world.places, at, self.world.metres)
        return [1.0 if sites else share for sites, share in zip(near, base, strict=True)]

    def drawn(self, start: str) -> Iterable[list[float]]:
        """Draw candidates at random, as numpy's generator of seed 0 does."""
        random, base = np.random.default_rng(0), self.base(start)
        many = len(self.plan.candidates)
        for _ in range(200):
            sites = random.choice(np.arange(many), min(self.kits_of(start), many), replace=False)
            share = list(base)
            for site in sites:
                for place in self.plan.of_candidate[site]:
                    share[place] = 1.0
            yield share

    def table(
        self, start: str, strategies: Sequence[str], shares: dict[str, dict[str, list[float]]]
    ) -> dict[str, dict[str, Any]]:
        """Score every strategy over all later months, with intervals from draws of places."""
        later, places = self.months[1:], range(len(self.world.places))
        weight = [sum(self.by_month[month][p] for month in later) for p in places]
        counted = [p for p in places if weight[p] > 0]
        base, total = self.base(start), sum(weight)
        sums = {
            strategy: [
                sum(self.by_month[month][p] * shares[strategy][month][p] for month in later)
                for p in counted
            ]
            for strategy in strategies
        }
        random = np.random.default_rng(0)
        columns = np.array([*sums.values(), [weight[p] for p in counted]]).T
        drawn = np.vstack([random.poisson(1.0, (200, len(counted))) @ columns for _ in range(10)])
        again = {name: drawn[:, at] / drawn[:, -1] for at, name in enumerate(sums)}
        best = sum(sums["optimised"]) / total
        without = sum(w * b for w, b in zip(weight, base, strict=True)) / total
        rows = {}
        for name in strategies:
            share, spread = sum(sums[name]) / total, again[name]
            if name == "random sites":
                spread = self.draws[start] @ np.array(weight) / total
            gains = again["optimised"] - again[name]
            adds, gain = share - without, best - share
            rows[name] = {
                "kits": self.kits_of(start),
                "share": share,
                "low": float(np.percentile(spread, 2.5)),
                "high": float(np.percentile(spread, 97.5)),
                "adds": adds,
                "gain": gain,
                "gain_low": float(np.percentile(gains, 2.5)),
                "gain_high": float(np.percentile(gains, 97.5)),
                "relative": gain / adds if adds > 0 else None,
            }
        return rows
