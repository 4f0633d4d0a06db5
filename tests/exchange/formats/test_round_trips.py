"""What is written comes back as it was, in every format."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from locator.errors import ImportFileError
from locator.exchange.formats import FORMATS, Scalar, for_writing
from tests.exchange.formats.files import COLUMNS, NOTE, ROWS, TITLE, read, write

BOTH_WAYS = [f.key for f in FORMATS.values() if f.reads and f.writes]
KEYS = (
    "reference",
    "name",
    "position_text",
    "opening_hours",
    "a note",
    "precision_m",
    "capacity",
    "mixed",
    "longitude",
    "latitude",
)
_characters = st.characters(exclude_categories=("Cc", "Cn", "Co", "Cs", "Zl", "Zp"))
_plain = st.text(_characters, min_size=1, max_size=40)
_begun = st.builds(str.__add__, st.sampled_from([*"=+-@|'＝＋－＠", "'=", "''@", "' -"]), _plain)
_long = _plain.map(lambda text: (text * 2000)[:2000])
_texts = st.one_of(_plain, _begun, _long).map(str.strip).filter(bool)
_floats = st.floats(allow_nan=False, allow_infinity=False)
_integers = st.integers(-(2**53), 2**53)
_rows = st.lists(
    st.builds(
        dict.__or__,
        st.fixed_dictionaries(
            {"reference": _texts},
            optional={
                "name": _texts,
                "position_text": _texts,
                "opening_hours": _texts,
                "a note": _texts,
                "precision_m": _floats,
                "capacity": _integers,
                "mixed": st.one_of(_texts, _floats, _integers),
            },
        ),
        st.one_of(
            st.just({}),
            st.fixed_dictionaries(
                {"longitude": st.floats(-180, 180), "latitude": st.floats(-90, 90)}
            ),
        ),
    ),
    min_size=1,
    max_size=30,
)
_NASTY: list[dict[str, Scalar]] = [
    {
        "reference": "'=_x0041_ &amp; ]]> \"',;\t|".replace("\t", " "),
        "position_text": "a b c " * 300 + "d",
        "a note": "…" * 700,
        "opening_hours": "x" + " " * 900 + "…",
        "precision_m": 1e-7 / 3,
        "longitude": 0.1 + 0.2,
        "latitude": -1e-300,
    },
    {"reference": "007", "name": "🩸" * 500, "precision_m": 1.7976931348623157e308, "mixed": -5},
    {"reference": "NaN", "name": "true", "capacity": -(2**53), "mixed": "5"},
]


# the position of formats with geometries, and a name that Shapefiles do not allow
_BACK = {"@x": "longitude", "@y": "latitude", "a_note": "a note"}


def _same(sent: dict[str, Scalar], got: dict[str, Scalar]) -> None:
    got = {_BACK.get(name, name): value for name, value in got.items()}
    assert got.keys() == sent.keys()
    for key, value in sent.items():
        if isinstance(value, str):
            assert got[key] == value
        else:
            assert float(got[key]) == float(value)


def _check(key: str, rows: Sequence[dict[str, Scalar]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"kits{FORMATS[key].extensions[0]}"
        FORMATS[key].writer()(path, KEYS, rows, title=TITLE, note=NOTE)
        assert [file.name for file in Path(folder).iterdir()] == [path.name]
        _, got = read(path)
    sent = [row for row in rows if key != "gpx" or "longitude" in row]
    assert len(got) == len(sent)
    for row, (_, found) in zip(sent, got, strict=True):
        _same(row, found)


@pytest.mark.parametrize("key", BOTH_WAYS)
@settings(max_examples=5, deadline=None, suppress_health_check=list(HealthCheck))
@example(rows=_NASTY)
@given(rows=_rows)
def test_what_is_written_comes_back(key: str, rows: list[dict[str, Scalar]]) -> None:
    _check(key, rows)


@pytest.mark.parametrize("key", BOTH_WAYS)
def test_no_rows_at_all(key: str, tmp_path: Path) -> None:
    path = tmp_path / f"none{FORMATS[key].extensions[0]}"
    FORMATS[key].writer()(path, COLUMNS, [], title=TITLE, note=NOTE)
    if key == "gpkg":
        with pytest.raises(ImportFileError, match="holds no features"):
            read(path)
    else:
        assert read(path)[1] == []


@pytest.mark.parametrize("key", [f.key for f in FORMATS.values() if f.writes])
def test_a_failure_leaves_the_file_as_it_was(key: str, tmp_path: Path) -> None:
    path = write(tmp_path, key)
    before = path.read_bytes()

    class Unwritable:
        def __str__(self) -> str:
            message = "no text"
            raise RuntimeError(message)

        __repr__ = __str__

    broken = [*ROWS, {"name": Unwritable(), "longitude": Unwritable(), "latitude": 1.0}]
    with pytest.raises((RuntimeError, TypeError)):
        FORMATS[key].writer()(path, COLUMNS, broken, title=TITLE, note=NOTE)  # type: ignore[arg-type]
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("key", ["geojson", "geoparquet", "gpkg", "gpx", "kml"])
def test_the_attribution_is_carried(key: str, tmp_path: Path) -> None:
    content = write(tmp_path, key).read_text("utf-8", errors="replace")
    assert "© OpenStreetMap contributors" in content


def test_the_format_to_write_follows_the_name() -> None:
    assert for_writing(Path("kits.GeoJSON")).key == "geojson"
    assert for_writing(Path("kits.txt"), "csv").key == "csv"
    for path, key in [("kits.docx", ""), ("kits.osm", ""), ("kits.csv", "osm")]:
        with pytest.raises(ImportFileError, match=r"Choose one of csv \(\.csv\)"):
            for_writing(Path(path), key)
