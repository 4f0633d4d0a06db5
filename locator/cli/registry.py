"""Show and look after kits on the terminal, and keep the registry safe."""

import datetime as dt
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from sqlalchemy import select

from locator.cli._shared import as_json_option, by_option, open_facts, print_json, progress_bar
from locator.errors import InputError, KitNotFoundError
from locator.facts import Facts
from locator.registry import backup as copies
from locator.registry import custody, outbox, reminders, sightings, store, trail
from locator.registry.schema import Contact, Finding, Kit, Task, Verdict, table_of
from locator.settings import Settings

_DAY_LENGTH = 10
# an edition that changed more than so many rows is not undone by a slip of the finger
_MANY = 10


@click.group()
def kit() -> None:
    """Show and change single kits; REFERENCE is as on the kit, such as NN-0042 or nn42."""


@kit.command("show")
@click.argument("reference")
@click.option("--on", "moment", help="As it was at this local date, or date and time.")
@as_json_option
def show(reference: str, moment: str | None, *, as_json: bool) -> None:
    """Show everything that is known of a kit, now or on any date."""
    with open_facts() as facts:
        found = (
            _as_of(facts, reference, moment) if moment else custody.find(facts.engine, reference)
        )
        # of another day only the kit itself is told
        contacts, tasks = ({}, []) if moment else _around(facts, found)
    plain = {name: _plain(value) for name, value in found.items()}
    if as_json:
        print_json(plain | contacts | {"open_tasks": tasks})
        return
    table = Table(show_header=False, title=f"{found['reference']}, {found['name']}")
    for name, value in plain.items():
        if value not in (None, ""):
            table.add_row(name, str(value))
    for role, contact in contacts.items():
        table.add_row(role, ", ".join(filter(None, contact.values())))
    for task in tasks:
        table.add_row("open task", f"{task['kind']}: {task['why']}", style="yellow")
    console = Console(markup=False, emoji=False, highlight=False)
    console.print(table)
    empty = [n for n, v in plain.items() if v in (None, "", "unknown")]
    console.print(f"Not known: {', '.join(empty)}.", style="dim")


def _as_of(facts: Facts, reference: str, moment: str) -> dict[str, Any]:
    text = f"{moment.strip()} 23:59:59" if len(moment.strip()) == _DAY_LENGTH else moment
    at = facts.calendar.read(text).astimezone(dt.UTC).replace(tzinfo=None)
    key = custody.normal_reference(reference)
    found = trail.as_of(facts.engine, Kit, key, at)
    if found is None:
        msg = f"The registry knew no kit “{key}” at {moment}."
        raise KitNotFoundError(msg)
    return found


def _around(
    facts: Facts, found: dict[str, Any]
) -> tuple[dict[str, dict[str, str]], list[dict[str, Any]]]:
    """Read the guardian, the host and the open tasks of a kit."""
    roles = {"guardian": found["guardian_id"], "host_contact": found["host_contact_id"]}
    with store.reading(facts.engine) as connection:
        known = store.rows_by_key(connection, Contact, [n for n in roles.values() if n])
        table = table_of(Task)
        is_open = table.c.closed_on.is_(None) & (table.c.kit == found["reference"])
        wanted = select(table.c.kind, table.c.why, table.c.due_on).where(is_open)
        tasks = [
            {name: _plain(value) for name, value in row.items()}
            for row in connection.execute(wanted).mappings()
        ]
    names = ("name", "organisation", "email", "phone")
    contacts = {
        role: {name: str(known[number][name]) for name in names}
        for role, number in roles.items()
        if number
    }
    return contacts, tasks


def _plain(value: object) -> object:
    return value.isoformat() if isinstance(value, dt.date) else value


@kit.command("history")
@click.argument("reference")
@as_json_option
def history(reference: str, *, as_json: bool) -> None:
    """List what happened to a kit: changes, checks, reports and tasks, with who, when and why."""
    with open_facts() as facts:
        key = custody.normal_reference(reference)
        entries = trail.story(facts.engine, key)
        zone = facts.calendar.zone
    if not entries:
        msg = f"There is no kit “{reference}”. References look like NN-0042."
        raise KitNotFoundError(msg)
    if as_json:
        print_json([{"subject": subject} | entry.as_dict() for subject, entry in entries])
        return
    table = Table(title=f"History of {key}", title_justify="left")
    for heading in ("Edition", "When", "Who", "Why", "What"):
        table.add_column(heading, overflow="fold")
    last = 0
    for subject, entry in entries:
        local = entry.at.replace(tzinfo=dt.UTC).astimezone(zone)
        # what one edition did stands under its first line
        head = (str(entry.edition), f"{local:%Y-%m-%d %H:%M}", entry.who, entry.why)
        table.add_row(*(head if entry.edition != last else ("",) * 4), _what(subject, entry))
        last = entry.edition
    Console(markup=False, emoji=False, highlight=False).print(table)


