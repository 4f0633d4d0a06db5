"""Play the pages in a real browser against a real server."""

import csv
import io
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import geopandas as gpd
import numpy as np
import pytest
import shapely
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from locator import geodesy
from locator.analysis.reach import reach
from locator.settings import Settings
from locator.travel.journey import Travel
from locator.travel.network import Detour
from locator.travel.pace import Pace
from locator.travel.streets import Streets
from tests.serving import Server, axe_violations, serve
from tests.walked import import_kits_of_rutland

pytestmark = pytest.mark.browser

SIZES = {"phone": (390, 844), "desktop": (1280, 800)}
NARROW = (320, 640)
HERE = {"latitude": 52.2378, "longitude": -0.8960, "accuracy": 20}
PAGES = ["/", "/map", "/coverage", "/coverage?within=150&hours=any", "/data", "/nothing"]

# no piece of the map is on its way, fades in or moves; it may not be drawn before it is seen
STILL = """
    drawn => {
        const box = document.querySelector(".map"), map = box && window[box.id];
        if (!map || !map.eachLayer) { return !drawn; }
        let moving = map._animatingZoom || map._panAnim && map._panAnim._inProgress;
        map.eachLayer(layer => { moving = moving || layer.isLoading && layer.isLoading(); });
        const tiles = Array.from(box.querySelectorAll(".leaflet-tile"));
        return !moving && tiles.every(tile => getComputedStyle(tile).opacity === "1");
    }
"""


@dataclass
class Visit:
    """One visitor, and everything that went wrong on the way."""

    context: BrowserContext
    page: Page
    address: str
    foreign: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    leaving: bool = False

    def watch(self) -> None:
        self.context.on("request", lambda r: self._note_request(r.url))
        self.page.on("pageerror", lambda e: self._note_error(str(e)))
        self.page.on("dialog", lambda d: self.complaints.append(f"dialog {d.message}"))
        self.page.on("console", lambda m: self._note_console(m.type, m.text))

    def _note_request(self, url: str) -> None:
        if not url.startswith((self.address, "data:", "blob:")):
            self.foreign.append(url)

    def _note_error(self, text: str) -> None:
        # tiles that were still on their way when the page was left are no fault
        if not (self.leaving and "Failed to fetch" in text):
            self.complaints.append(text)

    def _note_console(self, kind: str, text: str) -> None:
        if kind in ("error", "warning") and "status of 4" not in text:
            self.complaints.append(text)

    def go(self, path: str) -> None:
        self.leaving = True
        self.page.goto(self.address + path)
        self.leaving = False
        self.page.wait_for_function(STILL)

    def ask(self, place: str) -> None:
        self.go("/")
        self.page.fill("#place", place)
        with self.page.expect_navigation():
            self.page.click("button:has-text('Find kits')")
        self.page.wait_for_function(STILL)

    def submit(self, **fields: str) -> None:
        """Ask as a form of the page does."""
        self.go("/")
        with self.page.expect_navigation():
            self.page.evaluate(
                """fields => {
                    const form = document.createElement("form");
                    form.method = "post";
                    for (const name in fields) {
                        const input = document.createElement("input");
                        input.name = name;
                        input.value = fields[name];
                        form.append(input);
                    }
                    document.body.append(form);
                    form.submit();
                }""",
                fields,
            )
        self.page.wait_for_function(STILL)

    def see_map(self) -> Locator:
        """Scroll to the map, and wait until it is there as a whole."""
        box = self.page.locator(".map")
        box.scroll_into_view_if_needed()
        self.page.wait_for_function(STILL, arg=True)
        return box

    def map_is_drawn(self, *, markers: int, height: int = 300) -> None:
        """Look at the map as a person does: a box of some height, signs in it, many colours."""
        box = self.see_map()
        frame = box.bounding_box()
        assert frame is not None
        assert frame["height"] >= height
        inside = 0
        for sign in self.page.locator(".map .kit, .map .kit-cluster").all():
            spot = sign.bounding_box()
            if spot is not None:
                across = frame["x"] <= spot["x"] <= frame["x"] + frame["width"]
                inside += across and frame["y"] <= spot["y"] <= frame["y"] + frame["height"]
        assert inside >= markers
        picture = Image.open(io.BytesIO(box.screenshot()))
        colours = picture.convert("RGB").getcolors(maxcolors=1 << 24)
        assert colours is not None
        assert len(colours) > 50
        assert max(count for count, _ in colours) < 0.97 * picture.width * picture.height


