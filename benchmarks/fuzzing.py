"""Attack the importer with files that are damaged or lie, and check what it does to a registry."""

import contextlib
import csv
import datetime as dt
import io
import itertools
import json
import math
import os
import re
import signal
import sqlite3
import struct
import subprocess
import sys
import tempfile
import time
import traceback
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from types import FrameType
from typing import Any
from xml.sax.saxutils import quoteattr

import click
import osmium
import xlsxwriter
from sqlalchemy import Engine, select

from locator import Facts, Settings
from locator.errors import LocatorError
from locator.exchange import columns
from locator.exchange.formats import FORMATS, Scalar, _writing
from locator.exchange.importing import Options, Plan, plan_import, write_plan
from locator.exchange.kits import Duplicates
from locator.registry import rules, store, trail
from locator.registry.schema import TABLES, Change, Kit, table_of

# what no table may ever hold
SECRET = "code 73159"  # noqa: S105  # what the importer has to take out
_LEAK = re.compile(r"\bcode 73159\b", re.IGNORECASE)
# far beyond what a busy machine needs with nothing compiled yet
_HANGS_S = 120
_EVERY = 25
_FILES = 1000
_REFUSED = range(2, 6)
# what a process may grow by between its first files and its last
_GROWTH_MB = 400
_WARM = 0.3

Record = dict[str, Any]

_VENUES = ("Gym", "Café Zoë", "The Ship", "Corn Exchange", "St Giles’ Church", "Co-op", "Library")
_TOWNS = ("Corby", "Kettering", "Northampton", "Wellingborough", "Daventry", "Rushden")
_POSTCODES = ("NN1 1DE", "NN17 1PD", "NN16 8JN", "NN8 1BP", "NN11 4BQ", "NN10 0PT")
_HOURS = ("24/7", "Mo-Fr 09:00-17:30", "Mo-Su 08:00-22:00; PH off", "when open", "24 hours")
# values that people and programs put where others belong
LIES: tuple[Any, ...] = (
    1e308,
    1e-320,
    -0.0,
    0,
    2**63,
    10**30,
    "NaN",
    "-nan",
    "inf",
    "1e999",
    f"0.{'0' * 330}1",
    "9" * 400,
    "9" * 400 + "W",
    46_000,
    46_000.75,
    "46000.5",
    "30/02/2024",
    "0000-00-00",
    "31.12.99",
    "2024-13",
    "١٢/٠٣/٢٠٢٤",
    "a\x00b\x07c\x1b[31md",
    "line\r\nbreak\u2028and\x85more",
    "x" * 5_000,
    "High Street, Corby " * 3_000,
    {"a": {"b": [1, None, {"c": SECRET}]}},
    [[[[]]]],
    "=HYPERLINK(CONCAT(A1), 1)",
    "@SUM(1+1)*cmd|' /C calc'!A0",
    "-2+3",
    "'=1",
    "half \ud83e surrogate \udc00",
    "\u202eright to left\u202c\u200f",
    "z\u0300\u0301\u0302" * 60,
    "\ufeff\u200b",
    "🩸" * 90,
    True,
    False,
    "NULL",
    "  ",
    "<b>&amp;</b>]]>",
    "[red]markup[/red] :smile:",
    "NN-0001",
    "nn 42",
    "NN-999999999",
    "A reference that is far too long",
    "node/5",
    "w77",
    "node/" + "7" * 60,
    "SP 75 60",
    "9C4WX3R5+V2",
    "52.24, -0.9",
    "52°14'24\"N",
    "07700 900123 (office) or 07700 900124 (mobile), ask for Ann",
    f"at the door, {SECRET}",
    f"{SECRET.upper()} opens it",
    f"The {SECRET}. The pin is 9911",
    "Code " + "4" * 600,
)

# a format may refuse the whole file because of one of these
_MONSTERS = (math.nan, math.inf, -math.inf, "x" * 1_000_001)