def _what(subject: str, entry: trail.Entry) -> str:
    before, after = entry.before, entry.after
    if subject == "event":
        note = f": {after['note']}" if after.get("note") else ""
        return f"{after['kind']}, {after['finding']} on {after['happened_on']}{note}"
    if subject == "task" and before is None:
        return f"task opened: {after['kind']}"
    if subject == "sighting" and before is None:
        note = f": {after['note']}" if after.get("note") else ""
        return f"a stranger told: {after['finding']}{note}"
    if before is None:
        return "added"
    prefix = "" if subject == "kit" else f"{subject} "
    return "\n".join(f"{prefix}{n}: {before[n]} → {value}" for n, value in after.items())


@kit.command("change")
@click.argument("reference")
@click.argument("values", nargs=-1, required=True, metavar="FIELD=VALUE...")
@by_option
@click.option("--why", required=True, help="The reason, for the record.")
@click.option("--seen", type=int, help="The kit's edition that you have read; refuse a later one.")
@as_json_option
def change(
    reference: str, values: tuple[str, ...], who: str, why: str, seen: int | None, *, as_json: bool
) -> None:
    """Change fields of a kit; FIELD= empties one."""
    pairs: dict[str, object] = {}
    for text in values:
        field, sign, value = text.partition("=")
        if not sign:
            msg = f"“{text}” is not FIELD=VALUE."
            raise InputError(msg)
        pairs[field.strip()] = value.strip()
    with open_facts() as facts:
        edition = custody.edit(facts.engine, reference, pairs, who=who, why=why, seen=seen)
    _say_edition(edition, as_json=as_json)


@kit.command("guardian")
@click.argument("reference")
@click.option("--name", default="", help="Of the guardian.")
@click.option("--email", default="", help="Where reports and reminders go.")
@click.option("--phone", default="")
@click.option("--host", is_flag=True, help="They host the kit; somebody else may be its guardian.")
@by_option
@click.option("--why", default="Agreed", help="The reason, for the record.")
@as_json_option
def guardian(
    reference: str,
    name: str,
    email: str,
    phone: str,
    who: str,
    why: str,
    *,
    host: bool,
    as_json: bool,
) -> None:
    """Make somebody the guardian of a kit, or its host. Contacts are private and never exported.

    Consent of the host: locator kit change NN-0042 host_consent=given host_consent_on=2026-07-04
    """
    contact = {"name": name, "email": email, "phone": phone}
    with open_facts() as facts:
        edition = custody.entrust(facts.engine, reference, contact, who=who, why=why, host=host)
    _say_edition(edition, as_json=as_json)


@kit.command("undo")
@click.argument("edition", type=click.IntRange(1, 2**31 - 1))
@by_option
@click.option("--why", required=True, help="The reason, for the record.")
@click.option("--yes", is_flag=True, help="Even if it changed many rows, as an import does.")
@as_json_option
def undo(edition: int, who: str, why: str, *, yes: bool, as_json: bool) -> None:
    """Take back all that one EDITION did; “kit history” tells its number."""
    with open_facts() as facts:
        rows = trail.size(facts.engine, edition)
        if rows > _MANY and not yes:
            msg = f"Edition {edition} changed {rows} rows. If all are to be undone, add --yes."
            raise InputError(msg)
        newest = trail.undo(facts.engine, edition, who=who, why=why)
    _say_edition(newest, as_json=as_json)


def _say_edition(edition: int, *, as_json: bool) -> None:
    if as_json:
        print_json({"edition": edition})
    else:
        click.echo(f"Written as edition {edition}; “locator kit undo {edition}” takes it back.")


@click.command("check")
@click.argument("reference")
@by_option
@click.option("--on", "day", help="Local date of the check; today if left out.")
@click.option("--restocked", is_flag=True, help="New contents were put in.")
@click.option("--expires", help="Earliest expiry date of the contents, as 2028-05-31.")
@click.option("--contents", default="", help="What is in the kit.")
@click.option("--note", default="", help="Anything else.")
@as_json_option
def check_command(
    reference: str,
    who: str,
    day: str | None,
    expires: str | None,
    contents: str,
    note: str,
    *,
    restocked: bool,
    as_json: bool,
) -> None:
    """Record that you have found the kit REFERENCE complete: it is in service again."""
    with open_facts() as facts:
        outcome = custody.check(
            facts.engine,
            reference,
            _visit(facts, who, day, note),
            restocked=restocked,
            expires_on=_day(expires) if expires else None,
            contents=contents,
        )
    if as_json:
        print_json(outcome.as_dict())
        return
    done = f" Done: {', '.join(outcome.closed)}." if outcome.closed else ""
    click.echo(f"{outcome.reference} is checked and in service.{done}")


