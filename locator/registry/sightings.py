"""Keep what strangers tell of kits: shown as a doubt for a while, and decided by moderators.

A stranger's word never changes a kit. For :attr:`Settings.doubt_hours` pages say that somebody told
it and that nobody has confirmed it; then it vanishes by itself. Only a moderator makes a report
of it. Nobody can drown the registry in words: a kit has at most one open word for each finding,
repeats are written once an hour, and of all strangers together only so many are taken in an hour.
Nor can a doubt be kept alive: it lasts twice the time at most, and then, or when a moderator has
dismissed it, further words that are no graver are muted, for the moderators only, for as long as
a doubt lasts. Wrong details never mute a grave word, and a grave word that is muted still keeps
the kit from being shown as confirmed.
"""

import datetime as dt
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Engine, and_, func, or_, select

from locator.errors import InputError, KitNotFoundError, TooOftenError
from locator.registry import custody, outbox, rules, store
from locator.registry.schema import (
    TELLABLE,
    Finding,
    Kit,
    Letter,
    Sighting,
    Status,
    Verdict,
    table_of,
)
from locator.registry.snapshot import Doubt, not_less_grave, shown_until
from locator.settings import Settings

STRANGER = "a stranger on the public pages"
LONGEST_NOTE = 300
_HOUR = dt.timedelta(hours=1)
# somebody who hears of so many kits in an hour knows that they are many
_LETTERS_AN_HOUR = 5
_SUBJECT = "Unconfirmed: "


def tell(
    engine: Engine,
    reference: str,
    finding: Finding,
    *,
    at: dt.datetime,
    settings: Settings,
    note: str = "",
) -> Doubt | None:
    """Keep what a stranger tells of a kit.

    Parameters
    ----------
    engine
        The registry.
    reference
        Of the kit.
    finding
        One of ``TELLABLE``.
    at
        When it is told, in local time.
    settings
        Say for how long it is shown, how much is taken in an hour, and who hears of it.
    note
        Anything else; what looks like the code of a cabinet, a telephone number or an address for
        mail is taken out.

    Returns
    -------
    doubt
        What the pages say of it now; None if it is for the moderators only.

    Raises
    ------
    InputError
        A stranger cannot tell this finding.
    KitNotFoundError
        No kit has this reference, or it is withdrawn.
    RegistryError
        The database cannot be written.
    TooOftenError
        Strangers have told too much in this hour.
    """
    if finding not in TELLABLE:
        msg = f"“{finding}” cannot be told here. Use one of: {', '.join(TELLABLE)}."
        raise InputError(msg)
    now, lasts = _utc(at), dt.timedelta(hours=settings.doubt_hours)
    with store.writing(engine, who=STRANGER, why=f"Told: {finding}") as writing:
        kit = writing.row(Kit, custody.normal_reference(reference))
        if kit is None or kit["status"] == Status.WITHDRAWN:
            msg = f"There is no kit “{reference}”."
            raise KitNotFoundError(msg)
        words = _words_that_count(writing, kit["reference"], now - lasts)
        known = next((w for w in words if _is_open(w) and w["finding"] == finding), None)
        values = _news(finding, known, words, now, lasts)
        if "told_at" in values:
            _refuse_a_flood(writing, now, settings)
            if not any(_is_open(word) and word["told_at"] + lasts > now for word in words):
                _send_letter(writing, kit, finding, at, settings)
        note = _harmless(note)
        # the first words count, until it is told anew
        if note and (known is None or not known["note"] or "doubt_since" in values):
            values["note"] = note
        told = _written(writing, kit["reference"], finding, known, values)
    others = [word for word in words if _is_open(word) and word is not known]
    until = shown_until(told, [told, *others], lasts)
    doubt = until and Doubt.of(finding, told["told_at"], until, at.tzinfo)
    return doubt if doubt and doubt.lasts(at) else None


def _utc(at: dt.datetime) -> dt.datetime:
    return at.astimezone(dt.UTC).replace(tzinfo=None)


_Word = dict[str, Any]


def _is_open(word: _Word) -> bool:
    return bool(word["verdict"] == Verdict.OPEN)


def _words_that_count(writing: store.Writing, reference: str, since: dt.datetime) -> list[_Word]:
    """Read what is open of a kit, and what was dismissed lately."""
    table = table_of(Sighting)
    lately = and_(table.c.verdict == Verdict.DISMISSED, table.c.decided_at > since)
    wanted = select(table).where(
        table.c.kit == reference, or_(table.c.verdict == Verdict.OPEN, lately)
    )
    return [dict(row) for row in writing.connection.execute(wanted).mappings()]


def _news(
    finding: Finding,
    known: _Word | None,
    words: list[_Word],
    now: dt.datetime,
    lasts: dt.timedelta,
) -> dict[str, Any]:
    """Tell what a word told now changes of the one that is open; nothing if it says nothing new."""
    still_open = [word for word in words if _is_open(word)]
    until = None if known is None else shown_until(known, still_open, lasts)
    if (until is None or until <= now) and _may_begin(finding, words, now, lasts):
        return {"told_at": now, "doubt_since": now}
    if known is None:
        return {"told_at": now, "doubt_since": None}
    # muted or not: for as long as a grave word is told the kit is not confirmed
    return {"told_at": now} if known["told_at"] + _HOUR <= now else {}