def _kit(random: Random, number: int) -> Record:
    """Make one row as people send them, by field."""
    town = random.randrange(len(_TOWNS))
    installed = dt.date(2023, 1, 1) + dt.timedelta(days=random.randrange(900))
    row: Record = {
        "name": f"{random.choice(_VENUES)} {random.getrandbits(30):x}",
        "town": _TOWNS[town],
        "postcode": _POSTCODES[town],
        "longitude": round(random.uniform(-1.2, -0.5), 6),
        "latitude": round(random.uniform(52.1, 52.5), 6),
        "kind": random.choice(("cabinet", "bag", "defib cabinet", "")),
        "status": random.choice(("installed", "active", "planned", "missing")),
        "opening_hours": random.choice(_HOURS),
        "installed_on": installed.isoformat(),
        "expires_on": (installed + dt.timedelta(days=1500)).strftime("%d/%m/%Y"),
        "cost_gbp": random.choice((95, 120.5, "£1,200")),
        "precision_m": random.choice((5, 10.0, "20 m")),
        "guardian_name": random.choice(("Ann", "Bob", "Cy")),
        "guardian_email": f"a{random.randrange(50)}@example.org",
        "guardian_phone": "07700 900123",
        "note": random.choice(("behind the bar", f"in the lobby, {SECRET}", "")),
        "source_id": f"{random.getrandbits(30)}-{number}",
        "host_consent_on": installed.isoformat(),
        "access": random.choice(("open", "ask staff", f"keypad, {SECRET}")),
        columns.CODE: SECRET,
    }
    kept = {k: v for k, v in row.items() if k in ("name", columns.CODE) or random.random() < 0.8}
    if random.random() < 0.15:
        kept["longitude"], kept["latitude"] = kept.get("latitude", 1), kept.get("longitude", 1)
    for name in [*kept, "reference", "osm_id", "address", "coordinates", "position_method"]:
        if random.random() < 0.05 and name != columns.CODE:
            kept[name] = random.choice(LIES if random.random() < 0.97 else _MONSTERS)
    return kept


def _flat(value: Any) -> Scalar:
    """Turn a lie into what the writers of the project take."""
    if isinstance(value, dict | list):
        value = json.dumps(value)
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    return float(value) if isinstance(value, int) and abs(value) > 2**62 else value


def _renamed(random: Random, rows: Sequence[Record], kept: Sequence[str] = ()) -> list[Record]:
    """Give the fields other usual names, the same in every row."""
    heads = {
        # GDAL keeps fid for itself
        name: name
        if name in kept
        else random.choice([head for head in (name, *columns.KIT[name]) if head != "fid"])
        for name in {name: None for row in rows for name in row}
    }
    return [{heads[name]: value for name, value in row.items()} for row in rows]


def _heads(rows: Sequence[Record]) -> list[str]:
    return list(dict.fromkeys(itertools.chain.from_iterable(rows)))


def _csv(random: Random, path: Path, rows: Sequence[Record]) -> None:
    file = io.StringIO()
    heads, delimiter = _heads(rows), random.choice(",,,;\t|")
    writer = csv.writer(file, delimiter=delimiter, quoting=random.choice((0, 0, 1)))
    writer.writerow(heads)
    writer.writerows([row.get(head, "") for head in heads] for row in rows)
    encoding = random.choice(("utf-8", "utf-8", "utf-8-sig", "utf-16", "cp1252"))
    path.write_bytes(file.getvalue().encode(encoding, "replace"))


