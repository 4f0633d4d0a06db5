"""Play with a browser whose server is dead, or cannot be reached any more."""

import contextlib
import csv
import datetime as dt
import http.client
import http.server
import io
import json
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
from click.testing import CliRunner
from playwright.sync_api import Browser, BrowserContext, Page, expect
from werkzeug.serving import make_server

from locator.cli import main
from locator.settings import Settings
from locator.web import create_app
from tests.serving import FLAGS, Way, axe_violations, chromium

pytestmark = pytest.mark.browser

HERE = {"latitude": 52.2378, "longitude": -0.8960, "accuracy": 20}
_START_S = 300
# what comes by itself is waited for so long
_LONG_S = 120


# as `locator serve` does, which also draws what takes long before the first visitor comes
SERVE = "import sys, waitress, locator.web as w; waitress.serve(w.create_app(), port=sys.argv[1])"


class Site:
    """A server process, and the way to it, which can be cut and mended at the same address."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.registry = f"sqlite:///{folder}/registry.sqlite"
        self.port = 0
        self.process: subprocess.Popen[bytes] | None = None
        self.way = Way(self.port)
        self.address = self.way.address

    def start(self) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        own = {"LOCATOR_DATABASE_URL": self.registry}
        with (self.folder / "log.txt").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", SERVE, str(self.port)],
                cwd=self.folder,
                env=os.environ | own,
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + _START_S
        while time.monotonic() < deadline and self.process.poll() is None:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    self._warm_up()
                    return
            time.sleep(0.1)
        message = "The server did not start."
        raise RuntimeError(message)

    def _warm_up(self) -> None:
        """Ask once: the first answer of a server may take longer than a device waits for it."""
        asking = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        with contextlib.closing(asking):
            form = {"Content-Type": "application/x-www-form-urlencoded"}
            asking.request("POST", "/", "place=NN1+1DE", form)
            assert asking.getresponse().status == HTTPStatus.OK

    def new_version(self, old: object) -> object:
        """Wait until the server hands out another version of the list, and give it."""
        asking = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        deadline = time.monotonic() + _LONG_S
        with contextlib.closing(asking):
            while time.monotonic() < deadline:
                asking.request("GET", "/offline.json")
                found: object = json.load(asking.getresponse())["version"]
                if found != old:
                    return found
                time.sleep(0.1)
        message = "The server has no new list."
        raise RuntimeError(message)

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


@contextlib.contextmanager
def _another(**settings: Any) -> Iterator[int]:
    """Serve with other settings from this process, which starts sooner; give the port."""
    app = create_app(Settings(**settings))

    def plain(environ: dict[str, Any], start: Any) -> Any:
        # files that are compressed are closed late, of which Python would warn here
        environ.pop("HTTP_ACCEPT_ENCODING", None)
        return app(environ, start)

    server = make_server("127.0.0.1", 0, plain, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server.server_port
    server.shutdown()
    thread.join()
    server.server_close()
    app.extensions["facts"].close()


@pytest.fixture(scope="module")
def everlasting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The site of the tests below; it is started anew if its process was killed."""
    made = Site(tmp_path_factory.mktemp("site"))
    yield made
    made.way.close()
    made.kill()


@pytest.fixture
def site(everlasting: Site) -> Site:
    if everlasting.process is None:
        everlasting.start()
    everlasting.way.mend(everlasting.port)
    return everlasting


@dataclass
class Phone:
    """Somebody's phone."""

    context: BrowserContext
    page: Page
    address: str

    def open(self, path: str = "/") -> float:
        """Open a page; give the seconds until it is there."""
        began = time.monotonic()
        self.page.goto(self.address + path)
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


def _phone(browser: Browser, address: str, **options: Any) -> Phone:
    given = {"viewport": {"width": 390, "height": 844}, "locale": "en-GB"} | options
    context = browser.new_context(**given)
    page = context.new_page()
    page.on("pageerror", lambda error: pytest.fail(str(error)))
    return Phone(context, page, address)


@pytest.fixture
def phone(browser: Browser, site: Site) -> Iterator[Callable[..., Phone]]:
    opened: list[Phone] = []

    def start(address: str = "", **options: Any) -> Phone:
        made = _phone(browser, address or site.address, **options)
        opened.append(made)
        return made

    yield start
    for made in opened:
        made.context.close()


@pytest.fixture(scope="module")
def regular(browser: Browser, everlasting: Site) -> Iterator[Callable[[], Phone]]:
    """Lend the phone of somebody who was here before; it has kept everything."""
    made: list[Phone] = []

    def lend() -> Phone:
        if not made:
            made.append(_phone(browser, everlasting.address))
            made[0].keep()
            made[0].wait_for_cache("/how-to")
        return made[0]

    yield lend
    for one in made:
        one.context.close()


