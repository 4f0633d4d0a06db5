"""Prove that no acknowledged change is lost when writers are killed or write at the same time."""

import contextlib
import dataclasses
import datetime as dt
import itertools
import json
import os
import signal
import sqlite3
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Barrier
from random import Random

import click
import psycopg
from sqlalchemy import Engine, create_engine, event, select, text
from sqlalchemy.engine import make_url

from locator import Settings
from locator.errors import ConflictError, RegistryError
from locator.registry import custody, store, trail
from locator.registry.schema import (
    Change,
    Contact,
    Edition,
    Event,
    EventKind,
    Finding,
    Kit,
    Letter,
    Task,
    key_of,
)

# children start from a process that has imported what takes long, not from this one with its
# threads and connections
_CHILDREN = get_context("forkserver")
_CHILDREN.set_forkserver_preload(["click", "psycopg", "locator"])

_DAY = dt.date(2026, 7, 4)
_KITS = tuple(f"NN-{number:04}" for number in range(1, 21))
# these two always change together, to the same words
_TWINS = _KITS[:2]
_FINDINGS = (Finding.USED, Finding.DAMAGED, Finding.OBSTRUCTED, Finding.WRONG_DETAILS)
_SETTINGS = Settings(mail_fallback="guardian@example.org")
# seconds from the first change to the kill, and from the start of the process while it opens
_WHILE_WRITING, _WHILE_OPENING = (0.002, 0.3), (0.0, 0.15)
_SHARE_OPENING = 0.1
_MOMENTS = ("opening", "between", "inside", "committing")
_ROWS = (
    "kills while opening, between, inside and committing transactions",
    "changes acknowledged before a kill",
    "of these lost",
    "half changes found",
    "durable although not acknowledged yet",
    "changes acknowledged by writers at the same time",
    "of these lost",
    "conflicts declared",
    "other errors",
    "changes per second",
    "ms per change: median / p99 / longest",
    "longest wait of one call, ms",
    "fewest / most changes of one writer",
    "changes per second, one writer alone",
    "plain commits per second",
    "ratio of time, change to plain commit",
)
_KILLS, _WRITERS, _SECONDS = 200, 32, 60.0
_ROUNDS, _COMMITS = 7, 150
_PLAIN_TABLE = "CREATE TABLE plain (id INTEGER PRIMARY KEY, words TEXT)"


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """A change that was reported as done: so many rows of one edition hold these words."""

    edition: int
    words: str
    rows: int


@dataclass(slots=True)
class Audit:
    """What is wrong with a registry: acknowledged changes that are lost, and half changes."""

    lost: list[str] = field(default_factory=list)
    half: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Kills:
    """What became of a registry whose writers were killed.

    Attributes
    ----------
    moments
        Kills while the registry was opened, inside a transaction, in its commit, and between.
    acknowledged
        Changes that were reported as done.
    unreported
        Changes that were durable although the kill came before they were reported.
    audit
        What was wrong after any of the kills.
    """

    moments: Counter[str] = field(default_factory=Counter)
    acknowledged: int = 0
    unreported: int = 0
    audit: Audit = field(default_factory=Audit)


@dataclass(slots=True)
class Tally:
    """What one writer, or all of them, did.

    Attributes
    ----------
    seconds
        From reading a kit to its acknowledged change, with every repetition after a conflict.
    waits
        Of each single call, whether it succeeded or not.
    conflicts
        Declared; each was repeated with fresh data.
    errors
        Messages of all other errors.
    """

    seconds: list[float] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)
    conflicts: int = 0
    errors: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Crowd:
    """What writers at the same time did to a registry.

    Attributes
    ----------
    tallies
        One of each writer.
    counted
        Sum of all counters at the end.
    audit
        What was wrong at the end.
    """

    tallies: list[Tally]
    counted: int
    audit: Audit

    @property
    def total(self) -> Tally:
        """All writers together."""
        chained = itertools.chain.from_iterable
        return Tally(
            list(chained(tally.seconds for tally in self.tallies)),
            list(chained(tally.waits for tally in self.tallies)),
            sum(tally.conflicts for tally in self.tallies),
            list(chained(tally.errors for tally in self.tallies)),
        )


