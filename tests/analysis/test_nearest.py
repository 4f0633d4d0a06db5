import dataclasses
import datetime as dt
import json
from pathlib import Path

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from locator import geodesy
from locator.analysis.fetch import Availability, Checked, Span
from locator.analysis.nearest import nearest, overview, standings
from locator.errors import OutsideGreatBritainError
from locator.facts import Facts
from locator.hours import Calendar, Hours
from locator.places import Position
from locator.registry.schema import TELLABLE, Finding, Kit, Status, table_of
from locator.registry.snapshot import Doubt, Snapshot, public_columns
from locator.settings import Settings
from locator.travel.journey import Method, Travel
from locator.travel.network import Detour, Label
from locator.travel.pace import Pace
from locator.travel.streets import Streets
from tests.walked import MIDDLE, built, drawn, rutland_by_networkx

LONDON = Calendar.of("Europe/London", {"country": "GB", "subdivision": "ENG"}, 52.3, -0.8)
DETOUR = Detour(1.1, 1.4, 2.0, "a test")
TRAVEL = Travel(Pace.of(Settings()), DETOUR)
# so fast that no shop shuts on the way
AT_ONCE = Travel(Pace(1e9, 1e9, 1e9, 0.0), Detour(1.0, 1.0, 1.0, "a test"))
NOON = LONDON.read("2026-07-06 12:00")
LON = st.floats(-1.33, -0.35)
LAT = st.floats(51.98, 52.64)
HOURS = ["24/7", "Mo-Su 08:00-18:00", "Mo-Su 13:00-23:00", ""]


def make_snapshot(rows: list[dict[str, object]]) -> Snapshot:
    """Build a snapshot of kits for a test, without a database."""
    plain: dict[str, object] = {
        column.name: column.info.get("start")
        for column in table_of(Kit).columns
        if column.name in public_columns()
    }
    plain |= {
        "name": "Kit",
        "kind": "cabinet",
        "address": "Somewhere",
        "precision_m": 10.0,
        "opening_hours": "24/7",
        "status": "installed",
        "reported": "2026",
    }
    full = [plain | {"reference": f"T-{i:04}"} | row for i, row in enumerate(rows)]
    frame = gpd.GeoDataFrame(full)
    points = [
        geodesy.to_bng(float(str(r["longitude"])), float(str(r["latitude"])))
        if r["longitude"] is not None
        else (np.nan, np.nan)
        for r in full
    ]
    geometry = gpd.points_from_xy(*np.array(points).T)
    geometry[np.isnan(np.array(points)[:, 0])] = None
    kits = frame.set_geometry(geometry, crs=geodesy.BNG)
    hours = {text: Hours(text, LONDON) for text in kits["opening_hours"].unique()}
    return Snapshot(1, kits, hours, LONDON, check_valid_days=92)


@settings(deadline=None, max_examples=60)
@given(
    kits=st.lists(st.tuples(LON, LAT, st.sampled_from(HOURS)), min_size=1, max_size=60),
    lon=LON,
    lat=LAT,
    count=st.integers(1, 8),
)
def test_equal_to_a_search_through_all_kits(
    kits: list[tuple[float, float, str]], lon: float, lat: float, count: int
) -> None:
    rows = [{"longitude": x, "latitude": y, "opening_hours": h} for x, y, h in kits]
    answer = nearest(make_snapshot(rows), Position(lon, lat, 10, ""), AT_ONCE, at=NOON, count=count)
    groups = {
        ("24/7", "Mo-Su 08:00-18:00"): answer.reachable,
        ("Mo-Su 13:00-23:00",): answer.unavailable,
        ("",): answer.unknown,
    }
    for texts, found in groups.items():
        every = sorted(float(geodesy.geodesic_m(lon, lat, x, y)) for x, y, h in kits if h in texts)
        assert [f.distance_m for f in found] == pytest.approx(every[:count], rel=5e-4, abs=1e-6)
        assert len({f.kit["reference"] for f in found}) == len(found)


