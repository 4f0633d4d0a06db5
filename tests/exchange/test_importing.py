"""Import lists as a volunteer would, into every database."""

import csv
import datetime as dt
import os
from pathlib import Path

import pytest
from sqlalchemy import Engine, select

from locator.errors import ConflictError, ImportFileError, InputError
from locator.exchange.importing import Options, plan_import, write_plan, write_report
from locator.exchange.kits import Duplicates, Verdict
from locator.places import Gazetteer
from locator.registry import store, trail
from locator.registry.custody import Visit, edit, entrust, find, report
from locator.registry.schema import Contact, Edition, Finding, Kit
from locator.settings import Settings
from tests.exchange.conftest import Bring
from tests.registry.conftest import load

DAY = dt.date(2026, 7, 1)
TWO = (
    "Venue,Postcode,Opening hours,Email,Code\n"
    "Corner Shop,NN1 1DE,Mo-Su 08:00-18:00,jo@example.org,1234\n"
    "The Pub,NN17 1AB,,,\n"
)


def verdicts(bring: Bring, text: str, **options: object) -> list[str]:
    return [str(row.verdict) for row in bring(text, write=False, **options).rows]


def remarks(bring: Bring, text: str) -> str:
    return " | ".join(r.text for row in bring(text, write=False).rows for r in row.remarks)


def references(engine: Engine) -> list[str]:
    with store.reading(engine) as connection:
        return list(connection.scalars(select(Kit.reference).order_by(Kit.reference)))


def test_a_plan_writes_nothing(engine: Engine, bring: Bring) -> None:
    plan = bring(TWO, write=False)
    assert plan.counts()["new"] == 2
    assert store.version(engine) == 0


def test_new_kits_get_references_and_a_trail(engine: Engine, bring: Bring) -> None:
    bring(TWO)
    shop = find(engine, "NN-0001")
    assert (shop["name"], shop["postcode"], shop["status"]) == (
        "Corner Shop",
        "NN1 1DE",
        "unconfirmed",
    )
    assert shop["source"] == "list.csv"
    assert shop["precision_m"] >= 40
    assert "Postcode NN1 1DE" in shop["position_method"]
    (entry,) = trail.history(engine, Kit, "NN-0001")
    assert (entry.who, entry.why, entry.source) == ("Ann", "Test", "list.csv")
    with store.reading(engine) as connection:
        edition = store.rows_by_key(connection, Edition, [1])[1]
        contact = store.rows_by_key(connection, Contact, [shop["guardian_id"]])
    assert len(edition["digest"]) == 64
    assert contact[shop["guardian_id"]]["email"] == "jo@example.org"


def test_codes_never_reach_the_database(engine: Engine, bring: Bring, tmp_path: Path) -> None:
    secret = "73159"  # noqa: S105
    plan = bring(f"Name,Postcode,Access code,Notes\nA,NN1 1DE,{secret},the code is {secret} ok\n")
    assert "codes of cabinets are never read" in str(plan.as_dict())
    assert secret not in str(plan.as_dict())
    with store.reading(engine) as connection:
        for table in ("kit", "change", "edition"):
            rows = connection.exec_driver_sql(f"SELECT * FROM {table}").all()
            assert secret not in str(rows)


def test_the_same_file_twice_changes_nothing(engine: Engine, bring: Bring) -> None:
    bring(TWO)
    version = store.version(engine)
    plan = bring(TWO)
    assert plan.counts()["unchanged"] == 2
    assert store.version(engine) == version


def test_the_same_file_under_another_name_changes_nothing(
    engine: Engine, bring: Bring, tmp_path: Path
) -> None:
    bring(TWO)
    other = tmp_path / "other name.csv"
    other.write_text(TWO, "utf-8")
    assert bring(other).counts()["unchanged"] == 2
    assert store.version(engine) == 1


