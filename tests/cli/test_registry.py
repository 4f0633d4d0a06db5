"""Look after kits on the command line, as somebody of the charity would."""

import datetime as dt
import json
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from locator.registry import sightings, store
from locator.registry.schema import Finding
from locator.settings import Settings
from tests.cli.conftest import Locator


def test_a_kit_is_shown_with_what_is_not_known(locator: Locator) -> None:
    shown = locator("kit", "show", "nn 3")
    assert shown.returncode == 0
    assert "NN-0003, The Sevens (pub)" in shown.stdout
    assert "Not known:" in shown.stdout
    plain = json.loads(locator("kit", "show", "NN-0003", "--json").stdout)
    assert plain["reference"] == "NN-0003"
    assert plain["open_tasks"] == []


def test_the_story_of_a_kit(locator: Locator) -> None:
    assert "in service" in locator("check", "nn1", "--by", "Ann", "--expires", "2030-01-31").stdout
    told = locator("kit", "guardian", "nn1", "--by", "Ann", "--name", "Gia", "--email", "g@e.org")
    assert told.returncode == 0, told.stderr
    reported = json.loads(locator("report", "nn1", "used", "--by", "Bob", "--json").stdout)
    assert reported["status"] == "in use"
    assert reported["somebody_is_told"]
    nearest = locator("nearest", "NN1 1DE", "--json").stdout
    found = {k["reference"]: k for k in json.loads(nearest)["unavailable"]}
    assert found["NN-0001"]["availability"] == "not in service"
    refused = locator("check", "nn1", "--by", "Ann")
    assert refused.returncode == 2
    assert "--restocked" in refused.stderr
    back = json.loads(locator("check", "nn1", "--by", "Ann", "--restocked", "--json").stdout)
    assert back["tasks_closed"] == ["restock"]
    history = json.loads(locator("kit", "history", "nn1", "--json").stdout)
    said = [(entry["subject"], entry["who"]) for entry in history[1:]]
    assert said.count(("event", "Bob")) == 1
    assert said.count(("event", "Ann")) == 3, "two checks and a restock"
    table = locator("kit", "history", "nn1").stdout
    assert "installed → in use" in table
    assert "use, used on" in table
    assert "task opened: restock" in table
    edition = next(e["edition"] for e in history if e["who"] == "Bob")
    undone = locator("kit", "undo", str(edition), "--by", "Ann", "--why", "x")
    assert undone.returncode == 5, "a later check rests on it"
    assert "checked or reported again" in undone.stderr


def test_a_change_says_its_edition_and_refuses_a_stale_one(locator: Locator) -> None:
    first = locator("kit", "change", "nn2", "floor=1", "note=", "--by", "Ann", "--why", "Seen")
    assert "Written as edition 2" in first.stdout
    stale = locator("kit", "change", "nn2", "floor=2", "--by", "B", "--why", "x", "--seen", "1")
    assert stale.returncode == 5
    assert "changed by Ann" in stale.stderr
    again = locator("kit", "undo", "2", "--by", "Ann", "--why", "Wrong kit")
    assert again.returncode == 0
    assert json.loads(locator("kit", "show", "nn2", "--json").stdout)["floor"] == ""