@pytest.fixture
def visit(browser: Browser, server: Server) -> Iterator[Callable[..., Visit]]:
    opened: list[Visit] = []

    def start(size: str = "phone", address: str = "", **options: object) -> Visit:
        width, height = SIZES.get(size, NARROW)
        context = browser.new_context(
            viewport={"width": width, "height": height},
            locale="en-GB",
            **options,  # type: ignore[arg-type]
        )
        made = Visit(context, context.new_page(), address or server.address)
        made.watch()
        opened.append(made)
        return made

    yield start
    for made in opened:
        made.leaving = True
        made.context.close()
        assert made.foreign == []
        assert made.complaints == []


@pytest.mark.parametrize("size", SIZES)
def test_a_postcode(visit: Callable[..., Visit], size: str) -> None:
    v = visit(size)
    v.ask("nn1 1de")
    heading = v.page.locator("#answer-title")
    assert heading.inner_text() == "Kits near NN1 1DE"
    assert heading.evaluate("e => e === document.activeElement")
    shown = heading.bounding_box()
    assert shown is not None
    assert 0 <= shown["y"] < 200
    assert v.page.locator(".kit-item h4").first.inner_text() == "Royal & Derngate theatre"
    assert v.page.url == v.address + "/"
    v.map_is_drawn(markers=1)
    assert v.page.locator(".map .here").is_visible()


def test_the_phone_knows_where_it_is(visit: Callable[..., Visit]) -> None:
    v = visit(geolocation=HERE, permissions=["geolocation"])
    v.go("/")
    v.page.click("text=Use my location")
    v.page.wait_for_selector("#answer-title")
    assert "Kits near your location" in v.page.inner_text("#answer-title")
    assert "known to about 20 m" in v.page.inner_text("main")
    assert v.page.url == v.address + "/"
    v.map_is_drawn(markers=1)


def test_the_phone_does_not_tell(visit: Callable[..., Visit]) -> None:
    v = visit(permissions=[])
    v.go("/")
    v.page.click("text=Use my location")
    v.page.wait_for_function("document.activeElement.id === 'place'")
    said = v.page.inner_text("#locate-status")
    assert "does not share its location" in said
    assert "Type a postcode or a street instead, or choose the place on a map" in said
    v.page.keyboard.type("NN1 1DE")
    v.page.keyboard.press("Enter")
    v.page.wait_for_selector("#answer-title")


# a phone whose places the test hands out
PHONE = """
    window.places = [];
    navigator.geolocation.watchPosition = function (found, failed) {
        window.found = function (accuracy) {
            found({coords: {latitude: 52.2378, longitude: -0.896, accuracy: accuracy}});
        };
        window.failed = function (code) { failed({code: code}); };
        return 1;
    };
    navigator.geolocation.clearWatch = function () { window.cleared = true; };
"""


def _with_phone(v: Visit) -> None:
    v.context.add_init_script(PHONE)
    v.page.clock.install()
    v.go("/")
    v.page.click("text=Use my location")


def test_a_phone_that_takes_long_and_finds_nothing(visit: Callable[..., Visit]) -> None:
    v = visit()
    _with_phone(v)
    status = v.page.locator("#locate-status")
    assert status.inner_text() == "Finding where you are …"
    assert v.page.locator("#locate").is_disabled()
    v.page.clock.fast_forward(6_000)
    assert "You can type a postcode or a street in the meantime" in status.inner_text()
    # whoever thinks about sharing for long is not hurried
    v.page.clock.fast_forward(20_000)
    assert "in the meantime" in status.inner_text()
    v.page.clock.fast_forward(15_000)
    assert "cannot find its location" in status.inner_text()
    assert v.page.locator("#locate").is_enabled()
    assert v.page.evaluate("document.activeElement.id") == "place"


def test_a_phone_that_fails_says_so_at_once(visit: Callable[..., Visit]) -> None:
    v = visit()
    _with_phone(v)
    status = v.page.locator("#locate-status")
    for code, said in ((1, "does not share"), (2, "cannot find"), (3, "cannot find")):
        v.page.evaluate(f"window.failed({code})")
        expect(status).to_contain_text(said)
        # it can be tried again
        v.page.click("text=Use my location")
        expect(status).to_have_text("Finding where you are …")
    v.page.evaluate("window.found(12)")
    v.page.wait_for_selector("#answer-title")


def test_who_types_in_the_meantime_is_not_interrupted(visit: Callable[..., Visit]) -> None:
    v = visit()
    _with_phone(v)
    v.page.clock.fast_forward(6_000)
    v.page.fill("#place", "NN1 1")
    v.page.clock.fast_forward(60_000)
    assert v.page.inner_text("#locate-status") == ""
    assert v.page.evaluate("window.cleared")
    assert v.page.input_value("#place") == "NN1 1"


