"""Files that are made to do harm do none, and those that lie are told apart."""

import json
import os
import signal
import sqlite3
import struct
import subprocess
import sys
import time
import zlib
from pathlib import Path

import pytest

from locator.errors import ImportFileError
from locator.exchange import reading as parent
from locator.exchange.formats import FORMATS, Header, Limits, _sniffing
from locator.exchange.reading import reading
from tests.exchange.formats.files import collection, feature, pack, read, save, write

STOPPED = "The reader of the file was stopped"
CANARY = "uid=SECRET-4711"
READ = [f for f in FORMATS.values() if f.reads]


def _children() -> list[int]:
    task = Path(f"/proc/self/task/{os.getpid()}/children")
    return [int(number) for number in task.read_text().split()]


def _rows(path: Path, number: int) -> Path:
    return save(path, "name,town\n" + "Gym,Corby\n" * number)


@pytest.mark.parametrize("extension", [e for f in READ for e in f.extensions])
@pytest.mark.parametrize("kind", ["vrt", "html", "binary", "zip", "picture", "empty"])
def test_content_decides_and_not_the_name(extension: str, kind: str, tmp_path: Path) -> None:
    secret = save(tmp_path / "secret.csv", f"name,{CANARY}\nGym,{CANARY}\n")
    content: dict[str, str | bytes] = {
        "vrt": (
            '<OGRVRTDataSource><OGRVRTLayer name="secret">'
            f"<SrcDataSource>{secret}</SrcDataSource></OGRVRTLayer></OGRVRTDataSource>"
        ),
        "html": "<!DOCTYPE html><html><body>Sign in</body></html>",
        "binary": b"\x7fELF" + bytes(range(256)),
        "zip": pack(tmp_path / "a.bin", {"secret.csv": CANARY}).read_bytes(),
        "picture": b"\x89PNG\r\n\x1a\n" + b"\0" * 100,
        "empty": b"",
    }
    path = save(tmp_path / f"kits{extension}", content[kind])
    with pytest.raises(ImportFileError, match=r"seems to be|is empty") as refused:
        # as the child does, without the time to start one
        _sniffing.recognise(path)
    assert CANARY not in str(refused.value)


@pytest.mark.parametrize("extension", [".csv", ".geojson", ".kml", ".gpkg", ".zip", ".osm"])
def test_what_lies_elsewhere_is_never_read(extension: str, tmp_path: Path) -> None:
    secret = save(tmp_path / "secret.csv", f"name,town\n{CANARY},{CANARY}\n")
    kml = f"<NetworkLink><Link><href>{secret}</href></Link></NetworkLink>"
    entity = f'<!DOCTYPE a [<!ENTITY e SYSTEM "file://{secret}">]>'
    database = tmp_path / "a.db"
    with sqlite3.connect(database) as connection:
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute(
            "INSERT INTO sqlite_master VALUES ('table', 'x', 'x', 0, ?)",
            [f"CREATE VIRTUAL TABLE x USING VirtualOGR('{secret}')"],
        )
    connection.close()
    contents: list[str | bytes] = [
        f"<OGRVRTDataSource><SrcDataSource>{secret}</SrcDataSource></OGRVRTDataSource>",
        f"<kml><Document>{kml}<Placemark><name>{secret.name}</name></Placemark></Document></kml>",
        f"{entity}<kml><Placemark><name>&e;</name></Placemark></kml>",
        f"{entity}<osm><node id='1'><tag k='emergency' v='&e;'/></node></osm>",
        database.read_bytes(),
        pack(tmp_path / "a.bin", {"../secret.csv": "x", str(secret): "y"}).read_bytes(),
        json.dumps({"type": "link", "href": str(secret), "properties": str(secret)}),
        json.dumps(collection(feature(None, file=secret.name), crs={"type": "link"})),
        f"name,file\n=WEBSERVICE('{secret}'),{secret.name}\n",
    ]
    for content in contents:
        try:
            said = repr(read(save(tmp_path / f"kits{extension}", content)))
        except ImportFileError as error:
            said = str(error)
        assert "SECRET" not in said


def test_special_files_are_refused_at_once(tmp_path: Path) -> None:
    pipe = tmp_path / "kits.csv"
    os.mkfifo(pipe)
    link = tmp_path / "link.csv"
    link.symlink_to(pipe)
    loop = tmp_path / "loop.csv"
    loop.symlink_to(loop)
    for path in (pipe, link, Path("/dev/zero"), tmp_path):
        with pytest.raises(ImportFileError, match="is not a file"):
            read(path)
    for name in ("/vsimem/a.csv", "/vsizip//etc/a.zip", "gone.csv", f"{loop}", "a\0b", "a\x1b[2J"):
        with pytest.raises(ImportFileError, match="There is no file") as refused:
            read(Path(name))
        assert str(refused.value).isprintable()
    with pytest.raises(ImportFileError, match="no ordinary file"):
        _sniffing.recognise(pipe)


