"""Find kits near a place, and count what is out of reach, on the terminal."""

import click
from rich.console import Console
from rich.table import Table

from locator.analysis.coverage import Coverage
from locator.analysis.coverage import coverage as measure_coverage
from locator.analysis.fetch import Answer, Availability, Fetch, Span
from locator.analysis.nearest import nearest
from locator.cli._shared import as_json_option, open_facts, print_json
from locator.errors import InputError
from locator.facts import Facts
from locator.places import Position
from locator.tables import Area

_CHOICES = 8
_HOUR_MIN = 60


@click.command("nearest")
@click.argument("place")
@click.option(
    "--at", "moment", help="Local date and time such as “2026-07-04 23:30”; now if left out."
)
@click.option("--count", default=5, show_default=True, type=click.IntRange(1, 100))
@as_json_option
def nearest_command(place: str, moment: str | None, count: int, *, as_json: bool) -> None:
    """List the kits to fetch from PLACE, those that can be reached first.

    PLACE is a postcode, a street and town, a place name, a grid reference, "latitude,
    longitude" or a plus code.
    """
    with open_facts() as facts:
        at = facts.calendar.read(moment) if moment else facts.calendar.now()
        position = _one_place(facts, place)
        answer = nearest(facts.snapshot(), position, facts.travel, at=at, count=count)
    if as_json:
        plain = {"advice": facts.area.advice} | answer.as_dict()
        print_json(plain)
    else:
        _print_answer(answer, facts.area.advice)


def _one_place(facts: Facts, place: str) -> Position:
    found = facts.gazetteer.resolve(place)
    if len(found) == 1 and found[0].sure:
        return found[0]
    listed = "\n".join(f"  {p.label}{f'  ({p.note})' if p.note else ''}" for p in found[:_CHOICES])
    more = f"\n  and {len(found) - _CHOICES} more" if len(found) > _CHOICES else ""
    msg = f"“{place}” is not certain. Ask again with one of these:\n{listed}{more}"
    raise InputError(msg)


def _print_answer(answer: Answer, advice: str) -> None:
    console = Console(markup=False, emoji=False, highlight=False)
    console.print(advice, style="bold red")
    position = answer.position
    console.print(
        f"{position.label}, known to about {position.precision_m:.0f} m; "
        f"{answer.at:%a %d %b %Y %H:%M}"
    )
    if position.note:
        console.print(position.note, style="yellow")
    groups = {
        "Open now, as published": answer.reachable,
        "May be shut: hours not known": answer.unknown,
        "Shut or not in service": answer.unavailable,
    }
    for title, fetches in groups.items():
        if fetches:
            console.print(_kit_table(title, fetches))
    _print_route(console, answer)
    console.print(
        f"{len(answer.unplaced)} more kits are known, but not their place. No kit has been "
        "confirmed unless “checked” says so. Metres with ~ are estimates. "
        f"{answer.travel}"
    )
    if answer.travel.streets:
        console.print(answer.travel.streets.network.about.source.attribution)


def _print_route(console: Console, answer: Answer) -> None:
    """Say the way to the first kit that streets lead to."""
    described = [f for f in (*answer.reachable, *answer.unknown) if f.route]
    for fetch in described[:1]:
        if fetch.route:
            doubt = "" if fetch.availability is Availability.OPEN else " (may be shut)"
            kit = f"{fetch.kit['reference']} {fetch.kit['name']}{doubt}"
            console.print(f"The way to {kit}:", style="bold")
            for number, step in enumerate(fetch.route.spoken, start=1):
                console.print(f"{number:3}. {step}")


def _kit_table(title: str, fetches: tuple[Fetch, ...]) -> Table:
    table = Table(title=title, title_justify="left")
    for heading in ("Kit", "Where", "On foot", "Running", "Walking", "State", "Checked"):
        table.add_column(
            heading, justify="right" if heading == "On foot" else "left", overflow="fold"
        )
    for fetch in fetches:
        kit = fetch.kit
        table.add_row(
            f"{kit['reference']} {kit['name']}",
            f"{kit['address']} (±{float(str(kit['precision_m'])):.0f} m)",
            _on_foot(fetch),
            _minutes(fetch.run),
            _minutes(fetch.walk),
            _state(fetch),
            _last_check(fetch),
        )
    return table


