"""Maps and charts that print: what they show, and that nothing falls off them."""

import re
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from locator.facts import Facts
from locator.reports import charts, maps
from locator.reports._svg import element, picture, ticks
from locator.reports._words import listed, metres, number, points, pounds, share
from locator.reports.maps import ALWAYS, OUT, UNKNOWN, Content, Ground, Mark, view_map, views

SVG = "{http://www.w3.org/2000/svg}"
NO_PLACES = pd.DataFrame(columns=["name", "kind", "easting", "northing", "stops"])


@given(st.floats(0, 1e4), st.floats(1e-3, 1e5), st.integers(2, 9))
def test_ticks_span_what_is_drawn(low: float, more: float, about: int) -> None:
    found = ticks(low, low + more, about)
    assert found[0] <= low + 1e-9
    assert found[-1] >= low + more - 1e-6 * more
    assert 2 <= len(found) <= about + 2


def test_nothing_to_span() -> None:
    assert ticks(3.0, 3.0) == [3.0]


_METRES = st.floats(400_000, 500_000)


@given(st.lists(st.tuples(_METRES, _METRES), max_size=25))
def test_every_mark_is_in_at_most_one_view_and_well_inside(
    spots: list[tuple[float, float]],
) -> None:
    marks = [Mark(str(rank), x, y) for rank, (x, y) in enumerate(spots, start=1)]
    found = views(marks, NO_PLACES)
    cut_for = [label for view in found for label in view.labels]
    assert len(cut_for) == len(set(cut_for))
    assert len(found) <= 8
    assert [view.letter for view in found] == list("ABCDEFGH")[: len(found)]
    at = {mark.label: mark for mark in marks}
    for view in found:
        tall = view.north - view.south
        for label in view.labels:
            mark = at[label]
            assert view.west + 0.09 * 6000 <= mark.easting <= view.east - 0.09 * 6000
            assert view.south + 0.09 * tall <= mark.northing <= view.north - 0.09 * tall
    if len(found) < 8:
        assert len(cut_for) == len(marks)
    if marks:
        assert found[0].labels[0] == "1"


@pytest.fixture(scope="module")
def ground(facts: Facts) -> Ground:
    return Ground.of(facts.county, facts.lsoa_outlines, facts.settings.geodata)


def _content(**change: object) -> Content:
    kits = pd.DataFrame(
        {
            "sign": [ALWAYS, UNKNOWN, OUT],
            "easting": [475_000.0, 476_000.0, 477_000.0],
            "northing": [260_000.0, 261_000.0, 262_000.0],
        }
    )
    cell = shapely.box(474_500, 260_500, 475_500, 261_500)
    known: dict[str, object] = {
        "cells": [(cell, 40.0)],
        "cells_say": "records",
        "kits": kits,
        "marks": [Mark("1", 475_200.0, 260_800.0), Mark("2", 486_000.0, 279_000.0, square=True)],
        "marks_say": ("new kit", "kit to open"),
        "reach_m": 400.0,
    }
    return Content(**known | change)  # type: ignore[arg-type]  # by name


def _text(svg: str) -> list[str]:
    """Give the words of a picture, without their halos."""
    drawn = ET.fromstring(svg)  # noqa: S314  # our own
    written = (e for e in drawn.iter(f"{SVG}text") if "aria-hidden" not in e.attrib)
    return [e.text or "" for e in written]


def test_the_county_names_towns_and_tells_its_signs(ground: Ground) -> None:
    content = _content()
    closer = views(content.marks, ground.places)
    svg = maps.county_map("m", ground, content, closer, "Title", "What it tells")
    text = _text(svg)
    assert [view.name for view in closer] == ["Northampton", "Kettering"]
    assert {"A Northampton", "B Kettering", "Corby", "Daventry", "Rushden", "10 km"} <= set(text)
    assert "Kettering" not in text
    assert {"new kit", "kit to open", "400 m around it", "kit open day and night"} <= set(text)
    assert "kit shut at some hours" not in text
    assert "40 or more records" in text
    shapes = {e.tag.removeprefix(SVG) for e in ET.fromstring(svg).iter()}  # noqa: S314  # our own
    assert {"rect", "circle", "path"} <= shapes


