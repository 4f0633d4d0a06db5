"""Play with a browser whose server is killed."""

import contextlib
import csv
import datetime as dt
import http.client
import http.server
import io
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from click.testing import CliRunner
from playwright.sync_api import Browser, BrowserContext, Page

from locator.cli import main
from locator.settings import Settings
from tests.serving import FLAGS, chromium

pytestmark = pytest.mark.browser

HERE = {"latitude": 52.2378, "longitude": -0.8960, "accuracy": 20}
_START_S = 300
# what comes by itself is waited for so long
_LONG_S = 120


# as `locator serve` does, which also draws what takes long before the first visitor comes
SERVE = "import sys, waitress, locator.web as w; waitress.serve(w.create_app(), port=sys.argv[1])"


class Site:
    """A server process that can be killed, halted and started again at the same address."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.folder = folder
        self.address = f"http://127.0.0.1:{self.port}"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, **environment: str) -> None:
        own = {"LOCATOR_DATABASE_URL": f"sqlite:///{self.folder}/registry.sqlite"}
        with (self.folder / "log.txt").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", SERVE, str(self.port)],
                cwd=self.folder,
                env=os.environ | own | environment,
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + _START_S
        while time.monotonic() < deadline and self.process.poll() is None:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.1)
        message = "The server did not start."
        raise RuntimeError(message)

    def warm_up(self) -> None:
        """Ask once: the first answer of a server may take longer than a device waits for it."""
        asking = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        with contextlib.closing(asking):
            form = {"Content-Type": "application/x-www-form-urlencoded"}
            asking.request("POST", "/", "place=NN1+1DE", form)
            assert asking.getresponse().status == HTTPStatus.OK

    def signal(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait(timeout=10)
            self.process = None

    def written(self) -> bytes:
        files = [path for path in self.folder.rglob("*") if path.is_file()]
        return b"\n".join(path.read_bytes() for path in files)


@pytest.fixture(scope="module")
def everlasting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The site of the tests below; each starts it anew if it was killed."""
    made = Site(tmp_path_factory.mktemp("site"))
    yield made
    made.kill()


@pytest.fixture
def site(everlasting: Site) -> Site:
    if everlasting.process is None:
        everlasting.start()
    return everlasting


@dataclass
class Phone:
    """Somebody's phone."""

    context: BrowserContext
    page: Page
    site: Site

    def open(self, path: str = "/") -> float:
        """Open a page; give the seconds until it is there."""
        began = time.monotonic()
        self.page.goto(self.site.address + path)
        return time.monotonic() - began

    def keep(self, path: str = "/") -> None:
        """Visit once, and stay until everything is kept."""
        self.open(path)
        self.page.wait_for_function("() => navigator.serviceWorker.controller !== null")
        self.wait_for_cache("/offline.json")

    def wait_for_cache(self, ending: str) -> None:
        deadline = time.monotonic() + _LONG_S
        while not any(address.endswith(ending) for address in self.kept()):
            assert time.monotonic() < deadline, f"{ending} is not kept"
            time.sleep(0.1)

    def kept(self) -> list[str]:
        found: list[str] = self.page.evaluate(
            """async () => {
                const found = [];
                for (const name of await caches.keys()) {
                    const cache = await caches.open(name);
                    for (const request of await cache.keys()) { found.push(request.url); }
                }
                return found;
            }"""
        )
        return found

    def feed(self) -> dict[str, Any]:
        found: dict[str, Any] = self.page.evaluate(
            "() => caches.match('/offline.json').then(answer => answer.json())"
        )
        return found

    def type(self, place: str) -> None:
        """Ask for a place, and wait for the answer."""
        self.page.fill("#place", place)
        self.page.click("button:has-text('Find kits')")
        self.page.wait_for_selector("#answer-title")

    def search_s(self, place: str) -> float:
        """Ask a device that has all it needs; give the seconds until its answer stands there."""
        taken: float = self.page.evaluate(
            """place => {
                const began = performance.now();
                document.getElementById("place").value = place;
                document.querySelector("#ask .row button").click();
                document.getElementById("answer-title").getBoundingClientRect();
                return (performance.now() - began) / 1000;
            }""",
            place,
        )
        return taken

    def answer(self) -> str:
        self.page.wait_for_selector("#answer-title")
        return self.page.inner_text("main")

    def is_offline_page(self) -> bool:
        return self.page.locator("#device").count() == 1


