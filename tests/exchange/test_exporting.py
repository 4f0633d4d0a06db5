"""Export the registry and import it again: nothing has changed, and nothing private has left."""

import datetime as dt
import xml.etree.ElementTree as ET
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from locator.errors import InputError
from locator.exchange.exporting import export_kits
from locator.exchange.formats import FORMATS
from locator.exchange.importing import Options, plan_import
from locator.exchange.kits import Verdict
from locator.places import Gazetteer
from locator.registry import rules, store
from locator.registry.custody import Visit, check, edit, entrust
from locator.registry.schema import Access, Indoor, Kind, Kit, Status, Wheelchair
from locator.registry.snapshot import public_columns
from locator.settings import Settings
from tests.registry.conftest import load

DAY = dt.date(2026, 7, 1)
ROUND = [f for f in FORMATS.values() if f.reads and f.writes]
GAZETTEER = Gazetteer.load(Settings().geodata)


def unchanged(engine: Engine, path: Path, key: str) -> None:
    """Import what was exported and find nothing new or changed."""
    plan = plan_import(engine, path, GAZETTEER, Options(format=key))
    for row in plan.rows:
        assert row.verdict is Verdict.SAME, (row.number, row.changes, row.remarks, row.values)


@pytest.mark.parametrize("form", ROUND, ids=lambda f: f.key)
def test_the_published_kits_come_back_as_they_were(
    engine: Engine, geodata: Path, tmp_path: Path, form: Any
) -> None:
    load(engine, geodata)
    check(engine, "NN-0001", Visit("Ann", DAY, DAY), expires_on=dt.date(2028, 1, 31))
    values = {
        "cost_gbp": 585.5,
        "floor": "-1",
        "osm_id": "node/7",
        "note": "=1+1",
        "contents": "+2",
    }
    edit(engine, "NN-0001", values, who="Ann", why="Seen")
    path = tmp_path / f"kits{form.extensions[0]}"
    result = export_kits(engine, path, "A note.", format_key=form.key)
    assert result.rows == 49
    plan = plan_import(engine, path, GAZETTEER, Options())
    assert len(plan.rows) == (39 if form.key == "gpx" else 49)
    unchanged(engine, path, form.key)


def sentences(longest: int) -> st.SearchStrategy[str]:
    alphabet = st.characters(codec="utf-8", exclude_categories=("Cs", "Co", "Cn", "Cc"))
    text = st.text(alphabet, max_size=40) | st.sampled_from(
        ["=1+1", "+44", "-", "'=x", "@a", 'Größe; „quote“, "two"', "null", "007", "1e5", "TRUE"]
    )
    return text.map(
        lambda t: rules.without_contacts(rules.without_codes(rules.single_line(t)))[
            :longest
        ].strip()
    )


def one_of(values: Any) -> st.SearchStrategy[str]:
    return st.sampled_from([str(value) for value in values])


past = st.dates(dt.date(2020, 1, 1), dt.date(2026, 1, 1))
future = st.dates(dt.date(2026, 1, 2), dt.date(2040, 1, 1))
places = st.none() | st.tuples(
    st.floats(-1.3, -0.4), st.floats(52.0, 52.6), st.floats(0.5, 2000, exclude_min=True)
)


@st.composite
def a_kit(draw: st.DrawFn) -> dict[str, Any]:
    kit: dict[str, Any] = {
        "kind": draw(one_of(Kind)),
        "status": draw(one_of([s for s in Status if s is not Status.WITHDRAWN])),
        "access": draw(one_of(Access)),
        "indoor": draw(one_of(Indoor)),
        "wheelchair": draw(one_of(Wheelchair)),
        "opening_hours": draw(st.sampled_from(["", "24/7", "Mo-Fr 09:00-17:30; PH off"])),
        "postcode": draw(st.sampled_from(["", "NN1 1DE", "NN17 1AB"])),
        "reported": draw(st.sampled_from(["", "2023", "2023-02", "2023-02-03"])),
        "source_url": draw(st.sampled_from(["", "https://example.org/?a=1&b=<2>"])),
        "cost_gbp": draw(st.none() | st.floats(0, 1e5)),
    }
    texts = ("position_method", "position_text", "floor", "address", "hours_text", "contents")
    for name in (*texts, "host", "funder", "note", "source"):
        kit[name] = draw(sentences(20))
    kit["name"] = draw(sentences(200)) or "Kit"
    first, second, third = draw(st.tuples(st.none() | past, st.none() | past, st.none() | future))
    if first and second:
        first, second = sorted((first, second))
    kit |= {"installed_on": first, "last_checked": second, "expires_on": third}
    place = draw(places)
    if place:
        kit |= dict(zip(("longitude", "latitude", "precision_m"), place, strict=True))
    return kit


