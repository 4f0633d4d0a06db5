"""Measure pages as a weak phone on a slow network sees them."""

import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.serving import FLAGS, chromium, serve


@dataclass(frozen=True)
class _Conditions:
    """A network and a processor, as Chromium slows them down."""

    words: str
    latency_ms: int
    bits_per_s: float
    cpu: int

    def apply(self, context: BrowserContext, page: Page) -> None:
        session = context.new_cdp_session(page)
        session.send("Network.enable")
        network = {
            "offline": False,
            "latency": self.latency_ms,
            "downloadThroughput": self.bits_per_s / 8,
            "uploadThroughput": self.bits_per_s / 16,
        }
        session.send("Network.emulateNetworkConditions", network)
        session.send("Emulation.setCPUThrottlingRate", {"rate": self.cpu})


_FAST = _Conditions("full speed", 0, -8, 1)
_SLOW = _Conditions("slow 4G with CPU/4", 150, 1.6e6, 4)
_SLOWEST = _Conditions("slow 3G with CPU/6", 400, 4e5, 6)
_ROUNDS = 7
_PAGES = ("/", "/how-to", "/kit/NN-0001", "/map", "/offline", "/coverage", "/data")


def report() -> str:
    """Measure and give a section in Markdown."""
    with (
        tempfile.TemporaryDirectory() as folder,
        serve(Path(folder), LOCATOR_OFFLINE="true") as server,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        lines = [
            "## Pages\n",
            (
                f"Chromium {browser.version} at 390 x 844, empty cache; slow 4G is 150 ms and "
                "1.6 Mbit/s, slow 3G 400 ms and 0.4 Mbit/s; CPU/4 is a processor slowed four "
                "times. kB are on the wire. Goals: `/` below 30 kB; at slow 3G with CPU/6 the "
                "first kit 2 s after the place is sent.\n"
            ),
            "| page | kB | requests | loaded s | at slow 4G with CPU/4 |",
            "| --- | --- | --- | --- | --- |",
        ]
        for path in _PAGES:
            fast = [_load(browser, server.address + path, _FAST) for _ in range(_ROUNDS)]
            slow = [_load(browser, server.address + path, _SLOW)[0] for _ in range(_ROUNDS)]
            seconds = statistics.median(s for s, _, _ in fast)
            _, size, requests = fast[0]
            row = f"{size / 1e3:.1f} | {requests} | {seconds:.2f} | {statistics.median(slow):.2f}"
            lines.append(f"| {path} | {row} |")
        for how in (_FAST, _SLOW, _SLOWEST):
            found = [_first_result(browser, server.address, how) for _ in range(_ROUNDS)]
            arrive, answer = (statistics.median(times) for times in zip(*found, strict=True))
            lines.append(
                f"\nAt {how.words} the home page can be used after {arrive:.2f} s, and the first "
                f"kit stands on the screen {answer:.2f} s after a postcode is sent."
            )
        browser.close()
    return "\n".join([*lines, ""])


def _load(browser: Browser, address: str, how: _Conditions) -> tuple[float, float, int]:
    context = browser.new_context(viewport={"width": 390, "height": 844})
    page = context.new_page()
    session = context.new_cdp_session(page)
    session.send("Network.enable")
    received: list[float] = []
    session.on("Network.loadingFinished", lambda e: received.append(e["encodedDataLength"]))
    how.apply(context, page)
    start = time.perf_counter()
    page.goto(address)
    taken = time.perf_counter() - start
    page.wait_for_load_state("networkidle")
    context.close()
    return taken, sum(received), len(received)


def _first_result(browser: Browser, address: str, how: _Conditions) -> tuple[float, float]:
    context = browser.new_context(viewport={"width": 390, "height": 844})
    page = context.new_page()
    how.apply(context, page)
    start = time.perf_counter()
    page.goto(address, wait_until="domcontentloaded")
    page.wait_for_selector("#place")
    arrived = time.perf_counter() - start
    page.fill("#place", "NN1 1DE")
    start = time.perf_counter()
    page.click("button:has-text('Find kits')", no_wait_after=True)
    page.wait_for_selector(".kit-item h4")
    answered = time.perf_counter() - start
    context.close()
    return arrived, answered