def fill(url: str) -> None:
    """Make a registry with twenty kits; every second one has a guardian."""
    engine = store.open_registry(url)
    with store.writing(engine, who="Ann", why="Kits to write to") as writing:
        writing.add(Contact, [{"id": 1, "name": "Ann", "email": "ann@example.org"}])
        writing.add(
            Kit,
            [
                {
                    "reference": reference,
                    "name": "Kit",
                    "status": "installed",
                    "note": "n 0",
                    "guardian_id": 1 if number % 2 else None,
                }
                for number, reference in enumerate(_KITS)
            ],
        )
    engine.dispose()


def audit(engine: Engine, acknowledged: Sequence[Acknowledged], twins: Sequence[str]) -> Audit:
    """Check every row of a registry that nobody writes to.

    Parameters
    ----------
    engine
        The registry.
    acknowledged
        Every change that must be there.
    twins
        Kits whose notes must be equal.

    Returns
    -------
    audit
        In sentences.
    """
    result = Audit()
    with store.reading(engine) as connection:
        written = {row.version: row.written_at for row in connection.execute(select(Edition))}
        changes = connection.execute(select(Change)).all()
        events = connection.execute(select(Event)).all()
        letters = sorted(connection.scalars(select(Letter.created_at)))
        kits = {row["reference"]: row for row in connection.execute(select(Kit)).mappings()}
        keys = {
            model.__tablename__: {str(key) for key in connection.scalars(select(key_of(model)))}
            for model in (Kit, Contact, Event, Task)
        }
        pragmas = ("integrity_check", "foreign_key_check")
        said = (
            [row for name in pragmas for row in connection.exec_driver_sql(f"PRAGMA {name}")]
            if engine.dialect.name == "sqlite"
            else [("ok",)]
        )
    found = Counter((event.edition, event.note) for event in events)
    found.update(
        (change.edition, change.after["note"])
        for change in changes
        if change.subject == "kit" and "note" in change.after
    )
    result.lost += [
        f"{change} left {found[change.edition, change.words]} rows"
        for change in acknowledged
        if change.edition not in written or found[change.edition, change.words] != change.rows
    ]

    if sorted(written) != list(range(1, len(written) + 1)):
        result.half.append("editions have gaps")
    if set(written) != {change.edition for change in changes}:
        result.half.append("editions without changes, or changes without edition")
    for subject, there in keys.items():
        if there != {c.key for c in changes if c.subject == subject and c.before is None}:
            result.half.append(f"rows of {subject} without trail, or the reverse")
    reported = [e.edition for e in events if e.kind in (EventKind.USE, EventKind.REPORT)]
    if letters != sorted(written[edition] for edition in reported):
        result.half.append(f"{len(letters)} letters for {len(reported)} reports")
    if len({kits[reference]["note"] for reference in twins}) > 1:
        result.half.append(f"{' and '.join(twins)} differ")
    now = store.now_utc()
    result.half += [
        f"{reference} is not what its trail says"
        for reference, row in kits.items()
        if trail.as_of(engine, Kit, reference, now) != dict(row)
    ]
    if said != [("ok",)]:
        result.half.append(f"SQLite finds {said}")
    return result


def _change_something(engine: Engine, random: Random, words: str) -> Acknowledged:
    kind = random.randrange(3)
    if kind == 0:
        with store.writing(engine, who="Ann", why="Both alike") as writing:
            writing.change(Kit, {reference: {"note": words} for reference in _TWINS})
        return Acknowledged(writing.edition, words, len(_TWINS))
    reference = random.choice(_KITS)
    visit = custody.Visit("Ben", _DAY, _DAY, words)
    if kind == 1:
        done = custody.report(engine, reference, random.choice(_FINDINGS), visit, _SETTINGS)
        return Acknowledged(done.edition, words, 1)
    # the new contents and the check are two events
    done = custody.check(engine, reference, visit, restocked=True)
    return Acknowledged(done.edition, words, 2)


