"""The planner's report: every figure again by other means, and what it must say and never show."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.reports.conftest import Made
from tests.reports.recompute import figures

REPORTS = ["county", "small"]
# what is no figure: names, sentences, references and the moment when the report was made
_KEYED = ("worth", "opening")


@pytest.fixture(params=REPORTS)
def made(request: pytest.FixtureRequest) -> Made:
    found = request.getfixturevalue(request.param)
    assert isinstance(found, Made)
    return found


def _numbers(
    value: Any, path: tuple[Any, ...] = ()
) -> Iterator[tuple[tuple[Any, ...], float | None]]:
    """Walk over every figure: numbers, and where there is none."""
    if isinstance(value, dict):
        for key, part in value.items():
            yield from _numbers(part, (*path, key))
    elif isinstance(value, list):
        for number, part in enumerate(value):
            known = part["reference"] if path and path[-1] in _KEYED else number
            yield from _numbers(part, (*path, known))
    elif not isinstance(value, str | bool):
        yield path, value


def _at(value: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        value = value[key]
    return value


def test_every_figure_is_recomputed(made: Made) -> None:
    told = json.loads((made.folder / "figures.json").read_text("utf-8"))
    standard = told["standard"]["metres"]
    again = figures(made.geodata, made.folder, metres=standard, profile="violence")
    compared, wrong = 0, []
    for path, value in _numbers(told):
        try:
            other = _at(again, path)
        except (KeyError, IndexError, TypeError):
            wrong.append(f"{path} is not recomputed")
            continue
        same = other is None if value is None else other == pytest.approx(value, rel=1e-6, abs=1e-6)
        if not same:
            wrong.append(f"{path} is {value}, but {other} when recomputed")
        compared += 1
    assert wrong == []
    assert compared > 900
