"""Import and export files of kits on the terminal."""

import functools
from collections import Counter
from pathlib import Path

import click
from rich.console import Console
from rich.padding import Padding
from rich.table import Table

from locator import tables
from locator.cli._shared import as_json_option, open_facts, print_json, progress_bar
from locator.errors import InputError
from locator.exchange.exporting import export_kits
from locator.exchange.formats import FORMATS, Limits
from locator.exchange.importing import (
    Options,
    Plan,
    Subject,
    plan_import,
    write_plan,
    write_report,
)
from locator.exchange.kits import Duplicates, Row, Verdict
from locator.exchange.values import Note
from locator.facts import Facts
from locator.registry import rules
from locator.settings import Settings

_SHOWN = 40
_NOWHERE = "no position"
_MB = 1_000_000
_STYLES = {
    Verdict.NEW: "green",
    Verdict.CHANGED: "cyan",
    Verdict.SAME: "dim",
    Verdict.DUPLICATE: "yellow",
    Verdict.REJECTED: "red",
}


@click.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--as",
    "subject",
    default="kits",
    show_default=True,
    type=click.Choice([str(subject) for subject in Subject]),
    help="What the rows are; incidents are never shown to the public.",
)
@click.option("--licence", default="", help="Of candidates or incidents that do not say theirs.")
@click.option("--write", is_flag=True, help="Write the kits; without it only the report is shown.")
@click.option("--by", "who", envvar="LOCATOR_BY", help="Your name, for the record; LOCATOR_BY.")
@click.option("--why", default="", help="Why, for the record; “Import of FILE” if left out.")
@click.option(
    "--format",
    "format_key",
    default="",
    type=click.Choice(["", *(f.key for f in FORMATS.values() if f.reads)]),
    help="Of the file; found out from it if left out.",
)
@click.option(
    "--map",
    "mapping",
    multiple=True,
    metavar="COLUMN=FIELD",
    help="Say what a column holds; COLUMN= leaves it out.",
)
@click.option(
    "--source",
    default="",
    help="Name of the list, the same at every import of it; the file's name if left out.",
)
@click.option(
    "--duplicates",
    default="hold",
    show_default=True,
    type=click.Choice([str(choice) for choice in Duplicates]),
    help="Rows that look like a known kit: hold them back, update that kit, or add them.",
)
@click.option("--leave-out", is_flag=True, help="Write the others if some rows are held back.")
@click.option(
    "--report",
    "report_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the whole report to this CSV file.",
)
@as_json_option
def import_command(
    file: Path,
    *,
    subject: str,
    licence: str,
    write: bool,
    who: str | None,
    why: str,
    format_key: str,
    mapping: tuple[str, ...],
    source: str,
    duplicates: str,
    leave_out: bool,
    report_file: Path | None,
    as_json: bool,
) -> None:
    """Show what importing the kits of FILE would do; with --write, do it.

    FILE is CSV, Excel, GeoJSON, GeoPackage, GeoParquet, Shapefile (zip), KML, GPX or
    OpenStreetMap. All rows are written together, or none.
    """
    if write and not who:
        msg = "Say who you are with --by, for the record."
        raise InputError(msg)
    settings = Settings.read()
    limits = Limits(rows=settings.import_max_rows, file_bytes=settings.import_max_mb * _MB)
    chosen = functools.partial(
        Options,
        format_key,
        _mapping(mapping),
        source,
        Duplicates(duplicates),
        limits,
        Subject(subject),
        licence,
    )
    with open_facts() as facts, progress_bar(quiet=as_json) as progress:
        options = chosen(zone=facts.calendar.zone)
        plan = plan_import(facts.engine, file, facts.gazetteer, options, progress)
        if report_file is not None:
            write_report(plan, report_file)
        edition = None
        if write:
            if plan.held and not leave_out and not as_json:
                _print_plan(plan, facts)
            edition = write_plan(
                facts.engine,
                plan,
                facts.area.reference_prefix,
                who=str(who),
                why=why or f"Import of {rules.without_codes(plan.file)}",
                leave_out=leave_out,
                progress=progress,
            )
    if as_json:
        print_json(plan.as_dict() | {"written": write, "edition": edition})
        return
    _print_plan(plan, facts)
    console = Console(markup=False, emoji=False, highlight=False)
    if report_file is not None:
        console.print(f"The whole report is in {report_file}.")
    console.print(_outcome(plan, edition, write=write), style="bold")


def _mapping(given: tuple[str, ...]) -> dict[str, str]:
    pairs = {}
    for text in given:
        column, sign, field = text.rpartition("=")
        if not sign:
            msg = f"“{text}” is not COLUMN=FIELD."
            raise InputError(msg)
        pairs[column.strip()] = field.strip()
    return pairs


def _outcome(plan: Plan, edition: int | None, *, write: bool) -> str:
    counts = plan.counts()
    if not write:
        return "Nothing was written. With --write --by “your name” it is."
    if edition == plan.edition:
        return "Everything is known already; nothing was changed."
    return (
        f"Written as edition {edition}: {counts[Verdict.NEW]} new, {counts[Verdict.CHANGED]} "
        f"changed. “locator kit undo {edition} --yes” takes it back."
    )


