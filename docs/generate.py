"""Write the parts of the documentation that the code already knows."""

import datetime as dt
import functools
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import pandas as pd

from locator import Facts, Settings, tables
from locator.analysis.coverage import FINDINGS, Counting, Coverage, coverage
from locator.analysis.equity import equity
from locator.analysis.gaps import Gaps, Localities, by_locality, gaps
from locator.analysis.worth import Worth, worth
from locator.build import BUILDERS
from locator.cli import main
from locator.demand import Basis, Profile, compared
from locator.travel.standard import Standard

DOCS = Path(__file__).parent


def cli() -> str:
    """List every command with its own help."""
    parts = ["# Command line\n\nWritten by `make docs` from the commands' own help.\n"]
    parts += [f"## {name}\n\n```text\n{text}\n```\n" for name, text in _helps(main, "locator")]
    codes = (
        "0 answer, 2 bad input, 3 data missing or damaged, 4 registry not available, "
        "5 changed by somebody else meanwhile"
    )
    parts.append(f"## Exit codes\n\n{codes}, 1 anything else.\n")
    return "\n".join(parts)


def _helps(
    command: click.Command, name: str, parent: click.Context | None = None
) -> Iterator[tuple[str, str]]:
    settings = {"max_content_width": 90} | command.context_settings
    context = click.Context(command, info_name=name, parent=parent, **settings)
    yield context.command_path, command.get_help(context)
    if isinstance(command, click.Group):
        for child in command.list_commands(context):
            found = command.get_command(context, child)
            if found is not None:
                yield from _helps(found, child, context)


def settings() -> str:
    """List every setting with its environment variable and default."""
    rows = [
        f"| `LOCATOR_{name.upper()}` | {_default(name, field.default)} | {field.description} |"
        for name, field in Settings.model_fields.items()
    ]
    head = "# Settings\n\nWritten by `make docs`. Each is an environment variable.\n"
    return "\n".join([head, "| variable | default | meaning |", "| --- | --- | --- |", *rows, ""])


def _default(name: str, default: object) -> str:
    shipped = isinstance(default, Path) and default.is_absolute()
    return f"the `{name}/` folder shipped with it" if shipped else f"`{default}`"


def geodata() -> str:
    """Describe every table of geodata/ from sources.toml."""
    parts = [
        (
            "# Tables of facts\n\nWritten by `make docs` from `sources.toml`. Made by\n\n"
            "```\nlocator data build --from FOLDER\n```\n\nwhere FOLDER holds the downloads: "
            "Code-Point Open, the archive of data.police.uk (unzipped or not, all forces and "
            "months in it count), ONS boundaries, census and postcode lookup, the indices of "
            "deprivation, NaPTAN stops, railway stations, hospitals, GP practices, schools, and "
            "streets of OpenStreetMap. Name tables to build only those. Building again from the "
            "same files gives the same bytes. `area.toml`, `profile_shares.csv` and the first "
            "columns of `kits.csv` are written by hand.\n"
        )
    ]
    for name, source in tables.sources(Settings().geodata).items():
        columns = "\n".join(f"| `{c}` | {meaning} |" for c, meaning in source.columns.items())
        made = f"`locator data build {name} --from FOLDER`" if name in BUILDERS else "by hand"
        parts.append(
            f"## {source.file}\n\n{source.title}.\n\n- Made from: {source.made_from}\n"
            f"- Date: {source.date}\n- Licence: {source.licence}\n"
            f"- Attribution: {source.attribution}\n- Build: {made}\n\n"
            f"| column | meaning |\n| --- | --- |\n{columns}\n"
        )
    return "\n".join(parts)


# figures are those of one week, so that the pages do not change by themselves
_DAY = dt.date(2026, 7, 6)


@dataclass(frozen=True)
class _County:
    """The real county as it is published."""

    facts: Facts

    def coverage(self, standard: Standard, basis: Basis = Basis.INCIDENTS) -> Coverage:
        """Measure every record as one, and every resident."""
        demand = self.facts.demand(basis, weights={})
        return coverage(
            self.facts.snapshot(),
            demand,
            self.facts.travel,
            standard,
            self.facts.neighbourhoods,
            day=_DAY,
        )


