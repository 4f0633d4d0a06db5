"""KML and KMZ as Google Earth and My Maps write them."""

import zipfile
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from locator.errors import ImportFileError
from tests.exchange.formats.files import NOTE, pack, read, save, write

KML = """<?xml version="1.0" encoding="UTF-8"?>
<kml xmlns="http://www.opengis.net/kml/2.2"><Document><name>Kits</name><Folder>
<NetworkLink><Link><href>file:///etc/passwd</href></Link></NetworkLink>
<Placemark>
  <name> Gym </name><description><![CDATA[<b>behind</b> the bar]]></description>
  <address>1 High St</address>
  <ExtendedData>
    <Data name="town"><value>Corby</value></Data>
    <Data name="name"><value>Gym of old</value></Data>
    <SchemaData><SimpleData name="code">C1</SimpleData></SchemaData>
  </ExtendedData>
  <Point><coordinates>
    -0.9,52.25,0 </coordinates></Point>
</Placemark>
<Placemark><name>Area</name><Polygon><outerBoundaryIs><LinearRing><coordinates>
0,50 2,50 2,52 0,52 0,50</coordinates></LinearRing></outerBoundaryIs></Polygon></Placemark>
<Placemark><name>Line</name>
<LineString><coordinates>0,50 2,50</coordinates></LineString></Placemark>
<Placemark><name>Odd</name><Point><coordinates>north,52</coordinates></Point></Placemark>
<Placemark><name>Nan</name><Point><coordinates>nan,52</coordinates></Point></Placemark>
<Placemark/>
</Folder></Document></kml>"""


def _check(path: Path) -> None:
    header, rows = read(path)
    assert header.crs == "EPSG:4326"
    assert set(header.notes) == {
        "Links to other KML files were not followed (1 row).",
        "Lines and areas were replaced by a point inside them (2 rows).",
        "Positions that could not be understood were left out (2 rows).",
        "Empty rows were left out (1 row).",
    }
    assert rows[0] == (
        1,
        {
            "name": "Gym",
            "description": "<b>behind</b> the bar",
            "address": "1 High St",
            "town": "Corby",
            "name (2)": "Gym of old",
            "code": "C1",
            "@x": -0.9,
            "@y": 52.25,
        },
    )
    assert rows[1] == (2, {"name": "Area", "@x": 1.0, "@y": 51.0})
    assert rows[2][1]["@y"] == 50.0
    assert rows[3:] == [(4, {"name": "Odd"}), (5, {"name": "Nan"})]


def test_placemarks(tmp_path: Path) -> None:
    _check(save(tmp_path / "kits.kml", KML))
    _check(save(tmp_path / "wide.kml", KML.replace("UTF-8", "UTF-16").encode("utf-16")))


def test_kmz(tmp_path: Path) -> None:
    _check(pack(tmp_path / "kits.kmz", {"a.kml": "<kml/>", "doc.kml": KML, "files/a.png": b"x"}))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<kml><Placemark><name>A</Placemark></kml>", "XML is damaged"),
        ("<kml><Placemark><name>\x00</name>", "neither text nor"),
        ('<?xml version="1.0" encoding="no-such"?><kml/>', "XML is damaged|damaged"),
        ('<!DOCTYPE kml SYSTEM "file:///etc/passwd"><kml/>', "declares a document type"),
    ],
)
def test_what_is_no_kml(text: str, message: str, tmp_path: Path) -> None:
    path = save(tmp_path / "kits.kml", text)
    with pytest.raises(ImportFileError, match=message):
        read(path)


def test_a_deep_tree_is_read_or_refused_but_breaks_nothing(tmp_path: Path) -> None:
    depth = 300_000
    text = (
        f"<kml>{'<Folder>' * depth}<Placemark><name>A</name></Placemark>{'</Folder>' * depth}</kml>"
    )
    try:
        _, rows = read(save(tmp_path / "kits.kml", text))
    except ImportFileError:
        return
    assert rows == [(1, {"name": "A"})]


def test_what_is_written_is_described(tmp_path: Path) -> None:
    root = ET.parse(write(tmp_path, "kml")).getroot()  # noqa: S314
    space = {"k": "http://www.opengis.net/kml/2.2"}
    assert root.findtext("k:Document/k:description", namespaces=space) == NOTE
    assert len(root.findall("k:Document/k:Placemark", space)) == 2


def test_an_encrypted_archive(tmp_path: Path) -> None:
    path = pack(tmp_path / "kits.kmz", {"doc.kml": KML})
    data = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        local = archive.infolist()[0].header_offset
    for at in (local + 6, data.index(b"PK\x01\x02") + 8):
        data[at] |= 1
    path.write_bytes(data)
    with pytest.raises(ImportFileError, match="protected by a password"):
        read(path)
