"""What strangers tell: shown for a while, decided by moderators, and never able to do harm."""

import datetime as dt
import itertools
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as searching
from hypothesis import strategies as st
from sqlalchemy import Engine, select

from locator.analysis.nearest import overview
from locator.errors import InputError, KitNotFoundError, TooOftenError
from locator.exchange.exporting import export_kits
from locator.facts import Facts
from locator.registry import rules, sightings, snapshot, store, trail
from locator.registry.custody import Visit, check, edit, entrust, find, report
from locator.registry.schema import TELLABLE, Edition, Event, Finding, Letter, Sighting, Task
from locator.registry.sightings import (
    STRANGER,
    accept,
    dismiss,
    dismiss_since,
    listed,
    tell,
)
from locator.registry.snapshot import GRAVE, Doubt
from locator.settings import Settings

LONDON = ZoneInfo("Europe/London")
EVENING = dt.datetime(2026, 7, 4, 22, 14, tzinfo=LONDON)
DAY = EVENING.date()
ANN = Visit("Ann", DAY, DAY)
QUIET = Settings()
TOLD = Settings(mail_fallback="office@example.org")
MANY = Settings(sightings_per_hour=10_000)
# what is told for so long is shown for two or four days, is not for one, and is again
_DAYS = 6


def hours(number: float) -> dt.timedelta:
    return dt.timedelta(hours=number)


def rows(
    engine: Engine, model: type[Sighting | Letter | Task | Event | Edition]
) -> list[dict[str, Any]]:
    with store.reading(engine) as connection:
        found = connection.execute(select(model.__table__)).mappings()
        return [dict(row) for row in found]


def say(
    engine: Engine,
    at: dt.datetime = EVENING,
    finding: Finding = Finding.USED,
    kit: str = "NN-0001",
    note: str = "",
    settings: Settings = MANY,
) -> Doubt | None:
    return tell(engine, kit, finding, at=at, settings=settings, note=note)


def shown(engine: Engine, facts: Facts, at: dt.datetime, kit: str = "NN-0001") -> Doubt | None:
    return snapshot.take(engine, facts.calendar, 92, 24).doubt(kit, at)


def test_a_word_is_shown_and_changes_nothing_of_the_kit(kits: Engine, facts: Facts) -> None:
    before, version = find(kits, "NN-0001"), store.version(kits)
    doubt = say(kits, settings=QUIET)
    assert doubt == Doubt(Finding.USED, EVENING, EVENING + hours(24))
    assert shown(kits, facts, EVENING) == doubt
    assert find(kits, "NN-0001") == before
    assert store.version(kits) == version + 1, "so that servers notice"
    (row,) = rows(kits, Sighting)
    assert row["told_at"] == dt.datetime(2026, 7, 4, 21, 14)  # noqa: DTZ001  # UTC, as all is kept
    assert not rows(kits, Task)
    assert not rows(kits, Event)


@pytest.mark.parametrize(
    ("day", "told", "ends"),
    [
        # the clocks go back at 02:00 on 25 October and forward at 01:00 on 29 March
        ("2026-10-24", "23:30", "2026-10-25T22:30+00:00"),
        ("2026-10-25", "00:30", "2026-10-25T23:30+00:00"),
        ("2027-03-27", "23:30", "2027-03-29T00:30+01:00"),
        ("2027-03-28", "00:30", "2027-03-29T01:30+01:00"),
        ("2026-07-04", "22:14", "2026-07-05T22:14+01:00"),
    ],
)
def test_it_vanishes_by_itself_to_the_second(
    kits: Engine, facts: Facts, day: str, told: str, ends: str
) -> None:
    at = dt.datetime.fromisoformat(f"{day}T{told}").replace(tzinfo=LONDON)
    doubt = say(kits, at)
    assert doubt is not None
    assert doubt.until == dt.datetime.fromisoformat(ends)
    taken = snapshot.take(kits, facts.calendar, 92, 24)
    second = dt.timedelta(seconds=1)
    end = dt.datetime.fromisoformat(ends)
    for zone in (LONDON, dt.UTC):
        start, last = at.astimezone(dt.UTC), end.astimezone(dt.UTC)
        assert taken.doubt("NN-0001", (start - second).astimezone(zone)) is None
        assert taken.doubt("NN-0001", start.astimezone(zone)) is not None
        assert taken.doubt("NN-0001", (last - second).astimezone(zone)) is not None
        assert taken.doubt("NN-0001", last.astimezone(zone)) is None