def _on_foot(fetch: Fetch) -> str:
    if fetch.way is None:
        return ""
    return f"{'' if fetch.way.by_street else '~'}{fetch.way.metres:.0f} m"


def _minutes(span: Span | None) -> str:
    if span is None:
        return ""
    low, high = span.minutes
    return "over an hour" if low > _HOUR_MIN else f"{low}-{high} min"


def _last_check(fetch: Fetch) -> str:
    day = fetch.kit["last_checked"]
    return "never" if day is None else f"{day}{'' if fetch.confirmed else ', no longer sure'}"


def _state(fetch: Fetch) -> str:
    opening = fetch.opening
    if fetch.availability is Availability.OUT_OF_SERVICE:
        return f"{fetch.availability}: {fetch.kit['status']}"
    if fetch.availability is Availability.CLOSING and opening.until:
        return f"{fetch.availability}: shuts {opening.until:%a %H:%M}"
    if opening.opens is not None:
        return f"{fetch.availability}, opens {opening.opens:%a %H:%M}"
    until = opening.until if fetch.availability is Availability.OPEN else None
    return f"{fetch.availability}" + (f" until {until:%a %H:%M}" if until else "")


@click.command("coverage")
@click.option(
    "--within",
    "within_m",
    type=click.IntRange(1, 20_000),
    help="Straight-line metres; LOCATOR_STANDARD_M otherwise.",
)
@click.option(
    "--at", "moment", help="Count only kits known to be open at this local date and time."
)
@click.option("--always", is_flag=True, help="Count only kits that are open day and night.")
@as_json_option
def coverage_command(
    within_m: int | None, moment: str | None, *, always: bool, as_json: bool
) -> None:
    """Count recorded violence, robbery and weapons out of reach of every kit."""
    with open_facts() as facts:
        result = measure_coverage(
            facts.snapshot(),
            facts.incidents,
            facts.residents,
            within_m=within_m or facts.settings.standard_m,
            at=facts.calendar.read(moment) if moment else None,
            only_always_open=always,
        )
        area = facts.area
    if as_json:
        print_json({"advice": area.advice} | result.as_dict())
        return
    _print_coverage(result, area)


def _print_coverage(result: Coverage, area: Area) -> None:
    console = Console(markup=False, emoji=False, highlight=False)
    console.print(f"In an emergency: {area.advice}", style="bold red")
    table = Table(
        title=f"{result.records:,} records, {result.months[0]} to {result.months[1]}",
        title_justify="left",
    )
    table.add_column("")
    table.add_column("Records", justify="right")
    table.add_row(f"More than {result.within_m:.0f} m from every counted kit", f"{result.beyond:,}")
    table.add_row(f"Within {result.within_m:.0f} m of a counted kit", f"{result.within:,}")
    table.add_row("Without coordinates", f"{result.without_position:,}")
    table.add_row("Outside the county", f"{result.outside:,}")
    console.print(table)
    groups = Table()
    for heading in ("Group", "Records", "Out of reach", "Share"):
        groups.add_column(heading, justify="left" if heading == "Group" else "right")
    for frame, column in (
        (result.by_category, "category"),
        (result.by_authority, "authority"),
        (result.by_decile, "imd_decile"),
    ):
        for row in frame.to_dict("records"):
            name = area.authorities.get(str(row[column]), str(row[column]))
            shown = f"Deprivation decile {name}" if column == "imd_decile" else name
            groups.add_row(
                shown, f"{row['records']:,}", f"{row['beyond']:,}", f"{row['share_beyond']:.0%}"
            )
        groups.add_section()
    console.print(groups)
    console.print(
        f"{len(result.kits)} published, unconfirmed kits were counted, {result.rough_kits} of "
        f"them placed less exactly than {result.within_m:.0f} m; {result.hours_not_known} were "
        "left out because their hours are not known. Straight-line distances."
    )
