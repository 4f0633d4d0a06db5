"""Look after kits: checks, uses, reports and reminders.

A use or a fault takes the kit out of the public answer in the transaction that records it,
opens a task and writes to the guardian. Only a check puts the kit back.
"""

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, and_, func, select

from locator.errors import InputError, KitNotFoundError
from locator.registry import outbox, rules, store
from locator.registry.schema import (
    Contact,
    Event,
    EventKind,
    Finding,
    Kit,
    Sighting,
    Status,
    Task,
    TaskKind,
    Verdict,
)
from locator.settings import Settings
from locator.wording import Sentence

_EMAIL = re.compile(r"[\w.+'-]+@[\w-]+(\.[\w-]+)+", re.ASCII)
_DUE_AFTER = dt.timedelta(days=3)
# what a finding makes of the kit; None leaves its status alone
_BECOMES: Mapping[Finding, Status | None] = {
    Finding.COMPLETE: Status.INSTALLED,
    Finding.USED: Status.IN_USE,
    Finding.NEEDS_RESTOCK: Status.NEEDS_RESTOCK,
    Finding.DAMAGED: Status.DAMAGED,
    Finding.MISSING: Status.MISSING,
    Finding.OBSTRUCTED: Status.OBSTRUCTED,
    Finding.WRONG_DETAILS: None,
}
# only a check puts such a kit back into service, no edit and no list
OUT_OF_SERVICE = (
    Status.IN_USE,
    Status.NEEDS_RESTOCK,
    Status.DAMAGED,
    Status.MISSING,
    Status.OBSTRUCTED,
)
# findings that tell how the whole kit stands
_WHOLE = tuple(finding for finding, becomes in _BECOMES.items() if becomes)
_NEEDS_CONTENTS = (Finding.USED, Finding.NEEDS_RESTOCK, Finding.DAMAGED, Finding.MISSING)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a check or report has done.

    Attributes
    ----------
    reference, status, edition
        Of the kit, after it.
    opened, closed
        Kinds of the tasks that it opened and closed.
    written_to
        Whether a message to somebody waits in the outbox; False if nobody is known to tell.
    """

    reference: str
    status: str
    edition: int
    opened: tuple[str, ...]
    closed: tuple[str, ...]
    written_to: bool

    def as_dict(self) -> dict[str, object]:
        """Give the outcome as plain values for JSON."""
        return {
            "reference": self.reference,
            "status": self.status,
            "edition": self.edition,
            "tasks_opened": list(self.opened),
            "tasks_closed": list(self.closed),
            "somebody_is_told": self.written_to,
        }


def normal_reference(text: str) -> str:
    """Write a reference as the registry does: ``nn 42`` is ``NN-0042``."""
    found = re.fullmatch(r"\s*([A-Za-z]{1,4})\s*-?\s*0*(\d{1,9})\s*", text)
    return f"{found[1].upper()}-{int(found[2]):04d}" if found else text.strip().upper()


def find(engine: Engine, reference: str) -> dict[str, Any]:
    """Read one kit with every column, the private ones as well.

    Raises
    ------
    KitNotFoundError
        No kit has this reference.
    RegistryError
        The database cannot be read.
    """
    key = normal_reference(reference)
    with store.reading(engine) as connection:
        row = store.rows_by_key(connection, Kit, [key]).get(key)
    return _found(row, reference)


def _found(row: dict[str, Any] | None, reference: str) -> dict[str, Any]:
    if row is None:
        msg = Sentence(
            "There is no kit “%(reference)s”. References look like NN-0042.", reference=reference
        )
        raise KitNotFoundError(msg)
    return row


@dataclass(frozen=True, slots=True)
class Visit:
    """Who saw a kit, and when.

    Attributes
    ----------
    who
        Name of the person.
    on, today
        Local day of the visit, and the local day on which it is recorded.
    note
        In their words.

    Raises
    ------
    InputError
        The day lies ahead.
    """

    who: str
    on: dt.date
    today: dt.date
    note: str = ""

    def __post_init__(self) -> None:
        """Refuse visits that have not happened yet."""
        if self.on > self.today:
            msg = f"{self.on} has not come yet."
            raise InputError(msg)


def check(
    engine: Engine,
    reference: str,
    visit: Visit,
    *,
    restocked: bool = False,
    expires_on: dt.date | None = None,
    contents: str = "",
) -> Outcome:
    """Record that somebody has found a kit complete: it is in service again.

    Parameters
    ----------
    engine
        The registry.
    reference
        Of the kit.
    visit
        Who and when.
    restocked
        Whether new contents were put in; needed when the kit waits for them.
    expires_on
        Earliest expiry date of the contents, if it was read.
    contents
        What is in the kit, if it was listed.

    Raises
    ------
    InputError
        The kit is withdrawn, was checked later already, or waits for contents.
    KitNotFoundError
        No kit has this reference.
    RegistryError
        The database cannot be written.
    """
    why = visit.note or "Checked and found complete."
    with store.writing(engine, who=visit.who, why=why) as writing:
        kit = _in_care(writing, reference)
        reference = kit["reference"]
        if kit["last_checked"] is not None and visit.on < kit["last_checked"]:
            msg = f"{reference} was checked later already, on {kit['last_checked']}."
            raise InputError(msg)
        tasks = _open_tasks(writing, reference)
        if TaskKind.RESTOCK in tasks and not restocked:
            msg = (
                f"{reference} waits for new contents. If they are in, add --restocked; if not, "
                "report what is wrong instead."
            )
            raise InputError(msg)
        kinds = [EventKind.RESTOCK, EventKind.CHECK] if restocked else [EventKind.CHECK]
        for kind in kinds:
            _happened(writing, kit, kind, Finding.COMPLETE, visit)
        values = {"status": Status.INSTALLED, "last_checked": visit.on, "checked_by": visit.who}
        values |= {"expires_on": expires_on} if expires_on else {}
        values |= {"contents": contents} if contents else {}
        writing.change(Kit, {reference: rules.clean(Kit, values)})
        done = [kind for kind in tasks if kind != TaskKind.RENEW or expires_on or restocked]
        _close(writing, [tasks[kind] for kind in done], visit)
        _settle(writing, reference, visit)
        edition = writing.edition
        return Outcome(reference, Status.INSTALLED, edition, (), tuple(done), written_to=False)


def report(
    engine: Engine, reference: str, finding: Finding, visit: Visit, settings: Settings
) -> Outcome:
    """Record that a kit was taken or that something is wrong with it.

    All but wrong details take the kit out of the public answer at once. A task is opened and
    the guardian is written to.

    Parameters
    ----------
    engine, reference, visit
        As for :func:`check`.
    finding
        What is wrong.
    settings
        Say who hears of kits without a guardian.

    Raises
    ------
    InputError
        The finding is that nothing is wrong, or the kit is withdrawn.
    KitNotFoundError
        No kit has this reference.
    RegistryError
        The database cannot be written.
    """
    if finding is Finding.COMPLETE:
        msg = "A kit that was found complete is recorded as a check."
        raise InputError(msg)
    with store.writing(engine, who=visit.who, why=f"Reported: {_said(finding, visit)}") as writing:
        return take_report(writing, reference, finding, visit, settings)


def take_report(
    writing: store.Writing, reference: str, finding: Finding, visit: Visit, settings: Settings
) -> Outcome:
    """Do within a transaction what :func:`report` does."""
    said = _said(finding, visit)
    kit = _in_care(writing, reference)
    kind = EventKind.USE if finding is Finding.USED else EventKind.REPORT
    _happened(writing, kit, kind, finding, visit)
    status = _BECOMES[finding] or Status(kit["status"])
    writing.change(Kit, {kit["reference"]: {"status": status}})
    task = TaskKind.RESTOCK if finding in _NEEDS_CONTENTS else TaskKind.LOOK
    opened = _open(writing, kit, task, f"Reported on {visit.on}: {said}", visit.today)
    _settle(writing, kit["reference"], visit, finding)
    recipient = guardian(writing, kit, settings)
    if recipient:
        subject = f"{kit['reference']} {finding}: {kit['name']}"
        body = _report_letter(kit, said, status, visit.on, task)
        outbox.queue(writing, recipient, subject, body)
        # whoever hears of it now need not be reminded at once
        number = _open_tasks(writing, kit["reference"])[task]
        writing.change(Task, {number: {"reminded_on": visit.today}})
    return Outcome(
        kit["reference"], status, writing.edition, opened, (), written_to=bool(recipient)
    )


def _said(finding: Finding, visit: Visit) -> str:
    note = rules.clean(Event, {"note": visit.note})["note"]
    return f"{finding}. {note}".strip()


def _settle(
    writing: store.Writing, reference: str, visit: Visit, finding: Finding = Finding.COMPLETE
) -> None:
    """Let what a known person found end what strangers told before."""
    wanted = select(Sighting.id, Sighting.finding, Sighting.told_at).where(
        Sighting.kit == reference, Sighting.verdict == Verdict.OPEN
    )
    # words about details do not say that the kit is there
    settled = [
        row.id
        for row in writing.connection.execute(wanted)
        if (visit.on == visit.today or row.told_at.date() < visit.on)
        and finding in (row.finding, *_WHOLE)
    ]
    values = {"verdict": Verdict.SETTLED, "decided_at": writing.at, "decided_by": visit.who}
    writing.change(Sighting, dict.fromkeys(settled, values))


def edit(
    engine: Engine,
    reference: str,
    values: Mapping[str, object],
    *,
    who: str,
    why: str,
    seen: int | None = None,
) -> int:
    """Change fields of a kit.

    Parameters
    ----------
    engine
        The registry.
    reference
        Of the kit.
    values
        By column; None or "" empties a field.
    who, why
        The author and the reason.
    seen
        The kit's edition that the author has read; a later one is a conflict.

    Returns
    -------
    edition
        Of the registry after the change.

    Raises
    ------
    ConflictError
        Somebody else has changed the kit since.
    InputError
        A value breaks a rule, or nothing would change.
    KitNotFoundError
        No kit has this reference.
    RegistryError
        The database cannot be written.
    """
    forbidden = {"reference", "edition"} & set(values)
    if forbidden:
        msg = f"The field {min(forbidden)} cannot be changed."
        raise InputError(msg)
    cleaned = rules.clean(Kit, values)
    with store.writing(engine, who=who, why=why) as writing:
        kit = _found(writing.row(Kit, normal_reference(reference)), reference)
        key = kit["reference"]
        _check_edit(kit, cleaned)
        if not writing.change(Kit, {key: cleaned}, seen=None if seen is None else {key: seen}):
            msg = f"{key} holds these values already. Nothing was changed."
            raise InputError(msg)
        if cleaned.get("status") == Status.WITHDRAWN:
            today = writing.at.date()
            _close(writing, list(_open_tasks(writing, key).values()), Visit(who, today, today))
            _settle(writing, key, Visit(who, today, today))
        return writing.edition


def _check_edit(kit: Mapping[str, Any], cleaned: Mapping[str, Any]) -> None:
    status, key = cleaned.get("status", kit["status"]), kit["reference"]
    if status != kit["status"]:
        if kit["status"] in OUT_OF_SERVICE and status != Status.WITHDRAWN:
            msg = f"{key} is “{kit['status']}”. Only a check puts it back: locator check {key}."
            raise InputError(msg)
        if status in OUT_OF_SERVICE:
            msg = f"Say that with “locator report {key}”: it opens a task and tells the guardian."
            raise InputError(msg)
    moved = {"longitude", "latitude"} & {n for n, value in cleaned.items() if kit[n] != value}
    if any(cleaned[name] is not None for name in moved) and "precision_m" not in cleaned:
        msg = "A new position needs precision_m, in metres, and position_method: how it was found."
        raise InputError(msg)
    for name, value in cleaned.items():
        public = not Kit.__table__.columns[name].info.get("private")
        if public and isinstance(value, str) and rules.without_contacts(value) != value:
            msg = (
                f"The field {name} is public and seems to hold a telephone number or an address "
                "for mail. Use “locator kit guardian” for these."
            )
            raise InputError(msg)


def entrust(
    engine: Engine,
    reference: str,
    contact: Mapping[str, object],
    *,
    who: str,
    why: str,
    host: bool = False,
) -> int:
    """Make somebody the guardian or the host of a kit; a contact that is known is used again.

    Parameters
    ----------
    engine, reference, who, why
        As for :func:`edit`.
    contact
        Columns of the table ``contact``: name, email, phone ...
    host
        Whether they host the kit rather than look after it.

    Returns
    -------
    edition
        Of the registry after the change.

    Raises
    ------
    InputError
        The contact has neither name nor address, or is the kit's already.
    KitNotFoundError
        No kit has this reference.
    RegistryError
        The database cannot be written.
    """
    column = "host_contact_id" if host else "guardian_id"
    with store.writing(engine, who=who, why=why) as writing:
        kit = _found(writing.row(Kit, normal_reference(reference)), reference)
        number = contact_id(writing, contact)
        writing.change(Kit, {kit["reference"]: {column: number}})
        if not writing.has_changed:
            role = "host" if host else "guardian"
            msg = f"{kit['reference']} has this {role} already. Nothing was changed."
            raise InputError(msg)
        return writing.edition


def is_address(text: str) -> bool:
    """Whether a text looks like an address for mail."""
    return _EMAIL.fullmatch(text) is not None


def contact_id(writing: store.Writing, contact: Mapping[str, object]) -> int:
    """Find or add a contact; the same address for mail, or else the same name, is the same one."""
    values = rules.clean(Contact, contact)
    if values.get("email") and not is_address(values["email"]):
        msg = f"“{values['email']}” is not an address for mail."
        raise InputError(msg)
    same = (
        func.lower(Contact.email) == values["email"].lower()
        if values.get("email")
        else and_(Contact.name == values.get("name", ""), Contact.name != "")
    )
    # one with an address goes before one without
    wanted = select(Contact.id).where(same).order_by(Contact.email == "", Contact.id).limit(1)
    number = writing.connection.scalar(wanted)
    if number is None:
        number = writing.next_id(Contact)
        writing.add(Contact, [values | {"id": number}])
    else:
        writing.change(Contact, {number: {name: v for name, v in values.items() if v}})
    return int(number)


def _in_care(writing: store.Writing, reference: str) -> dict[str, Any]:
    kit = _found(writing.row(Kit, normal_reference(reference)), reference)
    if kit["status"] == Status.WITHDRAWN:
        msg = f"{kit['reference']} is withdrawn. If it is back, change its status first."
        raise InputError(msg)
    return kit


def _happened(
    writing: store.Writing,
    kit: Mapping[str, Any],
    kind: EventKind,
    finding: Finding,
    visit: Visit,
) -> None:
    values = {"kit": kit["reference"], "kind": kind, "finding": finding, "happened_on": visit.on}
    cleaned = rules.clean(Event, {"who": visit.who, "note": visit.note})
    writing.add(Event, [values | cleaned | {"id": writing.next_id(Event)}])


def _open_tasks(writing: store.Writing, reference: str) -> dict[str, int]:
    """Find the open tasks of a kit: kind -> id."""
    wanted = select(Task.kind, Task.id).where(Task.kit == reference, Task.closed_on.is_(None))
    return {row.kind: row.id for row in writing.connection.execute(wanted)}


def _open(
    writing: store.Writing, kit: Mapping[str, Any], kind: TaskKind, why: str, today: dt.date
) -> tuple[str, ...]:
    tasks = _open_tasks(writing, kit["reference"])
    if kind in tasks:
        writing.change(Task, {tasks[kind]: {"why": why}})
        return ()
    task = {"id": writing.next_id(Task), "kit": kit["reference"], "kind": kind, "why": why}
    writing.add(Task, [task | {"opened_on": today, "due_on": today + _DUE_AFTER}])
    return (kind,)


def _close(writing: store.Writing, numbers: list[int], visit: Visit) -> None:
    rows = store.rows_by_key(writing.connection, Task, numbers)
    closed = {
        number: {"closed_on": max(visit.on, row["opened_on"]), "closed_by": visit.who}
        for number, row in rows.items()
    }
    writing.change(Task, closed)


def guardian(writing: store.Writing, kit: Mapping[str, Any], settings: Settings) -> str:
    """Return the address of a kit's guardian, or of whoever hears of kits without one."""
    contact = writing.row(Contact, kit["guardian_id"]) if kit["guardian_id"] else None
    return str(contact["email"]) if contact and contact["email"] else settings.mail_fallback


def place(kit: Mapping[str, Any]) -> str:
    """Say in words where a kit is."""
    return ", ".join(filter(None, (kit["position_text"], kit["address"], kit["postcode"])))


def _report_letter(
    kit: Mapping[str, Any], said: str, status: Status, on: dt.date, task: TaskKind
) -> str:
    offered = "still offer" if status is Status.INSTALLED else "do not offer"
    check_it = f'    locator check {kit["reference"]} --by "your name"'
    todo = (
        [
            "Please put new contents in, then record a check:",
            f"{check_it} --restocked --expires DATE",
        ]
        if task is TaskKind.RESTOCK
        else ["Please go and look, then record a check or correct the details:", check_it]
    )
    lines = [
        f"Bleed kit {kit['reference']}, {kit['name']}",
        place(kit),
        "",
        f"Reported on {on:%d %B %Y}: {said}",
        f"The public pages {offered} this kit.",
        "",
        *todo,
    ]
    return "\n".join(lines) + "\n"