@pytest.fixture
def kept(site: Site, regular: Callable[[], Phone]) -> Iterator[Phone]:
    """A phone that has kept everything, and whose clock is right."""
    lent = regular()
    _later(lent)
    yield lent
    lent.page.goto("about:blank")


def test_a_place_that_was_sent_to_a_dead_server_is_answered(
    phone: Callable[..., Phone], site: Site
) -> None:
    p = phone(geolocation=HERE, permissions=["geolocation"])
    p.keep()
    site.way.cut()
    p.page.check("#people-two", force=True)
    p.type("NN1 1DE")
    assert p.is_offline_page()
    assert "Kits near NN1 1DE" in p.answer()
    assert "One stays and presses, one fetches the kit" in p.answer()
    assert p.page.url == site.address + "/"
    with p.page.expect_navigation():
        p.page.click("#ask-server")
    assert "Kits near NN1 1DE" in p.answer(), "still nobody there: answered again"
    site.way.mend()
    for _ in range(20):
        with p.page.expect_navigation():
            p.page.click("#ask-server")
        p.page.wait_for_selector("#answer-title")
        # on a busy machine the server may be too slow, and the device answers again
        if not p.is_offline_page():
            break
    assert not p.is_offline_page()
    assert "Kits near NN1 1DE" in p.answer()
    p.open()
    site.way.cut()
    p.page.click("text=Use my location")
    p.page.wait_for_selector("#answer-title:has-text('your location')")
    assert p.is_offline_page()


def test_a_server_that_hangs_is_not_waited_for(kept: Phone, site: Site) -> None:
    p = kept
    site.signal(signal.SIGSTOP)
    try:
        # without a worker a browser would wait for minutes
        assert p.open() < 20
        assert p.is_offline_page()
        p.type("NN1 1DE")
    finally:
        site.signal(signal.SIGCONT)


def test_every_address_leads_to_help(kept: Phone, site: Site) -> None:
    p = kept
    site.way.cut()
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
    expect(p.page.locator("#all .kit-item")).to_have_count(49)


@contextlib.contextmanager
def _saying(status: int) -> Iterator[int]:
    """Answer as a proxy does that cannot reach the server behind it; give the port."""

    class Proxy(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_error(status)

        def do_POST(self) -> None:
            self.send_error(status)

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Proxy) as proxy:
        threading.Thread(target=proxy.serve_forever, daemon=True).start()
        yield proxy.server_port
        proxy.shutdown()


@pytest.mark.parametrize("status", [502, 504])
def test_a_proxy_before_a_dead_server_is_no_answer(kept: Phone, site: Site, status: int) -> None:
    p = kept
    p.open("/kit/NN-0001/tell?what=taken")
    with _saying(status) as port:
        site.way.mend(port)
        p.page.click("main form button[type=submit] >> nth=-1")
        p.page.wait_for_selector("#connection:has-text('has not been sent')")
        for path in ("/", "/map", "/privacy"):
            p.open(path)
            assert p.is_offline_page(), path
        p.open("/kit/NN-0001")
        p.page.locator("#this-kit").wait_for()
        assert "Northampton railway station" in p.page.inner_text("#this-kit")
        p.type("NN1 1DE")
    with _saying(503) as port:
        site.way.mend(port)
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


def test_a_word_that_does_not_arrive_is_not_taken_for_sent(kept: Phone, site: Site) -> None:
    p = kept
    p.open("/kit/NN-0001/tell?what=taken")
    site.way.cut()
    p.page.click("main form button[type=submit] >> nth=-1")
    p.page.wait_for_selector("#connection:has-text('has not been sent')")
    p.page.locator("#this-kit").wait_for()
    assert "Call 999 now" in p.page.inner_text("main")


def _run(site: Site, *arguments: str) -> None:
    done = CliRunner(env={"LOCATOR_DATABASE_URL": site.registry}).invoke(
        main, [*arguments, "--by", "a test"]
    )
    assert done.exit_code == 0, done.output


def _put_to_sleep(p: Phone) -> None:
    """Stop the worker, as the browser does after half a minute: it asks again at the next visit."""
    session = p.context.new_cdp_session(p.page)
    session.send("ServiceWorker.enable")
    session.send("ServiceWorker.stopAllWorkers")