def test_a_link_to_a_list_is_read(tmp_path: Path) -> None:
    link = tmp_path / "a ?#%&'!.csv"
    link.symlink_to(_rows(tmp_path / "a:b|c.csv", 2))
    assert len(read(link)[1]) == 2


def test_strange_names_are_no_orders(tmp_path: Path) -> None:
    for number, key in enumerate(["gpkg", "shapefile", "xlsx", "geoparquet"]):
        made = write(tmp_path, key)
        path = tmp_path / f"zip+file!{number} ?mode=rw#&%20'\"GPKG:{made.suffix}"
        made.rename(path)
        assert len(read(path)[1]) == 2


def test_too_large_a_file(tmp_path: Path) -> None:
    path = tmp_path / "kits.csv"
    with path.open("wb") as file:
        file.truncate(3_000_000_000)
    with pytest.raises(ImportFileError, match="has 3,000 MB; at most 200 MB"):
        read(path)


def test_the_user_may_name_the_format(tmp_path: Path) -> None:
    path = _rows(tmp_path / "kits.list", 1)
    assert read(path, key="csv")[0].format == read(path)[0].format == "csv"
    with pytest.raises(ImportFileError, match="should be Excel, but seems to be CSV"):
        read(path, key="xlsx")
    for key in ("doc", "osmchange"):
        with pytest.raises(ImportFileError, match=r"is no format. Those .* CSV \(\.csv"):
            read(path, key=key)


def test_a_name_that_promises_something_else(tmp_path: Path) -> None:
    path = save(tmp_path / "kits.csv", collection())
    with pytest.raises(ImportFileError, match=r"should be a \.csv file, but seems to be GeoJSON"):
        read(path)


@pytest.mark.parametrize("key", ["xlsx", "shapefile", "kml"])
def test_archives_that_unpack_to_too_much(key: str, tmp_path: Path) -> None:
    names = {"xlsx": "xl/workbook.xml", "shapefile": "a.shp", "kml": "doc.kml"}
    extension = {"xlsx": ".xlsx", "shapefile": ".zip", "kml": ".kmz"}[key]
    path = pack(tmp_path / f"kits{extension}", {names[key]: b"\0" * 20_000_000})
    assert path.stat().st_size < 30_000
    with pytest.raises(ImportFileError, match="unpacks to 20 MB; at most 10 MB"):
        read(path, Limits(unpacked_bytes=10_000_000))
    many = pack(
        tmp_path / f"many{extension}", {names[key]: b""} | {f"{n}": "" for n in range(10_001)}
    )
    with pytest.raises(ImportFileError, match="holds 10,002 files"):
        read(many)


def test_archives_that_lie_about_their_sizes(tmp_path: Path) -> None:
    content = b"\0" * 20_000_000
    path = pack(tmp_path / "kits.xlsx", {"xl/workbook.xml": content})
    honest = path.read_bytes()
    sizes = struct.pack("<L", len(content)), struct.pack("<L", 100)
    sums = struct.pack("<L", zlib.crc32(content)), struct.pack("<L", zlib.crc32(content[:100]))
    path.write_bytes(honest.replace(*sizes).replace(*sums))
    for lie in (honest.replace(*sizes).replace(*sums), honest.replace(*sizes)):
        with pytest.raises(ImportFileError, match=r"not true about its sizes|archive is damaged"):
            read(save(path, lie))


def test_too_much_memory(tmp_path: Path) -> None:
    # a few bytes of JSON each, and far more as a list
    text = '{"type": "Feature", "properties": {"a": [' + "[0]," * 6_000_000 + "0]}}"
    path = save(tmp_path / "kits.geojson", text)
    with pytest.raises(ImportFileError, match="needs too much memory"):
        read(path, Limits(memory_bytes=450_000_000))


def test_too_much_time(tmp_path: Path) -> None:
    path = _rows(tmp_path / "kits.csv", 240_000)
    since = time.monotonic()
    with pytest.raises(ImportFileError, match=STOPPED):
        read(path, Limits(seconds=0.05))
    assert time.monotonic() - since < 2
    assert _children() == []


def test_too_much_work(tmp_path: Path) -> None:
    limits = json.dumps({"seconds": 1})
    # one pattern of XML that keeps a parser busy, and no wall clock that ends it
    path = save(tmp_path / "kits.kml", "<kml>" + "<a/>" * 8_000_000)
    done = subprocess.run(
        [sys.executable, "-m", "locator.exchange.formats", str(path), "", limits],
        capture_output=True,
        check=False,
    )
    assert done.returncode in {-signal.SIGKILL, -signal.SIGXCPU}