def test_a_list_with_numbers_changes_its_own_kits(engine: Engine, bring: Bring) -> None:
    bring("id,name,postcode\n7,Shop,NN1 1DE\n8,Pub,NN17 1AB\n", source="Charity")
    plan = bring(
        "id,name,postcode,floor\n7,New Shop,NN1 1DE,1\n8,Pub,NN17 1AB,\n", source="Charity"
    )
    assert plan.counts() == {
        "new": 0,
        "changed": 1,
        "unchanged": 1,
        "looks like a duplicate": 0,
        "rejected": 0,
    }
    assert plan.rows[0].changes == {"name": ("Shop", "New Shop"), "floor": ("", "1")}
    assert find(engine, "NN-0001")["name"] == "New Shop"
    assert find(engine, "NN-0001")["floor"] == "1"


def test_an_empty_cell_says_nothing(engine: Engine, bring: Bring) -> None:
    bring("id,name,postcode,notes\n7,Shop,NN1 1DE,Ring twice\n")
    assert verdicts(bring, "id,name,postcode,notes\n7,Shop,,\n") == ["unchanged"]


def test_a_reference_names_the_kit(engine: Engine, kits: Engine, bring: Bring) -> None:
    bring("reference,name\nnn 1,Square\n")
    assert find(engine, "NN-0001")["name"] == "Square"
    bring("reference,name,postcode\nNN-0100,Far,NN17 1AB\n,Next,NN1 1DE\n", leave_out=True)
    assert references(engine)[-2:] == ["NN-0100", "NN-0101"]


def test_numbers_are_not_used_again(engine: Engine, bring: Bring) -> None:
    bring(TWO)
    edit(engine, "NN-0002", {"status": "withdrawn"}, who="Ann", why="Closed")
    bring("name,postcode\nElsewhere,NN5 5AA\n", leave_out=True)
    assert references(engine)[-1] == "NN-0003"


SHOP = "name,lat,lon\nMarket Square,52.24005,-0.9\n"


def test_a_kit_near_a_known_one_is_held_back(engine: Engine, kits: Engine, bring: Bring) -> None:
    edit(engine, "NN-0001", {"kind": "cabinet"}, who="Ann", why="Seen")
    plan = bring(SHOP, write=False)
    assert plan.rows[0].verdict is Verdict.DUPLICATE
    assert "looks like NN-0001, Market Square at 6 m" in plan.rows[0].remarks[-1].text
    with pytest.raises(InputError, match="1 look like duplicates"):
        bring(SHOP)
    assert len(references(engine)) == 3
    bring(SHOP, leave_out=True)
    assert len(references(engine)) == 3


def test_a_duplicate_can_change_the_known_kit_or_be_added(
    engine: Engine, kits: Engine, bring: Bring
) -> None:
    bring(SHOP, duplicates=Duplicates.UPDATE)
    assert find(engine, "NN-0001")["latitude"] == 52.24005
    assert len(references(engine)) == 3
    bring("name,lat,lon,floor\nMarket Square,52.2401,-0.9,2\n", duplicates=Duplicates.ADD)
    assert len(references(engine)) == 4


@pytest.mark.parametrize(
    ("name", "lat", "kind", "verdict"),
    [
        ("The Market Square", 52.2402, "cabinet", "looks like a duplicate"),
        ("Town Hall", 52.24001, "cabinet", "looks like a duplicate"),
        ("Town Hall", 52.2405, "cabinet", "new"),
        ("Market Square", 52.2402, "in premises", "new"),
        ("Market Square", 52.26, "cabinet", "new"),
    ],
)
def test_what_looks_like_a_duplicate(
    kits: Engine, bring: Bring, name: str, lat: float, kind: str, verdict: str
) -> None:
    edit(kits, "NN-0001", {"kind": "cabinet"}, who="Ann", why="Seen")
    text = f"name,lat,lon,kind,accuracy\n{name},{lat},-0.9,{kind},10\n"
    assert verdicts(bring, text) == [verdict]


