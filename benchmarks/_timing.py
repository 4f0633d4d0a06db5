"""Share what every benchmark needs: medians of interleaved rounds, and versions."""

import importlib.metadata
import statistics
import time
from collections.abc import Callable, Mapping
from pathlib import Path


def versions(*names: str) -> str:
    """Name installed packages with their versions."""
    return ", ".join(f"{name} {importlib.metadata.version(name)}" for name in names)


def medians(contestants: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Time contestants in turn, after one run each that does not count; median seconds."""
    for run in contestants.values():
        run()
    taken: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, run in contestants.items():
            start = time.perf_counter()
            run()
            taken[name].append(time.perf_counter() - start)
    return {name: statistics.median(times) for name, times in taken.items()}


def peak_bytes() -> int:
    """Give the most memory that this process has held.

    Read from ``VmHWM``: ``ru_maxrss`` begins with that of the parent.
    """
    status = Path("/proc/self/status").read_text("ascii")
    peak = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(peak.split()[1]) * 1024
