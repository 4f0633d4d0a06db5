"""Messages through a real mail server on this machine."""

import datetime as dt
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from sqlalchemy import Engine, select

from locator.errors import SettingsError
from locator.registry import outbox, store
from locator.registry.custody import Visit, report
from locator.registry.schema import Finding, Letter
from locator.settings import Settings

DAY = dt.date(2026, 7, 1)


@dataclass
class Postman:
    """Takes messages in, and refuses those to somebody."""

    messages: list[str] = field(default_factory=list)
    refuse: str = ""

    async def handle_RCPT(  # noqa: N802  # the server's name for it
        self, server: Any, session: Any, envelope: Any, address: str, options: Any
    ) -> str:
        if self.refuse and address.startswith(self.refuse):
            return "550 no such user"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        self.messages.append(envelope.content.decode())
        return "250 OK"


@pytest.fixture
def postman() -> Postman:
    return Postman()


@pytest.fixture
def server(postman: Postman) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    controller = Controller(postman, hostname="127.0.0.1", port=port)
    controller.start()
    yield f"smtp://127.0.0.1:{port}"
    controller.stop()


def write(engine: Engine, *recipients: str) -> None:
    with store.writing(engine, who="Ann", why="Letters") as writing:
        for number, recipient in enumerate(recipients):
            outbox.queue(writing, recipient, f"Subject {number}", "Grüße\n")


def letters(engine: Engine) -> list[Any]:
    with store.reading(engine) as connection:
        return list(connection.execute(select(Letter.__table__).order_by(Letter.id)).all())


def test_a_report_reaches_the_guardian(kits: Engine, server: str, postman: Postman) -> None:
    told = Settings(mail_fallback="office@example.org")
    report(kits, "NN-0001", Finding.DAMAGED, Visit("Bob", DAY, DAY, "Door broken"), told)
    result = outbox.deliver(kits, server, "kits@example.org")
    assert (result.sent, result.failed, result.waiting) == (1, 0, 0)
    (message,) = postman.messages
    assert "Subject: NN-0001 damaged: Market Square" in message
    assert "From: kits@example.org" in message
    assert "Auto-Submitted: auto-generated" in message
    assert "Door broken" in message
    assert outbox.deliver(kits, server, "kits@example.org").sent == 0
    assert len(postman.messages) == 1


def test_a_mail_server_that_is_down_loses_nothing(
    engine: Engine, server: str, postman: Postman
) -> None:
    write(engine, "a@example.org", "b@example.org")
    now = store.now_utc() + dt.timedelta(seconds=1)
    down = outbox.deliver(engine, "smtp://127.0.0.1:9", "kits@example.org", now=now)
    assert (down.sent, down.failed, down.waiting) == (0, 2, 2)
    assert "refused" in down.last_error.lower()
    soon = outbox.deliver(engine, server, "kits@example.org", now=now + dt.timedelta(seconds=30))
    assert (soon.sent, soon.waiting) == (0, 2), "it is not tried again at once"
    later = outbox.deliver(engine, server, "kits@example.org", now=now + dt.timedelta(minutes=3))
    assert (later.sent, later.waiting) == (2, 0)
    assert len(postman.messages) == 2


def test_waits_grow_with_every_failure(engine: Engine) -> None:
    write(engine, "a@example.org")
    now = store.now_utc() + dt.timedelta(seconds=1)
    waits = []
    for _ in range(12):
        outbox.deliver(engine, "smtp://127.0.0.1:9", "kits@example.org", now=now)
        following = letters(engine)[0].next_try_at
        waits.append(following - now)
        now = following
    assert waits[0] == dt.timedelta(minutes=2)
    assert waits == sorted(waits)
    assert waits[-1] == dt.timedelta(hours=12)


def test_one_refused_recipient_does_not_hold_the_others(
    engine: Engine, server: str, postman: Postman
) -> None:
    postman.refuse = "gone"
    write(engine, "gone@example.org", "here@example.org")
    result = outbox.deliver(engine, server, "kits@example.org")
    assert (result.sent, result.failed, result.waiting) == (1, 1, 1)
    refused, sent = letters(engine)
    assert "550" in refused.last_error
    assert sent.sent_at is not None


def test_an_address_that_cannot_be_written_does_not_hold_the_others(
    engine: Engine, server: str, postman: Postman
) -> None:
    write(engine, "josé@example.org", "here@example.org")
    now = store.now_utc() + dt.timedelta(seconds=1)
    first = outbox.deliver(engine, server, "kits@example.org", now=now)
    assert (first.sent + first.failed, len(postman.messages)) == (2, first.sent)
    assert any("here@example.org" in message for message in postman.messages)


def test_several_senders_send_each_message_once(
    engine: Engine, server: str, postman: Postman
) -> None:
    write(engine, *(f"g{n}@example.org" for n in range(60)))
    threads = [
        threading.Thread(target=outbox.deliver, args=(engine, server, "kits@example.org"))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(postman.messages) == 60
    assert all(letter.sent_at for letter in letters(engine))


def test_a_sender_that_died_leaves_its_message_to_the_next(
    engine: Engine, server: str, postman: Postman
) -> None:
    write(engine, "a@example.org")
    now = store.now_utc() + dt.timedelta(seconds=1)
    outbox._take(engine, now)
    assert outbox.deliver(engine, server, "k@example.org", now=now).sent == 0
    later = now + dt.timedelta(minutes=11)
    assert outbox.deliver(engine, server, "k@example.org", now=later).sent == 1


def test_a_message_goes_only_with_the_change_that_caused_it(engine: Engine) -> None:
    def fail() -> None:
        with store.writing(engine, who="Ann", why="Fails") as writing:
            outbox.queue(writing, "a@example.org", "Subject", "Text")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert letters(engine) == []


def test_a_subject_cannot_bring_headers(engine: Engine, server: str, postman: Postman) -> None:
    with store.writing(engine, who="Ann", why="Letters") as writing:
        outbox.queue(writing, "a@example.org", "Hi\r\nBcc: all@example.org", "Text")
    outbox.deliver(engine, server, "kits@example.org")
    assert "\nBcc:" not in postman.messages[0]


def test_without_a_server_mail_waits(engine: Engine) -> None:
    write(engine, "a@example.org")
    assert outbox.deliver(engine, "", "kits@example.org").waiting == 1


def test_an_address_of_a_server_that_is_none(engine: Engine) -> None:
    write(engine, "a@example.org")
    with pytest.raises(SettingsError, match="LOCATOR_MAIL_SERVER"):
        outbox.deliver(engine, "mail.example.org", "kits@example.org")
    assert letters(engine)[0].sent_at is None
