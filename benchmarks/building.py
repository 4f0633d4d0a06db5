"""Measure building the walking network at 1, 4 and 16 times the size of a county."""

import importlib.metadata
import json
import os
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import osmium
import osmium.filter

from benchmarks._timing import peak_bytes
from locator.travel import extract
from locator.travel.network import build

_TIMES = (1, 4, 16)
# degrees; copies stay in England, side by side
_SHIFT_LON, _SHIFT_LAT = -0.4, 0.25
# more than there are numbers in the county
_NEXT = 10_000_000_000
_MB = 1e6


def _copy(source: Path, target: Path, times: int) -> None:
    """Write an extract several times into one, each copy moved in a square and numbered anew."""
    side = round(times**0.5)
    with osmium.SimpleWriter(str(target)) as writer:
        # all nodes before all ways, with rising numbers, as in every extract
        for kind in (osmium.osm.NODE, osmium.osm.WAY, osmium.osm.RELATION):
            for copy in range(times):
                offset = copy * _NEXT
                east, north = (copy % side) * _SHIFT_LON, (copy // side) * _SHIFT_LAT
                for found in osmium.FileProcessor(str(source), kind):
                    writer.add(_moved(found, offset, east, north))


def _moved(found: Any, offset: int, east: float, north: float) -> Any:
    changes: dict[str, Any] = {"id": found.id + offset}
    if found.is_node():
        changes["location"] = (found.location.lon + east, found.location.lat + north)
    elif found.is_way():
        changes["nodes"] = [node.ref + offset for node in found.nodes]
    else:
        changes["members"] = [(m.type, m.ref + offset, m.role) for m in found.members]
    return found.replace(**changes)


def _streets_as_xml(source: Path, target: Path) -> None:
    """Write every way with a highway as XML with its nodes: all that osmnx reads of a file."""
    with osmium.BackReferenceWriter(str(target), ref_src=str(source)) as writer:
        ways = osmium.FileProcessor(str(source), osmium.osm.WAY)
        for way in ways.with_filter(osmium.filter.KeyFilter("highway")):
            writer.add(way)


def _build(path: Path) -> None:
    build(
        extract.read(path, lambda _what, _rows: None), path.with_suffix(".network"), lambda *_: None
    )


def _bare(path: Path) -> None:
    """Let osmium find the positions of every highway, and do nothing with them."""
    ways = osmium.FileProcessor(str(path)).with_locations()
    for _ in ways.with_filter(osmium.filter.KeyFilter("highway")):
        pass


def _osmnx(path: Path) -> None:
    import osmnx  # noqa: PLC0415  # its memory is not to count for the others

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it would rather download than read a file
        osmnx.graph_from_xml(path.with_suffix(".osm"), retain_all=False)


_DEEDS = {"build": _build, "bare": _bare, "osmnx": _osmnx}


def _one(what: str, path: Path) -> dict[str, float]:
    """Do one thing in this process and tell seconds and megabytes."""
    start = time.perf_counter()
    _DEEDS[what](path)
    seconds = time.perf_counter() - start
    return {"seconds": seconds, "megabytes": peak_bytes() / _MB}


def _apart(what: str, path: Path) -> dict[str, float]:
    """Do one thing in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.building", what, str(path)],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parent.parent,
    )
    return {key: float(value) for key, value in json.loads(done.stdout).items()}


def report() -> str:
    """Measure and give a section in Markdown."""
    data = os.environ.get("LOCATOR_TEST_DATA", "")
    if not data:
        return "## Building the walking network\n\nNot measured: LOCATOR_TEST_DATA is not set.\n"
    source = Path(data) / "street" / "rutland_2018-02-27.osm.pbf"
    versions = ", ".join(
        f"{name} {importlib.metadata.version(name)}" for name in ("osmium", "osmnx")
    )
    lines = [
        "## Building the walking network\n",
        (
            "The extract of Rutland, once and copied side by side: rules, positions, barriers, "
            "areas, contraction, index and files. Beside it `osmium`'s bare pass over the same "
            "highways, which does nothing with them, and `osmnx.graph_from_xml` of the highways "
            f"alone, written as XML before ({versions}). MB are the peak of a fresh process.\n"
        ),
        "| times | file MB | build s | MB | bare pass s | MB | osmnx s | MB |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    sizes, peaks = list[float](), list[float]()
    with tempfile.TemporaryDirectory() as folder:
        for times in _TIMES:
            path = Path(folder) / f"{times}.pbf"
            _copy(source, path, times)
            _streets_as_xml(path, path.with_suffix(".osm"))
            told = {what: _apart(what, path) for what in _DEEDS}
            sizes.append(path.stat().st_size / _MB)
            peaks.append(told["build"]["megabytes"])
            figures = " | ".join(
                f"{one['seconds']:.1f} | {one['megabytes']:.0f}" for one in told.values()
            )
            lines.append(f"| {times} | {sizes[-1]:.1f} | {figures} |")
    slope, start = np.polyfit(sizes, peaks, 1)
    farthest = float(np.abs(np.polyval([slope, start], sizes) - peaks).max())
    lines.append(
        f"\nPeak memory of the build: {start:.0f} MB + {slope:.1f} MB for each MB of extract; no "
        f"size is more than {farthest:.0f} MB off this line.\n"
    )
    return "\n".join(lines)


def main(arguments: Sequence[str]) -> None:
    """Run one deed for the report, or the report."""
    if arguments:
        what, path = arguments
        print(json.dumps(_one(what, Path(path))))
    else:
        print(report())


if __name__ == "__main__":
    main(sys.argv[1:])
