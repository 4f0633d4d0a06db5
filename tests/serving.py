"""Run the site in a process of its own and find a browser for it."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

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