def test_the_hour_that_comes_twice(kits: Engine, facts: Facts) -> None:
    first = dt.datetime(2026, 10, 25, 1, 30, tzinfo=LONDON)
    second = first.replace(fold=1)
    doubt = say(kits, second)
    assert doubt is not None
    assert shown(kits, facts, first) is None, "it was not told yet"
    assert shown(kits, facts, second) == doubt
    assert doubt.at.timestamp() - first.timestamp() == 3600


def test_the_gravest_of_several_is_shown(kits: Engine, facts: Facts) -> None:
    for number, finding in enumerate(reversed(TELLABLE)):
        say(kits, EVENING + hours(number / 10), finding)
        doubt = shown(kits, facts, EVENING + hours(1))
        assert doubt is not None
        assert doubt.finding is finding
    say(kits, EVENING + hours(0.9), Finding.WRONG_DETAILS)
    doubt = shown(kits, facts, EVENING + hours(1))
    assert doubt is not None
    assert doubt.finding is Finding.USED, "chatter does not hide it"


@pytest.mark.parametrize("finding", [Finding.COMPLETE, Finding.NEEDS_RESTOCK])
def test_what_strangers_cannot_tell(kits: Engine, finding: Finding) -> None:
    with pytest.raises(InputError, match="cannot be told"):
        say(kits, finding=finding)


def test_kits_that_there_are_not(kits: Engine) -> None:
    edit(kits, "NN-0002", {"status": "withdrawn"}, who="Ann", why="Closed")
    for reference in ("NN-0002", "NN-0999"):
        with pytest.raises(KitNotFoundError):
            say(kits, kit=reference)
    assert not rows(kits, Sighting)


@pytest.mark.parametrize(
    ("note", "kept"),
    [
        ("  Left behind\n the bar ", "Left behind the bar"),
        ("the code is C1234X, hurry", "the [removed], hurry"),
        ("ring 07700 900123 or a@example.org", "ring [removed] or [removed]"),
        ("\x1b[31mred\u202e", "[31mred"),
        ("x" * 400, "x" * 300),
    ],
)
def test_a_note_is_made_harmless(kits: Engine, note: str, kept: str) -> None:
    say(kits, note=note)
    (row,) = rows(kits, Sighting)
    assert row["note"] == kept


@searching(
    max_examples=200,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(words=st.lists(st.sampled_from(["code", "pin", "4", "12", "é", "#", " ", "a@b.cd", "0"])))
def test_whatever_is_cut_out_of_a_note_leaves_no_code(words: list[str]) -> None:
    for text in ("".join(words), "y" * 292 + " ".join(words)):
        kept = sightings._harmless(text)
        assert len(kept) <= 300
        assert rules.without_codes(kept) == kept


def test_repeats_are_written_once_an_hour_and_end(kits: Engine, facts: Facts) -> None:
    """A troll who tells the same every twenty minutes, until it was shown, ended and begun anew."""
    version = store.version(kits)
    doubted = []
    for step in range(_DAYS * 24 * 3):
        at = EVENING + dt.timedelta(minutes=20 * step)
        say(kits, at)
        if step % 3 == 0:
            doubted.append(shown(kits, facts, at) is not None)
    runs = [(state, len(list(run))) for state, run in itertools.groupby(doubted)]
    assert max(length for state, length in runs if state) <= 48
    assert min(length for state, length in runs[1:-1] if not state) >= 24
    assert store.version(kits) - version <= _DAYS * 24, "one edition in an hour at most"
    assert len(rows(kits, Sighting)) == 1


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["tell"] * 8 + ["dismiss", "check", "accept"]),
        st.sampled_from(TELLABLE),
        st.floats(0.01, 30),
    ),
    max_size=40,
)
_worlds = itertools.count(1)