def _write_until_killed(url: str, seed: int, pipe: Connection) -> None:
    random, to_parent = Random(seed), pipe.fileno()  # noqa: S311  # no secret

    def say(line: str) -> None:
        # one line is far shorter than what a pipe takes in one piece
        os.write(to_parent, f"{line}\n".encode())

    say("opening")
    engine = store.open_registry(url)
    event.listen(engine, "begin", lambda _: say("inside"))
    event.listen(engine, "commit", lambda _: say("committing"))
    say("between")
    for number in itertools.count():
        done = _change_something(engine, random, f"Writer {seed}, change {number}")
        say(json.dumps(dataclasses.asdict(done)))


def _kill_one(url: str, seed: int, random: Random) -> list[str]:
    """Start a writer and kill it; return the lines that it said."""
    receiver, sender = _CHILDREN.Pipe(duplex=False)
    process = _CHILDREN.Process(target=_write_until_killed, args=(url, seed, sender))
    process.start()
    sender.close()
    opening = random.random() < _SHARE_OPENING
    awaited, delays = (b"opening\n", _WHILE_OPENING) if opening else (b"between\n", _WHILE_WRITING)
    said = b""
    with receiver:
        while awaited not in said and (piece := os.read(receiver.fileno(), 1 << 16)):
            said += piece
        time.sleep(random.uniform(*delays))
        process.kill()
        process.join()
        while piece := os.read(receiver.fileno(), 1 << 16):
            said += piece
    if process.exitcode != -signal.SIGKILL:
        msg = f"The writer ended by itself ({process.exitcode}) after {said[-300:].decode()}"
        raise RuntimeError(msg)
    return said.decode().splitlines()


def kill_writers(url: str, kills: int) -> Kills:
    """Kill writers with SIGKILL, one after the other, and check all rows after every kill.

    Parameters
    ----------
    url
        Of a registry from :func:`fill`.
    kills
        How many.

    Returns
    -------
    kills
        What was found.
    """
    result, random = Kills(), Random(1)  # noqa: S311  # no secret
    acknowledged: list[Acknowledged] = []
    for seed in range(1, kills + 1):
        said = _kill_one(url, seed, random)
        done = [Acknowledged(**json.loads(line)) for line in said if line.startswith("{")]
        acknowledged += done
        last = said[-1]
        result.moments["between" if last.startswith("{") else last] += 1
        # nothing else has the registry open: this recovers it, as a new start would
        engine = store.open_registry(url)
        # a PostgreSQL server may still be about to notice that its client is gone
        with store.turn(engine):
            pass
        after = audit(engine, acknowledged, _TWINS)
        result.audit.lost += [f"Kill {seed}: {words}" for words in after.lost]
        result.audit.half += [f"Kill {seed}: {words}" for words in after.half]
        # the first edition holds the kits
        result.unreported = store.version(engine) - 1 - len(acknowledged)
        engine.dispose()
    result.acknowledged = len(acknowledged)
    return result


def _add_one(engine: Engine, reference: str, who: str) -> None:
    kit = custody.find(engine, reference)
    count = int(kit["note"].removeprefix("n ")) + 1
    custody.edit(
        engine, reference, {"note": f"n {count}"}, who=who, why="One more", seen=kit["edition"]
    )


def _count_on(url: str, number: int, seconds: float, together: Barrier, pipe: Connection) -> None:
    random, tally = Random(number), Tally()  # noqa: S311  # no secret
    engine = store.open_registry(url)
    together.wait()
    end = time.monotonic() + seconds
    began, reference = time.monotonic(), random.choice(_KITS)
    try:
        while (now := time.monotonic()) < end:
            try:
                _add_one(engine, reference, f"Writer {number}")
            except ConflictError:
                tally.conflicts += 1
            except RegistryError as error:
                tally.errors.append(str(error))
            else:
                tally.seconds.append(time.monotonic() - began)
                began, reference = time.monotonic(), random.choice(_KITS)
            tally.waits.append(time.monotonic() - now)
    finally:
        # what was acknowledged counts, even if an error that nobody expects ends the writer
        pipe.send(tally)
        engine.dispose()