@functools.cache
def _county() -> _County:
    settings = Settings(database_url="sqlite://", network=Path(os.devnull))
    return _County(Facts.open(settings))


def _filled(page: Path, blocks: Mapping[str, str]) -> str:
    """Put tables between the marks of a page, by the name of the mark."""
    text = page.read_text("utf-8")
    for name, block in blocks.items():
        pattern = rf"(<!-- {name}: [^>]*-->\n).*?(<!-- end of {name} -->)"
        # a lambda, lest something in a table is taken for the number of a group
        text, times = re.subn(
            pattern,
            lambda found, block=block: f"{found[1]}{block}\n{found[2]}",
            text,
            flags=re.DOTALL,
        )
        if times != 1:
            msg = f"{page} has {times} blocks “{name}”, but must have one."
            raise ValueError(msg)
    return text


def _table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def _shares(row: Mapping[Any, Any]) -> list[str]:
    names = ("known", "possible", "paper")
    return ["" if row[name] != row[name] else f"{row[name]:.1%}" for name in names]


def _total(found: Coverage) -> list[str]:
    return _shares({counting.name.lower(): share for counting, share in found.total.items()})


_HEADS = ("known open", "open or perhaps open", "on paper")


def method() -> str:
    """Put the county's figures into the page on method."""
    within = Standard.within(400)
    rows = [
        (f"{found.demand.total:,.0f} {basis}", *_total(found))
        for basis in Basis
        for found in [_county().coverage(within, basis)]
    ]
    return _filled(DOCS / "method.md", {"figures": _table(("within 400 m", *_HEADS), rows)})


def coverage_page() -> str:
    """Put the county's figures into the page on coverage."""
    county = _county()
    within = Standard.within(400)
    found = county.coverage(within)
    people = county.coverage(within, Basis.RESIDENTS)
    pace = county.facts.travel.pace
    standards = (
        Standard.within(150),
        within,
        Standard.within(800),
        Standard.within(400, walking=True),
        Standard.fetch(3, pace, pace.run_m_per_s),
        Standard.fetch(5, pace, pace.run_m_per_s),
        Standard.fetch(5, pace, pace.walk_m_per_s),
    )
    localities = Localities(tables.table(county.facts.settings.geodata, "streets"))
    measured = [
        (str(s), county.coverage(s), county.coverage(s, Basis.RESIDENTS)) for s in standards
    ]
    blocks = {
        "standards": _table(
            ("standard", *(f"incidents, {head}" for head in _HEADS), "residents, known to paper"),
            (
                (name, *_total(incidents), f"{_total(residents)[0]} to {_total(residents)[2]}")
                for name, incidents, residents in measured
            ),
        ),
        "hours": _by(found.by_band, "part of the day", str, "records by assumed hours"),
        "profiles": _profiles(found, compared(county.facts.settings.geodata)),
        "loss": _loss(found),
        "deciles": _by(found.by_decile, "deprivation decile", str),
        "equity": _equity(found, people),
        "gaps": _gaps(gaps(found, county.facts.travel, localities, count=10, residents=people)),
        "kits": _kits(worth(found), worth(found, Counting.PAPER)),
        "places": _places(found, people, localities),
    }
    return _filled(DOCS / "coverage.md", blocks)


def _by(
    frame: pd.DataFrame, head: str, name: Callable[[object], str], records: str = "records"
) -> str:
    return _table(
        (head, records, *_HEADS),
        (
            (name(row["group"]), f"{row['weight']:,.0f}", *_shares(row))
            for row in frame.to_dict("records")
        ),
    )


def _profiles(found: Coverage, others: Iterable[Profile]) -> str:
    rows = found.by_profile(others).to_dict("records")
    return _table(
        ("profile", "records from 22:00 to 06:00", *_HEADS),
        ((row["profile"], f"{row['night']:,.0f}", *_shares(row)) for row in rows),
    )


