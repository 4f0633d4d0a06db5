"""Measure pages as a weak phone on a slow network sees them."""

import statistics
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from tests.serving import FLAGS, chromium, serve

# "slow 4G" of Chromium's developer tools, and a processor of a quarter of the speed
_NETWORK = {
    "offline": False,
    "latency": 150,
    "downloadThroughput": 1.6e6 / 8,
    "uploadThroughput": 0.75e6 / 8,
}
_CPU = 4
_ROUNDS = 7
_PAGES = ("/", "/map", "/coverage", "/data")


def report() -> str:
    """Measure and give a section in Markdown."""
    with (
        tempfile.TemporaryDirectory() as folder,
        serve(Path(folder)) as server,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        lines = [
            "## Pages\n",
            (
                f"Chromium {browser.version} at 390 x 844, empty cache; slow is slow 4G (150 ms, "
                f"1.6 Mbit/s) with the processor slowed {_CPU} times. kB are on the wire.\n"
            ),
            "| page | kB | requests | loaded s | loaded slow s |",
            "| --- | --- | --- | --- | --- |",
        ]
        for path in _PAGES:
            fast = [_load(browser, server.address + path, slow=False) for _ in range(_ROUNDS)]
            slow = [_load(browser, server.address + path, slow=True)[0] for _ in range(_ROUNDS)]
            seconds = statistics.median(s for s, _, _ in fast)
            _, size, requests = fast[0]
            row = f"{size / 1e3:.1f} | {requests} | {seconds:.2f} | {statistics.median(slow):.2f}"
            lines.append(f"| {path} | {row} |")
        for throttled, words in ((False, "At full speed"), (True, "At slow 4G with CPU/4")):
            found = [_first_result(browser, server.address, slow=throttled) for _ in range(_ROUNDS)]
            arrive, answer = (statistics.median(times) for times in zip(*found, strict=True))
            lines.append(
                f"\n{words} the home page can be used after {arrive:.2f} s, and the first kit "
                f"stands on the screen {answer:.2f} s after a postcode is sent."
            )
        browser.close()
    return "\n".join([*lines, ""])


def _load(browser: Browser, address: str, *, slow: bool) -> tuple[float, float, int]:
    context = browser.new_context(viewport={"width": 390, "height": 844})
    page = context.new_page()
    session = context.new_cdp_session(page)
    session.send("Network.enable")
    received: list[float] = []
    session.on("Network.loadingFinished", lambda e: received.append(e["encodedDataLength"]))
    if slow:
        session.send("Network.emulateNetworkConditions", _NETWORK)
        session.send("Emulation.setCPUThrottlingRate", {"rate": _CPU})
    start = time.perf_counter()
    page.goto(address)
    taken = time.perf_counter() - start
    page.wait_for_load_state("networkidle")
    context.close()
    return taken, sum(received), len(received)


def _first_result(browser: Browser, address: str, *, slow: bool) -> tuple[float, float]:
    context = browser.new_context(viewport={"width": 390, "height": 844})
    page = context.new_page()
    if slow:
        session = context.new_cdp_session(page)
        session.send("Network.enable")
        session.send("Network.emulateNetworkConditions", _NETWORK)
        session.send("Emulation.setCPUThrottlingRate", {"rate": _CPU})
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