@pytest.mark.parametrize("form", ROUND, ids=lambda f: f.key)
@settings(
    max_examples=5,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    deadline=None,
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
    ],
)
@given(kits=st.lists(a_kit(), min_size=1, max_size=8))
def test_exported_and_imported_nothing_has_changed(
    tmp_path_factory: pytest.TempPathFactory, form: Any, kits: list[dict[str, Any]]
) -> None:
    folder = tmp_path_factory.mktemp("round")
    engine = store.open_registry(f"sqlite:///{folder}/registry.sqlite")
    with store.writing(engine, who="Ann", why="Made up") as writing:
        rows = [
            rules.clean(Kit, kit) | {"reference": f"NN-{n:04d}"} for n, kit in enumerate(kits, 1)
        ]
        writing.add(Kit, rows)
    path = folder / f"kits{form.extensions[0]}"
    export_kits(engine, path, "A note.", format_key=form.key)
    placed = [kit for kit in kits if "longitude" in kit]
    if form.key != "gpx" or placed:
        unchanged(engine, path, form.key)
    engine.dispose()


@pytest.mark.parametrize("form", [f for f in FORMATS.values() if f.writes], ids=lambda f: f.key)
def test_nothing_private_leaves(engine: Engine, kits: Engine, tmp_path: Path, form: Any) -> None:
    contact = {"name": "Giasecret", "email": "secret@example.org", "phone": "07700 900123"}
    entrust(engine, "NN-0001", contact, who="Whosecret", why="Whysecret")
    check(engine, "NN-0001", Visit("Bobsecret", DAY, DAY))
    with store.writing(engine, who="Ann", why="Consent") as writing:
        writing.change(Kit, {"NN-0001": {"host_consent": "refused", "host_contact_id": 1}})
    path = tmp_path / f"kits{form.extensions[0]}"
    export_kits(engine, path, "A note.", format_key=form.key)
    written = path.read_bytes()
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            written = b"".join(archive.read(name) for name in archive.namelist())
    for secret in (b"secret", b"07700", b"refused", b"guardian", b"checked_by", b"consent"):
        assert secret not in written, secret


def test_withdrawn_kits_stay_at_home(engine: Engine, kits: Engine, tmp_path: Path) -> None:
    edit(engine, "NN-0002", {"status": "withdrawn"}, who="Ann", why="Closed")
    result = export_kits(engine, tmp_path / "kits.csv", "")
    assert result.rows == 2
    assert "NN-0002" not in (tmp_path / "kits.csv").read_text("utf-8-sig")


def test_formulas_are_harmless_in_spreadsheets(
    engine: Engine, kits: Engine, tmp_path: Path
) -> None:
    for number, text in enumerate(["=cmd|' /C calc'!A0", "\uff1d1+1"], 1):
        edit(engine, f"NN-000{number}", {"note": text}, who="Ann", why="Attack")
    export_kits(engine, tmp_path / "kits.csv", "")
    text = (tmp_path / "kits.csv").read_text("utf-8-sig")
    assert "'=cmd" in text
    assert "'\uff1d1+1" in text
    export_kits(engine, tmp_path / "kits.xlsx", "")
    with zipfile.ZipFile(tmp_path / "kits.xlsx") as archive:
        sheets = [archive.read(n) for n in archive.namelist() if "worksheets/" in n]
    assert all(b"<f>" not in sheet and b"<f " not in sheet for sheet in sheets)


def test_a_draft_for_mappers_holds_only_what_is_exact(
    engine: Engine, kits: Engine, tmp_path: Path
) -> None:
    edit(
        engine,
        "NN-0003",
        {"longitude": -0.8, "latitude": 52.3, "precision_m": 300},
        who="A",
        why="B",
    )
    result = export_kits(engine, tmp_path / "kits.osc", "")
    nodes = list(ET.parse(tmp_path / "kits.osc").getroot().iter("node"))  # noqa: S314  # our own
    assert len(nodes) == 1
    tags = {tag.get("k"): tag.get("v") for tag in nodes[0].iter("tag")}
    assert tags["emergency"] == "bleed_control_kit"
    assert tags["ref"] == "NN-0001"
    assert len(result.remarks) >= 2


def test_the_columns_are_those_that_the_docs_promise() -> None:
    private = {"checked_by", "guardian_id", "host_contact_id", "host_consent", "host_consent_on"}
    assert not private & set(public_columns())
    assert {"reference", "name", "longitude", "expires_on", "last_checked"} <= set(public_columns())


def test_a_folder_that_is_not_there(engine: Engine, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be written"):
        export_kits(engine, tmp_path / "no" / "kits.csv", "")