def test_a_better_place_is_waited_for_but_not_for_long(visit: Callable[..., Visit]) -> None:
    v = visit()
    _with_phone(v)
    v.page.evaluate("window.found(1800)")
    v.page.wait_for_timeout(200)
    assert v.page.locator("#answer-title").count() == 0
    v.page.evaluate("window.found(30)")
    v.page.wait_for_selector("#answer-title")
    assert "known to about 30 m, says the phone" in v.page.inner_text("main")
    _with_phone(v)
    v.page.evaluate("window.found(1800)")
    v.page.clock.fast_forward(6_000)
    v.page.wait_for_selector("#answer-title")
    text = v.page.inner_text("main")
    assert "known to about 1.8 km" in text
    assert "We only know roughly where you are" in text
    assert "Grid reference" not in text
    # what to do about it is open already
    expect(v.page.locator("text=Move the spot on the map")).to_be_visible()


@pytest.mark.parametrize(
    ("at", "said"),
    [
        ({"latitude": 51.5033, "longitude": -0.1276, "accuracy": 15}, "outside Northamptonshire"),
        ({"latitude": 48.8584, "longitude": 2.2945, "accuracy": 15}, "not in Great Britain"),
    ],
)
def test_far_outside(visit: Callable[..., Visit], at: dict[str, float], said: str) -> None:
    v = visit(geolocation=at, permissions=["geolocation"])
    v.go("/")
    with v.page.expect_navigation():
        v.page.click("text=Use my location")
    text = v.page.inner_text("main")
    assert said in text
    assert "could be here within" not in text
    assert "Stop the bleeding with your hands" in text or "What works" in text or "Check" in text
    assert v.page.url == v.address + "/"


def _choose(v: Visit) -> None:
    v.page.click("text=This is the place")
    v.page.wait_for_selector("#answer-title")


def test_a_wrong_place_is_corrected_on_the_map(visit: Callable[..., Visit]) -> None:
    v = visit(geolocation=HERE, permissions=["geolocation"])
    v.go("/")
    v.page.check("#people-two")
    v.page.click("text=Use my location")
    v.page.wait_for_selector("#answer-title")
    v.page.click("text=Not here? Correct the place")
    v.page.click("text=Move the spot on the map")
    v.page.wait_for_selector("#choosing-title")
    v.map_is_drawn(markers=0, height=200)
    middle = v.page.evaluate("window[document.querySelector('.map').id].getCenter()")
    assert (middle["lat"], middle["lng"]) == pytest.approx((52.2378, -0.8960), abs=1e-4)
    assert v.page.locator(".map .kit").count() == 0
    box = v.page.locator(".map").bounding_box()
    assert box is not None
    v.page.mouse.click(box["x"] + box["width"] / 2 + 80, box["y"] + box["height"] / 2)
    v.page.wait_for_function(
        "lng => window[document.querySelector('.map').id].getCenter().lng > lng + 1e-4",
        arg=middle["lng"],
    )
    expect(v.page.locator("#chosen-status")).to_contain_text("The cross is right to about")
    _choose(v)
    text = v.page.inner_text("main")
    assert "Kits near the place you chose" in text
    assert "One stays and presses, one fetches the kit" in text, "that is known already"
    assert v.page.url == v.address + "/"


def test_the_map_from_the_whole_county_by_keyboard(visit: Callable[..., Visit]) -> None:
    v = visit("narrow", permissions=[])
    v.go("/")
    v.page.click("text=Choose the place on a map")
    v.page.wait_for_selector("#choosing-title")
    v.see_map()
    status = v.page.locator("#chosen-status")
    expect(status).to_contain_text("Zoom in on the place")
    for _ in range(20):
        v.page.keyboard.press("Tab")
        if v.page.evaluate("document.activeElement.classList.contains('map')"):
            break
    v.page.keyboard.press("ArrowLeft")
    v.page.wait_for_function(STILL)
    zoom = "window[document.querySelector('.map').id].getZoom()"
    for _ in range(9):
        before = v.page.evaluate(zoom)
        v.page.keyboard.press("+")
        v.page.wait_for_function(f"before => {zoom} > before", arg=before)
        v.page.wait_for_function(STILL)
    expect(status).to_contain_text("The cross is right to about")
    for _ in range(20):
        v.page.keyboard.press("Tab")
        if v.page.evaluate("document.activeElement.textContent") == "This is the place":
            break
    v.page.keyboard.press("Enter")
    v.page.wait_for_selector("#answer-title")
    assert "the place you chose" in v.page.inner_text("#answer-title")


def test_what_is_not_exact_enough_is_zoomed_not_sent(visit: Callable[..., Visit]) -> None:
    v = visit()
    v.submit(on="map")
    v.see_map()
    before = v.page.inner_text("#chosen-status")
    v.page.click("text=This is the place")
    v.page.wait_for_function(
        "before => document.getElementById('chosen-status').textContent !== before", arg=before
    )
    assert v.page.locator("#choosing-title").is_visible()