def _xlsx(random: Random, path: Path, rows: Sequence[Record]) -> None:
    # text that begins with = becomes a formula, as in workbooks that people make
    options = {"nan_inf_to_errors": True, "strings_to_numbers": random.random() < 0.5}
    with xlsxwriter.Workbook(str(path), options) as book:
        book.set_properties({"created": dt.datetime(2026, 7, 4)})  # noqa: DTZ001  # any will do
        sheet, dated = book.add_worksheet(), book.add_format({"num_format": "dd/mm/yyyy"})
        heads = _heads(rows)
        sheet.write_row(0, 0, heads)
        for number, row in enumerate(rows, 1):
            for at, head in enumerate(heads):
                value = _flat(row.get(head, ""))
                if head == "installed_on" and isinstance(value, str) and value[:2] == "20":
                    with contextlib.suppress(ValueError):
                        sheet.write_datetime(number, at, dt.datetime.fromisoformat(value), dated)
                        continue
                sheet.write(number, at, value[:32_000] if isinstance(value, str) else value)


def _geojson(random: Random, path: Path, rows: Sequence[Record]) -> None:
    features = []
    for row in rows:
        place = [row.pop("longitude", None), row.pop("latitude", None)]
        kind = random.choice(("Point", "Point", "Point", "LineString", "Polygon"))
        corners = {"Point": place, "LineString": [place, [0, 1]], "Polygon": [[place] * 4]}
        geometry = {"type": kind, "coordinates": corners[kind]} if place[0] is not None else None
        features.append({"type": "Feature", "properties": row, "geometry": geometry})
    whole = {"type": "FeatureCollection", "features": features}
    path.write_text(json.dumps(whole, ensure_ascii=random.random() < 0.5), "utf-8", "replace")


def _by_writer(key: str) -> Callable[[Random, Path, Sequence[Record]], None]:
    def make(_: Random, path: Path, rows: Sequence[Record]) -> None:
        flat = [{name: _flat(value) for name, value in row.items()} for row in rows]
        if key == "shapefile":
            # a text that does not fit takes more columns, of which there are not many
            flat = [{k: v[:3_000] if isinstance(v, str) else v for k, v in r.items()} for r in flat]
        for row in flat:
            try:
                place = {name: float(row[name]) for name in ("longitude", "latitude")}
            except (KeyError, ValueError):
                place = {}
            row.pop("longitude", None), row.pop("latitude", None)
            # GDAL writes no others
            if all(map(math.isfinite, place.values())):
                row.update(place)
        FORMATS[key].writer()(path, _heads(flat), flat, title="kits", note="Note")
        if key == "shapefile":
            # without the times of its members the archive is the same every time
            _pack(path, _unpacked(path.read_bytes()))

    return make


def _tags(row: Mapping[str, Any]) -> dict[str, str]:
    tags = {name: str(_flat(value))[:255] for name, value in row.items()}
    return tags | {"emergency": "bleed_control_kit"}


def _osm_xml(random: Random, path: Path, rows: Sequence[Record]) -> None:
    lines = ['<?xml version="1.0"?><osm version="0.6">']
    for row in rows:
        said = {"lat": row.pop("latitude", None), "lon": row.pop("longitude", None)}
        place = "".join(
            f" {k}={quoteattr(_writing.xml_text(_flat(v))[:50])}"
            for k, v in said.items()
            if v is not None
        )
        lines.append(f'<node id="{random.getrandbits(40)}" version="1"{place}>')
        lines += [
            f"<tag k={quoteattr(k)} v={quoteattr(_writing.xml_text(v))}/>"
            for k, v in _tags(row).items()
        ]
        lines.append("</node>")
    path.write_text("\n".join([*lines, "</osm>"]), "utf-8")


def _osm_pbf(random: Random, path: Path, rows: Sequence[Record]) -> None:
    packing = random.choice(("none", "zlib"))
    with osmium.SimpleWriter(osmium.io.File(str(path), f"pbf,pbf_compression={packing}")) as writer:
        for row in rows:
            place = [row.pop(name, None) for name in ("longitude", "latitude")]
            sound = all(isinstance(v, float) and abs(v) <= 90 for v in place)
            node = osmium.osm.mutable.Node(
                id=random.getrandbits(40),
                version=1,
                location=tuple(place) if sound else None,
                tags={k: v.replace("\0", "") for k, v in _tags(row).items()},
            )
            writer.add_node(node)


