"""Find kits near a place on the terminal."""

import click
from rich.console import Console
from rich.table import Table

from locator.analysis.fetch import Answer, Availability, Fetch, Span
from locator.analysis.nearest import nearest
from locator.cli._shared import as_json_option, open_facts, print_json
from locator.errors import InputError
from locator.facts import Facts
from locator.places import Position

_CHOICES = 8
_HOUR_MIN = 60
# what is said of a kit to which the way is told
_DOUBTS = {
    Availability.OPEN: "",
    Availability.CLOSING: " (shuts soon)",
    Availability.UNKNOWN_HOURS: " (may be shut)",
}


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
        "Open, but shuts soon": answer.closing,
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
    described = [f for f in (*answer.reachable, *answer.closing, *answer.unknown) if f.route]
    for fetch in described[:1]:
        if fetch.route:
            kit = f"{fetch.kit['reference']} {fetch.kit['name']}{_DOUBTS[fetch.availability]}"
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
        running = ", in time for who runs" if fetch.runner_in_time else ""
        return f"{fetch.availability}: shuts {opening.until:%a %H:%M}{running}"
    if opening.opens is not None:
        return f"{fetch.availability}, opens {opening.opens:%a %H:%M}"
    until = opening.until if fetch.availability is Availability.OPEN else None
    return f"{fetch.availability}" + (f" until {until:%a %H:%M}" if until else "")
