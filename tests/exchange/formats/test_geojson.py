"""GeoJSON, good and bad."""

import json
from pathlib import Path

import pytest

from locator.errors import ImportFileError
from tests.exchange.formats.files import ROWS, collection, feature, read, save, write

POINT = {"type": "Point", "coordinates": [-0.9, 52.25]}
SQUARE = {"type": "Polygon", "coordinates": [[[0, 50], [2, 50], [2, 52], [0, 52], [0, 50]]]}


def test_features_of_every_kind(tmp_path: Path) -> None:
    document = collection(
        feature(POINT, name="Gym", tags={"a": [1]}, empty=None, works=True, price=1e999),
        feature(SQUARE, name="Area", big=10**30),
        feature(None, name="Nowhere"),
        feature({"type": "Point", "coordinates": ["a", 1]}, name="Odd"),
        feature({"type": "Polygon", "coordinates": [[1]]}, name="Broken"),
        {"type": "Feature", "id": 7, "properties": None, "geometry": POINT},
        feature(None),
    )
    text = json.dumps(document).replace("Infinity", "1e999")
    header, rows = read(save(tmp_path / "kits.geojson", text))
    assert header.columns == ("name", "tags", "works", "big", "id", "@x", "@y")
    assert header.crs == "EPSG:4326"
    assert set(header.notes) == {
        "Lines and areas were replaced by a point inside them (1 row).",
        "Positions that could not be understood were left out (2 rows).",
        "Empty rows were left out (1 row).",
    }
    assert rows == [
        (1, {"name": "Gym", "tags": '{"a": [1]}', "works": True, "@x": -0.9, "@y": 52.25}),
        (2, {"name": "Area", "big": str(10**30), "@x": 1.0, "@y": 51.0}),
        (3, {"name": "Nowhere"}),
        (4, {"name": "Odd"}),
        (5, {"name": "Broken"}),
        (6, {"id": 7, "@x": -0.9, "@y": 52.25}),
    ]


@pytest.mark.parametrize(
    ("name", "given", "crs", "position"),
    [
        ("urn:ogc:def:crs:OGC:1.3:CRS84", (-0.9, 52.25), "EPSG:4326", (-0.9, 52.25)),
        ("urn:ogc:def:crs:EPSG::27700", (475_000, 260_000), "EPSG:27700", (475_000, 260_000)),
        ("EPSG:7405", (475_000, 260_000), "EPSG:27700", (475_000, 260_000)),
        ("EPSG:3857", (-100_000, 6_800_000), "EPSG:3857", (-100_000, 6_800_000)),
        ("EPSG:32630", (643_000, 5_790_000), "EPSG:4326", (-0.9056, 52.2418)),
        ("EPSG:99999", (1, 2), "", (1, 2)),
    ],
)
def test_coordinate_systems(
    name: str, given: tuple[float, float], crs: str, position: tuple[float, float], tmp_path: Path
) -> None:
    member = {"type": "name", "properties": {"name": name}}
    point = {"type": "Point", "coordinates": given}
    header, rows = read(save(tmp_path / "k.geojson", collection(feature(point), crs=member)))
    assert header.crs == crs
    assert (rows[0][1]["@x"], rows[0][1]["@y"]) == pytest.approx(position, abs=1e-3)
    assert bool(header.notes) == (not crs)


def test_a_linked_coordinate_system_is_not_fetched(tmp_path: Path) -> None:
    link = {"type": "link", "properties": {"href": "file:///etc/passwd", "type": "proj4"}}
    header, _ = read(save(tmp_path / "kits.geojson", collection(feature(POINT), crs=link)))
    assert header.crs == ""
    assert header.notes == ("The coordinate system that the file names is not known.",)


@pytest.mark.parametrize(
    ("document", "rows"),
    [
        (feature(POINT, name="Gym"), [(1, {"name": "Gym", "@x": -0.9, "@y": 52.25})]),
        (POINT, [(1, {"@x": -0.9, "@y": 52.25})]),
        (
            {"type": "GeometryCollection", "geometries": [POINT, SQUARE]},
            [(1, {"@x": -0.9, "@y": 52.25}), (2, {"@x": 1.0, "@y": 51.0})],
        ),
    ],
)
def test_other_objects(document: dict[str, object], rows: object, tmp_path: Path) -> None:
    assert read(save(tmp_path / "kits.json", document))[1] == rows


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[" * 100_000, "damaged in line 1"),
        ('{"a": ' + "[" * 100_000, "nested too deeply"),
        ('{"type": "FeatureCollection", "features": [' + '{"a":' * 100_000, "nested too deeply"),
        ('{"type": "FeatureCollection", "features": [NaN]}', "NaN, which is not a number"),
        ('{"type": "Topology", "objects": {}}', "says that it is Topology"),
        ('{"features": []}', "says that it is nothing"),
        ('{"type": "FeatureCollection"}', "says that it is FeatureCollection"),
        ('{"type": "FeatureCollection", "features": [], "features": []}', "twice"),
        ('{"type": "FeatureCollection",\n"features": [1]}', "Element 1 of the list"),
        ('{"type": "FeatureCollection",\n"features": [}', "damaged in line 2"),
        ('{"type": "FeatureCollection", "features": []} x', "damaged in line 1"),
        ('{"type": "Feature", "properties": [1]}', "not a JSON object"),
        ("{", "damaged in line 1"),
        ('{"a": ' + "9" * 5_000 + "}", "damaged"),
    ],
)
def test_what_is_no_geojson(text: str, message: str, tmp_path: Path) -> None:
    path = save(tmp_path / "kits.geojson", text)
    with pytest.raises(ImportFileError, match=message):
        read(path)


def test_half_characters_are_mended(tmp_path: Path) -> None:
    text = json.dumps(collection(feature(POINT, name="a\ud800b"))).encode()
    _, rows = read(save(tmp_path / "kits.geojson", text))
    assert rows[0][1]["name"] == "a\ufffdb"


def test_what_is_written_is_plain_geojson(tmp_path: Path) -> None:
    document = json.loads(write(tmp_path, "geojson").read_text("utf-8"))
    assert (document["type"], document["name"]) == ("FeatureCollection", "bleed_kits")
    first, second = document["features"]
    assert first["geometry"] == POINT
    assert first["properties"] == {"reference": "BK1", "name": "Café"}
    assert (second["geometry"], second["properties"]) == (None, ROWS[1])