def test_names_do_not_lie_on_one_another(ground: Ground) -> None:
    content = _content()
    svg = maps.county_map("m", ground, content, views(content.marks, ground.places), "t", "d")
    boxes = []
    for e in ET.fromstring(svg).iter(f"{SVG}text"):  # noqa: S314  # our own
        if e.attrib.get("text-anchor") == "middle" and "aria-hidden" not in e.attrib:
            x, y, wide = float(e.attrib["x"]), float(e.attrib["y"]), 2.6 * len(e.text or "")
            boxes.append(shapely.box(x - wide, y - 9, x + wide, y))
    tree = shapely.STRtree(boxes)
    first, second = tree.query(boxes, predicate="overlaps")
    assert len(boxes) > 12
    assert (first == second).all()


def test_a_view_shows_what_lies_in_it_and_no_more(ground: Ground) -> None:
    content = _content()
    view = views(content.marks, ground.places)[0]
    svg = view_map("v", ground, content, view, "View")
    assert "1" in _text(svg)
    assert "2" not in _text(svg)
    assert "1 km" in _text(svg)
    # 400 m on a scale of 334 units for 6 km
    assert len(re.findall(r'r="22\.27"', svg)) == 2


def test_text_in_pictures_is_escaped() -> None:
    svg = picture(
        "p", 10, 10, "<b>&", "]]><script>", [element("text", "<script>alert(1)</script>")]
    )
    assert "<script" not in svg
    assert ET.fromstring(svg).find(f"{SVG}text").text == "<script>alert(1)</script>"  # type: ignore[union-attr]  # noqa: S314


def test_the_chart_of_hours() -> None:
    known = np.where(np.arange(168) % 24 < 8, 0.1, 0.2)
    svg = charts.hours_chart(
        "h", np.ones(168), np.full(168, 0.4), known, np.full(168, 0.3),
        title="t", tells="d", unit="Records",
    )  # fmt: skip
    text = _text(svg)
    assert {"Monday", "Sunday", "known open", "perhaps open", "on paper", "40%", "0%"} <= set(text)
    assert svg.count('fill="#4d4d4d"') >= 168


@pytest.mark.parametrize(
    ("bound", "says"),
    [
        ([0.2, 0.3], "the plan: best"),
        ([0.25, 0.4], "none does better"),
        ([None, None], "the plan"),
        ([0.2, None], "the plan: best"),
    ],
)
def test_the_curve(bound: list[float | None], says: str) -> None:
    share_of = [0.2, 0.2 if bound[-1] is None and bound[0] else 0.3]
    svg = charts.curve_chart("c", [1, 2], share_of, bound, before=0.1, title="t", tells="d")
    assert says in _text(svg)
    assert "without any" in _text(svg)
    assert svg.count("<circle") == 2


def test_a_curve_of_nothing() -> None:
    svg = charts.curve_chart("c", [], [], [], before=0.0, title="t", tells="d")
    assert "the plan" not in _text(svg)


def test_words() -> None:
    assert share(0.31449) == "31.4\u00a0%"
    assert share(float("nan")) == share(None) == number(None) == metres(float("inf")) == "–"
    assert number(22834.4) == "22,834"
    assert pounds(5850) == "£5,850"
    assert [metres(m) for m in (128.4, 1249)] == ["128\u00a0m", "1.2\u00a0km"]
    assert [points(p) for p in (0.042, -0.01)] == ["+4.2", "−1.0"]
    assert [listed(list(names)) for names in ("", "a", "ab", "abc")] == [
        "",
        "a",
        "a and b",
        "a, b and c",
    ]


def test_templates_name_no_area(facts: Facts) -> None:
    folder: Path = facts.settings.templates / "planner"
    for path in folder.iterdir():
        assert facts.area.name not in path.read_text("utf-8")
        assert facts.area.charity not in path.read_text("utf-8")