def _print_plan(plan: Plan, facts: Facts) -> None:
    console = Console(markup=False, emoji=False, highlight=False)
    name = FORMATS[plan.format].name
    console.print(f"{plan.file}: {name}, {len(plan.rows):,} rows. {' '.join(plan.notes)}")
    console.print(_columns(plan))
    for note in Note:
        for line in _remarks(plan, note):
            console.print(line)
    _print_rows(console, plan)
    totals = ", ".join(f"{count:,} {verdict}" for verdict, count in plan.counts().items() if count)
    console.print(f"{totals or 'No rows'}.", style="bold")
    for verdict, advice in _ADVICE.items():
        if plan.counts()[verdict]:
            console.print(advice)
    unplaced = sum(r.verdict is Verdict.NEW and _position(r) == _NOWHERE for r in plan.rows)
    if unplaced:
        console.print(
            f"{unplaced} new rows have no position, so nobody can be led to them: give them "
            "coordinates or a postcode."
        )
    console.print(
        f"{plan.subject.capitalize()} of {facts.area.name}. Codes of cabinets are never read: the "
        f"{facts.area.emergency_number} operator gives them."
    )


def _columns(plan: Plan) -> Table:
    table = Table(title="Columns", title_justify="left")
    for heading in ("Column of the file", "Understood as", ""):
        table.add_column(heading, overflow="fold")
    for found in plan.columns:
        table.add_row(found.column, found.field or "not used", found.why)
    return table


def _remarks(plan: Plan, note: Note) -> list[str]:
    """Gather equal remarks, so that a habit of the whole file is said once."""
    counts = Counter(r.text for row in plan.rows for r in row.remarks if r.note is note)
    often = [(text, count) for text, count in counts.most_common(_SHOWN) if count > 1]
    lines = [f"  {count:>6,} × {text}" for text, count in often]
    return [f"{note.capitalize()}, in several rows:", *lines] if lines else []


def _print_rows(console: Console, plan: Plan) -> None:
    """Print the rows that somebody has to look at, and a few of the others."""
    order = [Verdict.REJECTED, Verdict.DUPLICATE, Verdict.CHANGED, Verdict.NEW, Verdict.SAME]
    counts = Counter(r.text for row in plan.rows for r in row.remarks)
    by_need = sorted(plan.rows, key=lambda row: (order.index(row.verdict), row.number))
    shown = [row for row in by_need if row.verdict is not Verdict.SAME][:_SHOWN]
    for row in shown:
        name = f"{row.reference} {row.values.get('name', '')}".strip()
        head = f"Row {row.number}, {row.verdict}: {name} ({_position(row)})"
        console.print(head, style=_STYLES[row.verdict])
        own = [r for r in row.remarks if counts[r.text] == 1 or row.verdict is Verdict.REJECTED]
        for line in (*_changes(row), *(r.text for r in own)):
            console.print(Padding(line, (0, 0, 0, 4)))
    rest = len(plan.rows) - len(shown)
    if rest:
        console.print(f"and {rest:,} more; --report FILE.csv has every row", style="dim")


# what somebody can do about rows of a kind
_ADVICE = {
    Verdict.REJECTED: "Correct rejected rows in the file, or leave them out with --leave-out.",
    Verdict.DUPLICATE: (
        "Rows that look like a known kit: give them its reference, or say --duplicates update "
        "(they change it), --duplicates add (they are other kits) or --leave-out."
    ),
}


def _position(row: Row) -> str:
    if row.values.get("longitude") is None:
        return _NOWHERE
    return f"±{row.values['precision_m']:.0f} m"


def _changes(row: Row) -> list[str]:
    return [f"{name}: {before} → {after}" for name, (before, after) in row.changes.items()]


@click.command("export")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--format",
    "format_key",
    default="",
    type=click.Choice(["", *(f.key for f in FORMATS.values() if f.writes)]),
    help="Of the file; its extension decides if left out.",
)
@as_json_option
def export_command(file: Path, *, format_key: str, as_json: bool) -> None:
    """Write every kit that is not withdrawn to FILE, without anything private.

    The extension chooses the format: .csv, .xlsx, .geojson, .gpkg, .parquet, .zip (Shapefile),
    .kml, .gpx, or .osc (a draft for OpenStreetMap mappers).
    """
    with open_facts() as facts:
        owed = tables.attributions(facts.settings.geodata, "kits", "postcodes", "streets")
        note = f"{facts.area.advice} {' '.join(owed)}"
        result = export_kits(facts.engine, file, note, format_key=format_key)
    if as_json:
        print_json(result.as_dict())
        return
    console = Console(markup=False, emoji=False, highlight=False)
    for remark in result.remarks:
        console.print(remark, style="yellow")
    console.print(f"{result.rows} kits of edition {result.version} are in {result.file}.")
