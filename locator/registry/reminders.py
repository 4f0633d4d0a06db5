"""Remind guardians of overdue checks, expiring contents and everything else that is open."""

import datetime as dt
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, select

from locator.registry import outbox, store
from locator.registry.custody import guardian, place
from locator.registry.schema import Kit, Status, Task, TaskKind, table_of
from locator.settings import Settings


@dataclass(frozen=True, slots=True)
class Reminded:
    """What one run of reminders has done.

    Attributes
    ----------
    opened
        Tasks opened, by kind.
    reminded
        Tasks of which somebody is reminded, as reference and kind.
    nobody
        Tasks that are due and have nobody to be told.
    """

    opened: Mapping[str, int]
    reminded: tuple[tuple[str, str], ...]
    nobody: tuple[tuple[str, str], ...]

    def as_dict(self) -> dict[str, object]:
        """Give the result as plain values for JSON."""
        return {
            "tasks_opened": dict(self.opened),
            "reminded": [{"kit": kit, "task": kind} for kit, kind in self.reminded],
            "nobody_to_remind": [{"kit": kit, "task": kind} for kit, kind in self.nobody],
        }


# kits that should be where they are said to be, so that a check makes sense
_TO_CHECK = (Status.INSTALLED, Status.UNCONFIRMED)


def remind(engine: Engine, *, today: dt.date, settings: Settings) -> Reminded:
    """Open tasks for overdue checks and expiring contents, and remind of every open task.

    Each guardian gets one message with all their tasks. Run again on the same day, or before
    ``remind_again_days`` have passed, it does nothing more.

    Raises
    ------
    RegistryError
        The database cannot be written.
    """
    with store.writing(engine, who="locator remind", why=f"Reminders of {today}") as writing:
        opened = _open_due(writing, today, settings)
        tasks = writing.connection.execute(
            select(table_of(Task)).where(Task.closed_on.is_(None)).order_by(Task.id)
        ).mappings()
        again = today - dt.timedelta(days=settings.remind_again_days)
        due = [
            dict(task)
            for task in tasks
            if task["reminded_on"] is None or task["reminded_on"] <= again
        ]
        kits = store.rows_by_key(writing.connection, Kit, [task["kit"] for task in due])
        due = [task for task in due if kits[task["kit"]]["status"] != Status.WITHDRAWN]
        letters: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
        for task in due:
            letters[guardian(writing, kits[task["kit"]], settings)].append(task)
        nobody = letters.pop("", [])
        for recipient, theirs in letters.items():
            subject = f"Bleed kits: {len(theirs)} to look after"
            outbox.queue(writing, recipient, subject, _reminder(theirs, kits))
        writing.change(
            Task, {t["id"]: {"reminded_on": today} for theirs in letters.values() for t in theirs}
        )
    return Reminded(
        opened,
        tuple((t["kit"], t["kind"]) for theirs in letters.values() for t in theirs),
        tuple((t["kit"], t["kind"]) for t in nobody),
    )


def _open_due(writing: store.Writing, today: dt.date, settings: Settings) -> dict[str, int]:
    checked_before = today - dt.timedelta(days=settings.check_every_days)
    expires_before = today + dt.timedelta(days=settings.expiry_notice_days)
    in_place = select(table_of(Kit)).where(Kit.status.in_(_TO_CHECK)).order_by(Kit.reference)
    is_open = select(Task.kit, Task.kind).where(Task.closed_on.is_(None))
    busy = {(row.kit, row.kind) for row in writing.connection.execute(is_open)}
    rows: list[dict[str, Any]] = []
    number = writing.next_id(Task)
    for kit in writing.connection.execute(in_place).mappings():
        due = []
        if kit["last_checked"] is None or kit["last_checked"] <= checked_before:
            since = f"since {kit['last_checked']}" if kit["last_checked"] else "yet"
            due.append((TaskKind.CHECK, f"Not checked {since}."))
        if kit["expires_on"] is not None and kit["expires_on"] <= expires_before:
            word = "expired" if kit["expires_on"] < today else "expire"
            due.append((TaskKind.RENEW, f"The contents {word} on {kit['expires_on']}."))
        for kind, why in due:
            if (kit["reference"], kind) not in busy:
                rows.append(
                    {
                        "id": number + len(rows),
                        "kit": kit["reference"],
                        "kind": kind,
                        "why": why,
                        "opened_on": today,
                        "due_on": today,
                    }
                )
    writing.add(Task, rows)
    return {kind: count for kind in TaskKind if (count := sum(r["kind"] == kind for r in rows))}


def _reminder(tasks: list[dict[str, Any]], kits: Mapping[object, Mapping[str, Any]]) -> str:
    lines = ["These bleed kits need you:", ""]
    for task in tasks:
        kit = kits[task["kit"]]
        lines += [
            f"{kit['reference']}  {kit['name']}",
            f"    {place(kit)}",
            f"    {task['kind'].capitalize()}: {task['why']}",
            "",
        ]
    lines += [
        "Record what you find:",
        '    locator check NN-0042 --by "your name" --expires YYYY-MM-DD',
        '    locator report NN-0042 damaged --by "your name"',
        "",
        "Never write down a cabinet's code: the 999 operator gives it.",
    ]
    return "\n".join(lines) + "\n"