def _overpass(random: Random, path: Path, rows: Sequence[Record]) -> None:
    elements = []
    for row in rows:
        place = {"lon": row.pop("longitude", None), "lat": row.pop("latitude", None)}
        placed = random.choice((place, {"center": place}, {"geometry": [place, place]}))
        tags: Record = dict(row) | {"emergency": "bleed_control_kit"}
        elements.append({"type": "node", "id": random.getrandbits(40), "tags": tags} | placed)
    path.write_text(json.dumps({"version": 0.6, "elements": elements}), "utf-8")


# kind of file -> its extension and what makes one
_MAKERS: Mapping[str, tuple[str, Callable[[Random, Path, Sequence[Record]], None]]] = {
    "CSV": (".csv", _csv),
    "Excel": (".xlsx", _xlsx),
    "GeoJSON": (".geojson", _geojson),
    "GeoPackage": (".gpkg", _by_writer("gpkg")),
    "GeoParquet": (".parquet", _by_writer("geoparquet")),
    "Shapefile": (".zip", _by_writer("shapefile")),
    "KML": (".kml", _by_writer("kml")),
    "GPX": (".gpx", _by_writer("gpx")),
    "OpenStreetMap XML": (".osm", _osm_xml),
    "OpenStreetMap PBF": (".pbf", _osm_pbf),
    "Overpass JSON": (".json", _overpass),
}


def _make(random: Random, kind: str, folder: Path) -> Path:
    """Write a whole file of one kind with lies in it."""
    extension, make = _MAKERS[kind]
    path = folder / f"kits{extension}"
    rows = [_kit(random, number) for number in range(random.randint(1, 8))]
    make(random, path, _renamed(random, rows, ("longitude", "latitude")))
    return path


_SQL = (
    "UPDATE gpkg_contents SET table_name = 'kits'",
    "UPDATE gpkg_contents SET data_type = 'tiles', table_name = x'00ff'",
    "INSERT INTO gpkg_contents (table_name, data_type) VALUES ('gpkg_contents', 'attributes')",
    "UPDATE gpkg_geometry_columns SET srs_id = 27700",
    "UPDATE gpkg_geometry_columns SET srs_id = 'x'",
    "UPDATE gpkg_geometry_columns SET column_name = 'name'",
    "UPDATE gpkg_spatial_ref_sys SET definition = 7, organization = ''",
    "CREATE VIEW kits_too AS SELECT randomblob(1000000000)",
    "CREATE TRIGGER t AFTER INSERT ON kits BEGIN SELECT 1; END",
    'ALTER TABLE kits ADD COLUMN "NAME (2)" AS (1 + 1)',
    'ALTER TABLE kits ADD COLUMN "a""b, \'; -- " BOOLEAN DEFAULT \'maybe\'',
    "ALTER TABLE kits ADD COLUMN note_too DATE DEFAULT 9e999",
    "ALTER TABLE kits ADD COLUMN comment_too BLOB DEFAULT x'00ff'",
    'ALTER TABLE kits RENAME TO "kits \u202e"',
    "PRAGMA user_version = 77",
    "PRAGMA journal_mode = WAL",
    "DROP TABLE gpkg_spatial_ref_sys",
    "DELETE FROM kits",
)

# what can happen to a file's bytes
_Damage = Callable[[Random, bytes], bytes]


def _cut(random: Random, data: bytes) -> tuple[int, int]:
    first, second = sorted(random.randrange(len(data) + 1) for _ in range(2))
    return first, second


def _flip(random: Random, data: bytes) -> bytes:
    flipped = bytearray(data)
    for _ in range(random.choice((1, 3, 20))):
        flipped[random.randrange(len(data))] ^= 1 << random.randrange(8)
    return bytes(flipped)


def _truncate(random: Random, data: bytes) -> bytes:
    return data[: random.randrange(len(data))]