def moderate(engine: Engine, deed: str, waiting: list[int], at: dt.datetime) -> None:
    if deed == "dismiss":
        dismiss(engine, waiting, who="Ann", why="No", at=at)
        return
    if deed == "accept":
        accept(engine, waiting[0], ANN, LONDON, MANY)
    check(engine, "NN-0001", ANN, restocked=True)


@searching(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=STEPS)
def test_whatever_strangers_and_moderators_do(
    kits: Engine, facts: Facts, steps: list[tuple[str, Finding, float]]
) -> None:
    """No doubt goes on for ever, none trivial hides a grave one, and words make few rows."""
    clock = EVENING.astimezone(dt.UTC) + dt.timedelta(days=100 * next(_worlds))
    began = ends = dismissed = last_grave = clock - hours(1000)
    told: dict[Finding, dt.datetime] = {}
    for deed, finding, wait in steps:
        clock += hours(wait)
        undecided = [row for row in rows(kits, Sighting) if row["verdict"] == "open"]
        waiting = [row["id"] for row in undecided]
        before = find(kits, "NN-0001")
        if deed == "tell":
            said = say(kits, clock, finding)
            assert find(kits, "NN-0001") == before
            if finding in GRAVE:
                assert said is not None or clock - last_grave < hours(72)
                last_grave = clock
                # repeats are written once an hour
                if finding not in told or clock - told[finding] >= hours(1):
                    told[finding] = clock
        elif waiting or deed == "check":
            moderate(kits, deed, waiting, clock)
            if deed == "dismiss" and any(row["finding"] in GRAVE for row in undecided):
                dismissed = last_grave = clock
            told = {}
        taken = snapshot.take(kits, facts.calendar, 92, 24)
        doubt = taken.doubt("NN-0001", clock)
        open_still = any(clock - one < hours(24) for one in told.values())
        assert (taken.unconfirmed_until("NN-0001", clock) is not None) == open_still
        if deed != "tell" and (waiting or deed == "check"):
            assert doubt is None
            ends = clock
        if doubt is not None:
            assert clock - dismissed >= hours(24)
            if clock >= ends:
                began = clock
            ends = doubt.until.astimezone(dt.UTC)
            assert ends - began <= hours(96)
        words = [(r["kit"], r["finding"]) for r in rows(kits, Sighting) if r["verdict"] == "open"]
        assert len(words) == len(set(words)) <= len(TELLABLE)


def ready(engine: Engine, facts: Facts, at: dt.datetime) -> bool:
    taken = snapshot.take(engine, facts.calendar, 92, 24)
    return next(f.ready for f in overview(taken, at) if f.kit["reference"] == "NN-0001")


def test_a_kit_that_is_told_as_taken_again_is_not_ready(kits: Engine, facts: Facts) -> None:
    edit(kits, "NN-0001", {"opening_hours": "24/7"}, who="Ann", why="So it is")
    check(kits, "NN-0001", ANN)
    assert ready(kits, facts, EVENING)
    say(kits)
    dismiss(kits, [1], who="Ann", why="I am beside it", at=EVENING + hours(1))
    assert ready(kits, facts, EVENING + hours(2))
    assert say(kits, EVENING + hours(2)) is None
    for later in (2, 10, 25.9):
        assert not ready(kits, facts, EVENING + hours(later))
        assert shown(kits, facts, EVENING + hours(later)) is None
    assert ready(kits, facts, EVENING + hours(26))
    # told anew while it is muted, it counts anew
    assert say(kits, EVENING + hours(24.9)) is None
    assert not ready(kits, facts, EVENING + hours(48.8))
    dismiss(kits, [2], who="Ann", why="Still there", at=EVENING + hours(30))
    assert ready(kits, facts, EVENING + hours(30))
    # that something is described wrongly takes nothing away while it is muted
    assert say(kits, EVENING + hours(31), Finding.WRONG_DETAILS) is None
    assert ready(kits, facts, EVENING + hours(31))


