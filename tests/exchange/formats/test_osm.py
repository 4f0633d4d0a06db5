"""Kits from OpenStreetMap, and drafts for it."""

from pathlib import Path
from xml.etree import ElementTree as ET

import osmium
import pytest

from locator.errors import ImportFileError
from locator.exchange.formats import FORMATS, Limits, Scalar
from tests.exchange.formats.files import NOTE, TITLE, read, save

OSM = """<osm version="0.6">
<node id="1" lat="52.25" lon="-0.9" version="1"><tag k="emergency" v="bleed_control_kit"/>
  <tag k="name" v="Gym"/></node>
<node id="2" lat="52.25" lon="-0.8" version="1"><tag k="emergency" v="defibrillator"/></node>
<node id="3" lat="52.25" lon="-0.7" version="1"><tag k="emergency" v="defibrillator"/>
  <tag k="bleed_control_kit" v="yes"/></node>
<node id="4" lat="50" lon="0" version="1"/><node id="5" lat="50" lon="2" version="1"/>
<node id="6" lat="52" lon="2" version="1"/><node id="7" lat="52" lon="0" version="1"/>
<node id="8" lat="52" lon="0" version="1"><tag k="amenity" v="bar"/></node>
<way id="9" version="1"><nd ref="4"/><nd ref="5"/><nd ref="6"/><nd ref="7"/><nd ref="4"/>
  <tag k="emergency" v="bleed_kit"/></way>
<way id="10" version="1"><nd ref="99"/><tag k="emergency" v="bleed_kit"/></way>
<relation id="11" version="1"><member type="way" ref="9" role=""/>
  <tag k="emergency" v="bleed_control_kit"/></relation>
</osm>"""
FOUND = [
    {"osm id": "node/1", "emergency": "bleed_control_kit", "name": "Gym", "@x": -0.9, "@y": 52.25},
    {
        "osm id": "node/3",
        "emergency": "defibrillator",
        "bleed_control_kit": "yes",
        "@x": -0.7,
        "@y": 52.25,
    },
    {"osm id": "way/9", "emergency": "bleed_kit", "@x": 1.0, "@y": 51.0},
    {"osm id": "way/10", "emergency": "bleed_kit"},
    {"osm id": "relation/11", "emergency": "bleed_control_kit"},
]


def test_extracts(tmp_path: Path) -> None:
    xml = save(tmp_path / "kits.osm", OSM)
    packed = tmp_path / "kits.osm.pbf"
    with osmium.SimpleWriter(str(packed)) as writer:
        for found in osmium.FileProcessor(str(xml)):
            writer.add(found)
    for path in (xml, packed):
        header, rows = read(path)
        assert header.crs == "EPSG:4326"
        assert header.notes == (
            "Looked at 6 objects with the tag “emergency”; 5 of them are bleed kits.",
        )
        assert [row for _, row in rows] == [pytest.approx(row) for row in FOUND]
    with pytest.raises(ImportFileError, match="more than 2 rows"):
        read(xml, Limits(rows=2))
    with pytest.raises(ImportFileError, match="damaged"):
        read(save(packed, packed.read_bytes()[:-30]))


def test_answers_of_overpass(tmp_path: Path) -> None:
    tags = {"emergency": "bleed_control_kit"}
    corners = [{"lat": 50, "lon": 0}, None, {"lat": 50, "lon": 2}]
    elements: list[object] = [
        {"type": "node", "id": 1, "lat": 52.25, "lon": -0.9, "tags": tags | {"name": "Gym"}},
        {"type": "node", "id": 2, "lat": 52.25, "lon": -0.9},
        {"type": "way", "id": 3, "center": {"lat": 52, "lon": -1}, "tags": tags},
        {"type": "way", "id": 4, "geometry": corners, "tags": tags},
        {"type": "relation", "id": 5, "tags": tags},
        {"type": "node", "id": 6, "tags": {"emergency": "siren"}},
        "nonsense",
    ]
    document: dict[str, object] = {"version": 0.6, "generator": "Overpass", "elements": elements}
    header, rows = read(save(tmp_path / "kits.json", document))
    assert header.format == "osm"
    assert header.notes == (
        "Looked at 5 objects with the tag “emergency”; 4 of them are bleed kits.",
    )
    assert [row for _, row in rows] == [
        {"osm id": "node/1", "name": "Gym", "@x": -0.9, "@y": 52.25} | tags,
        {"osm id": "way/3", "@x": -1.0, "@y": 52.0} | tags,
        {"osm id": "way/4", "@x": 1.0, "@y": 50.0} | tags,
        {"osm id": "relation/5"} | tags,
    ]
    document["remark"] = "runtime error: Query timed out"
    with pytest.raises(ImportFileError, match="Overpass did not finish: “runtime error"):
        read(save(tmp_path / "kits.json", document))


KIT: dict[str, Scalar] = {
    "reference": "BK1",
    "name": 'Gym "A" & B',
    "position_text": "behind the bar",
    "floor": "Ground",
    "indoor": "indoor",
    "opening_hours": "24/7",
    "access": "code from 999",
    "wheelchair": "yes",
    "host": "The Gym",
    "last_checked": "2026-07-01",
    "precision_m": 5,
    "status": "installed",
    "longitude": -0.9,
    "latitude": 52.25,
}


def test_drafts_of_new_nodes(tmp_path: Path) -> None:
    rows: list[dict[str, Scalar]] = [
        dict(KIT),
        KIT | {"floor": "-1", "access": "open", "indoor": "outdoor", "host": "x" * 256},
        KIT | {"osm_id": "node/1"},
        KIT | {"status": "planned"},
        KIT | {"precision_m": 25.1},
        KIT | {"status": "removed"},
        {key: value for key, value in KIT.items() if key != "latitude"},
    ]
    path = tmp_path / "kits.osc"
    said = FORMATS["osmchange"].writer()(path, list(KIT), rows, title=TITLE, note=NOTE)
    assert sorted(said) == [
        "1 kit already in OpenStreetMap left out.",
        "1 kit whose position is not known to 25 m left out.",
        "1 kit without a position left out.",
        "1 text of more than 255 characters left out.",
        "2 kits not installed left out.",
    ]
    assert "<!-- A draft for a mapper to survey: do not upload" in path.read_text("utf-8")
    root = ET.parse(path).getroot()  # noqa: S314
    assert (root.tag, root.attrib["version"]) == ("osmChange", "0.6")
    first, second = root.findall("create/node")
    assert first.attrib == {"id": "-1", "lat": "52.2500000", "lon": "-0.9000000"}
    assert {tag.attrib["k"]: tag.attrib["v"] for tag in first} == {
        "emergency": "bleed_control_kit",
        "name": 'Gym "A" & B',
        "ref": "BK1",
        "opening_hours": "24/7",
        "description": "behind the bar",
        "operator": "The Gym",
        "wheelchair": "yes",
        "indoor": "yes",
        "locked": "yes",
        "level": "0",
        "check_date": "2026-07-01",
        "fixme": "Draft from a list: survey the place before this is uploaded.",
    }
    tags = {tag.attrib["k"]: tag.attrib["v"] for tag in second}
    assert (tags["level"], tags["access"], tags["indoor"]) == ("-1", "yes", "no")
    assert "operator" not in tags
    assert len(list(osmium.FileProcessor(str(path)))) == 2


def test_drafts_cannot_be_imported(tmp_path: Path) -> None:
    path = tmp_path / "kits.osc"
    FORMATS["osmchange"].writer()(path, list(KIT), [KIT], title=TITLE, note=NOTE)
    with pytest.raises(ImportFileError, match="change file, which can only be written"):
        read(path)