@pytest.mark.parametrize("scripts", [True, False])
def test_alone_and_two(visit: Callable[..., Visit], scripts: bool) -> None:  # noqa: FBT001
    v = visit("narrow", java_script_enabled=scripts)
    v.page.goto(v.address + "/")
    stay, share = v.page.locator(".if-alone"), v.page.locator(".if-two")
    assert not stay.is_visible()
    v.page.locator("label[for=people-alone]").click()
    expect(stay).to_contain_text("Do not go for a kit. Stay and press.")
    expect(share).to_be_hidden()
    v.page.locator("label[for=people-two]").click()
    expect(stay).to_be_hidden()
    expect(share).to_be_visible()
    v.page.locator("label[for=people-alone]").click()
    v.page.fill("#place", "NN1 1DE")
    with v.page.expect_navigation():
        v.page.click("button:has-text('Find kits')")
    assert "Do not go for a kit. Stay and press." in v.page.inner_text(".verdict")
    assert "push cloth into it" in v.page.inner_text(".stay")
    with v.page.expect_navigation():
        v.page.click("text=Somebody has come")
    assert "one fetches the kit" in v.page.inner_text(".verdict")
    assert v.page.locator(".stay").count() == 0


def test_call_and_press_stay_in_view(visit: Callable[..., Visit]) -> None:
    v = visit("narrow")
    for place in ("", "NN1 1DE"):
        if place:
            v.ask(place)
        else:
            v.go("/")
        for size in ("100%", "200%"):
            v.page.evaluate("size => { document.documentElement.style.fontSize = size; }", size)
            v.page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
            call, press = (
                v.page.locator(part).bounding_box() for part in (".bar-call", ".bar-press")
            )
            bar = v.page.locator(".bar").bounding_box()
            assert call is not None
            assert press is not None
            assert bar is not None
            assert bar["y"] == 0
            assert bar["height"] < 0.15 * NARROW[1], "room is left for the page"
            assert call["height"] >= 44
            assert press["x"] + press["width"] <= NARROW[0]
            assert press["y"] + press["height"] <= bar["height"]


def test_nothing_focused_lies_under_the_bar(visit: Callable[..., Visit]) -> None:
    v = visit("narrow")
    v.ask("NN1 1DE")
    v.page.evaluate(
        "() => { const all = document.querySelectorAll('footer a'); all[all.length - 1].focus(); }"
    )
    hidden = []
    for _ in range(45):
        v.page.keyboard.press("Shift+Tab")
        hidden += v.page.evaluate(
            """() => {
                const at = document.activeElement, bar = document.querySelector(".bar");
                const top = at.getBoundingClientRect().top;
                const apart = !bar.contains(at) && !at.matches(".skip, body");
                const under = apart && top < bar.getBoundingClientRect().bottom - 1;
                return under ? [at.outerHTML] : [];
            }"""
        )
    assert hidden == []


@pytest.mark.parametrize("can_share", [True, False])
def test_a_kit_is_shared_and_nothing_else(
    visit: Callable[..., Visit],
    can_share: bool,  # noqa: FBT001
) -> None:
    v = visit()
    if can_share:
        v.context.add_init_script(
            "navigator.share = what => { window.shared = what.url; return Promise.resolve(); };"
        )
    else:
        v.context.grant_permissions(["clipboard-read", "clipboard-write"])
    v.ask("NN1 1DE")
    button = v.page.locator("[data-share]").first
    button.click()
    if can_share:
        shared = v.page.wait_for_function("window.shared").json_value()
    else:
        v.page.wait_for_function(
            "document.querySelector('[data-share] + .told').textContent === 'Address copied'"
        )
        # the button keeps its name
        assert button.evaluate("e => e.nextElementSibling.getAttribute('role')") == "status"
        assert button.inner_text().startswith("Share")
        shared = v.page.evaluate("navigator.clipboard.readText()")
    assert re.fullmatch(re.escape(v.address) + r"/kit/NN-\d{4}", shared)


def test_without_javascript(visit: Callable[..., Visit]) -> None:
    v = visit(java_script_enabled=False)
    v.ask("The Ridings")
    assert not v.page.locator("text=Use my location").is_visible()
    with v.page.expect_navigation():
        v.page.click("button:has-text('The Ridings, Brixworth')")
    assert v.page.inner_text("#answer-title") == "Kits near The Ridings, Brixworth"
    v.ask("NN1 1DE")
    assert "Royal & Derngate theatre" in v.page.inner_text("main")
    assert "The map needs JavaScript" in v.page.inner_text(".map-box")
    v.go("/map")
    assert v.page.locator(".kit-item").count() == 49


