"""Run the site in a process of its own, and find a browser and a reviewer for it."""

import contextlib
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
from pathlib import Path
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

# Chromium must not look for Google's servers at every start
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
_START_S = 300
_ENVIRONMENT = {"LOCATOR_DATABASE_URL": "sqlite:///registry.sqlite", "LOCATOR_OFFLINE": "false"}


@dataclass
class Server:
    """A running `locator serve`, and all that it writes."""

    address: str
    folder: Path

    def written(self) -> bytes:
        """Everything that the server has written to its log and its folder."""
        files = [path for path in self.folder.rglob("*") if path.is_file()]
        return b"\n".join(path.read_bytes() for path in files)


def chromium() -> str | None:
    return shutil.which("chromium") or shutil.which("google-chrome")


class Way:
    """The way from browsers to a server, which can be cut as if the server were dead.

    A server takes seconds to start anew; its way is mended at once, at the same address.
    """

    def __init__(self, port: int) -> None:
        self.leads_to = port
        # never listens, and keeps the port while nobody else does
        self._place = _bound(0)
        self._door: socket.socket | None = None
        self.address = f"http://127.0.0.1:{self._place.getsockname()[1]}"
        self._threads: list[threading.Thread] = []
        self._browsers: list[socket.socket] = []

    def mend(self, port: int | None = None) -> None:
        """Let browsers through, to another port if it is given."""
        self.cut()
        self.leads_to = port or self.leads_to
        self._door = _bound(self._place.getsockname()[1])
        self._door.listen()
        self._start(self._let_in, self._door)

    def cut(self) -> None:
        """Refuse who comes, and break off whoever is through."""
        if self._door is None:
            return
        _break_off(self._door)
        self._threads[0].join()
        self._door.close()
        for browser in self._browsers:
            _break_off(browser)
        for thread in self._threads:
            thread.join()
        self._door, self._threads, self._browsers = None, [], []

    def close(self) -> None:
        self.cut()
        self._place.close()

    def _start(self, work: Callable[[socket.socket], None], given: socket.socket) -> None:
        thread = threading.Thread(target=work, args=(given,), daemon=True)
        self._threads.append(thread)
        thread.start()

    def _let_in(self, door: socket.socket) -> None:
        # accept() fails once the door is broken off
        with contextlib.suppress(OSError):
            while True:
                browser, _ = door.accept()
                self._browsers.append(browser)
                self._start(self._lead, browser)

    def _lead(self, browser: socket.socket) -> None:
        with (
            browser,
            contextlib.suppress(ConnectionError),
            socket.create_connection(("127.0.0.1", self.leads_to)) as server,
        ):
            back = threading.Thread(target=_pass_on, args=(server, browser), daemon=True)
            back.start()
            _pass_on(browser, server)
            back.join()


def _bound(port: int) -> socket.socket:
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.bind(("127.0.0.1", port))
    return made


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(1 << 16):
            target.sendall(data)
    _break_off(source)
    _break_off(target)


def _break_off(connection: socket.socket) -> None:
    # it may have ended by itself
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def serve(folder: Path, **environment: str) -> Iterator[Server]:
    """Serve from a folder that takes the registry and the log, until the block ends.

    Devices keep nothing: on a machine under load they would answer instead of the server.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with (folder / "log.txt").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "locator", "serve", "--port", str(port)],
            cwd=folder,
            env=os.environ | _ENVIRONMENT | environment,
            stdout=log,
            stderr=log,
        )
        try:
            _wait(port, process)
            yield Server(f"http://127.0.0.1:{port}", folder)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=10)


def _wait(port: int, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    message = "The server did not start."
    raise RuntimeError(message)


def axe_violations(page: Page, **options: object) -> list[dict[str, Any]]:
    """Look at a page with axe, which is brought into it once; give what it finds wrong."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(Axe().axe_script)
    found: list[dict[str, Any]] = page.evaluate(
        "options => axe.run(options).then(found => found.violations)",
        {"resultTypes": ["violations"]} | options,
    )
    return found
