"""Look at how pages lie on screens: under the bar, in the first view, from right to left."""

import io
import itertools
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po, write_po
from playwright.sync_api import Browser, Page

from locator.web import languages
from tests.serving import Server, serve

pytestmark = pytest.mark.browser

_CODES = sorted(languages.languages())
_SMALL, _PHONE = (320, 640), (390, 844)


def _page(browser: Browser, size: tuple[int, int]) -> Page:
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]}, service_workers="block"
    )
    return context.new_page()


@pytest.fixture(scope="module")
def pages(browser: Browser) -> Iterator[dict[tuple[int, int], Page]]:
    made = {size: _page(browser, size) for size in (_SMALL, _PHONE)}
    yield made
    for page in made.values():
        page.context.close()


def _ask(page: Page, address: str, place: str = "NN1 1DE") -> None:
    page.goto(address)
    page.fill("#place", place)
    page.press("#place", "Enter")
    page.wait_for_selector("#answer-title")


def _edges(page: Page, part: str) -> tuple[float, float, float, float]:
    box = page.locator(part).first.bounding_box()
    assert box is not None, part
    return box["x"], box["y"], box["x"] + box["width"], box["y"] + box["height"]


@pytest.mark.parametrize("code", _CODES)
@pytest.mark.parametrize("size", [_SMALL, _PHONE])
def test_the_heading_of_an_answer_lies_below_the_bar(
    server: Server, pages: dict[tuple[int, int], Page], size: tuple[int, int], code: str
) -> None:
    page = pages[size]
    _ask(page, f"{server.address}/{code}/")
    page.wait_for_function("() => window.scrollY > 0")
    bar, title = _edges(page, ".bar"), _edges(page, "#answer-title")
    assert bar[3] <= title[1] < bar[3] + 40
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]


@pytest.mark.parametrize(
    ("code", "size"), [("en", _SMALL), *((code, _PHONE) for code in _CODES)], ids=str
)
def test_the_first_view_holds_what_to_do_and_the_way_to_be_found(
    server: Server, pages: dict[tuple[int, int], Page], code: str, size: tuple[int, int]
) -> None:
    page = pages[size]
    page.goto(f"{server.address}/{code}/")
    for part in (".bar-call", ".emergency", ".people legend", "#locate"):
        assert _edges(page, part)[3] <= size[1], part
    # the way to another language is seen without moving anything
    assert _edges(page, ".to-languages")[2] <= size[0]


@pytest.mark.parametrize("code", _CODES)
def test_the_signs_of_the_legend_keep_their_size(
    server: Server, pages: dict[tuple[int, int], Page], code: str
) -> None:
    page = pages[_SMALL]
    _ask(page, f"{server.address}/{code}/")
    signs = page.locator(".legend .kit").evaluate_all(
        "all => all.map(one => [one.className, one.offsetWidth, one.offsetHeight, "
        "one.getBoundingClientRect().left + one.offsetWidth / 2])"
    )
    assert len(signs) == 7
    for name, width, height, _ in signs:
        assert (width, height) == ((34, 32) if "closing" in name else (30, 30)), name
    assert len({round(middle) for *_, middle in signs}) == 1, "they stand in one column"


def test_large_text_enlarges_the_call(server: Server, pages: dict[tuple[int, int], Page]) -> None:
    page = pages[_SMALL]
    page.goto(f"{server.address}/en/")
    size = "parseFloat(getComputedStyle(document.querySelector('.bar-call')).fontSize)"
    usual = page.evaluate(size)
    page.evaluate("document.documentElement.style.fontSize = '200%'")
    assert page.evaluate(size) >= 1.5 * usual
    assert _edges(page, ".bar")[3] < 0.15 * _SMALL[1]


