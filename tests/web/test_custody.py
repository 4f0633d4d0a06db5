"""What the public sees of checks, uses and reports."""

import datetime as dt
import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from locator.registry.custody import Visit, check, edit, entrust, report
from locator.registry.schema import Finding
from locator.settings import Settings
from locator.web import create_app
from tests.web.conftest import Clock

TODAY = dt.date(2026, 7, 4)


@pytest.fixture
def site(tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Iterator[FlaskClient]:
    """A site with a registry of its own that looks for changes at every request."""
    settings = Settings(database_url=f"sqlite:///{tmp_path}/registry.sqlite")
    app = create_app(settings, clock)
    monkeypatch.setattr("locator.facts._FRESH_S", 0.0)
    yield app.test_client()
    app.extensions["facts"].close()


def kit(site: FlaskClient, reference: str) -> str:
    """The text of a kit on the answer for the town's centre."""
    page = site.post("/", data={"place": "NN1 1DE"}).text
    item = rf'<li class="kit-item" id="kit-{reference}".*?(?=<li class="kit-item"|</ol>)'
    found = re.search(item, page, re.DOTALL)
    assert found is not None
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", found[0])).split())


def test_a_check_confirms_a_kit_for_a_while(site: FlaskClient) -> None:
    engine = site.application.extensions["facts"].engine
    assert "never checked" in kit(site, "NN-0030")
    check(engine, "NN-0030", Visit("Secret Ann", TODAY, TODAY))
    shown = kit(site, "NN-0030")
    assert "last checked 4 July 2026" in shown
    assert "Not confirmed" not in shown
    assert "Secret Ann" not in site.get("/map").text


def test_an_old_check_is_said_as_such(site: FlaskClient) -> None:
    engine = site.application.extensions["facts"].engine
    old = TODAY - dt.timedelta(days=93)
    check(engine, "NN-0030", Visit("Ann", old, TODAY))
    shown = kit(site, "NN-0030")
    assert "not checked since 2 April 2026" in shown
    assert "Not confirmed" in shown


def test_expired_contents_are_said(site: FlaskClient) -> None:
    engine = site.application.extensions["facts"].engine
    expired = TODAY - dt.timedelta(days=1)
    check(engine, "NN-0030", Visit("Ann", TODAY, TODAY), expires_on=expired)
    shown = kit(site, "NN-0030")
    assert "its contents have expired" in shown
    assert "Not confirmed" in shown


@pytest.mark.parametrize(
    ("finding", "words"),
    [
        (Finding.USED, "Taken for a casualty."),
        (Finding.MISSING, "Reported missing."),
        (Finding.DAMAGED, "Reported damaged."),
        (Finding.NEEDS_RESTOCK, "Waits for new contents."),
    ],
)
def test_a_report_takes_the_kit_off_the_list_at_once(
    site: FlaskClient, finding: Finding, words: str
) -> None:
    engine = site.application.extensions["facts"].engine
    contact = {"name": "Gia Guardian", "email": "gia@example.org"}
    entrust(engine, "NN-0030", contact, who="Ann", why="Agreed")
    report(engine, "NN-0030", finding, Visit("Bob Reporter", TODAY, TODAY, "mine"), Settings())
    shown = kit(site, "NN-0030")
    assert words in shown
    assert "ask 999" in shown
    page = site.get("/map").text
    for secret in ("Gia", "gia@example.org", "Bob Reporter"):
        assert secret not in page


def test_a_withdrawn_kit_is_gone_and_an_open_one_needs_no_code(site: FlaskClient) -> None:
    engine = site.application.extensions["facts"].engine
    edit(engine, "NN-0030", {"access": "open"}, who="Ann", why="Seen")
    assert "no code is needed" in kit(site, "NN-0030")
    edit(engine, "NN-0030", {"status": "withdrawn"}, who="Ann", why="Closed")
    assert "NN-0030" not in site.post("/", data={"place": "NN1 1DE"}).text