@click.command("report")
@click.argument("reference")
@click.argument(
    "finding", type=click.Choice([str(f) for f in Finding if f is not Finding.COMPLETE])
)
@by_option
@click.option("--on", "day", help="Local date; today if left out.")
@click.option("--note", default="", help="What you have seen.")
@as_json_option
def report_command(
    reference: str, finding: str, who: str, day: str | None, note: str, *, as_json: bool
) -> None:
    """Record that the kit REFERENCE was used, or what is wrong with it.

    All but “wrong details” take it out of the public answer at once and tell its guardian.
    """
    with open_facts() as facts:
        visit = _visit(facts, who, day, note)
        settings = facts.settings
        outcome = custody.report(facts.engine, reference, Finding(finding), visit, settings)
        outbox.deliver(facts.engine, settings.mail_server, settings.mail_from)
    _say_outcome(outcome, as_json=as_json)


def _say_outcome(outcome: custody.Outcome, *, as_json: bool) -> None:
    if as_json:
        print_json(outcome.as_dict())
        return
    told = "Somebody is told." if outcome.written_to else "It has no guardian: tell somebody!"
    tasks = f" Opened: {', '.join(outcome.opened)}." if outcome.opened else ""
    click.echo(f"{outcome.reference} is now “{outcome.status}”.{tasks} {told}")


def _visit(facts: Facts, who: str, day: str | None, note: str) -> custody.Visit:
    today = facts.calendar.now().date()
    return custody.Visit(who, _day(day) if day else today, today, note)


def _day(text: str) -> dt.date:
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        msg = f"“{text}” is not a date. Write it as 2026-07-04."
        raise InputError(msg) from None


@click.group("sightings")
def sightings_group() -> None:
    """Decide about what strangers told of kits on the public pages.

    Their word changes no kit. Pages say for LOCATOR_DOUBT_HOURS that somebody told it and that
    nobody has confirmed it; then that vanishes by itself.
    """


@sightings_group.command("list")
@click.option("--all", "decided", is_flag=True, help="What was decided already as well.")
@as_json_option
def sightings_list(*, decided: bool, as_json: bool) -> None:
    """List what strangers told and nobody has decided, latest first."""
    with open_facts() as facts:
        zone = facts.calendar.zone
        words = sightings.listed(facts.engine, zone, facts.settings, decided=decided)
        now = facts.calendar.now()
    if as_json:
        print_json([word.as_dict() for word in words])
        return
    if not words:
        click.echo("Strangers have told nothing that waits for you.")
        return
    table = Table(title="Told by strangers, confirmed by nobody", title_justify="left")
    for heading in ("Number", "When", "Kit", "What", "Note", "On the pages"):
        table.add_column(heading, overflow="fold")
    for word in words:
        table.add_row(
            str(word.number),
            f"{word.told_at:%Y-%m-%d %H:%M}",
            f"{word.reference} {word.name}",
            str(word.finding),
            word.note,
            _on_the_pages(word, now),
        )
    Console(markup=False, emoji=False, highlight=False).print(table)


def _on_the_pages(word: sightings.Told, now: dt.datetime) -> str:
    if word.verdict is not Verdict.OPEN:
        return f"{word.verdict} by {word.decided_by}"
    if word.shown_until is None:
        return "no, for you only"
    shown = word.shown_until.timestamp() > now.timestamp()
    return f"{'until' if shown else 'no longer, since'} {word.shown_until:%Y-%m-%d %H:%M}"


@sightings_group.command("accept")
@click.argument("number", type=click.IntRange(1, 2**31 - 1))
@by_option
@click.option("--note", default="", help="What you know of it yourself.")
@as_json_option
def sightings_accept(number: int, who: str, note: str, *, as_json: bool) -> None:
    """Make sighting NUMBER a report: what “locator report” does, in your name.

    All but “wrong details” take the kit out of the public answer at once and tell its guardian.
    """
    with open_facts() as facts:
        visit, settings = _visit(facts, who, None, note), facts.settings
        zone = facts.calendar.zone
        outcome = sightings.accept(facts.engine, number, visit, zone, settings)
        outbox.deliver(facts.engine, settings.mail_server, settings.mail_from)
    _say_outcome(outcome, as_json=as_json)


