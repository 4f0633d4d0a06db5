"""The page of first aid and its short form: words, their order, and what drawings show."""

import re
from collections.abc import Iterator

import pytest
from flask import Flask, render_template_string
from flask.testing import FlaskClient
from playwright.sync_api import Browser, Page

from tests.serving import Server
from tests.web.reading import text_of


@pytest.fixture
def short_form(app: Flask) -> str:
    with app.test_request_context("/"):
        return text_of(
            render_template_string(
                '{% from "public/_firstaid.html" import press_and_pack with context %}'
                "{{ press_and_pack() }}"
            )
        )


def test_the_short_form_begins_with_pressing(short_form: str) -> None:
    order = [
        "Whoever did this is still near? Get away first.",
        "Press hard on the wound with both hands.",
        "Do not pull out a knife or anything else that is stuck in the wound.",
        "Put the phone on speaker",
        "push cloth into it",
        "If blood comes through",
        "Do not let go until help takes over.",
        "They do not answer and do not breathe normally? Tell 999 at once.",
    ]
    assert [short_form.index(said) for said in order] == sorted(map(short_form.index, order))


def test_short_and_long_form_pack_the_same_places(client: FlaskClient, short_form: str) -> None:
    long_form = text_of(client.get("/how-to").text)
    short = re.findall(r"A deep wound of the ([^:]+):", short_form)
    long = re.findall(r"Only ([^.]+)\. Never the chest or belly\.", long_form)
    assert len(short) == 1
    assert long == short


def test_pressing_stands_before_everything_else(client: FlaskClient) -> None:
    text = text_of(client.get("/how-to").text)
    title = text.rindex("How to use a bleed kit", 0, text.index("Use a cloth if you have one."))
    assert text[title:].startswith(
        "How to use a bleed kit Press hard on the wound with both hands."
    )


def test_each_part_leads_to_its_guidance(client: FlaskClient) -> None:
    html = client.get("/how-to").text
    assert "Find the wound [7] [11]" in text_of(html)
    for source in re.findall(r'href="#(source-\w+)"', html):
        assert f'id="{source}"' in html


@pytest.fixture
def page(browser: Browser, server: Server) -> Iterator[Page]:
    opened = browser.new_page(
        viewport={"width": 390, "height": 844}, locale="en-GB", service_workers="block"
    )
    opened.goto(f"{server.address}/how-to")
    yield opened
    opened.close()


@pytest.mark.browser
def test_pressing_and_the_way_to_each_step_are_in_the_first_view(page: Page) -> None:
    for link in page.locator(".jump a").all():
        box = link.bounding_box()
        assert box is not None
        assert box["y"] + box["height"] < 500


# in units of the drawing, whose creases of the groin meet at (120, 160)
@pytest.mark.browser
@pytest.mark.parametrize(
    ("place", "at", "packed"),
    [
        ("chest", (105, 85), False),
        ("upper belly", (108, 112), False),
        ("side", (94, 125), False),
        ("lower belly", (106, 140), False),
        ("lower belly", (134, 140), False),
        ("above the pubic bone", (120, 154), False),
        ("groin", (108, 160), True),
        ("groin", (132, 160), True),
        ("thigh", (97, 184), True),
        ("neck", (116, 60), True),
        ("shoulder", (90, 80), True),
        ("arm", (75, 125), True),
    ],
)
def test_the_drawing_shows_where_to_pack(
    page: Page, place: str, at: tuple[float, float], *, packed: bool
) -> None:
    drawing = page.get_by_role("img", name="A body: arms, legs, shoulders, armpits")
    drawing.scroll_into_view_if_needed()
    kind = drawing.evaluate(
        "(svg, at) => { const box = svg.getBoundingClientRect(), unit = box.width / 240;"
        " return document.elementFromPoint(box.left + at[0] * unit, box.top + at[1] * unit)"
        ".classList[0]; }",
        list(at),
    )
    assert (place, kind) == (place, "z" if packed else "f")


@pytest.mark.browser
def test_every_place_to_pack_has_a_tick_and_none_of_the_others(page: Page) -> None:
    drawing = page.get_by_role("img", name="A body: arms, legs, shoulders, armpits")
    assert drawing.locator(".y").count() == 6
    assert drawing.locator(".x").count() == 3


@pytest.mark.browser
def test_a_tightened_tourniquet_has_stopped_the_blood(page: Page) -> None:
    drawing = page.get_by_role("img", name="A tourniquet high on the arm")
    assert drawing.locator(".b").count() == 1


@pytest.mark.browser
def test_drawings_are_the_same_at_night(page: Page) -> None:
    colours = "[...document.querySelectorAll('.drawing, .drawing *')].map(shape => {"
    colours += " const style = getComputedStyle(shape);"
    colours += " return [style.fill, style.stroke, style.backgroundColor].join(); })"
    by_day = page.evaluate(colours)
    page.emulate_media(color_scheme="dark")
    assert page.evaluate(colours) == by_day


@pytest.mark.browser
@pytest.mark.parametrize("width", [320, 390])
def test_a_long_word_of_the_table_is_not_cut_apart(page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 844})
    lines = page.get_by_role("rowheader", name="Tourniquet").evaluate(
        "cell => { const words = document.createRange(); words.selectNodeContents(cell);"
        " const tops = [...words.getClientRects()].map(line => Math.round(line.top));"
        " return new Set(tops).size; }"
    )
    assert lines == 1