def test_duplicates_within_a_file(bring: Bring) -> None:
    text = "name,lat,lon\nPub,52.24,-0.9\nThe Pub,52.24,-0.9\n"
    assert verdicts(bring, text) == ["new", "looks like a duplicate"]
    text = "id,name,lat,lon\n1,Pub,52.24,-0.9\n1,Shop,52.3,-0.9\n"
    assert verdicts(bring, text) == ["new", "rejected"]
    assert "stands in row 2 already" in remarks(bring, text)


def test_kits_with_references_of_their_own_are_not_held_back(engine: Engine, bring: Bring) -> None:
    text = "reference,name,lat,lon\nNN-0001,Pub,52.24,-0.9\nNN-0002,Pub,52.24,-0.9\n"
    plan = bring(text)
    assert plan.counts()["new"] == 2
    assert "own reference" in plan.rows[1].remarks[-1].text
    assert references(engine) == ["NN-0001", "NN-0002"]


def test_all_or_nothing(engine: Engine, bring: Bring) -> None:
    bad = "name,lat,lon\nGood,52.24,-0.9\nBad,41.9,12.5\n"
    with pytest.raises(InputError, match="1 rows are rejected"):
        bring(bad)
    assert store.version(engine) == 0
    bring(bad, leave_out=True)
    assert references(engine) == ["NN-0001"]


def test_what_the_database_refuses_takes_everything_back(
    engine: Engine, kits: Engine, bring: Bring
) -> None:
    bring("osm id,reference\nnode/5,NN-0001\n")
    plan = bring("name,lat,lon,osm id\nA,52.3,-0.8,n9\nB,52.4,-0.7,n10\n", write=False)
    edit(engine, "NN-0002", {"osm_id": "node/10"}, who="Ann", why="Found")
    with pytest.raises(ConflictError, match="changed while the file was read"):
        write_plan(engine, plan, "NN", who="Ann", why="Test")
    assert len(references(engine)) == 3


def test_a_report_is_not_undone_by_a_list(engine: Engine, kits: Engine, bring: Bring) -> None:
    report(engine, "NN-0001", Finding.MISSING, Visit("Bob", DAY, DAY), Settings())
    text = "reference,status,floor\nNN-0001,installed,1\n"
    assert "only a check ends that" in remarks(bring, text)
    bring(text)
    assert find(engine, "NN-0001")["status"] == "missing"
    assert find(engine, "NN-0001")["floor"] == "1"


def test_a_withdrawn_kit_does_not_come_back_with_an_old_list(
    engine: Engine, kits: Engine, bring: Bring
) -> None:
    edit(engine, "NN-0001", {"status": "withdrawn"}, who="Ann", why="Closed")
    bring("reference,status\nNN-0001,installed\n")
    assert find(engine, "NN-0001")["status"] == "withdrawn"


def test_a_list_that_was_undone_can_come_again(engine: Engine, bring: Bring) -> None:
    numbered = "id,name,postcode\n7,Shop,NN1 1DE\n"
    bring(numbered)
    trail.undo(engine, 1, who="Ann", why="Wrong town")
    assert bring(numbered.replace("Shop", "The Shop")).counts()["new"] == 1
    assert references(engine) == ["NN-0001", "NN-0002"]


def test_an_older_check_does_not_replace_a_newer_one(
    engine: Engine, kits: Engine, bring: Bring
) -> None:
    bring("reference,last checked,checked by\nNN-0001,2026-06-01,Ann\n")
    bring("reference,last checked,checked by\nNN-0001,2026-05-01,Bob\n")
    assert find(engine, "NN-0001")["last_checked"] == dt.date(2026, 6, 1)
    assert find(engine, "NN-0001")["checked_by"] == "Ann"


def test_words_never_move_a_kit(engine: Engine, kits: Engine, bring: Bring) -> None:
    bring("reference,postcode\nNN-0001,NN17 1AB\n")
    kit = find(engine, "NN-0001")
    assert (kit["postcode"], kit["longitude"]) == ("NN17 1AB", -0.9)


