"""What an answer says, in a browser as a phone shows it, and in one that knows only text."""

import datetime as dt
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from click.testing import CliRunner
from flask.testing import FlaskClient
from playwright.sync_api import Browser, Page, expect

from locator.cli import main
from tests.conftest import missing
from tests.serving import Server, axe_violations, serve

PHONE, SMALL = (390, 844), (320, 640)
# fields without any kit near, but one that a test brings
FIELDS, BESIDE = "52.0300, -1.2000", (-1.2000, 52.0318)


@pytest.fixture
def asking(browser: Browser, server: Server) -> Iterator[Callable[..., Page]]:
    """Ask for kits near a place as a reader does, and hand over the answer."""
    contexts = []

    def ask(place: str, size: tuple[int, int] = PHONE, address: str = server.address) -> Page:
        width, height = size
        context = browser.new_context(
            viewport={"width": width, "height": height}, service_workers="block"
        )
        contexts.append(context)
        page = context.new_page()
        page.goto(f"{address}/")
        page.locator("label[for=people-two]").click()
        page.fill("#place", place)
        page.press("#place", "Enter")
        page.wait_for_selector("#answer-title")
        return page

    yield ask
    for context in contexts:
        context.close()


@pytest.mark.browser
@pytest.mark.parametrize("size", [PHONE, SMALL])
@pytest.mark.parametrize("place", ["NN13 7AB", "NN12 8QX"], ids=["exact", "rough"])
def test_beyond_all_kits_the_hands_come_first(
    asking: Callable[..., Page], place: str, size: tuple[int, int]
) -> None:
    page = asking(place, size)
    expect(page.locator(".headline")).to_contain_text("We know of no kit that is close enough.")
    expect(page.locator(".stay")).to_contain_text("Press hard on the wound with both hands.")
    tops = [page.locator(part).bounding_box() for part in (".stay", ".tell", "#kits")]
    assert [top["y"] for top in tops if top] == sorted(top["y"] for top in tops if top)
    assert page.locator(".kit-link").count() == 0
    assert axe_violations(page) == []


@pytest.mark.browser
@pytest.mark.parametrize("size", [PHONE, SMALL])
def test_the_kit_to_fetch_is_one_large_link(
    asking: Callable[..., Page], size: tuple[int, int]
) -> None:
    page = asking("NN1 1DE", size)
    link = page.locator(".kit-link")
    box = link.bounding_box()
    assert box is not None
    assert box["width"] > size[0] * 0.75
    if size == PHONE:
        assert box["y"] + box["height"] < size[1], "in the first view"
    link.click()
    item = page.locator(page.locator(".kit-link").get_attribute("href") or "")
    expect(item).to_be_in_viewport()
    # the maps are buttons that a thumb hits; what else can be done is a list
    maps = item.locator(".maps-of a")
    assert maps.count() == 3
    boxes = [maps.nth(number).bounding_box() for number in range(3)]
    assert all(box and box["height"] >= 44 for box in boxes)
    lines = item.locator(".acts li a, .acts li button")
    tops = [lines.nth(number).bounding_box() for number in range(lines.count())]
    heights = [top["y"] for top in tops if top]
    assert len(set(heights)) == len(heights) == 4


@pytest.mark.browser
def test_the_bars_of_times_are_named(asking: Callable[..., Page]) -> None:
    page = asking("NN1 1DE", SMALL)
    meter = page.locator(".kit-item .meter").first
    drawn = meter.evaluate(
        """e => Array.from(e.querySelectorAll("[data-name]"), name => [
             getComputedStyle(name, "::before").content,
             name.getBoundingClientRect().left, name.getBoundingClientRect().right])"""
    )
    assert [name for name, _, _ in drawn] == ['"3 min"', '"5 min"', '"Running"', '"Walking"']
    (_, _, three), (_, five, _), *_ = drawn
    assert three < five, "side by side"
    assert meter.inner_text() == ""
    assert page.evaluate("document.documentElement.scrollWidth") == SMALL[0]