def crowd_writers(url: str, writers: int, seconds: float) -> Crowd:
    """Let writers count upwards in the same few kits at the same time.

    Parameters
    ----------
    url
        Of a registry from :func:`fill`.
    writers
        Processes.
    seconds
        How long.

    Returns
    -------
    crowd
        What was found.
    """
    together = _CHILDREN.Barrier(writers, timeout=60)
    running = []
    for number in range(writers):
        receiver, sender = _CHILDREN.Pipe(duplex=False)
        process = _CHILDREN.Process(target=_count_on, args=(url, number, seconds, together, sender))
        process.start()
        sender.close()
        running.append((process, receiver))
    tallies = []
    for number, (process, receiver) in enumerate(running):
        with receiver:
            tally = receiver.recv()
        process.join()
        if process.exitcode:
            tally.errors.append(f"Writer {number} ended with {process.exitcode}.")
        tallies.append(tally)
    engine = store.open_registry(url)
    with store.reading(engine) as connection:
        notes = connection.scalars(select(Kit.note)).all()
    crowd = Crowd(
        tallies,
        sum(int(note.removeprefix("n ")) for note in notes),
        audit(engine, (), ()),
    )
    engine.dispose()
    return crowd


def _plain_sqlite(folder: str) -> sqlite3.Connection:
    connection = sqlite3.connect(f"{folder}/plain.sqlite", isolation_level=None)
    for statement in ("PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL", _PLAIN_TABLE):
        connection.execute(statement)
    return connection


def _plain_postgres(url: str) -> "psycopg.Connection[tuple[object, ...]]":
    plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    connection = psycopg.connect(plain, autocommit=True)
    connection.execute(_PLAIN_TABLE)
    return connection


def _alone(url: str) -> tuple[float, float]:
    """Measure a change by one writer and a plain commit of one row: seconds of each."""
    engine = store.open_registry(url)
    numbers = itertools.count()
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        if engine.dialect.name == "sqlite":
            lite = stack.enter_context(contextlib.closing(_plain_sqlite(folder)))

            def plain() -> None:
                lite.execute("INSERT INTO plain VALUES (?, ?)", (next(numbers), "n"))

        else:
            server = stack.enter_context(_plain_postgres(url))

            def plain() -> None:
                server.execute("INSERT INTO plain VALUES (%s, %s)", (next(numbers), "n"))

        def change() -> None:
            _add_one(engine, _KITS[0], "Ann")

        taken: tuple[list[float], list[float]] = ([], [])
        for _ in range(_ROUNDS):
            for run, times in zip((change, plain), taken, strict=True):
                times.append(_each(run))
    engine.dispose()
    return statistics.median(taken[0]), statistics.median(taken[1])


def _each(run: Callable[[], None]) -> float:
    start = time.perf_counter()
    for _ in range(_COMMITS):
        run()
    return (time.perf_counter() - start) / _COMMITS


@contextlib.contextmanager
def _registry(server: str) -> Iterator[str]:
    """Make a registry of its own on a PostgreSQL server, or in a file if there is none."""
    if not server:
        with tempfile.TemporaryDirectory() as folder:
            url = f"sqlite:///{folder}/registry.sqlite"
            fill(url)
            yield url
        return
    schema = f"durability_{os.getpid()}"
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE SCHEMA {schema}"))
    try:
        own = make_url(server).update_query_dict({"options": f"-csearch_path={schema},public"})
        url = own.render_as_string(hide_password=False)
        fill(url)
        yield url
    finally:
        with engine.connect() as connection:
            connection.execute(text(f"DROP SCHEMA {schema} CASCADE"))
        engine.dispose()


