"""Run every benchmark and write docs/performance.md."""

import platform
from pathlib import Path

from benchmarks import durability, exchange, lookups, pages

_HEAD = """# Performance

Written by `make benchmark`. Each figure is the median of interleaved rounds in one run; a ratio is
this project divided by its peer, so below 1 is faster. Figures of one machine are no promise for
another; the ratios carry over better.
"""


def main() -> None:
    """Measure, print and write."""
    machine = f"Machine: {platform.machine()}, Python {platform.python_version()}.\n"
    parts = [lookups.report(), pages.report(), exchange.report(), durability.report()]
    text = "\n".join([_HEAD, machine, *parts])
    print(text)
    (Path(__file__).parent.parent / "docs" / "performance.md").write_text(text, "utf-8")


if __name__ == "__main__":
    main()