def test_a_guardian_who_is_known_is_not_a_change(
    engine: Engine, kits: Engine, bring: Bring
) -> None:
    entrust(engine, "NN-0001", {"name": "Jo", "email": "jo@example.org"}, who="Ann", why="Said")
    assert verdicts(bring, "reference,email\nNN-0001,jo@example.org\n") == ["unchanged"]
    assert verdicts(bring, "reference,email\nNN-0001,al@example.org\n") == ["changed"]
    bring("reference,guardian,email\nNN-0001,Al,al@example.org\n")
    with store.reading(engine) as connection:
        assert connection.scalars(select(Contact.name).order_by(Contact.id)).all() == ["Jo", "Al"]


def test_the_same_file_does_not_take_back_a_correction(engine: Engine, bring: Bring) -> None:
    text = "id,name,postcode\n7,Shop,NN1 1DE\n"
    bring(text)
    edit(engine, "NN-0001", {"name": "Corner Shop"}, who="Bob", why="As on the door")
    plan = bring(text)
    assert plan.counts()["unchanged"] == 1
    assert "changed by somebody since" in plan.rows[0].remarks[-1].text
    assert find(engine, "NN-0001")["name"] == "Corner Shop"


def test_only_one_row_may_change_a_kit(kits: Engine, bring: Bring) -> None:
    text = "name,lat,lon,floor\nMarket Square,52.24001,-0.9,1\nMarket Square,52.24002,-0.9,2\n"
    plan = bring(text, write=False, duplicates=Duplicates.UPDATE)
    assert [row.verdict for row in plan.rows] == [Verdict.CHANGED, Verdict.REJECTED]


def test_added_duplicates_are_added_once(engine: Engine, kits: Engine, bring: Bring) -> None:
    text = "name,lat,lon,floor\nMarket Square,52.24,-0.9,1\nMarket Square,52.24,-0.9,2\n"
    for _ in range(2):
        bring(text, duplicates=Duplicates.ADD)
    assert len(references(engine)) == 5


def test_a_report_never_replaces_the_list(bring: Bring, tmp_path: Path) -> None:
    plan = bring(TWO, write=False)
    with pytest.raises(InputError, match="is the file itself"):
        write_report(plan, tmp_path / "list.csv")


def test_a_reference_far_above_all_others_is_refused(bring: Bring) -> None:
    assert verdicts(bring, "reference,name,postcode\nNN-999999999,A,NN1 1DE\n") == ["rejected"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name,postcode,installed,expiry\nA,NN1 1DE,2026-01-02,2026-01-01\n", "lies before"),
        ("name,postcode,expiry\nA,NN1 1DE,whenever\n", "is not a date"),
        ("name,postcode\nA,NN99\n", "is not a whole postcode"),
        ("name,postcode,osm id\nA,NN1 1DE,lamp\n", "not like node/123"),
        ("name,postcode,cost\nA,NN1 1DE,-5\n", "cannot be negative"),
        ("name,address\nA,\n", "there is none; give coordinates or a postcode"),
        ("floor,notes\n1,x\n", "neither a name nor a place"),
        ("address,postcode\n1 High St,NN1 1DE\n", "so it is called “Bleed kit, 1 High St”"),
        ("name,email,postcode\nA,jo@,NN1 1DE\n", "not an address for mail"),
        ("name,postcode,status\nA,NN1 1DE,purple\n", "Values that work: planned"),
        ("name,postcode,notes\nA,NN1 1DE,%s\n" % ("x" * 2500), "shortened from 2500 to 2000"),
        ("name,postcode,expiry\nA,NN1 1DE,1066-01-01\n", "cannot be right"),
        ("name,postcode,last checked\nA,NN1 1DE,inf\n", "is not a date"),
        ("name,postcode,last checked\nA,NN1 1DE,2099-01-01\n", "has not come yet"),
        (f"name,lat,lon\nA,52.24,-0.{'0' * 330}1\n", "outside Northamptonshire"),
        (f"name,postcode,phone\nA,NN1 1DE,{'07700 900123 or ' * 4}\n", "shortened from"),
        ("name,postcode,photo\nA,NN1 1DE,javascript:x\n", "does not begin with https://"),
    ],
)
def test_every_row_says_what_is_wrong(bring: Bring, text: str, said: str) -> None:
    assert said in remarks(bring, text)