def _may_begin(finding: Finding, words: list[_Word], now: dt.datetime, lasts: dt.timedelta) -> bool:
    """Whether a word told now may begin to be shown."""
    still_open = [word for word in words if _is_open(word)]
    for word in not_less_grave(finding, words):
        if not _is_open(word):
            end = word["decided_at"]
        elif (end := shown_until(word, still_open, lasts)) is None:
            continue
        if now < end:
            if now > word["doubt_since"] + lasts:
                return False
        elif now < end + lasts:
            return False
    return True


def _refuse_a_flood(writing: store.Writing, now: dt.datetime, settings: Settings) -> None:
    # no word is written twice in an hour, so words are as many as were written
    lately = select(func.count()).where(Sighting.told_at > now - _HOUR)
    if (writing.connection.scalar(lately) or 0) >= settings.sightings_per_hour:
        msg = "Too much was told in this hour. Nothing was kept; try again later."
        raise TooOftenError(msg, int(_HOUR.total_seconds()))


def _written(
    writing: store.Writing,
    reference: str,
    finding: Finding,
    known: _Word | None,
    values: dict[str, Any],
) -> _Word:
    """Write a word down, and return it as it stands then."""
    if known is not None:
        writing.change(Sighting, {known["id"]: values})
        return known | values
    row = {"id": writing.next_id(Sighting), "kit": reference, "finding": finding} | values
    writing.add(Sighting, [row])
    return row


def _harmless(note: str) -> str:
    """Take out of a note what must not be kept."""
    text = rules.without_contacts(rules.without_codes(rules.single_line(note[:LONGEST_NOTE])))
    text = text[:LONGEST_NOTE]
    # what was cut or taken out may leave a code behind
    return text if rules.without_codes(text) == text else ""


_SAID = {
    Finding.USED: "it was taken",
    Finding.MISSING: "it is not there",
    Finding.DAMAGED: "it is damaged",
    Finding.OBSTRUCTED: "one cannot get to it",
    Finding.WRONG_DETAILS: "something that we say of it is wrong",
}


def _send_letter(
    writing: store.Writing,
    kit: Mapping[str, Any],
    finding: Finding,
    at: dt.datetime,
    settings: Settings,
) -> None:
    """Write to whoever looks after a kit; never in the stranger's own words."""
    recipient = custody.guardian(writing, kit, settings)
    if not recipient:
        return
    lately = select(func.count()).where(
        Letter.recipient == recipient,
        Letter.subject.startswith(_SUBJECT),
        Letter.created_at > writing.at - _HOUR,
    )
    sent = writing.connection.scalar(lately) or 0
    if sent >= _LETTERS_AN_HOUR:
        return
    lines = [
        f"Bleed kit {kit['reference']}, {kit['name']}",
        custody.place(kit),
        "",
        f"On {at:%d %B %Y at %H:%M} a stranger told the public pages that {_SAID[finding]}.",
        "Nobody has confirmed that. The pages say so beside the kit, and go on listing it.",
        "",
        "Please go and look, or ask. Then record what you have found:",
        f'    locator check {kit["reference"]} --by "your name"',
        f'    locator report {kit["reference"]} "{finding}" --by "your name"',
        "All that strangers told: locator sightings list",
    ]
    if sent == _LETTERS_AN_HOUR - 1:
        lines += ["", "There are many such words at once. No more letters come in this hour."]
    subject = f"{_SUBJECT}{kit['reference']}, {finding}? {kit['name']}"
    outbox.queue(writing, recipient, subject, "\n".join(lines) + "\n")


@dataclass(frozen=True, slots=True)
class Told:
    """A stranger's word, as moderators see it.

    Attributes
    ----------
    number
        By which it is accepted or dismissed.
    reference, name
        Of the kit.
    finding, note
        What was told.
    told_at, shown_until
        Local; ``shown_until`` is None if it is for the moderators only.
    verdict, decided_by
        What has become of it.
    """

    number: int
    reference: str
    name: str
    finding: Finding
    note: str
    told_at: dt.datetime
    shown_until: dt.datetime | None
    verdict: Verdict
    decided_by: str

    def as_dict(self) -> dict[str, object]:
        """Give the word as plain values for JSON."""
        until = self.shown_until
        return {
            "number": self.number,
            "reference": self.reference,
            "name": self.name,
            "finding": str(self.finding),
            "note": self.note,
            "told_at": self.told_at.isoformat(timespec="seconds"),
            "shown_until": until and until.isoformat(timespec="seconds"),
            "verdict": str(self.verdict),
            "decided_by": self.decided_by,
        }


