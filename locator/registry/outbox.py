"""Keep messages with the change that caused them, and send them when the mail server is there.

A message is written in the same transaction as its cause, so that neither exists without the
other. Sending is at least once: after a crash between sending and noting it, the message goes
out again with the same Message-ID.
"""

import contextlib
import datetime as dt
import smtplib
import ssl
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import format_datetime
from urllib.parse import unquote, urlsplit

from sqlalchemy import Engine, func, insert, select, update
from sqlalchemy.exc import SQLAlchemyError

from locator.errors import RegistryError, SettingsError
from locator.registry import store
from locator.registry.rules import single_line
from locator.registry.schema import Letter, table_of

_TIMEOUT_S = 10.0
_AT_ONCE = 50
# a sender that crashes leaves its messages to the next one after this time
_LEASE = dt.timedelta(minutes=10)
_FIRST_RETRY, _LAST_RETRY = dt.timedelta(minutes=2), dt.timedelta(hours=12)
_PORTS = {"smtp": 25, "smtp+starttls": 587, "smtps": 465}


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of the messages: sent now, failed now, and still waiting."""

    sent: int
    failed: int
    waiting: int
    last_error: str = ""


def queue(writing: store.Writing, recipient: str, subject: str, body: str) -> None:
    """Add a message to the transaction that causes it."""
    writing.connection.execute(
        insert(Letter),
        [
            {
                "id": writing.next_id(Letter),
                "message_id": f"<{uuid.uuid4().hex}@bleed-kit-locator>",
                "created_at": writing.at,
                "recipient": single_line(recipient),
                "subject": single_line(subject),
                "body": body,
                "attempts": 0,
                "next_try_at": writing.at,
                "sent_at": None,
                "last_error": "",
            }
        ],
    )


def deliver(
    engine: Engine, server: str, sender: str, *, now: dt.datetime | None = None
) -> Delivery:
    """Send the messages that are due; those that fail stay and are tried again, ever later.

    Several processes may do so at once: each message is taken by one of them.

    Parameters
    ----------
    engine
        The registry.
    server
        ``smtp://``, ``smtp+starttls://`` or ``smtps://`` with host, and user and password if
        needed; empty sends nothing.
    sender
        Address of the sender.
    now
        UTC without a zone; the clock if left out.

    Raises
    ------
    RegistryError
        The database cannot be written.
    SettingsError
        The address of the server cannot be understood.
    """
    now = now or store.now_utc()
    sent = failed = 0
    trouble = ""
    try:
        while server and not trouble:
            letters = _take(engine, now)
            if not letters:
                break
            try:
                with _connected(server) as smtp:
                    for letter in letters:
                        error = _send(smtp, letter, sender)
                        _note(engine, letter, now, error)
                        sent, failed = sent + (not error), failed + bool(error)
                        trouble = trouble or error
            except (OSError, smtplib.SMTPException) as error:
                trouble = f"The mail server does not answer ({error}); the mail waits."
                failed += _note_unsent(engine, letters, now, trouble)
        with store.reading(engine) as connection:
            unsent = select(func.count()).where(Letter.sent_at.is_(None))
            waiting = connection.scalar(unsent) or 0
    except SQLAlchemyError as error:
        msg = f"The outbox cannot be written: {error}"
        raise RegistryError(msg) from error
    return Delivery(sent, failed, waiting, trouble)


def _take(engine: Engine, now: dt.datetime) -> list[Letter]:
    """Take messages for this process, so that no other one sends them meanwhile."""
    with store.turn(engine) as connection:
        table = table_of(Letter)
        due = (
            select(table)
            .where(table.c.sent_at.is_(None), table.c.next_try_at <= now)
            .order_by(table.c.id)
            .limit(_AT_ONCE)
        )
        letters = [Letter(**row) for row in connection.execute(due).mappings()]
        for letter in letters:
            letter.attempts += 1
            connection.execute(
                update(Letter)
                .where(Letter.id == letter.id)
                .values(attempts=letter.attempts, next_try_at=now + _LEASE)
            )
    return letters


@contextlib.contextmanager
def _connected(server: str) -> Iterator[smtplib.SMTP]:
    parts = urlsplit(server)
    if parts.scheme not in _PORTS or not parts.hostname:
        msg = "LOCATOR_MAIL_SERVER must look like smtp+starttls://user:password@host:587."
        raise SettingsError(msg)
    port = parts.port or _PORTS[parts.scheme]
    if parts.scheme == "smtps":
        context = ssl.create_default_context()
        smtp: smtplib.SMTP = smtplib.SMTP_SSL(
            parts.hostname, port, timeout=_TIMEOUT_S, context=context
        )
    else:
        smtp = smtplib.SMTP(parts.hostname, port, timeout=_TIMEOUT_S)
    with smtp:
        if parts.scheme == "smtp+starttls":
            smtp.starttls(context=ssl.create_default_context())
        if parts.username:
            smtp.login(unquote(parts.username), unquote(parts.password or ""))
        yield smtp


def _send(smtp: smtplib.SMTP, letter: Letter, sender: str) -> str:
    """Send one message; return why the server refuses it, if it does."""
    try:
        message = EmailMessage()
        message["From"], message["To"] = sender, letter.recipient
        message["Subject"] = letter.subject
        message["Message-ID"] = letter.message_id
        message["Date"] = format_datetime(letter.created_at.replace(tzinfo=dt.UTC))
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(letter.body)
        smtp.send_message(message)
    except smtplib.SMTPServerDisconnected:
        raise
    except (smtplib.SMTPException, ValueError) as error:
        # one message that cannot go must not hold the others
        smtp.rset()
        return f"{letter.recipient} refused: {error}"
    return ""


def _note(engine: Engine, letter: Letter, now: dt.datetime, error: str) -> None:
    wait = min(_FIRST_RETRY * 2 ** min(letter.attempts - 1, 20), _LAST_RETRY)
    values = (
        {"next_try_at": now + wait, "last_error": error}
        if error
        else {"sent_at": now, "last_error": ""}
    )
    with store.turn(engine) as connection:
        connection.execute(update(Letter).where(Letter.id == letter.id).values(values))


def _note_unsent(engine: Engine, letters: list[Letter], now: dt.datetime, error: str) -> int:
    with store.reading(engine) as connection:
        unsent = select(Letter.id).where(
            Letter.id.in_([letter.id for letter in letters]),
            Letter.sent_at.is_(None),
            Letter.next_try_at == now + _LEASE,
        )
        left = set(connection.scalars(unsent))
    for letter in letters:
        if letter.id in left:
            _note(engine, letter, now, error)
    return len(left)