def test_a_kit_as_it_was(locator: Locator) -> None:
    early = locator("kit", "show", "nn1", "--on", "2020-01-01")
    assert early.returncode == 2
    assert "knew no kit" in early.stderr
    assert locator("kit", "show", "nn1", "--on", "2099-01-01").returncode == 0


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("kit", "show", "NN-9999"), 2, "There is no kit"),
        (("kit", "history", "banana"), 2, "References look like NN-0042"),
        (("check", "nn1"), 2, "--by"),
        (("check", "nn1", "--by", "A", "--on", "2199-01-01"), 2, "has not come yet"),
        (("check", "nn1", "--by", "A", "--expires", "soon"), 2, "Write it as 2026-07-04"),
        (("report", "nn1", "fine", "--by", "A"), 2, "'missing'"),
        (("kit", "change", "nn1", "floor", "--by", "A", "--why", "x"), 2, "FIELD=VALUE"),
        (("kit", "change", "nn1", "note=code 1234", "--by", "A", "--why", "x"), 2, "Codes are"),
        (("kit", "undo", "77", "--by", "A", "--why", "x"), 2, "no edition 77"),
        (("kit", "undo", "1", "--by", "A", "--why", "x"), 2, "changed 49 rows"),
        (("kit", "undo", "9" * 30, "--by", "A", "--why", "x"), 2, "not in the range"),
        (
            ("kit", "change", "nn1", "status=missing", "--by", "A", "--why", "x"),
            2,
            "locator report",
        ),
        (("kit", "change", "nn1", "latitude=52.3", "--by", "A", "--why", "x"), 2, "precision_m"),
        (("kit", "change", "nn1", "photo=javascript:x", "--by", "A", "--why", "x"), 2, "https://"),
        (
            ("kit", "change", "nn1", "last_checked=2099-01-01", "--by", "A", "--why", "x"),
            2,
            "not come",
        ),
        (
            ("kit", "change", "nn1", "note=ring 07700 900123", "--by", "A", "--why", "x"),
            2,
            "public",
        ),
        (("sightings", "accept", "7", "--by", "A"), 2, "no sighting 7"),
        (("sightings", "dismiss", "7", "--by", "A"), 2, "no sighting 7"),
        (("sightings", "dismiss", "--by", "A"), 2, "--all-since"),
        (("sightings", "dismiss", "1", "--all-since", "2026-07-04", "--by", "A"), 2, "or a date"),
        (("sightings", "dismiss", "--all-since", "then", "--by", "A"), 2, "An example of one"),
        (("sightings", "dismiss", "--all-since", "2026-07-04", "--by", "A"), 2, "Nothing that"),
        (("sightings", "accept", "1"), 2, "--by"),
        (("restore", "nothing.backup"), 3, "cannot be read"),
        (("backup", "no/such/folder/file"), 2, "cannot be written"),
        (("export", "kits.doc"), 2, "Choose one of csv"),
    ],
)
def test_mistakes_are_told_with_what_to_do(
    locator: Locator, arguments: tuple[str, ...], code: int, said: str
) -> None:
    result = locator(*arguments)
    assert result.returncode == code, result.stderr
    assert said in result.stderr
    assert "Traceback" not in result.stderr


def test_reminders_are_said_once(locator: Locator) -> None:
    first = json.loads(locator("remind", "--json").stdout)
    assert first["tasks_opened"]["check"] > 20
    assert len(first["nobody_to_remind"]) == first["tasks_opened"]["check"]
    second = json.loads(locator("remind", "--json").stdout)
    assert second["tasks_opened"] == {}
    assert "Nobody to remind" in locator("remind").stdout


def test_backup_and_restore(locator: Locator, tmp_path: Path) -> None:
    file = str(tmp_path / "registry.backup")
    locator("check", "nn1", "--by", "Ann")
    saved = locator("backup", file)
    assert "kits: 49" in saved.stdout
    locator("report", "nn1", "missing", "--by", "Bob")
    refused = locator("restore", file)
    assert refused.returncode == 2
    assert "--replace" in refused.stderr
    done = locator("restore", file, "--replace", "--json")
    assert json.loads(done.stdout)["rows"]["kit"] == 49
    (saved_first,) = tmp_path.glob("replaced-*-registry.backup")
    assert str(saved_first) in done.stderr
    assert json.loads(locator("kit", "show", "nn1", "--json").stdout)["status"] == "installed"