def test_a_far_place_and_the_nearest_kit_are_both_on_the_map(
    server: Server, pages: dict[tuple[int, int], Page]
) -> None:
    page = pages[_PHONE]
    _ask(page, f"{server.address}/en/", "NN12 8QX")
    page.locator(".map-box").scroll_into_view_if_needed()
    page.wait_for_selector(".map .here")
    page.wait_for_selector(".leaflet-control-scale-line")
    left, top, right, bottom = _edges(page, ".map")
    signs = page.locator(".map .kit, .map .kit-cluster").evaluate_all(
        "all => all.map(one => one.getBoundingClientRect()).map(box => [box.left, box.top, "
        "box.right, box.bottom])"
    )
    seen = [
        sign
        for sign in signs
        if left <= sign[0] and top <= sign[1] and sign[2] <= right and sign[3] <= bottom
    ]
    assert seen


@pytest.fixture(scope="module")
def mirrored(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The site with a catalogue of Urdu that says everything in the letters of Urdu."""
    folder = tmp_path_factory.mktemp("catalogues")
    source = Path(languages.__file__).parent / "translations" / "pl.po"
    with source.open("rb") as file:
        polish = read_po(file, locale="pl")
    urdu = Catalog("ur")
    for message in polish:
        if message.id and isinstance(message.id, str) and "%" not in message.id:
            urdu.add(message.id, "خون بہنا روکنے کا سامان " + "ا" * (len(message.id) // 20))
    text = io.BytesIO()
    write_po(text, urdu)
    (folder / "ur.po").write_bytes(text.getvalue())
    site = folder / "sitecustomize.py"
    site.write_text(
        "import pathlib\n"
        "from locator.web import languages\n"
        f"languages._FOLDER = pathlib.Path({str(folder)!r})\n"
    )
    with serve(
        tmp_path_factory.mktemp("mirrored"),
        PYTHONPATH=os.pathsep.join([str(folder), *filter(None, [os.environ.get("PYTHONPATH")])]),
    ) as running:
        yield running


@pytest.mark.parametrize("path", ["/", "/map", "/kit/NN-0030", "/in/kettering", "/widget"])
def test_a_page_that_is_read_from_right_to_left_is_mirrored(
    mirrored: Server, pages: dict[tuple[int, int], Page], path: str
) -> None:
    page = pages[_PHONE]
    page.goto(f"{mirrored.address}/ur{path}")
    assert page.locator("html").get_attribute("dir") == "rtl"
    # a page from right to left grows to the left when something is too wide
    assert page.evaluate("document.documentElement.scrollWidth") <= _PHONE[0]
    if path == "/widget":
        return
    left, _, right, _ = _edges(page, ".bar-call")
    assert left > _PHONE[0] - right, "the call stands at the right"


def test_an_answer_that_is_read_from_right_to_left(
    mirrored: Server, pages: dict[tuple[int, int], Page]
) -> None:
    page = pages[_PHONE]
    _ask(page, f"{mirrored.address}/ur/")
    assert page.evaluate("document.documentElement.scrollWidth") <= _PHONE[0]
    sign, words = _edges(page, ".kit-item .sign"), _edges(page, ".kit-item .state > span + span")
    assert sign[0] >= words[2], "the sign stands before its words"
    # codes are read as they are in English
    groups = page.locator(".tell dd .group").evaluate_all(
        "all => all.map(one => [one.closest('dd').innerText, one.getBoundingClientRect().left])"
    )
    for (told, left), (next_told, next_left) in itertools.pairwise(groups):
        assert told != next_told or left < next_left, told
    assert page.locator(".where-kit [lang=en]").count() > 0


@pytest.mark.parametrize("path", ["/kit/NN-0030", "/kit/NN-0030/tell", "/in/northampton"])
def test_what_the_registry_says_is_marked_as_english(
    server: Server, pages: dict[tuple[int, int], Page], path: str
) -> None:
    page = pages[_PHONE]
    page.goto(f"{server.address}/pl{path}")
    told = " ".join(page.locator("[lang=en]").all_inner_texts())
    assert "On an outside wall of the theatre" in told
    page.goto(f"{server.address}/en{path}")
    assert page.locator("[lang=en]").count() == 0
