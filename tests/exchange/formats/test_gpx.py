"""Waypoints as outdoor programs write them."""

from pathlib import Path

import pytest

from locator.errors import ImportFileError
from locator.exchange.formats import FORMATS
from tests.exchange.formats.files import COLUMNS, NOTE, ROWS, TITLE, read, save

GPX = """<gpx version="1.1" xmlns="http://www.topografix.com/GPX/1/1" xmlns:g="urn:garmin">
<metadata><name>Kits</name></metadata>
<wpt lat="52.25" lon="-0.9"><ele>80</ele><name>Gym</name><cmt>code C1</cmt><sym>Flag</sym>
<extensions><g:Extension><g:Address><g:City>Corby</g:City></g:Address></g:Extension></extensions></wpt>
<wpt lat="52.25"><name>Half</name></wpt>
<wpt lat="inf" lon="1"><name>Far</name></wpt>
<trk><trkseg><trkpt lat="1" lon="2"/></trkseg></trk>
</gpx>"""


def test_waypoints(tmp_path: Path) -> None:
    header, rows = read(save(tmp_path / "kits.gpx", GPX))
    assert header.crs == "EPSG:4326"
    assert header.notes == ("Positions that could not be understood were left out (2 rows).",)
    gym = {"name": "Gym", "cmt": "code C1", "sym": "Flag", "City": "Corby"}
    assert rows == [
        (1, gym | {"@x": -0.9, "@y": 52.25}),
        (2, {"name": "Half"}),
        (3, {"name": "Far"}),
    ]


def test_kits_without_a_position_are_told(tmp_path: Path) -> None:
    path = tmp_path / "kits.gpx"
    said = FORMATS["gpx"].writer()(path, COLUMNS, ROWS, title=TITLE, note=NOTE)
    assert said == ["1 kit without a position left out: GPX can only hold points."]
    assert len(read(path)[1]) == 1


@pytest.mark.parametrize(
    "declaration",
    [
        '<!ENTITY a "lol"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">',
        '<!ENTITY b SYSTEM "file:///etc/passwd">',
        '<!ENTITY % b SYSTEM "http://127.0.0.1:1/x">',
    ],
)
@pytest.mark.parametrize("root", ["gpx", "kml", "osm"])
def test_entities_are_refused(root: str, declaration: str, tmp_path: Path) -> None:
    inner = "<Placemark><name>&b;</name></Placemark><wpt><name>&b;</name></wpt>"
    if root == "osm":
        inner = '<node id="1" lat="1" lon="1"><tag k="emergency" v="&b;"/></node>'
    text = (
        f'<?xml version="1.0"?><!DOCTYPE x [{declaration}]><{root} version="0.6">{inner}</{root}>'
    )
    with pytest.raises(ImportFileError, match=r"declares a document type|damaged"):
        read(save(tmp_path / f"kits.{root}", text))