def _ms(seconds: float) -> str:
    return f"{seconds * 1e3:,.1f}"


def _measure(server: str, kills: int, writers: int, seconds: float) -> tuple[list[str], list[str]]:
    """Measure on one database: the cells of its column, and what was wrong."""
    with _registry(server) as url:
        alone, plain = _alone(url)
    with _registry(server) as url:
        killed = kill_writers(url, kills)
    with _registry(server) as url:
        crowd = crowd_writers(url, writers, seconds)
    total = crowd.total
    done = [len(tally.seconds) for tally in crowd.tallies]
    centiles = statistics.quantiles(total.seconds, n=100)
    wrong = [*killed.audit.lost, *killed.audit.half, *crowd.audit.half]
    wrong += [f"Error: {words} ({n} times)" for words, n in Counter(total.errors).items()]
    if crowd.counted != sum(done):
        wrong.append(f"{sum(done)} changes were acknowledged, {crowd.counted} counted.")
    cells = [
        ", ".join(str(killed.moments[moment]) for moment in _MOMENTS),
        f"{killed.acknowledged:,}",
        f"{len(killed.audit.lost)}",
        f"{len(killed.audit.half)}",
        f"{killed.unreported}",
        f"{sum(done):,}",
        f"{sum(done) - crowd.counted}",
        f"{total.conflicts:,}",
        f"{len(total.errors)}",
        f"{sum(done) / seconds:,.0f}",
        " / ".join(_ms(value) for value in (centiles[49], centiles[98], max(total.seconds))),
        _ms(max(total.waits)),
        f"{min(done):,} / {max(done):,}",
        f"{1 / alone:,.0f}",
        f"{1 / plain:,.0f}",
        f"{alone / plain:.1f}",
    ]
    return cells, wrong


def _section(kills: int, writers: int, seconds: float) -> tuple[str, list[str]]:
    """Measure on every database there is: a section in Markdown, and what was wrong."""
    servers = {"SQLite": ""}
    if server := os.environ.get("LOCATOR_TEST_POSTGRES_URL"):
        servers["PostgreSQL"] = server
    found = {name: _measure(server, kills, writers, seconds) for name, server in servers.items()}
    rows = zip(_ROWS, *(cells for cells, _ in found.values()), strict=True)
    wrong = [f"{name}: {words}" for name, (_, problems) in found.items() for words in problems]
    lines = [
        "## Durability\n",
        (
            f"{kills} writers in turn, each killed with SIGKILL at a random moment; after every "
            "kill the registry is opened anew and every row is compared with its trail. Then "
            f"{writers} writers for {seconds:g} s that count upwards in the same {len(_KITS)} "
            "kits, each change depending on what was read; a conflict is repeated with fresh "
            "data, and a latency holds all repetitions. Last, one writer alone beside the plain "
            "driver that commits one row (WAL and synchronous=FULL on SQLite).\n"
        ),
        f"| | {' | '.join(found)} |",
        f"| --- |{' --- |' * len(found)}",
        *(f"| {' | '.join(row)} |" for row in rows),
        *(f"\nWrong: {words}" for words in wrong),
    ]
    return "\n".join([*lines, ""]), wrong


def report() -> str:
    """Measure in full and give a section in Markdown."""
    markdown, wrong = _section(_KILLS, _WRITERS, _SECONDS)
    assert not wrong, wrong
    return markdown


@click.command()
@click.option("--kills", default=_KILLS, show_default=True, help="Writers to kill.")
@click.option("--writers", default=_WRITERS, show_default=True, help="Writers at the same time.")
@click.option("--seconds", default=_SECONDS, show_default=True, help="How long they write.")
def main(kills: int, writers: int, seconds: float) -> None:
    """Measure and print; exit with 1 if a change was lost or half done."""
    markdown, wrong = _section(kills, writers, seconds)
    click.echo(markdown)
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