def test_a_new_list_comes_in_the_background(phone: Callable[..., Phone], site: Site) -> None:
    p = phone()
    p.keep()
    _run(site, "report", "NN-0001", "damaged")
    new = site.new_version(p.feed()["version"])
    _put_to_sleep(p)
    p.open("/data")
    deadline = time.monotonic() + _LONG_S
    while p.feed()["version"] != new:
        assert time.monotonic() < deadline, "no new list"
        time.sleep(0.1)
    site.way.cut()
    p.open("/kit/NN-0001")
    p.page.locator("#this-kit").wait_for()
    assert "Reported damaged." in p.page.inner_text("#this-kit")
    site.way.mend()
    _run(site, "check", "NN-0001", "--restocked")
    site.new_version(new)
    # the page that is open hears of it
    p.page.evaluate("() => window.dispatchEvent(new Event('online'))")
    p.page.wait_for_selector("#connection:has-text('There is a connection')")
    p.page.wait_for_selector("#this-kit .state-ready")
    assert "Open day and night" in p.page.inner_text("#this-kit")
    site.way.cut()
    _later(p, hours=25)
    p.open("/kit/NN-0001")
    p.page.locator("#this-kit").wait_for()
    assert p.page.locator("#this-kit .state-ready").count() == 0
    assert "Kits may have been used or shut since." in p.page.inner_text("#this-kit")


def _later(p: Phone, since: dt.datetime | None = None, **after: float) -> None:
    """Put the clock of the phone's page forward."""
    p.page.clock.set_fixed_time((since or dt.datetime.now(dt.UTC)) + dt.timedelta(**after))


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
    kept: Phone,
    site: Site,
    after: dict[str, float],
    age: str,
    warning: str,
    *,
    open_kits: bool,
) -> None:
    p = kept
    site.way.cut()
    p.open()
    # the list was kept some tests ago
    _later(p, dt.datetime.fromtimestamp(p.feed()["made_at"], dt.UTC), **after)
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
    site.way.cut()
    p.page.clock.install()
    p.open()
    p.page.wait_for_selector("#connection:has-text('No connection')")
    p.type("NN1 1DE")
    p.page.click("#answer details > summary >> nth=0")
    p.page.clock.fast_forward("01:58:00")
    p.page.clock.run_for(2 * 60_000)
    expect(p.page.locator("#age")).to_contain_text("2 hours old")
    assert p.page.locator("#answer details[open]").count() == 1, "what was open stays open"


def test_a_new_version_of_the_site_takes_over(
    phone: Callable[..., Phone], site: Site, tmp_path: Path
) -> None:
    p = phone()
    p.keep("/en/")
    p.wait_for_cache("/en/how-to")
    before = p.page.evaluate("() => caches.keys()")
    copy = shutil.copytree(Settings().templates, tmp_path / "templates")
    changed = copy / "public" / "offline.html"
    changed.write_text(
        changed.read_text("utf-8").replace("<noscript>", "<p>A new page.</p><noscript>")
    )
    with _another(database_url=site.registry, templates=copy) as port:
        site.way.mend(port)
        p.open("/en/")
        deadline = time.monotonic() + _LONG_S
        while set(p.page.evaluate("() => caches.keys()")) & set(before) - {"bleed-kits / data-1"}:
            assert time.monotonic() < deadline, "the old version stays"
            time.sleep(0.2)
    site.way.cut()
    p.open("/en/map")
    assert "A new page." in p.page.inner_text("main")
    assert p.page.evaluate("() => document.documentElement.lang") == "en-GB"
    p.type("NN1 1DE")


def test_the_switch_removes_everything(phone: Callable[..., Phone], site: Site) -> None:
    p = phone()
    p.keep()
    with _another(database_url=site.registry, offline=False) as port:
        site.way.mend(port)
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


def test_a_full_disk_breaks_nothing(phone: Callable[..., Phone], site: Site) -> None:
    p = phone()
    p.page.goto("about:blank")
    session = p.context.new_cdp_session(p.page)
    session.send("Storage.overrideQuotaForOrigin", {"origin": site.address, "quotaSize": 1000})
    workers: set[str] = set()
    session.on(
        "ServiceWorker.workerVersionUpdated",
        lambda told: workers.update(version["status"] for version in told["versions"]),
    )
    session.send("ServiceWorker.enable")
    p.open()
    deadline = time.monotonic() + _LONG_S
    while "redundant" not in workers:
        assert time.monotonic() < deadline, f"the worker is {workers}"
        p.page.wait_for_timeout(100)
    assert "activated" not in workers
    p.type("NN1 1DE")
    assert not p.is_offline_page()