@sightings_group.command("dismiss")
@click.argument("numbers", type=click.IntRange(1, 2**31 - 1), nargs=-1)
@click.option(
    "--all-since", "since", help="Instead: all since this local date and time, as after a flood."
)
@by_option
@click.option("--why", default="Not so", help="The reason, for the record.")
@as_json_option
def sightings_dismiss(
    numbers: tuple[int, ...], since: str | None, who: str, why: str, *, as_json: bool
) -> None:
    """Say that the sightings NUMBERS are not so: the pages say no more of them.

    For LOCATOR_DOUBT_HOURS whatever else strangers tell of these kits is for you only.
    """
    if bool(numbers) == bool(since):
        msg = "Name the numbers of sightings, or a date and time with --all-since."
        raise InputError(msg)
    with open_facts() as facts:
        now, count = facts.calendar.now(), len(numbers)
        if since:
            start = facts.calendar.read(since)
            edition, count = sightings.dismiss_since(facts.engine, start, who=who, why=why, at=now)
        else:
            edition = sightings.dismiss(facts.engine, numbers, who=who, why=why, at=now)
    if as_json:
        print_json({"edition": edition, "dismissed": count})
    else:
        click.echo(f"Dismissed: {count}. Written as edition {edition}.")


@click.command("remind")
@as_json_option
def remind_command(*, as_json: bool) -> None:
    """Remind guardians of what is due, and send the mail that waits.

    Made for cron or a systemd timer: run as often as you like, nobody is told twice.
    """
    with open_facts() as facts:
        settings = facts.settings
        today = facts.calendar.now().date()
        done = reminders.remind(facts.engine, today=today, settings=settings)
        sent = outbox.deliver(facts.engine, settings.mail_server, settings.mail_from)
    if as_json:
        mail = {"sent": sent.sent, "failed": sent.failed, "waiting": sent.waiting}
        print_json(done.as_dict() | {"mail": mail | {"last_error": sent.last_error}})
        _fail_with_mail(sent)
        return
    click.echo(f"{len(done.reminded)} tasks reminded of; {sum(done.opened.values())} opened.")
    if done.nobody:
        listed = ", ".join(sorted({reference for reference, _ in done.nobody}))
        click.echo(f"Nobody to remind (no guardian with an address): {listed}.")
    click.echo(f"Mail: {sent.sent} sent, {sent.waiting} waiting. {sent.last_error}".strip())
    _fail_with_mail(sent)


def _fail_with_mail(sent: outbox.Delivery) -> None:
    """End with an error if mail could not be sent, so that cron notices."""
    if sent.failed:
        click.get_current_context().exit(1)


@click.command("backup")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@as_json_option
def backup_command(file: Path, *, as_json: bool) -> None:
    """Copy the whole registry, private contacts too, to FILE while it is in use; verified."""
    engine = store.open_registry(Settings.read().database_url)
    try:
        with progress_bar(quiet=as_json) as progress:
            manifest = copies.backup(engine, file, progress)
    finally:
        engine.dispose()
    _say_manifest(manifest, f"Saved to {file} and compared", as_json=as_json)


@click.command("restore")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--replace", is_flag=True, help="Replace a registry that holds something; it is saved first."
)
@as_json_option
def restore_command(file: Path, *, replace: bool, as_json: bool) -> None:
    """Make the registry what the backup FILE holds; every row is compared."""
    engine = store.open_registry(Settings.read().database_url)
    try:
        with progress_bar(quiet=as_json) as progress:
            if replace and store.version(engine):
                saved = file.with_name(f"replaced-{store.now_utc():%Y%m%d-%H%M%S}-{file.name}")
                copies.backup(engine, saved, progress)
                click.echo(f"The registry as it was is in {saved}.", err=True)
            manifest = copies.restore(engine, file, replace=replace, progress=progress)
    finally:
        engine.dispose()
    _say_manifest(manifest, f"Restored from {file} and compared", as_json=as_json)


def _say_manifest(manifest: copies.Manifest, done: str, *, as_json: bool) -> None:
    if as_json:
        print_json(manifest.as_dict())
        return
    counts = {name: rows for name, (rows, _) in manifest.tables.items() if rows}
    listed = ", ".join(f"{_PLURALS[name]}: {count:,}" for name, count in counts.items())
    click.echo(f"{done}. Edition {manifest.version}; {listed or 'nothing in it'}.")


_PLURALS = {
    "edition": "editions",
    "change": "entries of the trail",
    "contact": "contacts",
    "kit": "kits",
    "event": "checks and reports",
    "task": "tasks",
    "sighting": "words of strangers",
    "outbox": "messages",
    "incident": "incidents",
    "candidate": "candidate sites",
}