def listed(
    engine: Engine, zone: ZoneInfo, settings: Settings, *, decided: bool = False
) -> list[Told]:
    """List what strangers told, latest first.

    Parameters
    ----------
    engine
        The registry.
    zone
        Of local times.
    settings
        Say for how long a word is shown.
    decided
        List what was decided already as well.

    Raises
    ------
    RegistryError
        The database cannot be read.
    """
    lasts = dt.timedelta(hours=settings.doubt_hours)
    wanted = select(table_of(Sighting), Kit.name).join(Kit, Kit.reference == Sighting.kit)
    if not decided:
        wanted = wanted.where(Sighting.verdict == Verdict.OPEN)
    with store.reading(engine) as connection:
        order = Sighting.told_at.desc(), Sighting.id.desc()
        found = [dict(row) for row in connection.execute(wanted.order_by(*order)).mappings()]
    still_open: dict[str, list[_Word]] = {}
    for row in found:
        if _is_open(row):
            still_open.setdefault(row["kit"], []).append(row)
    words = []
    for row in found:
        until = shown_until(row, still_open[row["kit"]], lasts) if _is_open(row) else None
        words.append(
            Told(
                row["id"],
                row["kit"],
                row["name"],
                Finding(row["finding"]),
                row["note"],
                row["told_at"].replace(tzinfo=dt.UTC).astimezone(zone),
                until and until.replace(tzinfo=dt.UTC).astimezone(zone),
                Verdict(row["verdict"]),
                row["decided_by"],
            )
        )
    return words


def accept(
    engine: Engine,
    number: int,
    visit: custody.Visit,
    zone: ZoneInfo,
    settings: Settings,
) -> custody.Outcome:
    """Make a stranger's word a report: the kit is out of the public answer at once.

    Parameters
    ----------
    engine
        The registry.
    number
        Of the word.
    visit
        The moderator, and what they say of it themselves.
    zone
        Of local times.
    settings
        Say who hears of kits without a guardian.

    Raises
    ------
    InputError
        There is no such word, it is decided already, or the kit is withdrawn.
    RegistryError
        The database cannot be written.
    """
    with store.writing(engine, who=visit.who, why=f"Accepted sighting {number}") as writing:
        (row,) = _undecided(writing, [number])
        told_at = row["told_at"].replace(tzinfo=dt.UTC).astimezone(zone)
        said = f"A stranger told it on {told_at:%Y-%m-%d at %H:%M}. {visit.note}".strip()
        report = custody.Visit(visit.who, visit.on, visit.today, said)
        _decide(writing, [number], Verdict.ACCEPTED)
        finding = Finding(row["finding"])
        return custody.take_report(writing, row["kit"], finding, report, settings)


def dismiss(
    engine: Engine, numbers: Collection[int], *, who: str, why: str, at: dt.datetime
) -> int:
    """Say that what strangers told is not so.

    For as long as a doubt lasts, further words about these kits that are no graver are for the
    moderators only.

    Parameters
    ----------
    engine
        The registry.
    numbers
        Of the words.
    who, why
        The moderator and the reason.
    at
        Now, with a time zone.

    Returns
    -------
    edition
        Of the registry after it.

    Raises
    ------
    InputError
        There is no such word, or it is decided already.
    RegistryError
        The database cannot be written.
    """
    with store.writing(engine, who=who, why=why) as writing:
        _undecided(writing, numbers)
        _decide(writing, numbers, Verdict.DISMISSED, _utc(at))
        return writing.edition


def dismiss_since(
    engine: Engine, since: dt.datetime, *, who: str, why: str, at: dt.datetime
) -> tuple[int, int]:
    """Dismiss every open word that has come since an instant, in one edition.

    A doubt that was there before stays, even if it was told again since.

    Parameters
    ----------
    engine, who, why, at
        As for :func:`dismiss`.
    since
        With a time zone.

    Returns
    -------
    edition, count
        Of the registry after it, and how many were dismissed.

    Raises
    ------
    InputError
        There is none.
    RegistryError
        The database cannot be written.
    """
    with store.writing(engine, who=who, why=why) as writing:
        began: ColumnElement[dt.datetime] = func.coalesce(Sighting.doubt_since, Sighting.told_at)
        wanted = select(Sighting.id).where(Sighting.verdict == Verdict.OPEN, began >= _utc(since))
        numbers = writing.connection.scalars(wanted).all()
        if not numbers:
            msg = f"Nothing that is still open was told since {since:%Y-%m-%d %H:%M}."
            raise InputError(msg)
        _decide(writing, numbers, Verdict.DISMISSED, _utc(at))
        return writing.edition, len(numbers)


def _undecided(writing: store.Writing, numbers: Collection[int]) -> list[dict[str, Any]]:
    rows = store.rows_by_key(writing.connection, Sighting, numbers)
    for number in numbers:
        if number not in rows:
            msg = f"There is no sighting {number}. “locator sightings list” shows all."
            raise InputError(msg)
        row = rows[number]
        if not _is_open(row):
            msg = f"Sighting {number} is {row['verdict']} already, by {row['decided_by']}."
            raise InputError(msg)
    return list(rows.values())


def _decide(
    writing: store.Writing,
    numbers: Collection[int],
    verdict: Verdict,
    at: dt.datetime | None = None,
) -> None:
    values = {"verdict": verdict, "decided_at": at or writing.at, "decided_by": writing.who}
    writing.change(Sighting, dict.fromkeys(numbers, values))