@pytest.mark.parametrize("gravely", sorted(GRAVE))
@pytest.mark.parametrize("ended", ["lapsed", "dismissed", "worn out"])
def test_wrong_details_hide_nothing_grave(
    kits: Engine, facts: Facts, gravely: Finding, ended: str
) -> None:
    now = EVENING + hours(25)
    say(kits, finding=Finding.WRONG_DETAILS)
    if ended == "dismissed":
        dismiss(kits, [1], who="Ann", why="It is right", at=now)
    elif ended == "worn out":
        say(kits, EVENING + hours(23), Finding.WRONG_DETAILS)
    doubt = say(kits, now, gravely)
    assert doubt == shown(kits, facts, now)
    assert doubt is not None
    assert (doubt.finding, doubt.at) == (gravely, now)


def test_a_crowd_that_cycles_through_all_findings_comes_to_an_end(
    kits: Engine, facts: Facts
) -> None:
    """Everything every hour, the trivial first: four days shown, then one is not."""
    doubted = []
    for hour in range(_DAYS * 24):
        at = EVENING + hours(hour)
        for finding in TELLABLE if hour >= 47 else (Finding.WRONG_DETAILS,):
            say(kits, at, finding)
        taken = snapshot.take(kits, facts.calendar, 92, 24)
        doubted.append(taken.doubt("NN-0001", at) is not None)
        assert hour < 47 or taken.unconfirmed_until("NN-0001", at) is not None
    runs = [(state, len(list(run))) for state, run in itertools.groupby(doubted)]
    assert max(length for state, length in runs if state) <= 96
    assert min(length for state, length in runs[1:-1] if not state) >= 24
    until = {word.shown_until for word in listed(kits, LONDON, MANY)}
    assert all(end is None or end <= EVENING + hours((_DAYS + 2) * 24) for end in until)


def test_after_a_dismissal_words_are_for_moderators_only(kits: Engine, facts: Facts) -> None:
    say(kits)
    (word,) = listed(kits, LONDON, MANY)
    dismiss(kits, [word.number], who="Ann", why="I am beside it", at=EVENING + hours(1))
    assert shown(kits, facts, EVENING + hours(1)) is None
    for later in (2, 20, 24.9):
        assert say(kits, EVENING + hours(later)) is None
        assert say(kits, EVENING + hours(later), Finding.DAMAGED) is None
    assert shown(kits, facts, EVENING + hours(24.9)) is None
    seen = {(w.finding, w.shown_until) for w in listed(kits, LONDON, MANY)}
    assert seen == {(Finding.USED, None), (Finding.DAMAGED, None)}, "moderators see them"
    assert say(kits, EVENING + hours(25)) is not None
    assert shown(kits, facts, EVENING + hours(25)) is not None


def test_a_check_and_a_report_end_what_was_told(kits: Engine, facts: Facts) -> None:
    for finding in (Finding.USED, Finding.WRONG_DETAILS):
        say(kits, finding=finding)
    report(kits, "NN-0001", Finding.WRONG_DETAILS, ANN, QUIET)
    doubt = shown(kits, facts, EVENING)
    assert doubt is not None
    assert doubt.finding is Finding.USED, "that its details are wrong says nothing of that"
    check(kits, "NN-0001", ANN)
    assert shown(kits, facts, EVENING) is None
    assert {row["verdict"] for row in rows(kits, Sighting)} == {"settled"}
    assert {row["decided_by"] for row in rows(kits, Sighting)} == {"Ann"}
    # what comes after a check is news
    assert say(kits, EVENING + hours(1)) is not None
    edit(kits, "NN-0001", {"status": "withdrawn"}, who="Ann", why="Closed")
    assert listed(kits, LONDON, QUIET) == []