def test_published_kits_near_a_postcode(facts: Facts) -> None:
    position = facts.gazetteer.resolve("NN1 1DE")[0]
    answer = nearest(facts.snapshot(), position, facts.travel, at=NOON)
    assert [f.kit["source_id"] for f in answer.reachable[:2]] == ["K30", "K01"]
    assert {f.availability for f in answer.reachable} == {Availability.OPEN}
    assert {f.kit["opening_hours"] for f in answer.unknown} == {""}
    assert all(not f.ready for f in answer.reachable), "nobody has confirmed a published kit"
    assert all(f.kit["status"] != "installed" for f in answer.unavailable)
    assert len(answer.unplaced) == 10


def test_a_kit_is_ready_only_when_somebody_has_checked_it() -> None:
    here: dict[str, object] = {"longitude": -0.9, "latitude": 52.24}
    snapshot = make_snapshot(
        [
            here | {"last_checked": dt.date(2026, 7, 1)},
            here,
            here | {"last_checked": dt.date(2026, 7, 1), "opening_hours": ""},
            here | {"last_checked": dt.date(2026, 7, 1), "status": "planned"},
            here | {"last_checked": dt.date(2026, 4, 4)},
            here | {"last_checked": dt.date(2026, 7, 1), "expires_on": dt.date(2026, 7, 5)},
        ]
    )
    answer = nearest(snapshot, Position(-0.9, 52.24, 10, "here"), TRAVEL, at=NOON)
    fetches = [*answer.reachable, *answer.unknown, *answer.unavailable]
    assert [f.kit["reference"] for f in fetches if f.ready] == ["T-0000"]
    told = {f.kit["reference"]: f.standing.checked for f in fetches}
    assert told["T-0001"] is Checked.NEVER
    assert told["T-0004"] is Checked.LONG_AGO
    assert told["T-0005"] is Checked.EXPIRED
    assert answer.reachable[0].as_dict()["last_checked"] == "2026-07-01"


def _doubted(snapshot: Snapshot, doubts: dict[str, Doubt]) -> Snapshot:
    told = {reference: [doubt] for reference, doubt in doubts.items()}
    return dataclasses.replace(snapshot, doubts=told, base=snapshot)


@settings(deadline=None, max_examples=25)
@given(
    kits=st.lists(
        st.tuples(LON, LAT, st.sampled_from(HOURS), st.booleans()), min_size=1, max_size=40
    ),
    told=st.dictionaries(
        st.integers(0, 39), st.tuples(st.sampled_from(TELLABLE), st.floats(-30, 30))
    ),
    lon=LON,
    lat=LAT,
)
def test_strangers_move_no_kit(
    kits: list[tuple[float, float, str, bool]],
    told: dict[int, tuple[Finding, float]],
    lon: float,
    lat: float,
) -> None:
    day = NOON.date()
    rows: list[dict[str, object]] = [
        {"longitude": x, "latitude": y, "opening_hours": h, "last_checked": day if c else None}
        for x, y, h, c in kits
    ]
    rows.append({"longitude": None, "latitude": None, "precision_m": None})
    plain = make_snapshot(rows)
    doubts = {}
    for number, (finding, ago) in told.items():
        at = NOON - dt.timedelta(hours=ago)
        doubts[f"T-{number:04}"] = Doubt(finding, at, at + dt.timedelta(hours=24))
    doubted = _doubted(plain, doubts)
    position = Position(lon, lat, 10, "")
    before, after = (nearest(s, position, TRAVEL, at=NOON) for s in (plain, doubted))
    for group in ("reachable", "closing", "unknown", "unavailable", "unplaced"):
        for one, other in zip(getattr(before, group), getattr(after, group), strict=True):
            told_too = ("doubt", "ready", "confirmed", "data")
            one_of, other_of = ({**f.as_dict(), **dict.fromkeys(told_too)} for f in (one, other))
            assert one_of == other_of
            doubt = doubts.get(str(one.kit["reference"]))
            is_shown = doubt is not None and doubt.at <= NOON < doubt.until
            assert other.doubt == (doubt if is_shown else None)
            if is_shown:
                assert not other.ready
                assert not other.confirmed
            else:
                assert other.ready == one.ready
    assert [f.doubt for f in overview(doubted, NOON)] == [
        doubted.doubt(str(r), NOON) for r in plain.kits["reference"]
    ]
    assert [s.doubt for s in standings(doubted, NOON)] == [
        doubted.doubt(str(r), NOON) for r in plain.placed["reference"]
    ]