def test_nothing_can_be_kept(phone: Callable[..., Phone], site: Site) -> None:
    p = phone(service_workers="block", geolocation=HERE, permissions=["geolocation"])
    p.open()
    p.type("NN1 1DE")
    assert not p.is_offline_page()
    p.open("/offline")
    p.page.wait_for_selector("#age:not([hidden])")
    p.type("NN1 1DE")
    p.open()
    site.way.cut()
    p.context.set_offline(offline=True)
    alert, locate = p.page.locator(".not-sent"), p.page.locator("#locate")
    # a place that the phone found is not sent into nothing either
    locate.click()
    expect(alert).to_contain_text("Keep pressing")
    expect(locate).to_be_enabled()
    alert.evaluate("alert => { alert.remove(); }")
    p.page.fill("#place", "NN1 1DE")
    p.page.click("button:has-text('Find kits')")
    expect(alert).to_contain_text("Keep pressing")
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
    site.way.cut()
    p.type("NN4 8RG")
    p.page.click("#find-here")
    p.page.wait_for_selector("#answer-title:has-text('your location')")
    p.page.fill("#place", "zzzsecretplace")
    p.page.click("button:has-text('Find kits')")
    p.page.wait_for_selector("#find-status.error")
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
    with (
        _another(geodata=copy, database_url=f"sqlite:///{tmp_path}/registry.sqlite") as port,
        contextlib.closing(Way(port)) as way,
        contextlib.closing(browser.new_context()) as context,
    ):
        way.mend()
        p = Phone(context, context.new_page(), way.address)
        p.keep()
        way.cut()
        p.open()
        p.page.wait_for_selector("#all:not([hidden])")
        p.page.click("#all > summary")
        expect(p.page.locator("#all .kit-item")).to_have_count(len(rows))
        p.type("NN1 1DE")
        assert ATTACK in p.answer()
        assert p.page.evaluate("() => window.attacked") is None


# what a person may have asked for, and what shows that the page is done with it
ASKED = {
    "": "#find-status.error",
    "NN1 1DE": "#answer-title",
    "Whitt": "#choices-title",
    "zzzz": "#find-status.error",
}


def test_everybody_can_read_it(phone: Callable[..., Phone], site: Site) -> None:
    p = phone()
    p.keep()
    site.way.cut()
    _later(p, days=2)
    p.open()
    p.page.wait_for_selector("#age:not([hidden])")
    for place, shown in ASKED.items():
        p.page.fill("#place", place)
        p.page.click("button:has-text('Find kits')")
        p.page.locator(shown).wait_for()
        p.page.locator("details").evaluate_all("all => all.forEach(e => { e.open = true; })")
        if place:
            # the list of all kits has been looked at
            p.page.locator("#all").evaluate("e => { e.open = false; }")
        else:
            expect(p.page.locator("#all .kit-item")).to_have_count(49)
        for scheme, width, height in (
            ("dark", 390, 844),
            ("light", 1280, 800),
            ("light", 320, 640),
        ):
            p.page.set_viewport_size({"width": width, "height": height})
            p.page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            for size in ("200%", "100%"):
                p.page.evaluate("size => { document.documentElement.style.fontSize = size; }", size)
                across = p.page.evaluate("document.documentElement.scrollWidth")
                assert across <= width, (place, width, size)
            if width < 1000:
                found = axe_violations(p.page)
                told = [(f["id"], [n["html"] for n in f["nodes"]][:3]) for f in found]
                assert told == [], (place, width, scheme)
            if os.environ.get("LOCATOR_SCREENSHOTS"):
                folder = Path(os.environ["LOCATOR_SCREENSHOTS"])
                name = f"{width}-{scheme}-{place or 'empty'}.png"
                p.page.screenshot(path=folder / name, full_page=True)


def test_a_killed_server_leaves_a_page_that_works(phone: Callable[..., Phone], site: Site) -> None:
    # the process itself, with no way between
    p = phone(f"http://127.0.0.1:{site.port}", geolocation=HERE, permissions=["geolocation"])
    p.keep()
    p.type("NN1 1DE")
    online = p.page.locator(".answer ol.kits").first.locator("h4").all_inner_texts()
    p.open()
    site.kill()
    p.page.reload()
    p.page.wait_for_selector("#age:not([hidden])")
    text = p.page.inner_text("main")
    assert "Call 999 now" in text
    assert "Press hard" in text
    assert "No connection" in text
    assert "Kits as of" in text
    p.type("nn1 1de")
    offline = p.page.locator(".answer ol.kits").first.locator("h4").all_inner_texts()
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
    assert p.page.url == p.address + "/"
