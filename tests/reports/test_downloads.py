import json
from pathlib import Path

import pytest

from locator.analysis.nearest import overview
from locator.exchange.formats import FORMATS, Limits
from locator.facts import Facts
from locator.registry.snapshot import public_columns
from locator.reports.downloads import kits_file

NOTE = "Call 999 first. As known on 2026-07-04, unconfirmed. © Somebody & <others>."
ADVICE = "Call 999 first."
_NAMING = ("reference", "name", "status")


@pytest.mark.parametrize("form", ["csv", "geojson", "gpx", "kml"])
def test_our_own_importer_reads_every_kit_again(facts: Facts, form: str, tmp_path: Path) -> None:
    fetches = overview(facts.snapshot(), facts.calendar.now())
    path = tmp_path / f"kits.{form}"
    path.write_bytes(kits_file(fetches, form, NOTE, ADVICE))
    rows = [row for row in FORMATS[form].reader()(path, Limits()) if isinstance(row, tuple)]
    placed = facts.snapshot().placed
    read = {values["reference"]: values for _, values in rows}
    assert len(read) == (len(placed) if form == "gpx" else 49)
    assert {values["data"] for values in read.values()} == {"published, unconfirmed"}
    for reference, name, status in zip(*(placed[c] for c in _NAMING), strict=True):
        plain = status == "installed" or form in ("csv", "geojson")
        said = name if plain else f"{status.capitalize()}: {name}"
        assert read[reference]["name"] == said


def test_nothing_but_public_columns_is_written(facts: Facts) -> None:
    fetches = overview(facts.snapshot(), facts.calendar.now())
    document = json.loads(kits_file(fetches, "geojson", NOTE, ADVICE))
    assert document["attribution"] == NOTE
    allowed = {*public_columns(), "data"}
    for feature in document["features"]:
        assert set(feature["properties"]) <= allowed
    unplaced = [f for f in document["features"] if f["geometry"] is None]
    assert len(unplaced) == 10


def test_a_table_carries_the_note_in_every_row(facts: Facts) -> None:
    fetches = overview(facts.snapshot(), facts.calendar.now())
    text = kits_file(fetches, "csv", NOTE, ADVICE).decode("utf-8-sig")
    assert text.count(NOTE) == 49