def test_a_doubt_is_told_as_json_and_takes_the_confirmation_away() -> None:
    kit = {"longitude": -0.9, "latitude": 52.24, "last_checked": dt.date(2026, 7, 1)}
    at = LONDON.read("2026-07-06 11:46")
    doubt = Doubt(Finding.USED, at, at + dt.timedelta(hours=24))
    snapshot = _doubted(make_snapshot([dict(kit)]), {"T-0000": doubt})
    here = Position(-0.9, 52.24, 10, "here")
    told, earlier = (
        nearest(snapshot, here, TRAVEL, at=when).reachable[0].as_dict()
        for when in (NOON, NOON - dt.timedelta(hours=1))
    )
    assert told["doubt"] == {
        "finding": "used",
        "at": "2026-07-06T11:46:00+01:00",
        "until": "2026-07-07T11:46:00+01:00",
    }
    assert (told["ready"], told["confirmed"]) == (False, False)
    assert told["data"] == "published, unconfirmed"
    assert earlier["doubt"] is None
    assert (earlier["ready"], earlier["confirmed"]) == (True, True)


def test_a_word_that_is_not_shown_takes_the_confirmation_away_and_nothing_else() -> None:
    kit = {"longitude": -0.9, "latitude": 52.24, "last_checked": dt.date(2026, 7, 1)}
    until = NOON + dt.timedelta(hours=1)
    word = Doubt(Finding.USED, NOON, until)
    plain = make_snapshot([dict(kit)])
    muted = dataclasses.replace(plain, unconfirmed={"T-0000": [word]}, base=plain)
    here = Position(-0.9, 52.24, 10, "here")
    before, after, later = (
        nearest(snapshot, here, TRAVEL, at=at).reachable[0]
        for snapshot, at in ((plain, NOON), (muted, NOON), (muted, until))
    )
    assert after.unconfirmed_until == until
    changed = {"ready": False, "confirmed": False, "data": "published, unconfirmed"}
    assert after.as_dict() == before.as_dict() | changed
    assert (later.ready, later.unconfirmed_until) == (True, None)
    (standing,) = standings(muted, NOON)
    assert not standing.confirmed


@pytest.mark.parametrize(
    ("hours", "when", "expected", "runner"),
    [
        ("Mo-Su 08:00-18:00", "2026-07-06 12:00", Availability.OPEN, False),
        ("Mo-Su 08:00-18:00", "2026-07-06 17:47", Availability.OPEN, False),
        ("Mo-Su 08:00-18:00", "2026-07-06 17:49", Availability.CLOSING, True),
        ("Mo-Su 08:00-18:00", "2026-07-06 17:54", Availability.CLOSING, True),
        ("Mo-Su 08:00-18:00", "2026-07-06 17:55", Availability.CLOSING, False),
        ("Mo-Su 08:00-18:00", "2026-07-06 18:00", Availability.CLOSED, False),
        ("", "2026-07-06 12:00", Availability.UNKNOWN_HOURS, False),
        ("24/7", "2026-07-06 03:00", Availability.OPEN, False),
    ],
)
def test_a_shop_that_shuts_before_you_get_there(
    hours: str, when: str, expected: Availability, *, runner: bool
) -> None:
    # 420 m at most are 661 s of walking at the longest detour, or 280 s of running, after 60 s
    # for the call
    kit = {"longitude": -0.9, "latitude": 52.2436, "opening_hours": hours}
    answer = nearest(
        make_snapshot([kit]), Position(-0.9, 52.24, 10, "here"), TRAVEL, at=LONDON.read(when)
    )
    (fetch,) = [*answer.reachable, *answer.closing, *answer.unknown, *answer.unavailable]
    assert fetch.distance_m == pytest.approx(400, abs=1)
    assert fetch.availability is expected
    assert (expected is Availability.CLOSING) == bool(answer.closing)
    assert fetch.runner_in_time == fetch.as_dict()["runner_in_time"] == runner
    if expected is Availability.CLOSED:
        assert fetch.opening.opens is not None
        assert fetch.opening.opens.hour == 8


