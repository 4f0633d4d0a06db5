import dataclasses
import itertools
import json
import signal
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.spatial import cKDTree

from locator import geodesy
from locator.analysis import choosing, reasons, siting, trust
from locator.analysis.candidates import COLUMNS, Candidates, gather, kinds
from locator.analysis.choosing import Question, choose
from locator.analysis.goal import Action, Costs, Goal, Objective, Unknown
from locator.analysis.siting import Plan, plan
from locator.demand import NIGHT, Basis, profiles
from locator.errors import InputError, KitNotFoundError
from locator.facts import Facts
from locator.solving.curve import Curve, curve
from locator.solving.problem import Problem
from locator.travel.pace import Pace
from locator.travel.standard import Standard
from tests.worlds import (
    CORNER,
    DAY,
    HOURS,
    NEIGHBOURHOODS,
    PROFILES,
    TRAVEL,
    SmallKit,
    SmallRow,
    World,
    worlds,
)

METRES = 400
HALF = Standard.within(200)
BAG = "Mo-Fr 08:00-18:00"
DECILES = NEIGHBOURHOODS.set_index("code")["imd_decile"]
RELAXED = settings(
    deadline=None, max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
type_spot = tuple[int, int, str]

_STEP = st.integers(0, 8).map(lambda step: 200 * step)
SPOTS = st.lists(
    st.tuples(_STEP, _STEP, st.sampled_from(["bus stop", "GP practice"])), min_size=1, max_size=5
)


@dataclasses.dataclass(frozen=True, eq=False)
class Option:
    """A kit that stands or could stand: where, when it is open, and what it costs."""

    x: int
    y: int
    week: npt.NDArray[np.bool_]
    cost: float = 1.0


ALWAYS = np.ones(168, dtype=np.bool_)
OPEN = {
    (text, unknown): np.array([state(hour // 24, hour % 24) in counts for hour in range(168)])
    for text, state in HOURS.items()
    for unknown, counts in (
        (Unknown.CLOSED, {"open"}),
        (Unknown.OPEN, {"open", "unknown"}),
    )
}


def candidates(spots: Sequence[type_spot]) -> Candidates:
    x = np.array([CORNER[0] + spot[0] for spot in spots], dtype=np.float64)
    y = np.array([CORNER[1] + spot[1] for spot in spots], dtype=np.float64)
    lon, lat = geodesy.to_wgs84(x, y)
    frame = pd.DataFrame(
        {
            "reference": [f"C-{number}" for number in range(len(spots))],
            "name": [f"Corner {number}" for number in range(len(spots))],
            "kind": [spot[2] for spot in spots],
            "locality": "Town",
            "source": "a test",
            "longitude": lon,
            "latitude": lat,
            "easting": x,
            "northing": y,
            "precision_m": 10.0,
            "decision": "open",
        }
    )
    return Candidates(frame[list(COLUMNS)], {}, ())


def asked(
    facts: Facts,
    world: World,
    spots: Sequence[type_spot],
    goal: Goal,
    standard: Standard | None = None,
) -> Question:
    snapshot = world.snapshot(facts)
    kits = snapshot.kits.assign(address="High Street, Town", installed_on=None, reported="2023")
    return Question(
        snapshot=dataclasses.replace(snapshot, kits=kits),
        demand=world.demand,
        candidates=candidates(spots),
        travel=TRAVEL,
        standard=standard or Standard.within(METRES),
        goal=goal,
        day=DAY,
        deciles=DECILES,
    )


def standing(kits: Iterable[SmallKit], unknown: Unknown = Unknown.CLOSED) -> list[Option]:
    return [Option(kit.x, kit.y, OPEN[kit.hours, unknown]) for kit in kits if kit.serving]


def by_hand(
    world: World,
    kits: Sequence[Option],
    goal: Goal,
    steps: Sequence[tuple[float, float]] = ((METRES, 1.0),),
) -> float:
    """Count hour by hour: the nearest open kit is worth its step, the second one its part."""
    parts = np.zeros(len(kits) + 1)
    parts[: len(goal.backups)] = goal.backups[: len(parts)]
    total = 0.0
    for row in world.rows:
        apart = [np.hypot(row.x - kit.x, row.y - kit.y) for kit in kits]
        worth = np.zeros(168)
        found = np.zeros(168, dtype=int)
        for at in np.argsort(apart, kind="stable"):
            step = next((value for metres, value in steps if apart[at] <= metres), 0.0)
            worth += np.where(kits[at].week, parts[found] * step, 0.0)
            found += kits[at].week
        fair = 1 + (goal.fair - 1) * (10 - float(DECILES.get(row.lsoa, 10))) / 9
        total += row.weight * fair * float(worth @ PROFILES[row.profile])
    return total


def every_choice(options: Sequence[Option], most: int) -> Iterable[tuple[Option, ...]]:
    for count in range(min(most, len(options)) + 1):
        yield from itertools.combinations(options, count)


def assert_sound(found: Plan) -> None:
    """What holds of every plan."""
    adds = sum(site.adds for site in found.sites)
    assert found.before - found.given_up + adds == pytest.approx(found.after, abs=1e-6)
    assert found.bound >= found.after - 1e-6
    assert found.after <= found.total + 1e-6
    assert [site.rank for site in found.sites] == list(range(1, len(found.sites) + 1))
    assert found.curve["adds"].is_monotonic_increasing
    assert all(0 <= site.adds_night <= site.adds + 1e-9 for site in found.sites)
    assert all(site.alone <= site.adds + 1e-6 for site in found.sites)
    plain = json.loads(json.dumps(found.as_dict(), allow_nan=False))
    assert [site["name"] for site in plain["sites"]] == [site.name for site in found.sites]
    assert len(found.layer()) == len(found.sites)


@RELAXED
@given(
    world=worlds(kits=3, rows=5),
    spots=SPOTS,
    new=st.integers(1, 3),
    unknown=st.sampled_from(Unknown),
    backup=st.sampled_from([0.0, 0.5]),
    fair=st.sampled_from([1.0, 3.0]),
    full=st.sampled_from([None, HALF]),
)
def test_new_kits_are_the_best_of_all_choices(  # noqa: PLR0917  # every wish is drawn
    facts: Facts,
    world: World,
    spots: list[type_spot],
    new: int,
    unknown: Unknown,
    backup: float,
    fair: float,
    full: Standard | None,
) -> None:
    objective = Objective.COVER if full is None else Objective.GRADUAL
    goal = Goal(new=new, unknown=unknown, backup=backup, fair=fair, full=full, objective=objective)
    question = asked(facts, world, spots, goal)
    found = choose(question)
    steps = [(METRES, 1.0)] if full is None else [(200 + 50 * k, 1 - k / 5) for k in range(5)]
    fixed = standing(world.kits, unknown)
    options = [Option(x, y, ALWAYS) for x, y, _ in spots]
    values = [
        by_hand(world, [*fixed, *chosen], goal, steps) for chosen in every_choice(options, new)
    ]
    assert found.before == pytest.approx(values[0], rel=1e-6, abs=1e-6)
    assert found.after == pytest.approx(max(values), rel=1e-4, abs=1e-6)
    assert found.says == "proven best"
    # each adds what it is worth beside those before it
    added = found.benefit.added(found.chosen, found.weights)
    chosen = [options[row] for row in found.chosen]
    so_far = [
        by_hand(world, [*fixed, *chosen[:count]], goal, steps) for count in range(len(chosen) + 1)
    ]
    assert [each.weight for each in added] == pytest.approx(np.diff(so_far), rel=1e-6, abs=1e-6)
    alone = found.benefit.alone(found.chosen, found.weights)
    without = [
        so_far[-1] - by_hand(world, [*fixed, *chosen[:at], *chosen[at + 1 :]], goal, steps)
        for at in range(len(chosen))
    ]
    assert alone == pytest.approx(without, rel=1e-6, abs=1e-6)


@settings(RELAXED, max_examples=10)
@given(world=worlds(kits=3, rows=5), spots=SPOTS, unknown=st.sampled_from(Unknown))
def test_whatever_it_is_chosen_for_what_is_covered_is_counted_plainly(
    facts: Facts, world: World, spots: list[type_spot], unknown: Unknown
) -> None:
    goal = Goal(
        new=2, unknown=unknown, backup=0.5, fair=3.0, full=HALF, objective=Objective.GRADUAL
    )
    found = plan(asked(facts, world, spots, goal))
    assert_sound(found)
    plain, fixed = Goal(new=2), standing(world.kits, unknown)
    chosen = [
        Option(round(site.easting - CORNER[0]), round(site.northing - CORNER[1]), ALWAYS)
        for site in found.sites
    ]
    values = [by_hand(world, [*fixed, *chosen[:count]], plain) for count in range(len(chosen) + 1)]
    assert found.covered_before == pytest.approx(values[0], rel=1e-6, abs=1e-6)
    assert found.covered_after == pytest.approx(values[-1], rel=1e-6, abs=1e-6)
    newly = [site.newly for site in found.sites]
    assert newly == pytest.approx(np.diff(values), rel=1e-6, abs=1e-6)


@RELAXED
@given(
    world=worlds(kits=3, rows=5), spots=SPOTS, budget=st.sampled_from([96.0, 600.0, 900.0, 1400.0])
)
def test_a_budget_buys_the_best_of_all_mixtures(
    facts: Facts, world: World, spots: list[type_spot], budget: float
) -> None:
    goal = Goal(budget=budget, bag_hours=BAG)
    found = choose(asked(facts, world, spots, goal))
    fixed = standing(world.kits)
    options = [Option(x, y, ALWAYS, 681.0) for x, y, _ in spots]
    options += [
        Option(x, y, OPEN[BAG, Unknown.CLOSED], 96.0)
        for x, y, kind in spots
        if kind == "GP practice"
    ]
    options += [Option(kit.x, kit.y, ALWAYS, 585.0) for kit in world.kits if kit.serving]
    values = [
        by_hand(world, [*fixed, *chosen], goal)
        for chosen in every_choice(options, 14)
        if sum(option.cost for option in chosen) <= budget
    ]
    assert found.after == pytest.approx(max(values), rel=1e-4, abs=1e-6)
    assert found.bound >= found.after - 1e-6
    assert found.found.frame["cost"].iloc[list(found.done)].sum() <= budget


@RELAXED
@given(world=worlds(kits=2, rows=5), spots=SPOTS, share=st.sampled_from([0.2, 0.5, 0.9, 1.0]))
def test_a_share_is_reached_with_the_fewest(
    facts: Facts, world: World, spots: list[type_spot], share: float
) -> None:
    goal = Goal(share=share)
    question = asked(facts, world, spots, goal)
    target = share * world.demand.total
    fixed = standing(world.kits)
    options = [Option(x, y, ALWAYS) for x, y, _ in spots]
    enough = [
        len(chosen)
        for chosen in every_choice(options, len(options))
        if by_hand(world, [*fixed, *chosen], goal) >= target * (1 - 1e-9)
    ]
    if not enough:
        with pytest.raises(InputError, match="All candidates together"):
            choose(question)
        return
    found = choose(question)
    assert len(found.done) == min(enough) == found.bound
    assert found.after >= target * (1 - 1e-9)
    assert found.says == "proven fewest"


@settings(RELAXED, max_examples=12)
@given(world=worlds(kits=3, rows=5), spots=SPOTS, new=st.integers(1, 2))
def test_movable_kits_go_where_they_help_most(
    facts: Facts, world: World, spots: list[type_spot], new: int
) -> None:
    serving = [f"T-{n:02}" for n, kit in enumerate(world.kits) if kit.serving]
    if not serving:
        return
    movable = serving[0]
    goal = Goal(new=new, movable=(movable,))
    found = plan(asked(facts, world, spots, goal))
    kit = world.kits[int(movable[2:])]
    others = [k for k in world.kits if k is not kit]
    fixed, itself = standing(others), standing([kit])
    options = [*itself, *(Option(x, y, ALWAYS) for x, y, _ in spots)]
    values = [by_hand(world, [*fixed, *chosen], goal) for chosen in every_choice(options, new + 1)]
    assert found.before == pytest.approx(by_hand(world, [*fixed, *itself], goal), abs=1e-6)
    assert found.after == pytest.approx(max(values), rel=1e-4, abs=1e-6)
    assert_sound(found)
    moved = [site for site in found.sites if site.moved_from]
    assert len(moved) + len(found.kept) == 1
    assert all(site.action is Action.MOVE and site.cost == 200.0 for site in moved)


@RELAXED
@given(world=worlds(kits=3, rows=5), spots=SPOTS, new=st.integers(1, 2))
def test_distances_are_the_shortest_of_all_choices(
    facts: Facts, world: World, spots: list[type_spot], new: int
) -> None:
    """The county is wider than any limit here, so that all ways count as they are."""
    options = [Option(x, y, ALWAYS) for x, y, _ in spots]
    fixed = standing(world.kits)

    def mean(chosen: Sequence[Option]) -> float:
        ways = [
            row.weight * (way(row, [*fixed, *chosen], 2000.0) @ PROFILES[row.profile])
            for row in world.rows
        ]
        return float(sum(ways) / sum(row.weight for row in world.rows))

    def longest(chosen: Sequence[Option]) -> float:
        kits = [*fixed, *chosen]
        return max(float(way(row, kits, 20_000.0).max()) for row in world.rows)

    for objective, measure in ((Objective.MEDIAN, mean), (Objective.CENTER, longest)):
        goal = Goal(new=new, objective=objective)
        found = choose(asked(facts, world, spots, goal))
        assert found.metres is not None
        values = [measure(chosen) for chosen in every_choice(options, new)]
        assert found.metres.before == pytest.approx(values[0], rel=1e-9)
        assert found.metres.after == pytest.approx(min(values), rel=1e-6, abs=1e-6)
        assert found.metres.bound <= found.metres.after


def way(row: SmallRow, kits: Sequence[Option], limit_m: float) -> npt.NDArray[np.float64]:
    """Metres to the nearest open kit in each hour of the week."""
    ways = [np.where(kit.week, np.hypot(row.x - kit.x, row.y - kit.y), limit_m) for kit in kits]
    return np.asarray(np.min([*ways, np.full(168, limit_m)], axis=0))


@pytest.fixture(scope="module")
def question(facts: Facts) -> Question:
    """Five new kits for the county, from every built-in candidate."""
    demand, standard = facts.demand(), Standard.within(METRES)
    sites = gather(facts, kinds(facts.settings.geodata), near=(demand.places.grid, standard.metres))
    return Question.of(facts, demand, sites, standard, Goal(new=5), DAY)


@pytest.fixture(scope="module")
def county(facts: Facts, question: Question) -> Plan:
    return plan(question, residents=facts.demand(Basis.RESIDENTS), resamples=20)


def test_the_county_s_plan_recounted_from_the_raw_tables(
    facts: Facts, county: Plan, test_data: Path
) -> None:
    """Of the county only whole shares of kits are known: open always, or of unknown hours."""
    folder = facts.settings.geodata
    rows = pd.read_csv(folder / "incidents.csv.gz", keep_default_na=False)
    rows = rows[
        (rows["longitude"] != "") & rows["lsoa"].isin(pd.read_csv(folder / "lsoa.csv")["code"])
    ]
    rows = rows[rows["category"].isin(facts.demand().points["category"].unique())]
    at = np.column_stack(
        geodesy.to_bng(
            *(rows[name].to_numpy(dtype=np.float64) for name in ("longitude", "latitude"))
        )
    )
    weight = rows["records"].astype(float).to_numpy()
    kits = (
        pd.read_csv(folder / "kits.csv").query("status == 'installed'").dropna(subset="longitude")
    )
    always = kits[kits["opening_hours"] == "24/7"]
    assert always["opening_hours"].notna().sum() == kits["opening_hours"].notna().sum()
    spots = np.column_stack(
        geodesy.to_bng(always["longitude"].to_numpy(), always["latitude"].to_numpy())
    )
    assert county.demand == county.total == weight.sum()
    chosen = np.array([[site.easting, site.northing] for site in county.sites])
    for count in range(len(chosen) + 1):
        near, _ = cKDTree(np.concatenate([spots, chosen[:count]])).query(at)
        reached = float(weight[near <= METRES].sum())
        expected = county.before + sum(site.adds for site in county.sites[:count])
        assert expected == pytest.approx(reached, abs=1e-6)


def test_the_county_s_plan_is_sound_and_says_why(county: Plan, facts: Facts) -> None:
    assert_sound(county)
    assert county.says == "proven best"
    assert list(county.curve["n"]) == [1, 2, 3, 4, 5]
    assert county.curve["cost"].iloc[-1] == county.cost == 5 * 681
    # what more sites add never rises, as far as both are proven
    steps = np.diff([0.0, *county.curve["adds"]])
    assert (
        np.diff(steps) <= county.curve["bound"].iloc[1:] * county.curve["gap"].iloc[1:] + 1e-6
    ).all()
    assert {"sites", "incidents", "kits"} <= set(county.tables)
    for site in county.sites:
        assert "records a year within 400 m in a straight line" in site.reasons[0]
        assert site.locality
        assert site.nearest_m > 0
        assert site.nearest_kit[:3] == "NN-"
        assert site.frequency is not None
        assert 0 <= (site.exactly or 0) <= site.frequency <= 1
    assert county.resampled == 20
    assert any("20 of them are not known; they count as closed" in s for s in county.assumptions)
    assert county.by_decile["weight"].sum() == pytest.approx(county.demand)
    share = (county.by_decile["after"] * county.by_decile["weight"]).sum()
    assert share == pytest.approx(county.covered_after)


def test_residents_come_within_reach_once(county: Plan, facts: Facts) -> None:
    """Nobody is counted for two sites, or where a kit stands already, open or not."""
    homes = facts.demand(Basis.RESIDENTS)
    at = homes.points[["easting", "northing"]].to_numpy()
    snapshot = facts.snapshot()
    near, _ = cKDTree(snapshot.grid[snapshot.installed]).query(at)
    new, _ = cKDTree([[site.easting, site.northing] for site in county.sites]).query(at)
    people = float(homes.weights[(near > METRES) & (new <= METRES)].sum())
    assert sum(site.residents or 0 for site in county.sites) == pytest.approx(people)


def test_the_same_question_has_the_same_plan(question: Question, county: Plan) -> None:
    again = plan(question, resamples=20)
    assert [s.reference for s in again.sites] == [s.reference for s in county.sites]
    assert [s.frequency for s in again.sites] == [s.frequency for s in county.sites]
    other = plan(question, resamples=20, seed=1)
    assert [s.frequency for s in other.sites] != [s.frequency for s in county.sites]


def test_a_place_that_outweighs_all_others_is_always_chosen(facts: Facts) -> None:
    rows = (
        *(SmallRow(0, 0, 50, month=f"2025-{month:02}") for month in range(1, 13)),
        SmallRow(1600, 0, 1),
        SmallRow(0, 1600, 1),
    )
    spots = [(0, 0, "bus stop"), (1600, 0, "bus stop"), (0, 1600, "bus stop")]
    found = plan(asked(facts, World((), rows), spots, Goal(new=2)), resamples=200)
    assert found.sites[0].name == "Corner 0"
    assert found.sites[0].frequency == found.sites[0].exactly == 1.0
    # the other two are alike: each is drawn away about as often
    assert found.sites[1].frequency is not None
    assert 0.3 < found.sites[1].frequency < 0.8


def test_other_assumptions_one_at_a_time(facts: Facts) -> None:
    rows = (SmallRow(0, 0, 5), SmallRow(800, 0, 3, category="Possession of weapons", lsoa="L3"))
    kits = (SmallKit(0, 0, ""),)
    spots = [(0, 0, "bus stop"), (800, 0, "bus stop")]
    found = plan(
        asked(facts, World(kits, rows), spots, Goal(new=1)),
        profiles=tuple(profiles(facts.settings.geodata).values()),
        sensitivity=True,
    )
    assert found.sensitivity is not None
    then = {row["changed"]: row for row in found.sensitivity.to_dict("records")}
    assert all(row["share"] <= 1 for row in then.values())
    for same in (
        "300 m in a straight line",
        "500 m in a straight line",
        "400 m on foot",
        "only robbery",
        "the most deprived count double",
    ):
        assert then[same]["kept"] == 1
    # with the kit of unknown hours open the new one belongs elsewhere
    opened = then["kits with unknown hours count as open"]
    assert (opened["kept"], opened["worth"], opened["best"]) == (0, 0, pytest.approx(3))
    weapons = then["only possession of weapons"]
    assert (weapons["kept"], weapons["share"]) == (0, 0)
    assert any(str(name).startswith("hours by the profile") for name in then)


def test_other_speeds_and_times(facts: Facts) -> None:
    world = World((), (SmallRow(0, 0, 5), SmallRow(800, 0, 3)))
    spots = [(0, 0, "bus stop"), (800, 0, "bus stop")]
    pace = Pace(1.27, 1.8, 3.0, 60.0)
    standard = Standard.fetch(5, pace, 3.0)
    goal = Goal(new=1, objective=Objective.GRADUAL, full=Standard.fetch(2, pace, 3.0))
    found = plan(asked(facts, world, spots, goal, standard), sensitivity=True)
    assert found.sensitivity is not None
    changed = set(found.sensitivity["changed"])
    assert {
        "4 minutes to fetch at 3 m/s (270 m on foot)",
        "6 minutes to fetch at 3 m/s (450 m on foot)",
        "5 minutes to fetch at 1.27 m/s (152 m on foot)",
        "5 minutes to fetch at 1.8 m/s (216 m on foot)",
    } <= changed


@pytest.mark.parametrize(
    ("stage", "said"),
    [
        ("Searching", "Somebody stopped the search"),
        ("Planning under other assumptions", "Somebody stopped the sensitivity table"),
        ("Planning with resampled demand", "Somebody stopped the resampling"),
    ],
)
def test_ctrl_c_keeps_the_best_until_then(
    question: Question, county: Plan, stage: str, said: str
) -> None:
    def stop(what: str, count: int) -> None:
        if what == stage:
            signal.raise_signal(signal.SIGINT)

    found = plan(question, sensitivity=stage != "Searching", resamples=3, progress=stop)
    assert found.interrupted
    assert found.sites
    assert_sound(found)
    assert found.bound >= county.after
    assert any(said in sentence for sentence in found.assumptions)
    assert (found.sensitivity is None) == (stage != "Planning with resampled demand")


def test_ctrl_c_in_the_curve_is_told(question: Question, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(problem: Problem, n: int, **limits: Any) -> Curve:
        return curve(problem, n, **limits)._replace(interrupted=True)

    monkeypatch.setattr(siting, "curve", stopped)
    found = plan(question, sensitivity=True, resamples=3)
    assert found.interrupted
    assert (found.sensitivity, found.resampled) == (None, 0)
    assert any("Somebody stopped the curve" in said for said in found.assumptions)
    assert found.curve["bound"].notna().all()
    assert_sound(found)


def test_ctrl_c_while_sites_are_described_loses_no_plan(
    question: Question, county: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    describe, calls = reasons.Around, []

    def around(*parts: Any) -> Any:
        calls.append(1)
        if len(calls) == 1:
            raise KeyboardInterrupt
        return describe(*parts)

    monkeypatch.setattr("locator.analysis.siting.Around", around)
    found = plan(question, resamples=3)
    assert found.interrupted
    assert [site.reference for site in found.sites] == [s.reference for s in county.sites]
    assert any("Somebody stopped the description" in said for said in found.assumptions)


def test_the_plan_takes_what_the_curve_found(question: Question, county: Plan) -> None:
    """A search without time chooses worse than the curve, which ends with its work."""
    goal = dataclasses.replace(question.goal, seconds=1e-6)
    found = plan(dataclasses.replace(question, goal=goal))
    assert choose(dataclasses.replace(question, goal=goal)).bound > county.bound
    assert (found.after, found.bound) == (county.after, county.bound)
    assert found.says == "proven best"
    assert_sound(found)
    last = found.curve.iloc[-1]
    assert (last["n"], last["cost"]) == (len(found.sites), found.cost)
    assert last["adds"] == pytest.approx(sum(site.adds for site in found.sites))


@pytest.mark.parametrize("action", [Action.OPEN_ALWAYS, Action.NEW_CABINET])
def test_a_budget_is_kept_where_all_choices_cost_the_same(
    question: Question, action: Action
) -> None:
    goal = Goal(budget=2_000, actions=(action,))
    found = plan(dataclasses.replace(question, goal=goal))
    assert_sound(found)
    assert (found.curve["cost"] <= 2_000).all()
    assert (found.curve["gap"] >= 0).all()
    assert found.curve["n"].iloc[-1] == len(found.sites)
    assert found.bound >= found.before + found.curve["adds"].max() - 1e-6


@RELAXED
@given(
    world=worlds(kits=2, rows=4),
    spots=SPOTS.map(lambda spots: spots[:3]),
    budget=st.sampled_from([200.0, 300.0, 400.0]),
    hours=st.sampled_from([BAG, "24/7"]),
)
def test_a_candidate_gets_one_kit_also_where_second_kits_count(
    facts: Facts, world: World, spots: list[type_spot], budget: float, hours: str
) -> None:
    costs = Costs(1.0, 1.0, 96.0)
    actions = (Action.NEW_CABINET, Action.NEW_BAG)
    goal = Goal(budget=budget, backup=1.0, actions=actions, bag_hours=hours, costs=costs)
    found = choose(asked(facts, world, spots, goal))
    fixed, values = standing(world.kits), []
    for kinds_of in itertools.product(["", "cabinet", "bag"], repeat=len(spots)):
        kits = [
            Option(x, y, ALWAYS if kit == "cabinet" else OPEN[hours, Unknown.CLOSED])
            for (x, y, kind), kit in zip(spots, kinds_of, strict=True)
            if kit == "cabinet" or (kit and kind == "GP practice")
        ]
        cost = sum(98.0 if kit == "cabinet" else 96.0 for kit in kinds_of if kit)
        if cost <= budget:
            values.append(by_hand(world, [*fixed, *kits], goal))
    assert not found.found.frame["candidate"].iloc[list(found.done)].duplicated().any()
    assert found.after == pytest.approx(max(values), rel=1e-4, abs=1e-6)
    assert found.bound >= max(values) - 1e-6


def test_ways_that_count_as_shorter_than_they_are_are_told(facts: Facts) -> None:
    rows = (SmallRow(0, 0, 1), SmallRow(10_000, 0, 3))
    world = World((SmallKit(0, 0),), rows)
    goal = Goal(new=1, objective=Objective.MEDIAN)
    found = plan(asked(facts, world, [(0, 3_000, "bus stop")], goal))
    assert found.metres is not None
    assert found.metres.before == pytest.approx(1_500)
    assert found.metres.cap == 2_000
    assert found.metres.full_before == found.metres.full_after == pytest.approx(7_500)
    assert "ways over 2,000 m counted as so long" in found.objective
    assert any("Counted in full that is 7,500 m now" in said for said in found.assumptions)
    json.dumps(found.as_dict(), allow_nan=False)
    near = plan(asked(facts, World((), rows[:1]), [(0, 200, "bus stop")], goal))
    assert near.metres is not None
    assert near.metres.full_before is None
    assert near.metres.full_after == near.metres.after == pytest.approx(200)
    assert any("at some hours no kit is open" in said for said in near.assumptions)
    fine = World((SmallKit(0, 400),), rows[:1])
    plain = plan(asked(facts, fine, [(0, 200, "bus stop")], goal))
    assert "counted as so long" not in plain.objective


def test_kits_that_may_soon_be_in_service(facts: Facts) -> None:
    rows = (SmallRow(0, 0, 5), SmallRow(800, 0, 3))
    kits = (SmallKit(0, 0, "", "agreed"), SmallKit(0, 0, "24/7", "withdrawn"))
    spots = [(0, 0, "bus stop"), (800, 0, "bus stop")]
    found = plan(asked(facts, World(kits, rows), spots, Goal(new=1)), sensitivity=True)
    assert found.sensitivity is not None
    then = found.sensitivity.set_index("changed").loc[
        "kits planned, agreed or obstructed come into service, open day and night"
    ]
    assert (then["kept"], then["worth"], then["best"]) == (0, 0, pytest.approx(3))
    assert (
        "1 of the 1 site lies within the standard of a kit that is planned, agreed or obstructed: "
        "ask first whether it is in place."
    ) in found.assumptions
    without = plan(asked(facts, World(kits[1:], rows), spots, Goal(new=1)), sensitivity=True)
    assert without.sensitivity is not None
    assert not without.sensitivity["changed"].str.contains("come into service").any()
    assert not any("ask first whether" in said for said in without.assumptions)


def test_night_counts_what_falls_into_it(facts: Facts) -> None:
    rows = (
        SmallRow(0, 0, 4, profile=1),
        SmallRow(0, 200, 2, profile=3),
        SmallRow(0, 200, profile=2),
    )
    found = plan(asked(facts, World((), rows), [(0, 0, "bus stop")], Goal(new=1)))
    night = 4 * PROFILES[1][NIGHT].sum() + 2
    assert found.sites[0].adds == pytest.approx(7)
    assert found.sites[0].adds_night == pytest.approx(night)


def test_a_bag_is_made_reachable_day_and_night(facts: Facts) -> None:
    world = World((SmallKit(0, 0, BAG), SmallKit(1600, 1600, "")), (SmallRow(0, 0, 9),))
    goal = Goal(new=1, actions=(Action.OPEN_ALWAYS,))
    found = plan(asked(facts, world, [(800, 800, "bus stop")], goal))
    (site,) = found.sites
    assert (site.action, site.reference, site.source, site.locality) == (
        Action.OPEN_ALWAYS,
        "T-00",
        "kit",
        "Town",
    )
    assert site.adds == pytest.approx(9 * (1 - 50 / 168))
    assert site.cost == 585
    assert site.nearest_kit == "T-01 Kit 1"
    assert "It is shut for 118 of the 168 hours of a week." in site.reasons


def test_reasons_name_the_kit_that_is_shut_and_the_one_that_is_not_in_service(facts: Facts) -> None:
    kits = (SmallKit(200, 0, ""), SmallKit(400, 0, "24/7", "agreed"))
    world = World(kits, (SmallRow(0, 0, 9), SmallRow(0, 800, 1)))
    found = plan(asked(facts, world, [(0, 400, "GP practice")], Goal(new=1)))
    said = " ".join(found.sites[0].reasons)
    assert "90% of those are that near to Kit 0 (T-00), whose hours are not known." in said
    assert "Look at Kit 1 (T-01)" not in said, "the kit in service is nearer"
    assert "10 records of 2025-01 within 400 m in a straight line" in said
    assert (
        "The hours of 1 of them are not known; they count as closed. If all were open, 9 records "
        "would be within the standard now, not 0: ask their hosts first."
    ) in found.assumptions


def test_two_months_of_a_year_are_no_year(facts: Facts) -> None:
    rows = [SmallRow(0, 0, month=month) for month in ("2025-01", "2025-12")]
    assert reasons.period(World((), tuple(rows)).demand) == " of 2025-01 to 2025-12"
    rows = [SmallRow(0, 0, month=f"2025-{month:02}") for month in range(1, 13)]
    assert reasons.period(World((), tuple(rows)).demand) == " a year"


@pytest.mark.parametrize(
    ("wishes", "message"),
    [
        ({}, "either how many"),
        ({"new": 1, "budget": 5.0}, "either how many"),
        ({"new": 0}, "1 to 10,000"),
        ({"budget": 0.0}, "above 0"),
        ({"budget": float("nan")}, "above 0"),
        ({"share": 1.5}, "at most 1"),
        ({"new": 1, "backup": 2.0}, "as much as the first"),
        ({"new": 1, "fair": 0.5}, "1 to 100 times"),
        ({"budget": 700.0, "movable": ("T-00",)}, "Kits can be moved"),
        ({"new": 1, "actions": (Action.NEW_BAG,)}, "hours of its host"),
        ({"new": 1, "objective": Objective.GRADUAL}, "counts in full"),
        ({"new": 1, "full": HALF}, "counts in full"),
        ({"share": 0.5, "objective": Objective.MEDIAN}, "plain cover only"),
        ({"share": 0.5, "fair": 2.0}, "everyone alike"),
        ({"budget": 700.0, "objective": Objective.CENTER}, "number of new cabinets"),
        ({"new": 1, "seconds": 0.0}, "some time"),
        ({"new": 1, "bag_hours": "9-5"}, "opening_hours syntax"),
    ],
)
def test_wishes_that_contradict_themselves(wishes: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Goal(**wishes)


def test_questions_without_an_answer(facts: Facts) -> None:
    world = World((), (SmallRow(0, 0),))
    spots = [(0, 0, "bus stop")]
    with pytest.raises(KitNotFoundError, match="T-99"):
        choose(asked(facts, world, spots, Goal(new=1, movable=("T-99",))))
    nothing = dataclasses.replace(
        asked(facts, world, spots, Goal(new=1)),
        candidates=Candidates(candidates(spots).frame[:0], {}, ()),
    )
    with pytest.raises(InputError, match="nothing to choose from"):
        choose(nothing)
    far = Goal(new=1, objective=Objective.GRADUAL, full=Standard.within(400))
    with pytest.raises(InputError, match="nearer than the standard"):
        choose(asked(facts, world, spots, far))
    for wrong in (0.0, 1e308, float("nan")):
        with pytest.raises(InputError, match="above 0 and at most a million"):
            Costs(kit=wrong)


def test_too_many_pairs_of_distances_are_refused(question: Question) -> None:
    goal = Goal(new=1, objective=Objective.CENTER)
    with pytest.raises(InputError, match="Name fewer kinds of candidates"):
        choose(dataclasses.replace(question, goal=goal))


def test_sites_that_another_makes_needless_are_left_out(
    question: Question, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It only saves time: the worth is the same without."""
    quick = choose(question)
    assert (
        len(choosing._needed(choosing.problem_of(question.goal, quick.found, quick.cover))) < 6000
    )
    monkeypatch.setattr(choosing, "_MOST_COMPARED", 0)
    assert choose(question).after == pytest.approx(quick.after)


def test_a_plan_for_nobody(facts: Facts) -> None:
    world = World((SmallKit(0, 0),), (SmallRow(0, 0),))
    found = plan(asked(facts, world, [(1600, 1600, "bus stop")], Goal(new=1)))
    assert not found.sites
    assert found.before == found.after == pytest.approx(1)
    assert found.curve.empty
    assert_sound(found)
    assert found.layer().empty


def test_within_200_m_is_the_same_site() -> None:
    where = np.array([[0.0, 0.0], [1000.0, 0.0]])
    assert trust._nearly(where, np.array([[0.0, 200.0], [1000.0, 201.0]])).tolist() == [1.0, 0.0]
    assert trust._nearly(where, np.empty((0, 2))).tolist() == [0.0, 0.0]