@pytest.fixture
def phone(browser: Browser, site: Site) -> Iterator[Callable[..., Phone]]:
    opened: list[BrowserContext] = []

    def start(**options: Any) -> Phone:
        given = {"viewport": {"width": 390, "height": 844}, "locale": "en-GB"} | options
        context = browser.new_context(**given)
        opened.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: pytest.fail(str(error)))
        return Phone(context, page, site)

    yield start
    for context in opened:
        context.close()


def test_a_killed_server_leaves_a_page_that_works(phone: Callable[..., Phone], site: Site) -> None:
    p = phone(geolocation=HERE, permissions=["geolocation"])
    p.keep()
    p.type("NN1 1DE")
    online = p.page.locator("ol.kits").first.locator("h4").all_inner_texts()
    p.open()
    site.kill()
    p.page.reload()
    p.page.wait_for_selector("#age:not([hidden])")
    text = p.page.inner_text("main")
    assert "Call 999 now" in text
    assert "Press hard" in text
    assert "No connection" in text
    assert "List of kits as of" in text
    p.type("nn1 1de")
    offline = p.page.locator("ol.kits").first.locator("h4").all_inner_texts()
    assert offline == online
    text = p.answer()
    assert "Kits near NN1 1DE" in text
    assert "estimated from the straight line" in text
    assert "Sierra Papa" in text
    assert p.search_s("NN4 8RG") < 1
    p.page.click("#find-here")
    p.page.wait_for_selector("#answer-title:has-text('your location')")
    assert "SP 7548 6052" in p.answer()
    p.type("Brixworth")
    assert p.page.url == site.address + "/"


def test_a_place_that_was_sent_to_a_dead_server_is_answered(
    phone: Callable[..., Phone], site: Site
) -> None:
    p = phone(geolocation=HERE, permissions=["geolocation"])
    p.keep()
    site.kill()
    p.page.check("#people-two", force=True)
    p.type("NN1 1DE")
    assert p.is_offline_page()
    assert "Kits near NN1 1DE" in p.answer()
    assert "One stays and presses, one fetches the kit" in p.answer()
    assert p.page.url == site.address + "/"
    p.page.locator("#ask-server").click()
    p.page.wait_for_selector("#answer-title")
    assert "Kits near NN1 1DE" in p.answer(), "still nobody there: answered again"
    site.start()
    site.warm_up()
    for _ in range(20):
        p.page.locator("#ask-server").click()
        p.page.wait_for_selector("#answer-title")
        # on a busy machine the server may be too slow, and the device answers again
        if not p.is_offline_page():
            break
    assert not p.is_offline_page()
    assert "Kits near NN1 1DE" in p.answer()
    p.open()
    site.kill()
    p.page.click("text=Use my location")
    p.page.wait_for_selector("#answer-title:has-text('your location')")
    assert p.is_offline_page()


def test_a_server_that_hangs_is_not_waited_for(phone: Callable[..., Phone], site: Site) -> None:
    p = phone()
    p.keep()
    site.signal(signal.SIGSTOP)
    try:
        # without a worker a browser would wait for minutes
        assert p.open() < 20
        assert p.is_offline_page()
        p.type("NN1 1DE")
    finally:
        site.signal(signal.SIGCONT)


def test_every_address_leads_to_help(phone: Callable[..., Phone], site: Site) -> None:
    p = phone()
    p.keep()
    p.wait_for_cache("/how-to")
    site.kill()
    p.open("/how-to")
    assert "Press" in p.page.inner_text("main")
    assert not p.is_offline_page()
    for path in ("/map", "/data", "/coverage"):
        p.open(path)
        assert p.is_offline_page(), path
    p.open("/kit/NN-0001")
    asked = p.page.locator("#this-kit")
    asked.wait_for()
    assert "Northampton railway station" in asked.inner_text()
    p.page.click("#all > summary")
    assert p.page.locator("#all .kit-item").count() == 49


