import datetime as dt
import json

import geopandas as gpd
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from locator import geodesy
from locator.analysis.fetch import Availability, Checked, Span
from locator.analysis.nearest import nearest
from locator.errors import OutsideGreatBritainError
from locator.facts import Facts
from locator.hours import Calendar, Hours
from locator.places import Position
from locator.registry.schema import Kit, Status, table_of
from locator.registry.snapshot import Snapshot, public_columns
from locator.settings import Settings
from locator.travel.journey import Travel
from locator.travel.network import Detour
from locator.travel.pace import Pace

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
        assert [f.distance_m for f in found] == pytest.approx(every[:count], rel=5e-4)
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


@pytest.mark.parametrize(
    ("hours", "when", "expected"),
    [
        ("Mo-Su 08:00-18:00", "2026-07-06 12:00", Availability.OPEN),
        ("Mo-Su 08:00-18:00", "2026-07-06 17:47", Availability.OPEN),
        ("Mo-Su 08:00-18:00", "2026-07-06 17:49", Availability.CLOSING),
        ("Mo-Su 08:00-18:00", "2026-07-06 18:00", Availability.CLOSED),
        ("", "2026-07-06 12:00", Availability.UNKNOWN_HOURS),
        ("24/7", "2026-07-06 03:00", Availability.OPEN),
    ],
)
def test_a_shop_that_shuts_before_you_get_there(
    hours: str, when: str, expected: Availability
) -> None:
    # 420 m at most are 661 s of walking at the longest detour, after 60 s for the call
    kit = {"longitude": -0.9, "latitude": 52.2436, "opening_hours": hours}
    answer = nearest(
        make_snapshot([kit]), Position(-0.9, 52.24, 10, "here"), TRAVEL, at=LONDON.read(when)
    )
    (fetch,) = [*answer.reachable, *answer.unknown, *answer.unavailable]
    assert fetch.distance_m == pytest.approx(400, abs=1)
    assert fetch.availability is expected
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
