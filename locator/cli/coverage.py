"""Tell on the terminal who and what is out of reach, where, when and why."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np
import pandas as pd
import pyogrio
from click.core import ParameterSource
from pyogrio.errors import DataSourceError
from rich.console import Console
from rich.table import Table

from locator import tables
from locator.analysis.coverage import (
    BANDS,
    FINDINGS,
    Counting,
    Coverage,
    says_of_profiles,
)
from locator.analysis.coverage import coverage as measure_coverage
from locator.analysis.equity import Equity, equity
from locator.analysis.gaps import Gaps, Localities, by_locality, gaps
from locator.analysis.worth import Needed, Worth, needed, worth
from locator.cli._shared import as_json_option, open_facts, print_json
from locator.demand import Basis, compared
from locator.errors import InputError
from locator.exchange.formats import Scalar, _writing, delimited
from locator.facts import Facts
from locator.travel.standard import Standard

_GROUPS = ("hour", "category", "month", "ward", "lsoa", "decile", "authority")
_LOCALITY = "locality"
_EXTRA = ("by_profile", "kits", "equity")
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_DAY_H = 24
_KM = 1_000
_NEARLY_ALL = 0.999
_COUNTINGS = {
    "known": ("Known open", Counting.KNOWN),
    "possible": ("Perhaps open", Counting.POSSIBLE),
    "paper": ("On paper", Counting.PAPER),
}
_PLANNERS = "For planners only: this holds the points of single incidents. Do not publish it."
_PARTNERS = (
    "It counts incidents that partners gave in confidence: never publish any of it, nor sums of "
    "fewer than 10."
)


def standard_options(command: Callable[..., None]) -> Callable[..., None]:
    """Let a command ask for a service standard; :func:`standard_of` reads it."""
    for option in (
        click.option(
            "--pace",
            default="run",
            show_default=True,
            type=click.Choice(["walk", "brisk", "run"]),
            help="Of --minutes and --fetch.",
        ),
        click.option(
            "--fetch",
            type=click.FloatRange(0, 120, min_open=True),
            help="Minutes to fetch a kit: there and back, call and code included.",
        ),
        click.option(
            "--minutes",
            type=click.FloatRange(0, 120, min_open=True),
            help="Minutes one way, on foot.",
        ),
        click.option("--walking", is_flag=True, help="Metres on foot, not in a straight line."),
        click.option(
            "--within",
            "within_m",
            type=click.IntRange(1, 20_000),
            help="Metres; LOCATOR_STANDARD_M if nothing is said.",
        ),
    ):
        command = option(command)
    return command


def standard_of(
    facts: Facts,
    within_m: int | None,
    minutes: float | None,
    fetch: float | None,
    pace: str,
    *,
    walking: bool,
) -> Standard:
    """Read the service standard that :func:`standard_options` asked for.

    Raises
    ------
    InputError
        Several were named, it is no distance, or a pace was named for metres.
    """
    if sum(given is not None for given in (within_m, minutes, fetch)) > 1:
        msg = "Choose one of --within, --minutes and --fetch."
        raise InputError(msg)
    asked = click.get_current_context().get_parameter_source("pace")
    if asked is not ParameterSource.DEFAULT and minutes is None and fetch is None:
        msg = "--pace is about minutes: add --minutes or --fetch."
        raise InputError(msg)
    speeds = facts.travel.pace
    m_per_s = {
        "walk": speeds.walk_m_per_s,
        "brisk": speeds.brisk_m_per_s,
        "run": speeds.run_m_per_s,
    }[pace]
    if minutes is not None:
        return Standard.one_way(minutes, m_per_s)
    if fetch is not None:
        return Standard.fetch(fetch, speeds, m_per_s)
    return Standard.within(within_m or facts.settings.standard_m, walking=walking)


def weights_of(texts: Iterable[str]) -> dict[str, float] | None:
    """Read ``CATEGORY=NUMBER``; None if nothing is given.

    Raises
    ------
    InputError
        A text is something else.
    """
    found = {}
    for text in texts:
        category, _, number = text.rpartition("=")
        try:
            weight = float(number)
        except ValueError:
            weight = np.nan
        if not category or not 0 <= weight < np.inf:
            msg = f"“{text}” is not CATEGORY=NUMBER. An example of one: Robbery=2."
            raise InputError(msg)
        found[category] = weight
    return found or None


@dataclass(frozen=True, slots=True)
class _Found:
    """Everything that the command was asked for."""

    facts: Facts
    partners: bool
    localities: Localities
    coverage: Coverage
    by_profile: pd.DataFrame
    residents: Coverage
    gaps: Gaps
    worth: Worth | None
    paper_worth: Worth | None
    needed: Needed | None
    if_moved: pd.DataFrame | None
    equity: Equity | None

    @property
    def on_foot(self) -> str:
        """How metres on foot were found, and who is owed thanks; empty if they were not."""
        travel = self.facts.travel
        if not self.coverage.standard.walking:
            return ""
        owed = travel.streets.network.about.source.attribution if travel.streets else ""
        return f"{travel} {owed}".strip()

    @property
    def tables(self) -> list[str]:
        """The tables whose attribution and licence are owed."""
        owed = (*self.coverage.demand.tables, *self.residents.demand.tables)
        return list(dict.fromkeys(("kits", "lsoa", "streets", *owed)))

    @property
    def caveats(self) -> list[str]:
        """What a reader of any of the figures must see."""
        demand = self.coverage.demand
        source = f"It is made from: {demand.profile_source}." if demand.profile_source else ""
        assumed = (self.coverage.says, source if self.coverage.at is None else "")
        return [*filter(None, (*assumed, *demand.notes, self.on_foot))]

    @property
    def secret(self) -> list[str]:
        """Why files with points are not to be published."""
        return [_PLANNERS, _PARTNERS] if self.partners else [_PLANNERS]

    def as_dict(self) -> dict[str, object]:
        private = bool(self.gaps.gaps) or self.partners
        parts: dict[str, object] = {
            "advice": self.facts.area.advice,
            "for_planners_only": private,
            "warning": " ".join(self.secret) if private else "",
            "caveats": self.caveats,
            "attributions": tables.attributions(self.facts.settings.geodata, *self.tables),
        }
        parts |= self.coverage.as_dict() | {"gaps": self.gaps.as_dict()}
        plain = self.by_profile.round(6).astype(object)
        parts["by_profile"] = plain.where(plain.notna(), None).to_dict("records")
        if self.if_moved is not None:
            quantiles = self.if_moved.quantile([0.025, 0.5, 0.975]).round(6).astype(object)
            quantiles.index = pd.Index(["low", "median", "high"])
            parts["if_kits_are_moved"] = quantiles.where(quantiles.notna(), None).to_dict()
        parts["on_foot_how"] = self.on_foot
        residents = {c.name.lower(): share for c, share in self.residents.total.items()}
        parts["residents"] = {"people": self.residents.demand.total} | residents
        if self.worth and self.paper_worth and self.needed:
            parts["worth_on_paper"] = self.paper_worth.as_dict()
            parts["worth"] = self.worth.as_dict() | {
                "fewest": {
                    "kits": list(self.needed.kits),
                    "doubled": list(self.needed.doubled),
                    "proven": self.needed.proven,
                }
            }
        if self.equity:
            parts["equity"] = self.equity.as_dict()
        return parts


@click.command("coverage")
@standard_options
@click.option("--at", "moment", help="Count as if everything happened at this local date and time.")
@click.option(
    "--by", "group", type=click.Choice([*_GROUPS, _LOCALITY]), help="Show the shares by this."
)
@click.option(
    "--gaps",
    "gap_count",
    default=5,
    show_default=True,
    type=click.IntRange(0, 1000),
    help="Show so many gaps, the largest first.",
)
@click.option("--kits", "with_kits", is_flag=True, help="Show what each kit is worth.")
@click.option("--equity", "with_equity", is_flag=True, help="Show coverage by deprivation.")
@click.option("--residents", is_flag=True, help="Count residents instead of incidents.")
@click.option("--profile", help="Hours of incidents that have none: a name or a CSV file.")
@click.option("--partners", is_flag=True, help="Count the incidents of partners as well.")
@click.option(
    "--weight",
    "weights",
    multiple=True,
    metavar="CATEGORY=NUMBER",
    help="Of one incident; may be repeated.",
)
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write what is out of reach and all tables: GeoPackage (.gpkg) or CSV (.csv), for "
    "planners only.",
)
@click.option("--force", is_flag=True, help="Let --out overwrite files that are there.")
@as_json_option
def coverage_command(
    *,
    within_m: int | None,
    walking: bool,
    minutes: float | None,
    fetch: float | None,
    pace: str,
    moment: str | None,
    group: str | None,
    gap_count: int,
    with_kits: bool,
    with_equity: bool,
    residents: bool,
    profile: str | None,
    partners: bool,
    weights: tuple[str, ...],
    out: Path | None,
    force: bool,
    as_json: bool,
) -> None:
    """Tell how much recorded violence has a kit within reach, and where the gaps are.

    Three figures: on paper every kit in service counts, whatever its hours; known open are
    only kits that are known to be open at the hour; perhaps open adds those whose hours nobody
    knows. The truth lies between the last two.
    """
    if residents and (weights or partners):
        msg = "--weight and --partners are about incidents: leave out --residents."
        raise InputError(msg)
    if out:
        _spare(out, force=force)
    with open_facts() as facts:
        standard = standard_of(facts, within_m, minutes, fetch, pace, walking=walking)
        at = facts.calendar.read(moment) if moment else None
        today = (at or facts.calendar.now()).date()

        def measured(basis: Basis) -> Coverage:
            incidents = basis is Basis.INCIDENTS
            demand = facts.demand(
                basis,
                profile=profile if incidents or residents else None,
                weights=weights_of(weights) if incidents else None,
                partners=partners and incidents,
            )
            return measure_coverage(
                facts.snapshot(),
                demand,
                facts.travel,
                standard,
                facts.neighbourhoods,
                day=today,
                at=at,
            )

        people = measured(Basis.RESIDENTS)
        result = people if residents else measured(Basis.INCIDENTS)
        localities = Localities(tables.table(facts.settings.geodata, "streets"))
        found = _Found(
            facts=facts,
            partners=partners,
            localities=localities,
            coverage=result,
            by_profile=result.by_profile(compared(facts.settings.geodata)),
            residents=people,
            gaps=gaps(result, facts.travel, localities, count=gap_count, residents=people),
            worth=worth(result, residents=people) if with_kits or out else None,
            paper_worth=worth(result, Counting.PAPER) if with_kits or out else None,
            needed=needed(result) if with_kits else None,
            # along streets every draw would take as long as the whole question
            if_moved=result.if_moved(facts.travel)
            if with_kits and not (standard.walking and facts.travel.streets)
            else None,
            equity=equity(result) if with_equity or out else None,
        )
        if out:
            _write(found, out)
    if as_json:
        print_json(found.as_dict())
        return
    _print(found, group, with_kits=with_kits, with_equity=with_equity)
    if out:
        click.echo(f"{out}: written. {' '.join(found.secret)}")


def _print(found: _Found, group: str | None, *, with_kits: bool, with_equity: bool) -> None:
    console = Console(markup=False, emoji=False, highlight=False)
    coverage = found.coverage
    console.print(f"In an emergency: {found.facts.area.advice}", style="bold red")
    _print_shares(console, found)
    _print_loss(console, coverage)
    if coverage.demand.basis is Basis.INCIDENTS:
        known, paper = (found.residents.total[c] for c in (Counting.KNOWN, Counting.PAPER))
        console.print(
            f"Of {found.residents.demand.total:,.0f} residents, {percent(known)} (known open) to "
            f"{percent(paper)} (on paper) have a kit within reach."
        )
    if group:
        console.print(_by_hour(coverage) if group == "hour" else _by(found, group))
    if found.gaps.gaps:
        _print_gaps(console, found.gaps, coverage)
    if with_kits:
        _print_kits(console, found)
    if with_equity and found.equity:
        _print_equity(console, found.equity, _unit(coverage))
    _print_basis(console, coverage)
    if found.on_foot:
        console.print(found.on_foot)


def _table(title: str, first: str, *headings: str) -> Table:
    table = Table(title=title, title_justify="left")
    table.add_column(first, overflow="fold")
    for heading in headings:
        table.add_column(heading, justify="right")
    return table


def _shares(row: Mapping[Any, Any]) -> list[str]:
    return [percent(row[name]) for name in _COUNTINGS]


def percent(share: float) -> str:
    """Write a share; only all is 100%, and NaN is nothing."""
    if np.isnan(share):
        return ""
    return f"{share:.1%}" if share <= _NEARLY_ALL or share == 1 else f"over {_NEARLY_ALL:.1%}"


def _unit(coverage: Coverage) -> str:
    if coverage.demand.basis is Basis.RESIDENTS:
        return "People"
    points = coverage.demand.points
    return "Records" if (points["weight"] == points["count"]).all() else "Weight"


def _headings(coverage: Coverage) -> list[str]:
    return [_unit(coverage), *(heading for heading, _ in _COUNTINGS.values())]


def _print_shares(console: Console, found: _Found) -> None:
    coverage = found.coverage
    console.print(f"Share within {coverage.standard} of a kit", style="bold")
    unit, *others = _headings(coverage)
    in_bands = coverage.at is None and not coverage.alike_by_band
    by_hour = in_bands and coverage.demand.assumed_share > 0
    table = _table("", "When", f"{unit} by assumed hours" if by_hour else unit, *others)
    total = [percent(coverage.total[counting]) for _, counting in _COUNTINGS.values()]
    table.add_row("All hours", f"{coverage.demand.total:,.0f}", *total, end_section=True)
    if in_bands:
        _add_bands(table, coverage)
    console.print(table)
    if coverage.at is None and coverage.alike_by_band and coverage.demand.total:
        console.print("The shares are the same in every part of the day.")
    if coverage.at is None:
        console.print(" ".join(filter(None, says_of_profiles(found.by_profile))))


def _add_bands(table: Table, coverage: Coverage) -> None:
    starts = [start for _, start in BANDS]
    ends = [*starts[1:], starts[0]]
    for row, start, end in zip(coverage.by_band.to_dict("records"), starts, ends, strict=True):
        name = f"{str(row['group']).capitalize()}, {start:02}:00 to {end:02}:00"
        table.add_row(name, f"{row['weight']:,.0f}", *_shares(row))


def _print_loss(console: Console, coverage: Coverage) -> None:
    if np.isnan(coverage.loss):
        return
    if coverage.loss_is_ignorance:
        console.print(
            "What closing hours cost cannot be told yet: the hours of "
            f"{coverage.hours_not_known} of {int(coverage.in_service.sum())} kits are not known. "
            f"It would be {percent(coverage.loss_least)} of what is covered on paper if all of "
            f"them are always open, and {percent(coverage.loss)} if all of them are always shut."
        )
        return
    elsewhere = "; ".join(f"{finding.share:.1%} in {finding.what}" for finding in FINDINGS)
    console.print(
        "Of what is covered on paper, closing hours take away "
        f"{percent(coverage.loss_least)} at least, and {percent(coverage.loss)} if every kit of "
        f"unknown hours is shut. Elsewhere: {elsewhere}."
    )


def _by_hour(coverage: Coverage) -> Table:
    """Put known and possible shares of a week side by side."""
    table = _table("Known open, or known to perhaps open, %", "Hour", *_DAYS)
    hours = 100 * coverage.by_hour[["known", "possible"]].to_numpy(dtype=np.float64)

    def cell(number: int) -> str:
        known, possible = hours[number]
        if np.isnan(known):
            return ""
        low, high = f"{known:.0f}", f"{possible:.0f}"
        return low if low == high else f"{low}-{high}"

    for hour in range(_DAY_H):
        table.add_row(f"{hour:02}:00", *(cell(day * _DAY_H + hour) for day in range(len(_DAYS))))
    return table


def _by(found: _Found, group: str) -> Table:
    coverage = found.coverage
    if group == _LOCALITY:
        frame = by_locality(coverage, found.localities)
    else:
        frame = getattr(coverage, f"by_{group}")
    table = _table("", group.capitalize() if group != "lsoa" else "LSOA", *_headings(coverage))
    for row in frame.to_dict("records"):
        name = found.facts.area.authorities.get(str(row["group"]), str(row["group"]))
        shown = str(row.get("name", "")) or name or "not known"
        table.add_row(shown, f"{row['weight']:,.0f}", *_shares(row))
    return table


def _print_gaps(console: Console, found: Gaps, coverage: Coverage) -> None:
    table = _table("The largest gaps", "Where", _unit(coverage), "Nearest kit")
    table.add_column("Why", overflow="fold")
    for gap in found.gaps:
        where = f"{gap.rank}. {gap.name or 'no name'}, {gap.street}"
        table.add_row(where, f"{gap.weight:,.0f}", _metres(gap.nearest_m), gap.why)
    console.print(table)
    console.print(
        f"Out of reach are {found.weight:,.0f}; {found.rest:,.0f} of them are in none of these. "
        "A gap is a circle as wide as the standard: one kit that can always be had in its middle "
        "would close it."
    )


def _metres(metres: float) -> str:
    if np.isinf(metres):
        return "none"
    return f"{metres:.0f} m" if metres < _KM else f"{metres / _KM:.1f} km"


def _print_kits(console: Console, found: _Found) -> None:
    if not (found.worth and found.paper_worth and found.needed):
        return
    known, fewest = found.worth.table, found.needed
    paper = found.paper_worth.table.set_index("reference").loc[known["reference"]]
    table = _table(
        f"What each kit is worth in {_unit(found.coverage).lower()}",
        "Kit",
        "Lost without",
        "Its share",
        "At night",
        "24/7 would add",
        "Residents near",
    )
    table.columns[0].min_width = 24
    for kit, there in zip(known.to_dict("records"), paper.to_dict("records"), strict=True):
        doubt = "" if kit["in_service"] else " (not in service)"
        if kit["in_service"] and not kit["counts"]:
            doubt = " (never known open)"
        table.add_row(
            f"{kit['reference']} {'~' if kit['rough'] else ''}{kit['name']}{doubt}",
            *(
                _between(kit[name], there[name])
                for name in ("marginal", "shapley", "shapley_night")
            ),
            _between(kit["always_adds_least"], kit["always_adds"]),
            f"{kit['residents']:,.0f}",
        )
    console.print(table)
    for heading, column in (
        ("No record lies near, at the hours known, of", "nothing_near"),
        ("Other kits cover every record that is covered by", "redundant"),
    ):
        listed = known.loc[known[column], "reference"]
        console.print(f"{heading}: {', '.join(listed) or 'none'}.")
    rough = int((known["rough"] & known["in_service"]).sum())
    console.print(
        "That is no reason to take a kit away: records are of the past, people live nearby, and "
        f"{rough} kits in service, marked ~, are placed less exactly than the standard. "
        f"{found.worth.not_judged} kits were not judged, since their hours are not known. Of the "
        f"{int(known['counts'].sum())} known to be open, {len(fewest.kits)}"
        f"{'' if fewest.proven else ' or fewer'} cover all that they cover together. What "
        "several kits cover is shared equally among them. “24/7 would add” is what the kit would "
        "add in service and reachable at every hour. Ranges: between known open and on paper; in "
        "the column “24/7 would add”, between unknown hours that are open and that are shut."
    )
    _print_if_moved(console, found)


def _print_if_moved(console: Console, found: _Found) -> None:
    moved = found.if_moved
    if moved is None or moved["paper"].isna().any():
        return
    low, high = moved.quantile(0.025), moved.quantile(0.975)
    spans = ", ".join(
        f"{percent(low[name])} to {percent(high[name])} {heading.lower()}"
        for name, (heading, _) in _COUNTINGS.items()
    )
    console.print(
        f"With kits moved at random within the precision of their places ({len(moved)} times), 95% "
        f"of the shares are {spans}."
    )


def _between(one: float, other: float) -> str:
    low, high = (f"{number:,.0f}" for number in sorted((one, other)))
    return low if low == high else f"{low} to {high}"


def _print_equity(console: Console, found: Equity, unit: str) -> None:
    table = _table("By deprivation decile, 1 is the most deprived", "Decile", unit, *_heads())
    for row in found.table.to_dict("records"):
        table.add_row(str(row["group"]), f"{row['weight']:,.0f}", *_shares(row))
    console.print(table)
    for heading, counting in _COUNTINGS.values():
        corrected = found.corrected[counting]
        erreygers = "" if np.isnan(corrected) else f" After Erreygers {corrected:+.3f}."
        console.print(f"{heading}: {found.says(counting)}{erreygers}")


def _heads() -> list[str]:
    return [heading for heading, _ in _COUNTINGS.values()]


def _print_basis(console: Console, coverage: Coverage) -> None:
    demand, accounts = coverage.demand, coverage.demand.accounts
    if demand.basis is Basis.INCIDENTS:
        console.print(
            f"Records of {demand.months[0]} to {demand.months[1]}: {accounts.read:,} read, "
            f"{accounts.placed:,} counted, {accounts.without_position:,} without a position, "
            f"{accounts.outside:,} outside the area, {accounts.other_categories:,} of other "
            f"categories, {accounts.other:,} not understood."
        )
    when = (
        f"at {coverage.at:%a %d %b %Y %H:%M}"
        if coverage.at
        else f"of the week from {coverage.monday}"
    )
    console.print(
        f"{int(coverage.in_service.sum())} published, unconfirmed kits in service were counted, "
        f"hours {when}; of {coverage.hours_not_known} the hours are not known, "
        f"{coverage.placed_roughly} are placed less exactly than the standard. "
        f"{coverage.unplaced} more have no place. {' '.join([coverage.says, *demand.notes])}"
    )


def _files(path: Path) -> list[Path]:
    """List the files that ``--out`` writes.

    Raises
    ------
    InputError
        The format is not known.
    """
    if path.suffix.lower() == ".gpkg":
        return [path]
    if path.suffix.lower() == ".csv":
        names = ("gaps", *(f"by_{name}" for name in ("band", *_GROUPS, _LOCALITY)), *_EXTRA)
        beside = [path.with_stem(f"{path.stem}-{name}") for name in names]
        return [path, *beside, _about_path(path)]
    msg = f"{path} should end with .gpkg or .csv."
    raise InputError(msg)


def _about_path(path: Path) -> Path:
    return path.with_name(f"{path.stem}-about.txt")


def _spare(path: Path, *, force: bool) -> None:
    """Refuse to overwrite what is there.

    Raises
    ------
    InputError
        One of the files exists and ``force`` is not set, or the format is not known.
    """
    there = [file.name for file in _files(path) if file.exists()]
    if there and not force:
        msg = f"There are already {', '.join(there)}. Name another file, or add --force."
        raise InputError(msg)


def _write(found: _Found, path: Path) -> None:
    """Write the places out of reach and every table.

    Raises
    ------
    InputError
        A file cannot be written.
    """
    frames = {
        f"by_{name}": getattr(found.coverage, f"by_{name}").astype({"group": str})
        for name in ("band", *_GROUPS)
    }
    frames[f"by_{_LOCALITY}"] = by_locality(found.coverage, found.localities)
    frames["by_profile"] = found.by_profile
    if found.worth and found.equity:
        frames["kits"] = found.worth.table
        frames["equity"] = pd.DataFrame(
            {
                "counting": [str(counting) for counting in Counting],
                "concentration_index": list(found.equity.index.values()),
                "erreygers_index": list(found.equity.corrected.values()),
            }
        )
    try:
        if path.suffix.lower() == ".gpkg":
            _write_layers(found, frames, path)
        else:
            _write_tables(found, frames, path)
    except (OSError, DataSourceError) as error:
        msg = f"{path} cannot be written: {getattr(error, 'strerror', None) or error}."
        raise InputError(msg) from error


def _about(found: _Found) -> list[str]:
    """Say what files hold, what they rest on, and whose they are, in paragraphs."""
    coverage, geodata = found.coverage, found.facts.settings.geodata
    licences = [
        f"{source.title}: {source.licence}"
        for name, source in tables.sources(geodata).items()
        if name in found.tables
    ]
    week = coverage.at.isoformat() if coverage.at else f"the week from {coverage.monday}"
    what = (
        f"{str(coverage.demand.basis).capitalize()} within and beyond {coverage.standard} of a "
        f"kit. Published, unconfirmed kits; hours of {week}."
    )
    owed = tables.attributions(geodata, *found.tables)
    return [*found.secret, what, *found.caveats, *owed, f"Licences: {'; '.join(licences)}."]


def _write_layers(found: _Found, frames: Mapping[str, pd.DataFrame], path: Path) -> None:
    layers = {"out_of_reach": found.coverage.uncovered, "gaps": found.gaps.layer}
    note = " ".join(_about(found))
    with _writing.replacing(path) as draft:
        for name, frame in (layers | dict(frames)).items():
            pyogrio.write_dataframe(
                frame, draft, layer=name, driver="GPKG", layer_options={"DESCRIPTION": note}
            )


def _write_tables(found: _Found, frames: Mapping[str, pd.DataFrame], path: Path) -> None:
    """Write the places to the file itself, each table and what all rest on to files beside it."""
    layer = found.coverage.uncovered
    places = pd.DataFrame(layer.drop(columns="geometry")).assign(
        longitude=layer.geometry.x, latitude=layer.geometry.y
    )
    named = {path: places, path.with_stem(f"{path.stem}-gaps"): found.gaps.table}
    named |= {path.with_stem(f"{path.stem}-{name}"): frame for name, frame in frames.items()}
    about = _about(found)
    # first of all, so that no table is ever without it
    with _writing.replacing(_about_path(path)) as draft:
        draft.write_text("".join(f"{paragraph}\n\n" for paragraph in about), "utf-8")
    for target, frame in named.items():
        rows = [
            {str(name): _scalar(value) for name, value in row.items() if pd.notna(value)}
            for row in frame.to_dict("records")
        ]
        columns = [str(name) for name in frame.columns]
        delimited.write(target, columns, rows, title=target.stem, note=" ".join(about))


def _scalar(value: object) -> Scalar:
    return value if isinstance(value, bool | int | float) else str(value)
