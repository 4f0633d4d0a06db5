"""Import candidate sites and incidents."""

import datetime as dt
import gzip
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Engine, select

from locator.exchange.importing import Options, Subject, plan_import
from locator.places import Gazetteer
from locator.registry import store, trail
from locator.registry.schema import Candidate, Incident
from tests.exchange.conftest import Bring

POLICE = (
    "Crime ID,Month,Reported by,Falls within,Longitude,Latitude,Location,LSOA code,LSOA name,"
    "Crime type,Last outcome category,Context\n"
    "abc,2025-01,Northamptonshire Police,x,-0.897,52.237,On or near Drapery,E01,N1,Robbery,,\n"
    ",2025-01,Northamptonshire Police,x,-0.898,52.237,On or near Drapery,E01,N1,Violence,,\n"
    ",2025-01,Northamptonshire Police,x,-0.898,52.237,On or near Drapery,E01,N1,Violence,,\n"
    "def,2025-01,Northamptonshire Police,x,,,No Location,,,Robbery,,\n"
)
SITES = (
    "name,type,lat,lon,status\n"
    "Library,library,52.2370,-0.8970,open\n"
    "Town Hall,council,52.2380,-0.8980,host refused\n"
)


def rows(engine: Engine, model: type[Incident | Candidate]) -> list[dict[str, Any]]:
    with store.reading(engine) as connection:
        return [dict(r) for r in connection.execute(select(model.__table__)).mappings()]


def test_police_records_are_kept_with_source_precision_and_licence(
    engine: Engine, bring: Bring
) -> None:
    plan = bring(POLICE, leave_out=True, subject=Subject.INCIDENTS, licence="OGL 3.0")
    assert plan.counts()["new"] == 3
    assert plan.counts()["rejected"] == 1
    assert "no position" in plan.rows[3].remarks[-1].text
    first, *_ = rows(engine, Incident)
    assert first["happened_at"] == dt.datetime(2025, 1, 1)  # noqa: DTZ001
    assert first["time_precision"] == "month"
    assert (first["source"], first["licence"]) == ("Northamptonshire Police", "OGL 3.0")
    assert (first["category"], first["source_id"]) == ("Robbery", "abc")


def test_the_same_records_again_change_nothing(engine: Engine, bring: Bring) -> None:
    for _ in range(2):
        bring(POLICE, leave_out=True, subject=Subject.INCIDENTS)
    assert len(rows(engine, Incident)) == 3
    assert store.version(engine) == 1


def test_exact_times_are_kept(engine: Engine, bring: Bring) -> None:
    bring("offence,date,lat,lon\nKnife,04/07/2026 23:10,52.237,-0.897\n", subject=Subject.INCIDENTS)
    (row,) = rows(engine, Incident)
    assert (row["happened_at"], row["time_precision"]) == (
        dt.datetime(2026, 7, 4, 23, 10),  # noqa: DTZ001
        "minute",
    )


def test_an_hour_that_does_not_exist_is_no_known_hour(engine: Engine, bring: Bring) -> None:
    text = "offence,date,lat,lon\nKnife,2026-03-29 01:30,52.237,-0.897\n"
    plan = bring(text, subject=Subject.INCIDENTS, zone=ZoneInfo("Europe/London"))
    assert "does not exist" in plan.rows[0].remarks[-1].text
    (row,) = rows(engine, Incident)
    assert row["happened_at"] == dt.datetime(2026, 3, 29)  # noqa: DTZ001
    assert row["time_precision"] == "day"


def test_an_incident_without_a_date_is_refused(bring: Bring) -> None:
    plan = bring("offence,lat,lon\nx,52.2,-0.9\n", write=False, subject=Subject.INCIDENTS)
    assert plan.counts()["rejected"] == 1


def test_candidates_get_references_and_keep_refusals(engine: Engine, bring: Bring) -> None:
    bring(SITES, subject=Subject.CANDIDATES)
    library, hall = rows(engine, Candidate)
    assert (library["reference"], library["decision"]) == ("CS-0001", "open")
    assert (hall["name"], hall["decision"]) == ("Town Hall", "refused")
    (entry,) = trail.history(engine, Candidate, "CS-0001")
    assert entry.after["name"] == "Library"


def test_candidates_again_change_only_what_changed(engine: Engine, bring: Bring) -> None:
    bring(SITES, subject=Subject.CANDIDATES)
    plan = bring(SITES, subject=Subject.CANDIDATES)
    assert plan.counts()["unchanged"] == 2
    plan = bring(SITES.replace("52.2370", "52.2371"), subject=Subject.CANDIDATES)
    assert plan.rows[0].reference == "CS-0001"
    assert set(plan.rows[0].changes) == {"latitude"}
    assert len(rows(engine, Candidate)) == 2


def test_undo_of_candidates_refuses_them(engine: Engine, bring: Bring) -> None:
    bring(SITES, subject=Subject.CANDIDATES)
    trail.undo(engine, 1, who="Ann", why="Wrong list")
    assert {row["decision"] for row in rows(engine, Candidate)} == {"refused"}


def test_the_police_file_of_a_real_month(
    engine: Engine, gazetteer: Gazetteer, test_data: Path, tmp_path: Path
) -> None:
    packed = min((test_data / "crime").glob("*-street.csv.gz"))
    file = tmp_path / "street.csv"
    file.write_bytes(gzip.decompress(packed.read_bytes()))
    plan = plan_import(engine, file, gazetteer, Options(subject=Subject.INCIDENTS))
    assert len(plan.rows) == len(file.read_text("utf-8").splitlines()) - 1
    counts = plan.counts()
    assert counts["new"] > 0.9 * len(plan.rows)
    for row in plan.rows:
        if row.rejected:
            assert row.remarks[-1].text