@contextlib.contextmanager
def _saying(port: int, status: int) -> Iterator[None]:
    """Answer as a proxy does that cannot reach the server behind it."""

    class Proxy(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_error(status)

        def do_POST(self) -> None:
            self.send_error(status)

        def log_message(self, *_: object) -> None:
            pass

    http.server.ThreadingHTTPServer.allow_reuse_address = True
    with http.server.ThreadingHTTPServer(("127.0.0.1", port), Proxy) as proxy:
        threading.Thread(target=proxy.serve_forever, daemon=True).start()
        yield
        proxy.shutdown()


@pytest.mark.parametrize("status", [502, 504])
def test_a_proxy_before_a_dead_server_is_no_answer(
    phone: Callable[..., Phone], site: Site, status: int
) -> None:
    p = phone()
    p.keep()
    p.open("/kit/NN-0001/tell?what=taken")
    site.kill()
    with _saying(site.port, status):
        p.page.click("main form button[type=submit] >> nth=-1")
        p.page.wait_for_selector("#connection:has-text('has not been sent')")
        for path in ("/", "/map", "/privacy"):
            p.open(path)
            assert p.is_offline_page(), path
        p.open("/kit/NN-0001")
        p.page.locator("#this-kit").wait_for()
        assert "Northampton railway station" in p.page.inner_text("#this-kit")
        p.type("NN1 1DE")
    with _saying(site.port, 503):
        p.open("/map")
        assert not p.is_offline_page(), "a busy server says so itself"


def test_other_sites_on_the_host_keep_what_is_theirs(
    phone: Callable[..., Phone], site: Site
) -> None:
    p = phone()
    p.open("/privacy")
    p.page.evaluate("() => caches.open('bleed-kits /elsewhere/ data-1')")
    p.keep()
    names = p.page.evaluate("() => caches.keys()")
    assert "bleed-kits /elsewhere/ data-1" in names
    assert "bleed-kits / data-1" in names


def test_a_word_that_does_not_arrive_is_not_taken_for_sent(
    phone: Callable[..., Phone], site: Site
) -> None:
    p = phone()
    p.keep()
    p.open("/kit/NN-0001/tell?what=taken")
    site.kill()
    p.page.click("main form button[type=submit] >> nth=-1")
    p.page.wait_for_selector("#connection:has-text('has not been sent')")
    p.page.locator("#this-kit").wait_for()
    assert "Call 999 now" in p.page.inner_text("main")


def _run(site: Site, *arguments: str) -> None:
    environment = {"LOCATOR_DATABASE_URL": f"sqlite:///{site.folder}/registry.sqlite"}
    done = CliRunner(env=environment).invoke(main, [*arguments, "--by", "a test"])
    assert done.exit_code == 0, done.output


def _put_to_sleep(p: Phone) -> None:
    """Stop the worker, as the browser does after half a minute: it asks again at the next visit."""
    session = p.context.new_cdp_session(p.page)
    session.send("ServiceWorker.enable")
    session.send("ServiceWorker.stopAllWorkers")


def test_a_new_list_comes_in_the_background(phone: Callable[..., Phone], site: Site) -> None:
    p = phone()
    p.keep()
    before = p.feed()["version"]
    _run(site, "report", "NN-0001", "damaged")
    deadline = time.monotonic() + _LONG_S
    while p.feed()["version"] == before:
        assert time.monotonic() < deadline, "no new list"
        _put_to_sleep(p)
        p.open("/data")
        p.page.wait_for_timeout(1500)
    site.kill()
    p.open("/kit/NN-0001")
    p.page.locator("#this-kit").wait_for()
    assert "Reported damaged." in p.page.inner_text("#this-kit")
    site.start()
    _run(site, "check", "NN-0001", "--restocked")
    # the page that is open hears of it
    p.page.evaluate("() => window.dispatchEvent(new Event('online'))")
    p.page.wait_for_selector("#connection:has-text('There is a connection')")
    p.page.wait_for_selector("#this-kit .state-ready")
    assert "Open day and night" in p.page.inner_text("#this-kit")
    site.kill()
    _later(p, hours=25)
    p.open("/kit/NN-0001")
    p.page.locator("#this-kit").wait_for()
    assert p.page.locator("#this-kit .state-ready").count() == 0
    assert "Kits may have been used or shut since." in p.page.inner_text("#this-kit")


def _later(p: Phone, **after: float) -> None:
    """Put the clock of the phone's page forward."""
    p.page.clock.set_fixed_time(dt.datetime.now(dt.UTC) + dt.timedelta(**after))


@pytest.mark.parametrize(
    ("after", "age", "warning", "open_kits"),
    [
        ({"minutes": 5}, "5 minutes old", "", True),
        ({"minutes": 55}, "55 minutes old", "", True),
        ({"hours": 3, "minutes": 1}, "3 hours old", "may have been used or shut since", True),
        ({"days": 2, "hours": 1}, "2 days old", "may have been used or shut since", True),
        ({"days": 8}, "8 days old", "None is shown as surely open", False),
        ({"days": 29}, "29 days old", "too old to tell opening hours", False),
        ({"days": 400}, "more than a month old", "too old to tell opening hours", False),
        ({"days": -2}, "", "The clock of this device is wrong", False),
    ],
)
def test_what_is_old_is_not_shown_as_fresh(
    phone: Callable[..., Phone],
    site: Site,
    after: dict[str, float],
    age: str,
    warning: str,
    *,
    open_kits: bool,
) -> None:
    p = phone()
    p.keep()
    site.kill()
    _later(p, **after)
    p.open()
    p.page.wait_for_selector("#age:not([hidden])")
    p.page.wait_for_selector("#connection:has-text('No connection')")
    state = p.page.inner_text("#list-state")
    assert age in state
    assert warning in state
    assert p.page.locator("#warning").is_visible() == bool(warning)
    p.type("NN1 1DE")
    assert (p.page.locator("#answer .state-open").count() > 0) == open_kits
    if dt.timedelta(**after) > dt.timedelta(hours=1):
        assert p.page.locator("#answer .state-ready").count() == 0
    text = p.answer()
    if open_kits:
        assert "Royal & Derngate theatre" in text
    else:
        assert "No kit nearby is known to be open now." in text
        assert "Open until" not in text
        assert "Open day and night" not in text
        assert "Royal & Derngate theatre" in text, "it is listed all the same"


def test_the_age_grows_while_the_page_stays_open(phone: Callable[..., Phone], site: Site) -> None:
    p = phone()
    p.keep()
    site.kill()
    p.page.clock.install()
    p.open()
    p.page.wait_for_selector("#connection:has-text('No connection')")
    p.type("NN1 1DE")
    p.page.click("#answer details > summary >> nth=0")
    p.page.clock.run_for(2 * 3_600_000)
    assert "2 hours old" in p.page.inner_text("#age")
    assert p.page.locator("#answer details[open]").count() == 1, "what was open stays open"


def test_a_new_version_of_the_site_takes_over(
    phone: Callable[..., Phone], site: Site, tmp_path: Path
) -> None:
    p = phone()
    p.keep("/en/")
    p.wait_for_cache("/en/how-to")
    before = p.page.evaluate("() => caches.keys()")
    site.kill()
    copy = shutil.copytree(Settings().templates, tmp_path / "templates")
    changed = copy / "public" / "offline.html"
    changed.write_text(
        changed.read_text("utf-8").replace("<noscript>", "<p>A new page.</p><noscript>")
    )
    site.start(LOCATOR_TEMPLATES=str(copy))
    p.open("/en/")
    deadline = time.monotonic() + _LONG_S
    while set(p.page.evaluate("() => caches.keys()")) & set(before) - {"bleed-kits / data-1"}:
        assert time.monotonic() < deadline, "the old version stays"
        time.sleep(0.2)
    site.kill()
    p.open("/en/map")
    assert "A new page." in p.page.inner_text("main")
    assert p.page.evaluate("() => document.documentElement.lang") == "en-GB"
    p.type("NN1 1DE")


def test_the_switch_removes_everything(phone: Callable[..., Phone], site: Site) -> None:
    p = phone()
    p.keep()
    site.kill()
    site.start(LOCATOR_OFFLINE="false")
    p.open()
    deadline = time.monotonic() + _LONG_S
    while p.page.evaluate(
        "async () => (await navigator.serviceWorker.getRegistrations()).length"
        " + (await caches.keys()).length"
    ):
        assert time.monotonic() < deadline, "the worker stays"
        time.sleep(0.2)
    p.open()
    assert p.page.locator("script[data-worker]").count() == 0
    site.kill()


def test_a_full_disk_breaks_nothing(phone: Callable[..., Phone], site: Site) -> None:
    p = phone()
    p.open("/data")
    session = p.context.new_cdp_session(p.page)
    session.send("Storage.overrideQuotaForOrigin", {"origin": site.address, "quotaSize": 1000})
    p.open()
    p.page.wait_for_timeout(2000)
    p.type("NN1 1DE")
    assert not p.is_offline_page()


def test_nothing_can_be_kept(phone: Callable[..., Phone], site: Site) -> None:
    p = phone(service_workers="block")
    p.open()
    p.type("NN1 1DE")
    assert not p.is_offline_page()
    p.open("/offline")
    p.page.wait_for_selector("#age:not([hidden])")
    p.type("NN1 1DE")
    p.open()
    site.kill()
    p.context.set_offline(offline=True)
    p.page.fill("#place", "NN1 1DE")
    p.page.click("button:has-text('Find kits')")
    alert = p.page.locator(".not-sent")
    alert.wait_for()
    assert "Keep pressing" in alert.inner_text()
    assert "Call 999" in p.page.inner_text("header")


def test_without_javascript_nothing_changes(phone: Callable[..., Phone], site: Site) -> None:
    p = phone(java_script_enabled=False)
    p.open("/offline")
    assert "this page needs JavaScript" in p.page.inner_text("main")
    assert "Call 999 now" in p.page.inner_text("main")
    p.type("NN1 1DE")
    assert not p.is_offline_page()
    assert "Royal & Derngate theatre" in p.page.inner_text("main")


def test_no_place_is_kept_or_logged(phone: Callable[..., Phone], site: Site) -> None:
    p = phone(geolocation=HERE, permissions=["geolocation"])
    p.keep()
    p.type("NN3 8AA")
    p.open()
    site.kill()
    p.type("NN4 8RG")
    p.page.click("#find-here")
    p.page.wait_for_selector("#answer-title:has-text('your location')")
    p.page.fill("#place", "zzzsecretplace")
    p.page.click("button:has-text('Find kits')")
    assert p.context.cookies() == []
    stored = p.page.evaluate(
        """async () => {
            const texts = [];
            for (const name of await caches.keys()) {
                const cache = await caches.open(name);
                for (const request of await cache.keys()) {
                    if (request.url.includes("offline-places")) { continue; }
                    texts.push(request.method + request.url);
                    texts.push(await (await cache.match(request)).text());
                }
            }
            texts.push(JSON.stringify(await indexedDB.databases()));
            texts.push(JSON.stringify(localStorage) + JSON.stringify(sessionStorage));
            return texts.join(" ");
        }"""
    )
    assert stored.endswith("[] {}{}")
    assert "POST" not in stored.split("<")[0]
    for secret in ("NN3 8AA", "NN3+8AA", "NN4 8RG", "NN48RG", "zzzsecret", "52.2378", "-0.896"):
        assert secret not in stored
        assert secret.encode() not in site.written()
    assert "?" not in p.page.url


def test_it_can_be_installed(browser: Browser, site: Site, tmp_path: Path) -> None:
    # what is opened in private cannot be installed
    context = browser.browser_type.launch_persistent_context(
        tmp_path / "profile", executable_path=chromium(), args=FLAGS
    )
    page = context.pages[0]
    page.goto(site.address + "/")
    page.wait_for_function("() => navigator.serviceWorker.controller !== null")
    session = context.new_cdp_session(page)
    errors = session.send("Page.getInstallabilityErrors")["installabilityErrors"]
    manifest = session.send("Page.getAppManifest")
    context.close()
    assert errors == []
    assert manifest["errors"] == []
    assert manifest["url"] == f"{site.address}/manifest.webmanifest"


ATTACK = "<img src=x onerror=window.attacked=1>{{7*7}}"


def test_hostile_kits_stay_text(browser: Browser, geodata: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(geodata, tmp_path / "geodata")
    rows = list(csv.DictReader((copy / "kits.csv").read_text("utf-8").splitlines()))
    for row in rows:
        row.update(dict.fromkeys(("name", "position_text", "address"), ATTACK))
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    (copy / "kits.csv").write_text(text.getvalue(), "utf-8")
    site = Site(tmp_path)
    site.start(LOCATOR_GEODATA=str(copy))
    with contextlib.closing(browser.new_context()) as context:
        p = Phone(context, context.new_page(), site)
        p.keep()
        site.kill()
        p.open()
        p.page.wait_for_selector("#all:not([hidden])")
        p.page.click("#all > summary")
        p.type("NN1 1DE")
        assert p.page.evaluate("() => window.attacked") is None
        assert ATTACK in p.answer()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("width", "height"), [(320, 640), (390, 844), (1280, 800)])
def test_everybody_can_read_it(
    phone: Callable[..., Phone], site: Site, width: int, height: int, scheme: str
) -> None:
    p = phone(viewport={"width": width, "height": height}, color_scheme=scheme)
    p.keep()
    site.kill()
    _later(p, days=2)
    p.open()
    p.page.wait_for_selector("#age:not([hidden])")
    for place in ("", "NN1 1DE", "Whitt", "zzzz"):
        p.page.fill("#place", place)
        p.page.click("button:has-text('Find kits')")
        p.page.wait_for_timeout(100)
        for details in p.page.locator("details").all():
            details.evaluate("e => { e.open = true }")
        found = Axe().run(p.page).response["violations"]
        assert [(f["id"], [n["html"] for n in f["nodes"]][:3]) for f in found] == [], place
        assert p.page.evaluate("document.documentElement.scrollWidth") <= width, place
        if os.environ.get("LOCATOR_SCREENSHOTS"):
            folder = Path(os.environ["LOCATOR_SCREENSHOTS"])
            name = f"{width}-{scheme}-{place or 'empty'}.png"
            p.page.screenshot(path=folder / name, full_page=True)
    p.page.evaluate("document.documentElement.style.fontSize = '200%'")
    assert p.page.evaluate("document.documentElement.scrollWidth") <= width