def test_a_reader_that_dies_half_way(tmp_path: Path) -> None:
    with reading(_rows(tmp_path / "kits.csv", 100_000)) as found:
        rows = found.rows()
        assert next(rows) == (2, {"name": "Gym", "town": "Corby"})
        (child,) = _children()
        os.kill(child, signal.SIGKILL)
        with pytest.raises(ImportFileError, match=STOPPED):
            list(rows)


def test_the_reader_ends_with_the_context(tmp_path: Path) -> None:
    path = _rows(tmp_path / "kits.csv", 100_000)
    with reading(path) as found:
        next(found.rows())
        assert len(_children()) == 1
    assert _children() == []

    def fails() -> None:
        with reading(path):
            message = "the caller fails"
            raise RuntimeError(message)

    with pytest.raises(RuntimeError):
        fails()
    assert _children() == []


def test_time_counts_only_while_waiting(tmp_path: Path) -> None:
    with reading(_rows(tmp_path / "kits.csv", 20_000), limits=Limits(seconds=2)) as found:
        rows = found.rows()
        next(rows)
        time.sleep(2.1)
        assert len(list(rows)) == 19_999


def test_the_reader_knows_no_secrets(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LOCATOR_SECRET_KEY", CANARY)
    with reading(_rows(tmp_path / "kits.csv", 100_000)) as found:
        next(found.rows())
        (child,) = _children()
        assert CANARY not in Path(f"/proc/{child}/environ").read_text()
        status = Path(f"/proc/{child}/limits").read_text()
    assert " ".join(status.partition("Max address space")[2].split()[:2]) == f"{3 * 2**30} " + str(
        3 * 2**30
    )


HEADER = {"format": "csv", "columns": ["a"], "crs": "", "notes": []}
END = {"end": 1}


@pytest.mark.parametrize(
    "lines",
    [
        ["nonsense"],
        ["[" * 100_000],
        [HEADER | {"format": "exe"}],
        [HEADER | {"columns": [1]}],
        [HEADER | {"columns": ["a\x1b[2J"]}],
        [HEADER | {"columns": ["a"] * 1_001}],
        [HEADER | {"crs": "/etc/passwd"}],
        [HEADER | {"notes": "a"}],
        [[1, {"a": "x"}]],
        [HEADER, [1, {"b": "x"}], END],
        [HEADER, [1, {"a": None}], END],
        [HEADER, [1, {"a": ["x"]}], END],
        [HEADER, ["1", {"a": "x"}], END],
        [HEADER, [True, {"a": "x"}], END],
        [HEADER, '[1, {"a": NaN}]', END],
        [HEADER, '[1, {"a": 1e999}]', END],
        [HEADER, '[1, {"a": "\\ud800"}]', END],
        [HEADER, [1, {"a": "x" * 1_000_001}], END],
        [HEADER, [1, {"a": "x"}], {"end": 2}],
        [HEADER, [1, {"a": "x"}], [2, {"a": "x"}], [3, {"a": "x"}]],
        [HEADER, [1, {"a": "x"}]],
        [],
        ["x" * 20_000_000],
    ],
)
def test_a_reader_that_was_taken_over(
    lines: list[object], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    text = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines)
    said = save(tmp_path / "said", f"{text}\n" if lines else "")
    monkeypatch.setattr(parent, "_START", f"print(open({str(said)!r}).read(), end='')")
    with pytest.raises(ImportFileError, match=f"gave no sensible answer|{STOPPED}"):
        read(_rows(tmp_path / "kits.csv", 1), Limits(rows=2))


def test_what_a_reader_complains_of_is_made_printable(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(parent, "_START", 'print(\'{"error": "a\\\\u001b[2Jb"}\')')
    with pytest.raises(ImportFileError, match=r"^a \[2Jb$"):
        read(_rows(tmp_path / "kits.csv", 1))


def test_the_parent_loads_no_library_of_a_format() -> None:
    script = (
        "import sys, types; p = types.ModuleType('locator'); p.__path__ = [sys.argv[1]];"
        "sys.modules['locator'] = p; p.__file__ = sys.argv[1] + '/x';"
        "import locator.exchange.reading;"
        "print({'pandas', 'pyarrow', 'pyogrio', 'osmium', 'shapely', 'numpy'} & set(sys.modules))"
    )
    folder = str(Path(parent.__file__).parent.parent)
    done = subprocess.run(
        [sys.executable, "-c", script, folder], capture_output=True, text=True, check=True
    )
    assert done.stdout == "set()\n"


def test_headers_come_before_rows(tmp_path: Path) -> None:
    with reading(_rows(tmp_path / "kits.csv", 1)) as found:
        assert found.header == Header("csv", ("name", "town"))
        assert list(found.rows()) == [(2, {"name": "Gym", "town": "Corby"})]