def test_a_file_whose_name_is_hostile(engine: Engine, bring: Bring, tmp_path: Path) -> None:
    for name in (b"h\xff.csv", b"code 73159.csv"):
        path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name))
        path.write_text(TWO, "utf-8")
        bring(path)
    with store.reading(engine) as connection:
        for table in ("kit", "change", "edition"):
            rows = connection.exec_driver_sql(f"SELECT * FROM {table}").all()
            assert "73159" not in str(rows)


def test_a_number_that_another_kit_of_the_list_has(engine: Engine, bring: Bring) -> None:
    bring("id,name,postcode\n7,Gym,NN1 1DE\n8,Pub,NN17 1AB\n", source="S")
    text = "reference,source,source id\nNN-0002,S,7\n"
    plan = bring(text, write=False, source="S")
    assert plan.rows[0].verdict is Verdict.REJECTED


def test_a_crowd_at_one_spot(bring: Bring) -> None:
    rows = "".join(f"Kit {n % 7},52.24,-0.9\n" for n in range(6000))
    counts = bring(f"name,lat,lon\n{rows}", write=False).counts()
    assert counts["new"] + counts["looks like a duplicate"] == 6000
    assert counts["looks like a duplicate"] > 5000


def test_columns_can_be_named_by_hand(bring: Bring) -> None:
    text = "Wo,Wie\nLaden,NN1 1DE\n"
    with pytest.raises(InputError, match=r"No column of list.csv is understood.*--map"):
        bring(text)
    plan = bring(text, mapping={"Wo": "name", "Wie": "postcode"})
    assert plan.rows[0].values["name"] == "Laden"


def test_a_file_that_is_not_there(engine: Engine, gazetteer: Gazetteer, tmp_path: Path) -> None:
    with pytest.raises(ImportFileError, match="no file"):
        plan_import(engine, tmp_path / "nothing.csv", gazetteer, Options())


def test_the_report_can_be_read_in_a_spreadsheet(bring: Bring, tmp_path: Path) -> None:
    plan = bring("name,lat,lon\n=cmd|x,52.24,0.9\nB,41.9,12.5\n", write=False)
    write_report(plan, tmp_path / "report.csv")
    text = (tmp_path / "report.csv").read_text("utf-8-sig")
    rows = list(csv.DictReader(text.splitlines()))
    assert [row["verdict"] for row in rows] == ["new", "rejected"]
    assert rows[0]["name"] == "'=cmd|x"
    assert rows[0]["corrected"] == "position: the longitude had lost its minus sign"
    assert "not in Great Britain" in rows[1]["please look"]


def test_the_published_list_as_it_was_typed(
    engine: Engine, bring: Bring, geodata: Path, test_data: Path
) -> None:
    """Every row of the list either is a known kit or says which one it looks like."""
    load(engine, geodata)
    (raw,) = (test_data / "kits").glob("*.csv")
    plan = bring(raw, write=False)
    counts = plan.counts()
    assert counts["unchanged"] + counts["looks like a duplicate"] == len(plan.rows) == 49
    for row in plan.rows:
        if row.verdict is Verdict.DUPLICATE:
            number = f"NN-{int(row.values['source_id'][1:]):04d}"
            assert f"looks like {number}," in row.remarks[-1].text


def test_the_published_list_into_an_empty_registry(
    engine: Engine, bring: Bring, test_data: Path
) -> None:
    (raw,) = (test_data / "kits").glob("*.csv")
    plan = bring(raw, leave_out=True)
    assert plan.counts()["rejected"] == 0
    assert plan.counts()["new"] >= 46
    unplaced = [row for row in plan.rows if "longitude" not in row.values]
    assert all(row.remarks for row in unplaced), "each says why it has no position"
    again = bring(raw, leave_out=True)
    assert again.counts()["new"] == again.counts()["changed"] == 0