def test_a_map_is_fetched_when_it_is_about_to_be_seen(visit: Callable[..., Visit]) -> None:
    v = visit()
    fetched: list[str] = []
    v.page.on("request", lambda request: fetched.append(request.url))
    v.ask("NN1 1DE")
    v.page.wait_for_load_state("networkidle")
    assert not [url for url in fetched if "leaflet" in url or "/maps/" in url]
    v.see_map()
    assert [url for url in fetched if "leaflet" in url]
    expect(v.page.locator(".map .here")).to_be_visible()


def test_an_answer_that_stays_open_says_that_it_is_old(visit: Callable[..., Visit]) -> None:
    v = visit()
    v.page.clock.install()
    v.ask("NN1 1DE")
    line = v.page.locator(".as-of")
    v.page.clock.run_for(4 * 60_000)
    expect(line).to_have_class("small as-of")
    ink = line.evaluate("line => getComputedStyle(line).fontWeight")
    v.page.clock.run_for(90_000)
    expect(line).to_have_class("as-of old")
    assert line.evaluate("line => getComputedStyle(line).fontWeight") > ink


@pytest.mark.parametrize("size", SIZES)
def test_the_maps(visit: Callable[..., Visit], size: str) -> None:
    v = visit(size)
    v.go("/map")
    v.map_is_drawn(markers=4)
    v.go("/coverage")
    v.map_is_drawn(markers=0)
    v.page.hover(".leaflet-control-layers")
    expect(v.page.locator(".leaflet-control-layers-overlays label")).to_have_count(4)


def test_a_sign_tells_about_its_kit(visit: Callable[..., Visit]) -> None:
    v = visit("desktop")
    v.go("/map")
    v.page.click(".map .kit-open")
    popup = v.page.locator(".leaflet-popup-content")
    popup.wait_for()
    assert "Open day and night" in popup.inner_text()
    v.page.keyboard.press("Escape")
    sign = v.page.locator(".map .kit-unknown").first
    sign.focus()
    v.page.keyboard.press("Enter")
    v.page.locator(".leaflet-popup-content:has-text('May be shut')").wait_for()


def test_the_keyboard_alone(visit: Callable[..., Visit]) -> None:
    v = visit("desktop")
    v.go("/")
    for _ in range(12):
        v.page.keyboard.press("Tab")
        if v.page.evaluate("document.activeElement.id") == "place":
            break
    v.page.keyboard.type("the ridings")
    v.page.keyboard.press("Enter")
    v.page.wait_for_selector("#choices-title")
    v.page.keyboard.press("Tab")
    v.page.keyboard.press("Enter")
    v.page.wait_for_selector("#answer-title")


def _pages(v: Visit) -> Iterator[str]:
    for path in PAGES:
        v.go(path)
        yield path
    for people in ("two", "alone"):
        v.go("/")
        v.page.check(f"#people-{people}")
        yield people


def _open_all(v: Visit) -> None:
    v.page.locator("details").evaluate_all("all => all.forEach(e => { e.open = true; })")
    v.page.wait_for_function(STILL)


def _answers(v: Visit) -> Iterator[str]:
    for place in ("NN1 1DE", "The Ridings", "qqqq", "Brackley"):
        v.ask(place)
        _open_all(v)
        yield place
    v.submit(lat="52.2378", lon="-0.896", accuracy="20", people="alone")
    yield "alone with a place"
    v.submit(on="map", place="NN1 1DE")
    yield "the map to choose on"


# all that axe knows; between light and dark only colours differ
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def _violations(v: Visit, run_only: object) -> list[tuple[str, list[str]]]:
    found = axe_violations(v.page, runOnly=run_only)
    told = [(f["id"], [n["html"] for n in f["nodes"]]) for f in found]
    # where kits lie side by side, their signs do: the list holds them all
    apart = [(rule, [n for n in nodes if "leaflet-marker-icon" not in n]) for rule, nodes in told]
    return [(rule, nodes[:3]) for rule, nodes in apart if rule != "target-size" or nodes]


# each scheme at one width; what else a width changes is looked at in all of them
LOOKS: list[tuple[tuple[int, int], Literal["light", "dark"], object]] = [
    (NARROW, "light", WCAG),
    (SIZES["desktop"], "dark", ["cat.color"]),
    (SIZES["desktop"], "light", {"type": "rule", "values": ["target-size"]}),
    (SIZES["phone"], "light", {"type": "rule", "values": ["target-size"]}),
]