@pytest.mark.browser
def test_a_shop_about_to_shut_is_read_without_unfolding(
    asking: Callable[..., Page], tmp_path: Path
) -> None:
    now = dt.datetime.now(ZoneInfo("Europe/London"))
    # 4 minutes to run there at worst, 7.5 to walk: enough between them for a slow machine
    hours = f"Mo-Su {now - dt.timedelta(hours=2):%H:%M}-{now + dt.timedelta(minutes=7):%H:%M}"
    file = tmp_path / "shop.csv"
    file.write_text(
        "name,kind,address,longitude,latitude,precision_m,opening_hours,access,status\n"
        f"Test kit in a shop,bag,Evenley,{BESIDE[0]},{BESIDE[1]},5,{hours},ask staff,installed\n"
    )
    environment = {
        "LOCATOR_DATABASE_URL": f"sqlite:///{tmp_path}/registry.sqlite",
        "LOCATOR_BY": "a test",
    }
    done = CliRunner(env=environment).invoke(main, ["import", str(file), "--write"])
    assert done.exit_code == 0, done.output
    with serve(tmp_path) as running:
        for size in (PHONE, SMALL):
            _is_read_without_unfolding(asking(FIELDS, size, running.address))


def _is_read_without_unfolding(page: Page) -> None:
    expect(page.locator(".headline")).to_contain_text("The kit nearby is about to shut.")
    said = "only somebody who runs gets there in time"
    expect(page.locator(".kit-link")).to_contain_text(said)
    page.click(".kit-link")
    item = page.locator(".kit-item:has-text('Test kit in a shop')")
    expect(item).to_be_in_viewport()
    expect(item.locator(".state-closing")).to_contain_text(said)
    expect(page.locator("h3:text-is('Open, but shuts soon')")).to_be_visible()
    expect(page.locator("text=no kit near here that stays open")).to_be_visible()
    assert axe_violations(page) == []
    # the map tells the same by the same shape
    page.locator(".map-box").scroll_into_view_if_needed()
    sign = page.locator(".map .kit-closing")
    expect(sign).to_have_text("!")
    expect(sign).to_have_attribute("title", re.compile(said))


def test_what_the_registry_says_is_marked_as_english(client: FlaskClient) -> None:
    html = client.post("/pl/", data={"place": "NN1 1DE"}).text
    places = re.findall(r'<p class="where-kit">(.*?)</p>', html)
    assert len(places) > 5
    for place in places:
        rest = re.sub(r'<span lang="en">[^<]+</span>', "", place)
        assert set(rest) <= set(". "), place
    english = client.post("/", data={"place": "NN1 1DE"}).text
    assert '<p class="where-kit">On an outside wall of the theatre. Derngate' in english


@pytest.fixture(scope="module")
def w3m() -> str:
    found = shutil.which("w3m")
    if found is None:
        missing("Needs w3m: apt install w3m.")
    return str(found)


def test_a_text_browser_shows_codes_by_themselves(server: Server, w3m: str, tmp_path: Path) -> None:
    asked = tmp_path / "asked"
    asked.write_text("place=NN1+1DE", "utf-8")
    done = subprocess.run(
        [w3m, "-dump", "-cols", "72", "-post", str(asked), f"{server.address}/"],
        capture_output=True,
        text=True,
        check=True,
    )
    lines = [line.strip() for line in done.stdout.splitlines()]
    told = lines[lines.index("Tell 999 where you are") : lines.index("Not here? Correct the place")]
    assert [line for line in told if line] == [
        "Tell 999 where you are",
        "Your place is known to about 40 m.",
        "Place",
        "NN1 1DE",
        "November November 1, 1 Delta Echo",
        "Nearest road we know",
        "St Giles Square, Northampton",
        "The middle of this road is about 39 m away.",
        "Grid reference",
        "SP 7558 6048",
        "Sierra Papa, 7 5 5 8, 6 0 4 8",
        "Plus code",
        "9C4X 64P4+X5",
        "9 Charlie 4 X-ray, 6 4 Papa 4 plus X-ray 5",
        "Latitude, longitude",
        "52.237 41, -0.894 62",
    ]
    # neither what needs a script nor the names of bars that it does not draw
    for useless in ("Use my location", "Move the spot on the map", "3 min 5 min"):
        assert useless not in " ".join(lines)
    assert not any(line.startswith("Share (") for line in lines)