@pytest.mark.parametrize("status", [s for s in Status if s is not Status.INSTALLED])
def test_kits_not_in_service_are_listed_apart(status: str) -> None:
    kit = {"longitude": -0.9, "latitude": 52.24, "status": status}
    answer = nearest(make_snapshot([kit]), Position(-0.9, 52.24, 10, "here"), TRAVEL, at=NOON)
    assert not answer.reachable
    assert not answer.unknown
    assert [f.availability for f in answer.unavailable] == [Availability.OUT_OF_SERVICE]


def test_both_uncertainties_widen_the_range() -> None:
    kit: dict[str, object] = {"longitude": -0.9, "latitude": 52.2436}
    spans = {}
    for kit_m, place_m in ((1, 1), (100, 1), (1, 100), (100, 100)):
        snapshot = make_snapshot([kit | {"precision_m": float(kit_m)}])
        answer = nearest(snapshot, Position(-0.9, 52.24, place_m, "here"), TRAVEL, at=NOON)
        (fetch,) = answer.reachable
        assert fetch.walk is not None
        spans[kit_m, place_m] = fetch.walk
    pace = TRAVEL.pace
    for key, span in spans.items():
        assert span.low_s == pytest.approx(
            pace.fetch_s((400 - sum(key)) * DETOUR.low, pace.walk_m_per_s), abs=4
        )
        assert span.high_s == pytest.approx(
            pace.fetch_s((400 + sum(key)) * DETOUR.high, pace.walk_m_per_s), abs=4
        )


@pytest.mark.parametrize(
    ("low", "high", "minutes"), [(0, 30, (1, 1)), (239, 361, (3, 7)), (240, 360, (4, 6))]
)
def test_minutes_are_rounded_outward(low: float, high: float, minutes: tuple[int, int]) -> None:
    assert Span(low, high).minutes == minutes


@pytest.mark.parametrize(("low", "high", "vague"), [(60, 960, False), (60, 961, True)])
def test_estimates_far_apart_are_vague(low: float, high: float, *, vague: bool) -> None:
    assert Span(low, high).vague is vague


def test_outside_great_britain(facts: Facts) -> None:
    with pytest.raises(OutsideGreatBritainError):
        nearest(facts.snapshot(), Position(2.35, 48.86, 10, "Paris"), facts.travel, at=NOON)


def test_no_kits_at_all() -> None:
    snapshot = make_snapshot([{"longitude": None, "latitude": None, "precision_m": None}])
    answer = nearest(snapshot, Position(-0.9, 52.24, 10, "here"), TRAVEL, at=NOON)
    assert not answer.reachable
    assert [f.availability for f in answer.unplaced] == [Availability.UNPLACED]


def test_as_json(facts: Facts) -> None:
    position = facts.gazetteer.resolve("NN1 1DE")[0]
    answer = nearest(facts.snapshot(), position, facts.travel, at=NOON)
    plain = json.loads(json.dumps(answer.as_dict(), allow_nan=False))
    first = plain["reachable"][0]
    assert first["reference"] == "NN-0030"
    assert first["ready"] is False
    assert first["fetch_walking_s"][0] < first["fetch_walking_s"][1]
    assert "note" not in first


OAKHAM = (485_900.0, 308_800.0)  # EPSG:27700


@pytest.fixture(scope="module")
def in_rutland(rutland: Streets) -> Travel:
    detour = rutland.network.about.detour
    assert detour is not None
    return Travel(Pace.of(Settings()), detour, rutland)