def _repeat(random: Random, data: bytes) -> bytes:
    first, second = _cut(random, data)
    return data[:second] + data[first:second] * random.randint(1, 3) + data[second:]


def _repeat_head(random: Random, data: bytes) -> bytes:
    line = data[: data.find(b"\n") + 1] or data[:200]
    return line * random.randint(2, 300) + data


def _change_types(random: Random, data: bytes) -> bytes:
    others = (b"null", b'""', b"[]", b"{}", b"NaN", b"1e999", b"-", b"7" * 5_000, b"true")
    return re.sub(
        rb"-?\d+(\.\d+)?",
        lambda match: random.choice(others) if random.random() < 0.1 else match[0],
        data,
    )


def _nest(random: Random, data: bytes) -> bytes:
    opening = random.choice((b"[", b'{"a":', b"<a>", b"(", b'"'))
    at = random.choice((0, *(m.end() for m in re.finditer(rb"[:>,]", data[:20_000]))))
    return data[:at] + opening * random.choice((50, 5_000, 200_000)) + data[at:]


def _swell_head(random: Random, data: bytes) -> bytes:
    more = random.choice((b"name,", b"x" * 3_000 + b",", b" ", b"\xff"))
    return more * random.choice((500, 2_000)) + data


def _mark_alone(random: Random, _: bytes) -> bytes:
    return random.choice((b"", b" \n", b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff", b"\xff\xfe\n\0"))


def _mix_encodings(random: Random, data: bytes) -> bytes:
    at, _ = _cut(random, data)
    rest = data[at:].decode("utf-8", "replace")
    return data[:at] + rest.encode(
        random.choice(("utf-16", "cp037", "utf-7", "gb18030")), "replace"
    )


def _lie_about_sizes(random: Random, data: bytes) -> bytes:
    lied = bytearray(data)
    entries = [m.start() for m in re.finditer(rb"PK\x01\x02|PK\x05\x06|PK\x03\x04", data)]
    places = [start + more for start in entries for more in (8, 10, 12, 16, 18, 20, 22, 24, 28)]
    places += [*range(0, 128, 4), len(data) - 8, random.randrange(len(data))]
    for _ in range(random.randint(1, 4)):
        at = min(max(random.choice(places), 0), max(len(data) - 4, 0))
        number = random.choice((0, 1, 0x7FFFFFFF, 0xFFFFFFFF, random.getrandbits(32)))
        lied[at : at + 4] = struct.pack(random.choice("<>") + "I", number)
    return bytes(lied)


_PLAIN: Sequence[_Damage] = (
    _flip,
    _truncate,
    _repeat,
    _repeat_head,
    _change_types,
    _nest,
    _swell_head,
    _mark_alone,
    _mix_encodings,
    _lie_about_sizes,
)


def _unpacked(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def _pack(path: Path, members: Mapping[str, bytes]) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)


def _within(random: Random, path: Path) -> None:
    """Damage one member of an archive, and pack it again as if nothing were wrong."""
    members = _unpacked(path.read_bytes())
    name = random.choice([name for name in members if members[name]])
    if random.random() < 0.15:
        del members[name]
    else:
        members[name] = random.choice(_PLAIN)(random, members[name])
    _pack(path, members)


def _within_database(random: Random, path: Path) -> None:
    """Let a database lie in ways that only its own language can."""
    with contextlib.closing(sqlite3.connect(path)) as database:
        for statement in random.sample(_SQL, random.randint(1, 3)):
            # an earlier one may have taken the table away
            with contextlib.suppress(sqlite3.Error):
                database.execute(statement)
        database.commit()


def _name(random: Random, path: Path) -> Path:
    """Give a file a name that lies or is hard to write down."""
    others = [extension for extension, _ in _MAKERS.values()]
    named = (
        f"kits{random.choice(others)}",
        f"kits{path.suffix.upper()}",
        f"{SECRET}{path.suffix}",
        f"=1+1\n\x1b[31m{path.suffix}",
        f"\u202e{'é' * 100}{path.suffix}",
        f"half \udcff{path.suffix}",
        "kits",
    )
    return path.rename(path.with_name(random.choice(named)))


def make(seed: int, number: int, folder: Path) -> tuple[str, Path]:
    """Make one malformed file.

    Parameters
    ----------
    seed, number
        The same give the same file; the numbers go through the formats in turn.
    folder
        Where to put it.

    Returns
    -------
    kind, path
        What the file was before it was damaged.
    """
    random = Random(f"{seed} {number}")  # noqa: S311  # no secret
    kinds = list(_MAKERS)
    kind = kinds[number % len(kinds)]
    path = _make(random, kind, folder)
    way = random.random()
    if way < 0.3:
        # only the rows lie
        return kind, path
    if way < 0.36:
        return kind, _name(random, path)
    if way < 0.43:
        whole = path.read_bytes()
        path = path.rename(path.with_name(f"whole{path.suffix}"))
        other = _make(random, random.choice(kinds), folder).read_bytes()
        at, _ = _cut(random, whole)
        path.write_bytes(whole[:at] + other[random.randrange(len(other)) :])
        return kind, path
    if zipfile.is_zipfile(path) and way < 0.75:
        _within(random, path)
        return kind, path
    if kind == "GeoPackage" and way < 0.75:
        _within_database(random, path)
        return kind, path
    data = path.read_bytes()
    for _ in range(random.choice((1, 1, 2))):
        data = random.choice(_PLAIN)(random, data) if data else data
    path.write_bytes(data)
    return kind, path


@dataclass(slots=True)
class Outcome:
    """What became of one file.

    Attributes
    ----------
    kind
        Of the file before it was damaged.
    refused
        The message with which it was refused as a whole; empty if it was read.
    rows, rejected
        Rows of the report, and those of them that cannot be written.
    written
        Whether kits were added or changed.
    seconds
        From the file to the end.
    wrong
        What must not happen, in sentences.
    """

    kind: str
    refused: str = ""
    rows: int = 0
    rejected: int = 0
    written: bool = False
    seconds: float = 0.0
    wrong: list[str] = field(default_factory=list)


class _HangError(BaseException):
    """Nothing that catches usual errors may catch this."""


@contextlib.contextmanager
def _no_longer_than(seconds: float) -> Iterator[None]:
    def end(number: int, frame: FrameType | None) -> None:
        del number
        raise _HangError("".join(traceback.format_stack(frame)[-2:]))

    before = signal.signal(signal.SIGALRM, end)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@contextlib.contextmanager
def _judging(outcome: Outcome) -> Iterator[None]:
    """Tell a refusal from what must not happen."""
    start = time.monotonic()
    try:
        with _no_longer_than(_HANGS_S):
            yield
    except LocatorError as error:
        outcome.refused = str(error) or "?"
        if not str(error):
            outcome.wrong.append(f"refused without a word: {error!r}")
    except KeyboardInterrupt:
        raise
    except _HangError as error:
        outcome.wrong.append(f"hangs at {error}")
    except BaseException as error:  # noqa: BLE001  # a library in Rust raises none of the usual
        where = traceback.extract_tb(error.__traceback__)[-1]
        outcome.wrong.append(f"{error!r:.300} in {where.name}, {where.filename}:{where.lineno}")
    outcome.seconds += time.monotonic() - start


def attack(facts: Facts, kind: str, path: Path, random: Random, *, on_terminal: bool) -> Outcome:
    """Import one file and check what that did.

    Parameters
    ----------
    facts
        With the registry.
    kind, path
        The file.
    random
        Chooses what is done about duplicates.
    on_terminal
        Whether a process of the command line writes it.

    Returns
    -------
    outcome
        With what is wrong.
    """
    outcome, before = Outcome(kind), store.version(facts.engine)
    options = Options(duplicates=random.choice(list(Duplicates)))
    plan: Plan | None = None
    with _judging(outcome):
        plan = plan_import(facts.engine, path, facts.gazetteer, options)
        json.dumps(plan.as_dict(), allow_nan=False).encode()
    if plan is not None:
        outcome.rows = len(plan.rows)
        outcome.rejected = sum(row.rejected for row in plan.rows)
    if on_terminal:
        _command(facts, path, options, outcome)
    elif plan is not None and not outcome.wrong:
        with _judging(outcome):
            said = write_plan(
                facts.engine, plan, facts.area.reference_prefix, who="Fuzz", why="Test",
                leave_out=True,
            )  # fmt: skip
            if said != store.version(facts.engine):
                outcome.wrong.append(f"says edition {said}, {store.version(facts.engine)} is there")
        if outcome.refused:
            outcome.wrong.append(f"the plan is good but not written: {outcome.refused}")
    after = store.version(facts.engine)
    outcome.written = after > before
    if after - before > (0 if outcome.refused or outcome.wrong else 1):
        outcome.wrong.append(f"{after - before} editions more")
    if outcome.written:
        outcome.wrong += audit(facts.engine, after)
    return outcome


def _command(facts: Facts, path: Path, options: Options, outcome: Outcome) -> None:
    arguments = ["--write", "--leave-out", "--by", "Fuzz", "--duplicates", str(options.duplicates)]
    start = time.monotonic()
    try:
        done = subprocess.run(
            [sys.executable, "-m", "locator", "import", str(path), *arguments],
            capture_output=True,
            check=False,
            timeout=_HANGS_S,
            env=os.environ | {"LOCATOR_DATABASE_URL": facts.settings.database_url},
        )
    except subprocess.TimeoutExpired:
        outcome.wrong.append("the command line hangs")
        return
    finally:
        outcome.seconds += time.monotonic() - start
    said = (done.stdout + done.stderr).decode("utf-8", "replace")
    wanted = _REFUSED if outcome.refused else (0,)
    if "Traceback" in said or done.returncode not in wanted:
        tail = said.strip().splitlines()[-1:]
        outcome.wrong.append(f"the command line ends with {done.returncode}: {tail}"[:300])
    if outcome.refused and not done.stderr.strip():
        outcome.wrong.append("the command line refuses without a word")


def audit(engine: Engine, edition: int) -> list[str]:
    """Check everything that one edition wrote; what is wrong, in sentences."""
    wrong, now = [], store.now_utc()
    with store.reading(engine) as connection:
        kits = [
            dict(row)
            for row in connection.execute(
                select(table_of(Kit)).where(Kit.edition == edition)
            ).mappings()
        ]
        for table in map(table_of, TABLES):
            column = table.columns.get("version" if table.name == "edition" else "edition")
            if column is None:
                # letters belong to no edition
                continue
            wrong += [
                f"{table.name} holds {SECRET}: {row}"[:400]
                for row in connection.execute(select(table).where(column == edition))
                if _LEAK.search(" ".join(map(str, row)))
            ]
        changed = set(
            connection.scalars(
                select(Change.key).where(Change.edition == edition, Change.subject == "kit")
            )
        )
    if changed != {kit["reference"] for kit in kits}:
        wrong.append("kits without trail, or the reverse")
    for kit in kits:
        try:
            cleaned = rules.clean(Kit, kit)
        except LocatorError as error:
            wrong.append(f"{kit['reference']} breaks a rule: {error}")
            continue
        if cleaned != kit:
            differs = [name for name in kit if kit[name] != cleaned[name]]
            wrong.append(f"{kit['reference']} is not clean: {differs}")
        if kit["longitude"] is not None and not rules.in_great_britain(
            kit["longitude"], kit["latitude"]
        ):
            wrong.append(f"{kit['reference']} is not in Great Britain")
        if trail.as_of(engine, Kit, kit["reference"], now) != kit:
            wrong.append(f"{kit['reference']} is not what its trail says")
    return wrong


def _memory_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


@dataclass(slots=True)
class Result:
    """What became of many files.

    Attributes
    ----------
    outcomes
        One of each file.
    growth_mb
        What the process grew by after its first files.
    editions
        Of the registry at the end.
    """

    outcomes: list[Outcome] = field(default_factory=list)
    growth_mb: float = 0.0
    editions: int = 0

    @property
    def wrong(self) -> list[str]:
        """What must not happen, with the number of the file."""
        found = [
            f"file {number} ({outcome.kind}): {words}"
            for number, outcome in enumerate(self.outcomes)
            for words in outcome.wrong
        ]
        if self.growth_mb > _GROWTH_MB:
            found.append(f"the process grew by {self.growth_mb:.0f} MB")
        return found


def run(files: int, seed: int, *, every: int = _EVERY) -> Result:
    """Attack a new registry with malformed files.

    Parameters
    ----------
    files, seed
        How many, and which.
    every
        One in so many goes through a process of the command line.

    Returns
    -------
    result
        What became of them.
    """
    result, warm = Result(), 0.0
    with tempfile.TemporaryDirectory() as folder:
        facts = Facts.open(Settings(database_url=f"sqlite:///{folder}/registry.sqlite"))
        for number in range(files):
            with tempfile.TemporaryDirectory(dir=folder) as place:
                kind, path = make(seed, number, Path(place))
                random = Random(f"{seed} {number} options")  # noqa: S311  # no secret
                on_terminal = number % every == every - 1
                result.outcomes.append(attack(facts, kind, path, random, on_terminal=on_terminal))
            if number == int(files * _WARM):
                warm = _memory_mb()
        result.growth_mb = _memory_mb() - warm
        result.editions = store.version(facts.engine)
        facts.close()
    return result


def section(result: Result, seed: int) -> str:
    """Write what became of the files as a section in Markdown."""
    kinds = Counter(outcome.kind for outcome in result.outcomes)
    lines = [
        "## Fuzzing\n",
        (
            f"{len(result.outcomes):,} malformed files (seed {seed}): rows that lie, then bytes "
            "flipped, cut, repeated, spliced and mixed, sizes and names that lie. Each is imported "
            f"into one registry, every {_EVERY}th by the command line, and what an import wrote is "
            "checked against the rules and its trail.\n"
        ),
        "| format | files | refused with a message | read with a report | rows | rows rejected |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for kind in [*_MAKERS, "all"]:
        some = [o for o in result.outcomes if kind in (o.kind, "all")]
        refused = sum(bool(o.refused) for o in some)
        rows, rejected = sum(o.rows for o in some), sum(o.rejected for o in some)
        count = kinds[kind] if kind != "all" else len(some)
        cells = (count, refused, len(some) - refused, rows, rejected)
        lines.append(f"| {kind} | {' | '.join(f'{cell:,}' for cell in cells)} |")
    slowest = max((o.seconds for o in result.outcomes), default=0.0)
    lines.append(
        f"\n{len(result.wrong)} crashes, tracebacks, hangs, partial imports, leaked codes or "
        f"broken rules. {sum(o.written for o in result.outcomes)} files were written. The slowest "
        f"took {slowest:.1f} s; the process grew by {result.growth_mb:.0f} MB."
    )
    lines += [f"\nWrong: {words}" for words in result.wrong]
    return "\n".join([*lines, ""])


def report() -> str:
    """Measure in full and give a section in Markdown."""
    result = run(_FILES, 1)
    assert not result.wrong, result.wrong
    return section(result, 1)


@click.command()
@click.option("--files", default=_FILES, show_default=True, help="Malformed files to import.")
@click.option("--seed", default=1, show_default=True, help="Another one makes other files.")
def main(files: int, seed: int) -> None:
    """Attack and print; exit with 1 if anything happened that must not."""
    result = run(files, seed)
    click.echo(section(result, seed))
    sys.exit(bool(result.wrong))


if __name__ == "__main__":
    main()