def _loss(found: Coverage) -> str:
    here = f"{found.loss_least:.1%} to {found.loss:.1%}"
    why = f"the hours of {found.hours_not_known} of {found.in_service.sum()} kits are not known"
    if found.loss_is_ignorance:
        here, why = "cannot be told yet", f"{why}: {here} in the two extremes"
    rows = [
        ("this county, 400 m, all hours", here, why),
        *((finding.what, f"{finding.share:.1%}", finding.source) for finding in FINDINGS),
    ]
    return _table(("where", "share of coverage on paper that is lost", "source or reason"), rows)


def _equity(*measured: Coverage) -> str:
    rows = []
    for found in map(equity, measured):
        rows += [
            (
                found.basis,
                counting,
                f"{found.index[counting]:+.3f}",
                f"{found.corrected[counting]:+.3f}",
            )
            for counting in (Counting.KNOWN, Counting.POSSIBLE, Counting.PAPER)
        ]
    return _table(("of", "counting", "concentration index", "after Erreygers"), rows)


def _gaps(found: Gaps) -> str:
    rows = [
        (
            f"{gap.rank}. {gap.name} ({gap.ward} ward)",
            f"{gap.records:,.0f}",
            f"{gap.residents:,.0f}",
            f"{gap.nearest_m:,.0f} m",
            gap.why,
        )
        for gap in found.gaps
    ]
    return _table(("gap", "records", "residents", "nearest kit", "why"), rows)


def _kits(known: Worth, paper: Worth) -> str:
    on_paper = paper.table.set_index("reference")
    ranked = known.table.sort_values(["always_adds", "shapley"], ascending=False)
    rows = []
    for kit in ranked.head(12).to_dict("records"):
        there = on_paper.loc[kit["reference"]]
        rows.append(
            (
                f"{kit['reference']} {kit['name']}",
                "hours not known" if kit["in_service"] else "not in service",
                f"{kit['always_adds_least']:,.0f} to {kit['always_adds']:,.0f}",
                f"{kit['always_adds_night']:,.0f}",
                f"{there['marginal']:,.0f}",
                f"{there['shapley']:,.0f}",
            )
        )
    return _table(
        (
            "kit",
            "now",
            "24/7 would add",
            "of that at night",
            "lost without it, on paper",
            "its share, on paper",
        ),
        rows,
    )


# places that the county's own strategies call left behind, by the names that our tables have
_LEFT_BEHIND = ("Kingswood, Corby", "Hazel Leys, Corby", "Kings Heath, Northampton")
_LEFT_BEHIND_WARDS = ("Talavera", "Brickhill and Queensway", "Northall", "Windmill")


def _places(found: Coverage, people: Coverage, localities: Localities) -> str:
    rows = []
    named = [by_locality(each, localities).set_index("group") for each in (found, people)]
    wards = [each.by_ward.set_index("name") for each in (found, people)]
    for names, (records, residents) in ((_LEFT_BEHIND, named), (_LEFT_BEHIND_WARDS, wards)):
        for name in names:
            row, home = records.loc[name], residents.loc[name]
            shown = name if names is _LEFT_BEHIND else f"{name} ward"
            rows.append(
                (
                    shown,
                    f"{row['weight']:,.0f}",
                    *_shares(row),
                    f"{home['weight']:,.0f}",
                    f"{home['known']:.1%} to {home['paper']:.1%}",
                )
            )
    return _table(("place", "records", *_HEADS, "residents", "residents, known to paper"), rows)


PAGES = {
    DOCS / "cli.md": cli,
    DOCS / "settings.md": settings,
    DOCS / "method.md": method,
    DOCS / "coverage.md": coverage_page,
    DOCS.parent / "geodata" / "README.md": geodata,
}

if __name__ == "__main__":
    for page, write in PAGES.items():
        page.write_text(write(), "utf-8")