def test_an_earlier_check_that_is_written_down_late_ends_no_later_word(
    kits: Engine, facts: Facts
) -> None:
    say(kits)
    check(kits, "NN-0001", Visit("Ann", DAY - dt.timedelta(1), DAY))
    assert shown(kits, facts, EVENING) is not None


def test_acceptance_is_a_report(kits: Engine, facts: Facts) -> None:
    entrust(kits, "NN-0001", {"name": "Gia", "email": "gia@example.org"}, who="Ann", why="Agreed")
    say(kits, note="rude words of a stranger")
    say(kits, finding=Finding.DAMAGED)
    number = listed(kits, LONDON, MANY)[-1].number
    ann = Visit("Ann", DAY, DAY, "I rang the pub.")
    outcome = accept(kits, number, ann, LONDON, QUIET)
    assert (outcome.status, outcome.opened) == ("in use", ("restock",))
    assert find(kits, "NN-0001")["status"] == "in use"
    assert shown(kits, facts, EVENING) is None
    told = {row["finding"]: row["verdict"] for row in rows(kits, Sighting)}
    assert told == {"used": "accepted", "damaged": "settled"}
    (event,) = rows(kits, Event)
    assert event["note"] == "A stranger told it on 2026-07-04 at 22:14. I rang the pub."
    assert "rude words" not in " ".join(letter["body"] for letter in rows(kits, Letter))
    with pytest.raises(InputError, match="accepted already, by Ann"):
        accept(kits, number, ann, LONDON, QUIET)
    # a mistake of the moderator is undone like any other
    trail.undo(kits, outcome.edition, who="Ann", why="The other pub")
    assert find(kits, "NN-0001")["status"] == "installed"
    assert shown(kits, facts, EVENING) is not None


def test_what_was_told_before_a_flood_stays_when_the_flood_is_dismissed(
    kits: Engine, facts: Facts
) -> None:
    say(kits, kit="NN-0001")
    flood = EVENING + hours(3)
    for number in (1, 2, 3):
        for finding in (Finding.USED, Finding.MISSING):
            say(kits, flood + hours(number / 60), finding, f"NN-000{number}")
    now = flood + hours(1)
    edition, count = dismiss_since(kits, flood, who="Ann", why="A flood", at=now)
    assert (edition, count) == (store.version(kits), 5)
    (left,) = listed(kits, LONDON, MANY)
    assert (left.reference, left.finding) == ("NN-0001", Finding.USED)
    assert [shown(kits, facts, now, f"NN-000{n}") is not None for n in (1, 2, 3)] == [
        True,
        False,
        False,
    ]
    trail.undo(kits, edition, who="Ann", why="They were right")
    assert len(listed(kits, LONDON, MANY)) == 6


def test_what_cannot_be_decided(kits: Engine) -> None:
    with pytest.raises(InputError, match="no sighting 7"):
        dismiss(kits, [7], who="Ann", why="x", at=EVENING)
    with pytest.raises(InputError, match="no sighting 7"):
        accept(kits, 7, ANN, LONDON, QUIET)
    with pytest.raises(InputError, match="Nothing that is still open"):
        dismiss_since(kits, EVENING, who="Ann", why="x", at=EVENING)


def test_undo_of_a_dismissal_when_it_was_told_again(kits: Engine) -> None:
    say(kits)
    edition = dismiss(kits, [1], who="Ann", why="x", at=EVENING)
    say(kits, EVENING + hours(1))
    with pytest.raises(InputError, match="told of this kit again since"):
        trail.undo(kits, edition, who="Ann", why="It was right")