@pytest.mark.parametrize("states", [_pages, _answers])
def test_axe_finds_nothing_and_nothing_is_cut_off(
    visit: Callable[..., Visit], states: Callable[[Visit], Iterator[str]]
) -> None:
    v = visit()
    for state in states(v):
        if v.page.locator(".map").count():
            v.see_map()
        for (width, height), scheme, rules in LOOKS:
            v.page.set_viewport_size({"width": width, "height": height})
            v.page.emulate_media(color_scheme=scheme)
            # what lies half under the bar counts as small
            v.page.evaluate("window.scrollTo(0, 0)")
            v.page.wait_for_function(STILL)
            assert _violations(v, rules) == [], (state, width, scheme)
            for size in ("200%", "100%"):
                v.page.evaluate("size => { document.documentElement.style.fontSize = size; }", size)
                across = v.page.evaluate("document.documentElement.scrollWidth")
                assert across <= width, (state, width, size)


# the words that count, which the sun must not wash out
IMPORTANT = (
    ".bar-call, .bar-press, .emergency li, .emergency a, .people label, .people legend, .big, "
    ".search label, .row button, .headline, .verdict p, .first-aid li, .tell dd, .aloud, .sure, "
    ".kit-item h4, .time, .against, .state, .state .sign, .get-in, .rough, .way li, .acts a"
)
CONTRASTS = """
    selector => {
        const parts = colour => colour.match(/[\\d.]+/g).map(Number);
        const light = colour => {
            const [r, g, b] = parts(colour).map(part => {
                part /= 255;
                return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
            });
            return 0.2126 * r + 0.7152 * g + 0.0722 * b;
        };
        const behind = element => {
            const colour = getComputedStyle(element).backgroundColor;
            return parts(colour)[3] === 0 ? behind(element.parentElement) : colour;
        };
        return Array.from(document.querySelectorAll(selector)).map(element => {
            const both = [light(getComputedStyle(element).color), light(behind(element))].sort();
            const [dark, bright] = both[0] < both[1] ? both : both.reverse();
            return [element.className || element.tagName, (bright + 0.05) / (dark + 0.05)];
        });
    }
"""


def test_what_counts_is_readable_in_sunlight(visit: Callable[..., Visit]) -> None:
    v = visit()
    schemes: tuple[Literal["light", "dark"], ...] = ("light", "dark")
    seen = dict.fromkeys(schemes, 0)
    for ask in ({}, {"place": "NN1 1DE", "people": "two"}, {"place": "NN1 1DE", "people": "alone"}):
        v.submit(**ask) if ask else v.go("/")
        for scheme in schemes:
            v.page.emulate_media(color_scheme=scheme)
            found = v.page.evaluate(CONTRASTS, IMPORTANT)
            seen[scheme] += len(found)
            assert [(name, ratio) for name, ratio in found if ratio < 7] == [], scheme
    assert min(seen.values()) > 100


def test_targets_are_large(visit: Callable[..., Visit]) -> None:
    v = visit("narrow")
    for place in ("", "NN1 1DE"):
        if place:
            v.ask(place)
        else:
            v.go("/")
        small = v.page.evaluate(
            """() => Array
                .from(document.querySelectorAll("main button, main summary, .bar a, nav a"))
                .filter(e => e.offsetParent && !e.closest(".map"))
                .filter(e => e.getBoundingClientRect().height < 44)
                .map(e => e.outerHTML)"""
        )
        assert small == [], place


def test_on_paper_and_in_the_readers_own_colours(visit: Callable[..., Visit]) -> None:
    v = visit(forced_colors="active")
    v.ask("NN1 1DE")
    signs = v.page.locator(".kit-item .sign")
    assert {signs.nth(i).inner_text() for i in range(3)} <= {"24", "✓", "?"}
    border = v.page.locator(".bar-call").evaluate("e => getComputedStyle(e).borderTopWidth")
    assert border != "0px"
    v.page.emulate_media(media="print")
    for gone in (".bar", ".search", ".map-box", ".who"):
        expect(v.page.locator(gone).first).to_be_hidden()
    for kept in (".emergency", ".tell", ".kit-item"):
        expect(v.page.locator(kept).first).to_be_visible()


def test_nothing_about_a_place_is_written_anywhere(
    visit: Callable[..., Visit], server: Server
) -> None:
    v = visit(geolocation=HERE, permissions=["geolocation"])
    v.ask("Semilong Road, Northampton")
    v.ask("zzzsecretplace")
    v.go("/")
    v.page.click("text=Use my location")
    v.page.wait_for_selector("#answer-title")
    assert v.context.cookies() == []
    assert v.page.evaluate("localStorage.length + sessionStorage.length") == 0
    log = (server.folder / "log.txt").read_bytes()
    for secret in (b"emilong", b"zzzsecret", b"52.2378", b"-0.896"):
        assert secret not in log
    assert b"zzzsecret" not in server.written()
    assert b"52.2378" not in server.written()