def degrees(at: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Turn eastings and northings into longitudes and latitudes, ``(n, 2)``."""
    return np.column_stack(geodesy.to_wgs84(at[:, 0].copy(), at[:, 1].copy()))


def test_the_nearest_along_streets_equals_a_search_of_the_drawn_streets(
    in_rutland: Travel, test_data: Path
) -> None:
    walked = rutland_by_networkx(test_data)
    random = np.random.default_rng(5)
    kits = np.array(OAKHAM) + random.uniform(-1000, 1000, (30, 2))
    rows: list[dict[str, object]] = [
        {"longitude": lon, "latitude": lat} for lon, lat in degrees(kits).tolist()
    ]
    snapshot = make_snapshot(rows)
    spots = [walked.spot(x, y) for x, y in kits]
    other_by_air = 0
    for here in np.array(OAKHAM) + random.uniform(-800, 800, (25, 2)):
        source = walked.spot(here[0], here[1])
        field = walked.field(source, limit_m=5000)
        straight = np.hypot(*(kits - here).T)
        metres = np.array([walked.read(field, (source,), spot) for spot in spots])
        beside = straight < [source.aside_m + spot.aside_m for spot in spots]
        metres = np.where(beside, np.minimum(straight * in_rutland.detour.median, metres), metres)
        ((lon, lat),) = degrees(here[None]).tolist()
        answer = nearest(snapshot, Position(lon, lat, 5, ""), in_rutland, at=NOON, count=4)
        best = np.argsort(metres)[:4]
        assert [f.kit["reference"] for f in answer.reachable] == [f"T-{i:04}" for i in best]
        found = [f.way.metres for f in answer.reachable if f.way]
        assert found == pytest.approx(metres[best].tolist(), abs=0.1)
        other_by_air += int(straight.argmin() != best[0])
    assert other_by_air >= 3, "the straight line names another kit"


@pytest.fixture(scope="module")
def river(tmp_path_factory: pytest.TempPathFactory) -> Travel:
    """Two roads along a river 60 m wide, and one bridge 400 m upstream."""
    road, bridge = Label("street", "Bank Road"), Label("street", "Bridge Street")
    raw = drawn(
        [
            (road, [(0.0, 0.0), (0.0, 400.0), (0.0, 900.0)]),
            (bridge, [(0.0, 400.0), (60.0, 400.0)]),
            (road, [(60.0, 400.0), (60.0, 0.0)]),
        ]
    )
    return Travel(Pace.of(Settings()), DETOUR, built(raw, tmp_path_factory.mktemp("river") / "n"))


def along(east: float, north: float) -> tuple[float, float]:
    """Give longitude and latitude of a point of the drawing."""
    ((lon, lat),) = degrees(np.array([[MIDDLE[0] + east, MIDDLE[1] + north]])).tolist()
    return lon, lat


def test_a_kit_across_the_river_is_not_the_nearest(river: Travel) -> None:
    rows: list[dict[str, object]] = []
    for east, north in ((60, 0), (0, 500)):
        lon, lat = along(east, north)
        rows.append({"longitude": lon, "latitude": lat, "precision_m": 1.0})
    here = Position(*along(0, 0), 1, "the bank")
    by_street = nearest(make_snapshot(rows), here, river, at=NOON)
    by_air = nearest(make_snapshot(rows), here, TRAVEL, at=NOON)
    assert [f.kit["reference"] for f in by_street.reachable] == ["T-0001", "T-0000"]
    assert [f.kit["reference"] for f in by_air.reachable] == ["T-0000", "T-0001"]
    across = by_street.reachable[1]
    assert across.way is not None
    assert across.way.metres == pytest.approx(860, rel=1e-3)
    assert across.way.by_street
    assert across.distance_m == pytest.approx(60, rel=1e-3)
    assert not any(f.way.by_street for f in by_air.reachable if f.way)


@pytest.mark.parametrize(
    ("when", "by_street", "by_air"),
    [
        # 860 m of walking and the call take 737 s
        ("2026-07-06 17:47", Availability.OPEN, Availability.OPEN),
        ("2026-07-06 17:48", Availability.CLOSING, Availability.OPEN),
        ("2026-07-06 17:55", Availability.CLOSING, Availability.OPEN),
        ("2026-07-06 17:59", Availability.CLOSING, Availability.CLOSING),
        ("2026-07-06 18:01", Availability.CLOSED, Availability.CLOSED),
    ],
)
def test_a_shop_across_the_river_shuts_on_the_way(
    river: Travel, when: str, by_street: Availability, by_air: Availability
) -> None:
    lon, lat = along(60, 0)
    shop = {"longitude": lon, "latitude": lat, "precision_m": 1.0}
    snapshot = make_snapshot([shop | {"opening_hours": "Mo-Su 08:00-18:00"}])
    here = Position(*along(0, 0), 1, "the bank")
    for travel, expected in ((river, by_street), (TRAVEL, by_air)):
        answer = nearest(snapshot, here, travel, at=LONDON.read(when))
        (fetch,) = [*answer.reachable, *answer.closing, *answer.unavailable]
        assert fetch.availability is expected
        assert (fetch in answer.reachable) == (expected is Availability.OPEN)


def test_kits_off_the_streets_are_answered_as_before(facts: Facts, in_rutland: Travel) -> None:
    without = Travel(in_rutland.pace, in_rutland.detour)
    for place in ("NN1 1DE", "Corby", "NN14 1AA"):
        position = facts.gazetteer.resolve(place)[0]
        loaded = nearest(facts.snapshot(), position, in_rutland, at=NOON)
        plain = nearest(facts.snapshot(), position, without, at=NOON)
        for group in ("reachable", "unknown", "unavailable"):
            assert getattr(loaded, group) == getattr(plain, group)
        assert {f.way.method for f in loaded.reachable if f.way} == {Method.STRAIGHT}


def test_as_json_with_streets(in_rutland: Travel) -> None:
    near, far = degrees(np.array([[486_300.0, 308_500.0], [486_700.0, 299_700.0]])).tolist()
    rows: list[dict[str, object]] = [
        {"longitude": lon, "latitude": lat} for lon, lat in (near, far)
    ]
    ((lon, lat),) = degrees(np.array([OAKHAM])).tolist()
    answer = nearest(make_snapshot(rows), Position(lon, lat, 10, "here"), in_rutland, at=NOON)
    plain = json.loads(json.dumps(answer.as_dict(), allow_nan=False))
    oakham, uppingham = plain["reachable"]
    assert oakham["method"] == "along streets"
    low, high = oakham["walking_m_range"]
    assert low < oakham["walking_m"] < high
    assert oakham["distance_m"] < oakham["walking_m"]
    assert oakham["route"]["metres"] == oakham["walking_m"]
    assert oakham["route"]["line"][0] == pytest.approx([lon, lat], abs=1e-5)
    assert oakham["route"]["line"][-1] == pytest.approx(near, abs=1e-5)
    assert oakham["route"]["steps"][-1].startswith("The kit is")
    # nobody walks for more than an hour: streets are not searched so far
    assert uppingham["method"] == "straight line times a detour factor"
    assert uppingham["route"] is None
    assert plain["streets"]["source"]["attribution"] == "© OpenStreetMap contributors"
    assert plain["streets"]["source"]["extracted_on"] == "2018-02-27"
    assert plain["detour_factor"]["median"] == pytest.approx(1.38, abs=0.01)
    assert plain["slope"] == "ignored"


def test_only_the_first_kits_are_described(in_rutland: Travel) -> None:
    kits = np.array(OAKHAM) + np.random.default_rng(1).uniform(-400, 400, (8, 2))
    rows: list[dict[str, object]] = [
        {"longitude": lon, "latitude": lat, "opening_hours": ""} for lon, lat in degrees(kits)
    ]
    ((lon, lat),) = degrees(np.array([OAKHAM])).tolist()
    position = Position(lon, lat, 10, "here")
    for routes in (0, 2, 3):
        answer = nearest(make_snapshot(rows), position, in_rutland, at=NOON, count=8, routes=routes)
        told = [f.route is not None for f in answer.unknown]
        assert told == [True] * routes + [False] * (8 - routes)


def test_units_that_share_a_centre_are_named_by_the_first(facts: Facts) -> None:
    assert facts.gazetteer.nearest_postcode(-0.8946, 52.2374) == "NN1 1DE"
    assert len(facts.gazetteer.resolve("NN1 1QE")) == 1