def test_the_host_is_kept_apart_from_the_guardian(locator: Locator) -> None:
    locator("kit", "guardian", "nn1", "--name", "Gia", "--email", "g@example.org", "--by", "Ann")
    locator("kit", "guardian", "nn1", "--host", "--name", "Hal", "--phone", "1", "--by", "Ann")
    values = ("host_consent=given", "host_consent_on=2026-07-04")
    agreed = locator("kit", "change", "nn1", *values, "--by", "Ann", "--why", "Signed")
    assert agreed.returncode == 0, agreed.stderr
    plain = json.loads(locator("kit", "show", "nn1", "--json").stdout)
    assert (plain["guardian"]["name"], plain["host_contact"]["name"]) == ("Gia", "Hal")
    assert plain["host_consent"] == "given"


def test_cron_hears_of_a_mail_server_that_is_down(
    locator: Locator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOCATOR_MAIL_SERVER", "smtp://127.0.0.1:9")
    monkeypatch.setenv("LOCATOR_MAIL_FALLBACK", "office@example.org")
    done = locator("remind")
    assert done.returncode == 1
    assert "does not answer" in done.stdout


def test_what_strangers_told_is_decided(locator: Locator) -> None:
    assert "nothing that waits" in locator("sightings", "list").stdout
    engine = store.open_registry(f"sqlite:///{locator.folder}/registry.sqlite")
    zone = ZoneInfo("Europe/London")
    at = dt.datetime.now(zone)
    told = ((1, Finding.USED), (2, Finding.MISSING), (3, Finding.DAMAGED), (4, Finding.OBSTRUCTED))
    for number, finding in told:
        note = "[b]\x1b[1m"
        reference = f"NN-{number:04}"
        sightings.tell(engine, reference, finding, at=at, settings=Settings(), note=note)
    engine.dispose()
    table = locator("sightings", "list").stdout
    assert "NN-0001 " in table
    assert "[b] [1m" in table
    assert "\x1b" not in table
    waiting = json.loads(locator("sightings", "list", "--json").stdout)
    assert [(one["number"], one["finding"]) for one in waiting] == [
        (4, "obstructed"),
        (3, "damaged"),
        (2, "missing"),
        (1, "used"),
    ]
    accepted = locator("sightings", "accept", "1", "--by", "Ann", "--note", "Rang them")
    assert "NN-0001 is now “in use”" in accepted.stdout
    assert "It has no guardian" in accepted.stdout
    assert locator("sightings", "dismiss", "2", "--by", "Ann").returncode == 0
    again = locator("sightings", "dismiss", "2", "--by", "Ann")
    assert again.returncode == 2
    assert "dismissed already, by Ann" in again.stderr
    day = f"{at:%Y-%m-%d} 00:00"
    flood = locator("sightings", "dismiss", "--all-since", day, "--by", "Ann", "--json")
    assert json.loads(flood.stdout)["dismissed"] == 2
    assert "nothing that waits" in locator("sightings", "list").stdout
    every = locator("sightings", "list", "--all").stdout
    assert "accepted by Ann" in every
    assert "dismissed by Ann" in every
    history = locator("kit", "history", "nn1").stdout
    assert "a stranger told: used: [b] [1m" in history
    assert "sighting verdict: open → accepted" in history
    # one edition takes the whole flood back
    edition = json.loads(flood.stdout)["edition"]
    undone = locator("kit", "undo", str(edition), "--by", "Ann", "--why", "They were right")
    assert undone.returncode == 0, undone.stderr
    assert len(json.loads(locator("sightings", "list", "--json").stdout)) == 2


def test_a_moderator_sees_for_how_long_a_word_is_shown(locator: Locator) -> None:
    locator("sightings", "list")
    engine = store.open_registry(f"sqlite:///{locator.folder}/registry.sqlite")
    now = dt.datetime.now(ZoneInfo("Europe/London"))
    old = now - dt.timedelta(days=2)
    for reference, at in (("NN-0001", old), ("NN-0002", now)):
        sightings.tell(engine, reference, Finding.USED, at=at, settings=Settings())
    sightings.dismiss(engine, [2], who="Ann", why="x", at=now)
    sightings.tell(engine, "NN-0002", Finding.USED, at=now, settings=Settings())
    engine.dispose()
    table = locator("sightings", "list").stdout
    assert "no longer, since" in table
    assert "no, for you only" in table
