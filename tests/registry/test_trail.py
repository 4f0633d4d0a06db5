import datetime as dt

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from locator.errors import ConflictError, InputError
from locator.registry import custody, store, trail
from locator.registry.schema import Finding, Kit, Task
from locator.settings import Settings

SLOW = settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def test_history_tells_who_when_what_and_why(kits: Engine) -> None:
    custody.edit(kits, "NN-0001", {"name": "Square", "cost_gbp": 96}, who="Bob", why="Bill")
    first, second = trail.history(kits, Kit, "NN-0001")
    assert first.before is None
    assert first.after["name"] == "Market Square"
    assert (first.who, first.why) == ("Ann", "Test kits")
    assert second.before == {"name": "Market Square", "cost_gbp": None}
    assert second.after == {"name": "Square", "cost_gbp": 96.0}
    assert second.as_dict()["at"].endswith("Z")
    assert trail.history(kits, Kit, "NN-9999") == []


@SLOW
@given(
    edits=st.lists(
        st.fixed_dictionaries(
            {},
            optional={
                "name": st.sampled_from(["A", "B", "C"]),
                "floor": st.sampled_from(["", "1", "2"]),
                "expires_on": st.sampled_from([None, dt.date(2027, 1, 1), dt.date(2028, 1, 1)]),
                "precision_m": st.floats(1, 1000),
            },
        ),
        max_size=8,
    )
)
def test_a_kit_is_shown_as_it_was_at_every_edition(
    kits: Engine, edits: list[dict[str, object]]
) -> None:
    was = []
    for edit in edits:
        try:
            custody.edit(kits, "NN-0001", edit, who="Bob", why="Try")
        except InputError:
            continue
        was.append((store.now_utc(), custody.find(kits, "NN-0001")))
    for at, row in was:
        assert trail.as_of(kits, Kit, "NN-0001", at) == row


def test_before_it_was_added_a_kit_was_not(kits: Engine) -> None:
    (first,) = trail.history(kits, Kit, "NN-0001")
    before = first.at - dt.timedelta(microseconds=1)
    assert trail.as_of(kits, Kit, "NN-0001", before) is None
    assert trail.as_of(kits, Kit, "NN-0001", first.at) == custody.find(kits, "NN-0001")


def test_undo_takes_an_edition_back_and_can_itself_be_undone(kits: Engine) -> None:
    edition = custody.edit(kits, "NN-0001", {"name": "Wrong"}, who="Bob", why="Oops")
    undone = trail.undo(kits, edition, who="Ann", why="Bob was wrong")
    assert custody.find(kits, "NN-0001")["name"] == "Market Square"
    with pytest.raises(InputError, match="undone already"):
        trail.undo(kits, edition, who="Ann", why="Again")
    trail.undo(kits, undone, who="Bob", why="I was right")
    assert custody.find(kits, "NN-0001")["name"] == "Wrong"
    assert len(trail.history(kits, Kit, "NN-0001")) == 4


def test_undo_never_loses_a_later_change(kits: Engine) -> None:
    edition = custody.edit(kits, "NN-0001", {"name": "Wrong"}, who="Bob", why="Oops")
    custody.edit(kits, "NN-0001", {"name": "Later"}, who="Cem", why="New sign")
    with pytest.raises(ConflictError, match="name was changed again"):
        trail.undo(kits, edition, who="Ann", why="Bob was wrong")
    assert custody.find(kits, "NN-0001")["name"] == "Later"


def test_undo_of_an_import_withdraws_its_kits(kits: Engine) -> None:
    trail.undo(kits, 1, who="Ann", why="Wrong list")
    assert {custody.find(kits, f"NN-000{n}")["status"] for n in (1, 2, 3)} == {"withdrawn"}


def test_undo_of_a_report_puts_the_kit_back_and_closes_its_task(kits: Engine) -> None:
    day = dt.date(2026, 7, 1)
    visit = custody.Visit("Bob", day, day)
    outcome = custody.report(kits, "NN-0001", Finding.MISSING, visit, Settings())
    trail.undo(kits, outcome.edition, who="Ann", why="It was the wrong kit")
    assert custody.find(kits, "NN-0001")["status"] == "installed"
    (opened, closed) = trail.history(kits, Task, 1)
    assert opened.after["kind"] == "restock"
    assert closed.after["closed_by"] == "Ann"


def test_an_undo_does_not_cancel_what_others_saw_since(kits: Engine) -> None:
    day = dt.date(2026, 7, 1)
    visits = (custody.Visit("Bob", day, day), custody.Visit("Cem", day, day, "glass broken"))
    first, _ = (custody.report(kits, "NN-0001", Finding.DAMAGED, v, Settings()) for v in visits)
    with pytest.raises(ConflictError, match="reported again after edition"):
        trail.undo(kits, first.edition, who="Ann", why="Bob was wrong")
    assert custody.find(kits, "NN-0001")["status"] == "damaged"


def test_the_story_of_a_kit_has_its_events_and_tasks(kits: Engine) -> None:
    day = dt.date(2026, 7, 1)
    visit = custody.Visit("Bob", day, day, "Sign is wrong")
    custody.report(kits, "NN-0001", Finding.WRONG_DETAILS, visit, Settings())
    told = trail.story(kits, "NN-0001")
    assert [subject for subject, _ in told] == ["kit", "event", "task"]
    assert told[1][1].after["note"] == "Sign is wrong"


def test_there_is_nothing_to_undo(kits: Engine) -> None:
    with pytest.raises(InputError, match="no edition 99"):
        trail.undo(kits, 99, who="Ann", why="What?")