def test_undo_of_a_word_dismisses_it(kits: Engine, facts: Facts) -> None:
    say(kits)
    trail.undo(kits, store.version(kits), who="Ann", why="Nonsense")
    assert shown(kits, facts, EVENING) is None
    assert [row["verdict"] for row in rows(kits, Sighting)] == ["dismissed"]


def test_the_guardian_hears_of_the_first_word_only(kits: Engine) -> None:
    entrust(kits, "NN-0001", {"name": "Gia", "email": "gia@example.org"}, who="Ann", why="Agreed")
    for number, finding in enumerate(TELLABLE):
        say(kits, EVENING + hours(number), finding, note="buy pills at spam.example", settings=TOLD)
    (letter,) = rows(kits, Letter)
    assert letter["recipient"] == "gia@example.org"
    assert letter["subject"] == "Unconfirmed: NN-0001, used? Market Square"
    assert (
        "On 04 July 2026 at 22:14 a stranger told the public pages that it was taken."
        in (letter["body"])
    )
    assert "spam" not in letter["body"]
    say(kits, EVENING + hours(100), settings=TOLD)
    assert len(rows(kits, Letter)) == 2, "a new doubt is new"
    say(kits, kit="NN-0002", settings=TOLD)
    assert rows(kits, Letter)[-1]["recipient"] == "office@example.org"


def test_nobody_is_flooded_with_letters(kits: Engine) -> None:
    for number in range(20):
        say(kits, EVENING + dt.timedelta(days=3 * number), settings=TOLD)
    letters = rows(kits, Letter)
    assert len(letters) == 5
    assert "No more letters come in this hour" in letters[-1]["body"]
    assert "No more letters" not in letters[-2]["body"]


def test_only_so_much_is_taken_in_an_hour(kits: Engine) -> None:
    few = Settings(sightings_per_hour=3)
    for kit in ("NN-0001", "NN-0002", "NN-0003"):
        say(kits, kit=kit, settings=few)
    version = store.version(kits)
    with pytest.raises(TooOftenError, match="Nothing was kept"):
        say(kits, finding=Finding.DAMAGED, settings=few)
    # what is known already costs nothing
    assert say(kits, settings=few) is not None
    assert store.version(kits) == version
    assert say(kits, EVENING + hours(1), Finding.DAMAGED, settings=few) is not None


def test_many_who_tell_the_same_at_once_make_one_row(kits: Engine) -> None:
    version = store.version(kits)
    with ThreadPoolExecutor(8) as crowd:
        told = list(crowd.map(lambda _: say(kits, settings=TOLD), range(24)))
    assert all(doubt is not None for doubt in told)
    assert store.version(kits) == version + 1
    assert len(rows(kits, Sighting)) == len(rows(kits, Letter)) == 1


def test_the_story_of_a_kit_tells_of_strangers(kits: Engine) -> None:
    say(kits)
    dismiss(kits, [1], who="Ann", why="I am beside it", at=EVENING)
    told = [(subject, entry.who, entry.why) for subject, entry in trail.story(kits, "NN-0001")]
    assert told[-2:] == [
        ("sighting", STRANGER, "Told: used"),
        ("sighting", "Ann", "I am beside it"),
    ]


@pytest.mark.parametrize("format_key", ["csv", "geojson", "kml", "gpx"])
def test_no_word_of_strangers_is_exported(kits: Engine, tmp_path: Path, format_key: str) -> None:
    before, after = tmp_path / "before", tmp_path / "after"
    export_kits(kits, before, "A test", format_key=format_key)
    say(kits, note="Xylophone")
    export_kits(kits, after, "A test", format_key=format_key)
    assert b"Xylophone" not in after.read_bytes()
    assert b"stranger" not in after.read_bytes()
    assert len(after.read_bytes()) == len(before.read_bytes())
