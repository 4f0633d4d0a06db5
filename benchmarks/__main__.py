"""Run the benchmarks and write docs/performance.md."""

import platform
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks import (
    building,
    clocks,
    durability,
    exchange,
    lighthouse,
    lookups,
    median,
    pages,
    pairs,
    siting,
    straight,
    streets,
)

_HEAD = """# Performance

Written by `make benchmark`. Each figure is the median of interleaved rounds in one run; a ratio is
this project divided by its peer, so below 1 is faster. Figures of one machine are no promise for
another; the ratios carry over better.
"""
_SECTIONS: dict[str, Callable[[], str]] = {
    "lookups": lookups.report,
    "straight": straight.report,
    "streets": streets.report,
    "building": building.report,
    "clocks": clocks.report,
    "pairs": pairs.report,
    "siting": siting.report,
    "median": median.report,
    "pages": pages.report,
    "lighthouse": lighthouse.report,
    "exchange": exchange.report,
    "durability": durability.report,
}
_PAGE = Path(__file__).parent.parent / "docs" / "performance.md"


def main(names: Sequence[str]) -> None:
    """Measure the named sections, or all, and write; other sections stay as they are."""
    known = dict(
        re.findall(r"<!-- (\w+) -->\n(.*?)<!-- end -->", _PAGE.read_text("utf-8"), re.DOTALL)
    )
    for name in names or _SECTIONS:
        text = _SECTIONS[name]()
        print(text, flush=True)
        known[name] = text
        # what was measured is kept, whatever comes next
        _write(known)


def _write(known: dict[str, str]) -> None:
    machine = f"Machine: {platform.machine()}, Python {platform.python_version()}.\n"
    parts = [
        f"<!-- {name} -->\n{known[name]}\n<!-- end -->\n" for name in _SECTIONS if name in known
    ]
    text = "\n".join([_HEAD, machine, *parts])
    _PAGE.write_text(re.sub(r"\n{3,}", "\n\n", text), "utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