ATTACKS = [
    "{{cycler.__init__.__globals__.os.popen(dict(id=x)|join).read()}}",
    "${window.attacked=1}",
    "`+(window.attacked=1)+`",
    "<img src=x onerror=window.attacked=1>",
    "</script><script>window.attacked=1</script>",
    "'\"><svg onload=window.attacked=1>",
]


@pytest.fixture(scope="module")
def hostile(geodata: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server whose kits have names, notes and addresses that attack."""
    folder = tmp_path_factory.mktemp("hostile")
    copy = shutil.copytree(geodata, folder / "geodata")
    rows = list(csv.DictReader((copy / "kits.csv").read_text("utf-8").splitlines()))
    for number, row in enumerate(rows):
        attack = ATTACKS[number % len(ATTACKS)]
        row.update(
            dict.fromkeys(("name", "position_text", "address", "note", "hours_text"), attack)
        )
        row["source_url"] = "https://example.org/" + attack.replace(" ", "")
    with (copy / "kits.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    with serve(folder, LOCATOR_GEODATA=str(copy)) as running:
        yield running


def test_hostile_kits_stay_text(visit: Callable[..., Visit], hostile: Server) -> None:
    v = visit("desktop", address=hostile.address)
    for path in ("/map", "/coverage"):
        v.go(path)
        assert v.page.evaluate("window.attacked") is None
    v.go("/map")
    for selector in (".kit-open", ".kit-unknown"):
        v.page.locator(f".map {selector}").first.click()
        v.page.locator(".leaflet-popup-content").last.wait_for()
        assert v.page.evaluate("window.attacked") is None
    v.ask("NN1 1DE")
    assert v.page.evaluate("window.attacked") is None
    text = v.page.inner_text("main")
    assert any(attack in text for attack in ATTACKS)
    assert not re.search(r"uid=\d", v.page.content())


OAKHAM = "52.6690, -0.7240"


@pytest.fixture(scope="module")
def walking(rutland_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with the streets of Rutland and four kits there that do not exist."""
    folder = tmp_path_factory.mktemp("walking")
    import_kits_of_rutland(f"sqlite:///{folder}/registry.sqlite")
    with serve(folder, LOCATOR_NETWORK=str(rutland_folder)) as running:
        yield running


class Seen:
    """The pixels of the map, by place."""

    def __init__(self, v: Visit) -> None:
        box = v.see_map()
        self.page = v.page
        self.picture = Image.open(io.BytesIO(box.screenshot())).convert("RGB")

    def spots(self, places: list[tuple[float, float]]) -> list[tuple[float, float]]:
        """Tell where on the map some places are drawn (latitude, longitude)."""
        found = self.page.evaluate(
            """places => {
                const map = window[document.querySelector(".map").id];
                return places.map(at => map.latLngToContainerPoint(at)).map(at => [at.x, at.y]);
            }""",
            places,
        )
        # the box has a border
        return [(x + 1, y + 1) for x, y in found]

    def colours(self, x: float, y: float) -> set[tuple[int, int, int]]:
        """Give the colours around a pixel."""
        near = [(round(x) + i, round(y) + j) for i in (-1, 0, 1) for j in (-1, 0, 1)]
        pixels = {self.picture.getpixel(at) for at in near}
        return {(p[0], p[1], p[2]) for p in pixels if isinstance(p, tuple)}


def _is_blue(colour: tuple[int, int, int]) -> bool:
    red, green, blue = colour
    return blue > red + 60 and blue > green + 30


def _spots(area: shapely.Geometry) -> list[tuple[float, float]]:
    """Give latitudes and longitudes well inside an area (EPSG:27700)."""
    inner = area.buffer(-6)
    west, south, east, north = (int(side) for side in inner.bounds)
    grid = [(x, y) for x in range(west, east, 9) for y in range(south, north, 9)]
    at = np.array([spot for spot in grid if inner.contains(shapely.Point(spot))], dtype=np.float64)
    lon, lat = geodesy.to_wgs84(at[:, 0].copy(), at[:, 1].copy())
    return list(zip(lat.tolist(), lon.tolist(), strict=True))


def _reach_is_drawn(seen: Seen, rutland: Streets) -> None:
    """Compare the green of the map with areas found apart from it."""
    # the pub may be shut when the test runs: only what it does not change is looked at
    areas = {}
    for name, at in (("market", (-0.7275, 52.6702)), ("pub", (-0.7335, 52.6725))):
        point = gpd.points_from_xy([at[0]], [at[1]], crs=geodesy.WGS84).to_crs(geodesy.BNG)
        kit = gpd.GeoDataFrame({"precision_m": [5.0]}, geometry=point)
        travel = Travel(Pace.of(Settings()), Detour(1.1, 1.4, 2.0, ""), rutland)
        found = reach(kit, travel, 3.0).areas.to_crs(geodesy.BNG)
        areas[name] = dict(zip(found["fetch_s"], found.geometry, strict=True))
    market, pub = areas["market"], areas["pub"]
    near = shapely.Point(486_146, 308_814).buffer(400)

    def greenness(area: shapely.Geometry) -> float:
        """Take the middle of many pixels: lines, signs and names lie above the areas."""
        pixels = [
            seen.picture.getpixel((round(x), round(y)))
            for x, y in seen.spots(_spots(area))
            if 0 <= x < seen.picture.width - 1 and 0 <= y < seen.picture.height - 1
        ]
        return float(np.median([p[1] - (p[0] + p[2]) / 2 for p in pixels if isinstance(p, tuple)]))

    three = greenness(market[180.0] - pub[300.0])
    five = greenness(market[300.0] - market[180.0] - pub[300.0])
    none = greenness(near - market[300.0] - pub[300.0])
    assert three > five + 3 > none + 6


@pytest.mark.parametrize("size", SIZES)
def test_the_way_is_drawn_and_said(
    visit: Callable[..., Visit], walking: Server, rutland: Streets, size: str
) -> None:
    v = visit(size, address=walking.address)
    v.ask(OAKHAM)
    details = v.page.locator("details.way").first
    assert details.locator("li").first.is_visible(), "whoever goes for the first kit reads on"
    others = v.page.locator("details.way").nth(1)
    assert not others.locator("li").first.is_visible()
    steps = details.locator("li").all_inner_texts()
    assert steps[1] == "Go north-west along Stamford Road, 60 m"
    assert steps[-1] == "The kit is there"
    assert v.page.url == v.address + "/"
    line = details.get_attribute("data-line")
    assert line is not None
    corners = [(float(lat), float(lon)) for lat, lon in (at.split(",") for at in line.split())]
    seen = Seen(v)
    # away from both signs, which lie above it
    inner = corners[len(corners) // 3 : -len(corners) // 3]
    assert len(inner) > 3
    blue = [any(map(_is_blue, seen.colours(x, y))) for x, y in seen.spots(inner)]
    assert sum(blue) >= len(inner) - 1
    # the whole way is in sight
    for x, y in seen.spots(corners):
        assert 0 <= x <= seen.picture.width
        assert 0 <= y <= seen.picture.height
    _reach_is_drawn(seen, rutland)
    names = v.page.evaluate(
        "Array.from(document.querySelectorAll('.leaflet-control-layers-overlays label'))"
        ".map(e => e.textContent.trim())"
    )
    assert "There and back in 3 or 5 minutes, running" in names


def test_the_keyboard_opens_the_way(visit: Callable[..., Visit], walking: Server) -> None:
    v = visit("desktop", address=walking.address)
    v.ask(OAKHAM)
    for _ in range(40):
        v.page.keyboard.press("Tab")
        if v.page.evaluate("document.activeElement.matches('.way > summary')"):
            break
    v.page.keyboard.press("Enter")
    expect(v.page.locator("details.way li").first, "it was open").to_be_hidden()
    v.page.keyboard.press("Enter")
    expect(v.page.locator("details.way[open] li").first).to_be_visible()
    outline = v.page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline != "none", "one sees where one is"


@pytest.mark.parametrize(("size", "scheme"), [("phone", "light"), ("desktop", "dark")])
def test_axe_finds_nothing_with_a_way_open(
    visit: Callable[..., Visit], walking: Server, size: str, scheme: str
) -> None:
    v = visit(size, address=walking.address, color_scheme=scheme)
    v.ask(OAKHAM)
    _open_all(v)
    found = axe_violations(v.page)
    assert [(f["id"], [n["html"] for n in f["nodes"]][:3]) for f in found] == []
    width = v.page.evaluate("document.documentElement.scrollWidth")
    assert width <= SIZES[size][0]


def test_a_way_is_written_nowhere(visit: Callable[..., Visit], walking: Server) -> None:
    here = {"latitude": 52.6690, "longitude": -0.7240, "accuracy": 8}
    v = visit(address=walking.address, geolocation=here, permissions=["geolocation"])
    v.go("/")
    v.page.click("text=Use my location")
    v.page.wait_for_selector("details.way")
    v.page.wait_for_load_state("networkidle")
    v.ask("SK 86379 08679")
    assert v.page.url == v.address + "/"
    assert v.context.cookies() == []
    log = (walking.folder / "log.txt").read_bytes()
    for secret in (b"52.669", b"-0.724", b"86379", b"Stamford"):
        assert secret not in log
