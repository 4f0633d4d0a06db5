"""Plan where the next kits go, and test such plans on past months, on the terminal."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import click
import pandas as pd
from rich.console import Console
from rich.padding import Padding
from rich.table import Table

from locator import tables
from locator.analysis import candidates as sites
from locator.analysis.backtest import OPTIMISED, backtest
from locator.analysis.choosing import Question
from locator.analysis.goal import Action, Costs, Goal, Objective, Unknown
from locator.analysis.siting import Plan, Site, plan
from locator.cli._shared import as_json_option, open_facts, print_json, progress_bar
from locator.cli.coverage import standard_of, standard_options, weights_of
from locator.demand import Basis, Demand, profiles
from locator.errors import InputError
from locator.exchange.formats import FORMATS, for_writing
from locator.facts import Facts
from locator.travel.standard import Standard

_KINDS = "registry,station,hospital,practice,school,stop,junction"
_ACTIONS = {
    "cabinet": Action.NEW_CABINET,
    "bag": Action.NEW_BAG,
    "always": Action.OPEN_ALWAYS,
}
_COSTS = Costs()
type_command = Callable[..., Any]


def demand_options(command: type_command) -> type_command:
    """Let a command choose the demand; :func:`demand_of` reads it."""
    for option in (
        click.option("--partners", is_flag=True, help="Count the incidents of partners as well."),
        click.option(
            "--weight",
            "weights",
            multiple=True,
            metavar="CATEGORY=NUMBER",
            help="How much a record of a category counts; LOCATOR_CATEGORY_WEIGHTS otherwise.",
        ),
        click.option("--profile", help="Hours of the week where a record has none."),
    ):
        command = option(command)
    return command


def demand_of(facts: Facts, options: Mapping[str, Any], basis: Basis) -> Demand:
    """Read the demand that the options ask for.

    Raises
    ------
    InputError
        A weight is no number, or the category or the profile is not known.
    """
    if basis is Basis.RESIDENTS:
        return facts.demand(basis)
    weights = weights_of(options["weights"])
    return facts.demand(
        basis, profile=options["profile"], weights=weights, partners=options["partners"]
    )


def candidate_options(command: type_command) -> type_command:
    """Let a command choose where kits may go."""
    for option in (
        click.option(
            "--exclude",
            type=click.Path(path_type=Path),
            help="GeoJSON or GeoPackage with areas in which no kit may go.",
        ),
        click.option(
            "--site", "points", multiple=True, metavar="LAT,LON", help="Another candidate."
        ),
        click.option(
            "--candidates",
            "kinds",
            default=_KINDS,
            show_default=True,
            help="Where kits may go; also grid:METRES.",
        ),
    ):
        command = option(command)
    return command


@click.command("plan")
@click.option("--new", type=int, help="Plan so many new kits.")
@click.option("--budget", type=float, metavar="GBP", help="Plan for so many pounds.")
@click.option("--share", type=float, help="Plan the fewest that reach this share, such as 0.4.")
@standard_options
@click.option(
    "--objective",
    default=str(Objective.COVER),
    show_default=True,
    type=click.Choice([str(objective) for objective in Objective]),
    help="Cover within the standard, the nearer the better, or the mean or longest distance.",
)
@click.option(
    "--full",
    type=click.FloatRange(0),
    help="For --objective gradual: counts in full within this, in the unit of the standard; "
    "half of it otherwise.",
)
@candidate_options
@click.option(
    "--action",
    "actions",
    multiple=True,
    type=click.Choice(list(_ACTIONS)),
    help="What may be done: a new cabinet, a bag in premises, making a kit reachable always.",
)
@click.option("--bag-hours", default="", help="OSM hours of the premises where bags would be.")
@click.option("--movable", multiple=True, metavar="KIT", help="A kit that may be moved.")
@click.option(
    "--unknown",
    default=str(Unknown.CLOSED),
    show_default=True,
    type=click.Choice([str(unknown) for unknown in Unknown]),
    help="How kits count whose hours are not known.",
)
@click.option("--backup", default=0.0, show_default=True, help="Worth of a second kit, 0 to 1.")
@click.option(
    "--fair",
    default=1.0,
    show_default=True,
    help="How much more the most deprived tenth counts than the least deprived.",
)
@click.option(
    "--by",
    "basis",
    default=str(Basis.INCIDENTS),
    show_default=True,
    type=click.Choice([str(basis) for basis in Basis]),
    help="What is to be reached.",
)
@demand_options
@click.option("--cabinet-gbp", default=_COSTS.cabinet, show_default=True, help="A cabinet.")
@click.option("--fitting-gbp", default=_COSTS.fitting, show_default=True, help="Fitting it.")
@click.option("--kit-gbp", default=_COSTS.kit, show_default=True, help="A kit.")
@click.option("--seconds", default=60.0, show_default=True, help="How long to search.")
@click.option(
    "--bootstrap",
    default=200,
    show_default=True,
    type=click.IntRange(0, 10_000),
    help="How often to plan again with resampled records.",
)
@click.option("--sensitivity", is_flag=True, help="Plan again under other assumptions.")
@click.option(
    "--out",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Also write the sites to this file; .gpkg, .csv, .geojson and others.",
)
@as_json_option
def plan_command(**options: Any) -> None:
    """Name the sites where the next kits help most.

    An example: locator plan --new 5 --within 400. Ctrl-C ends the search and prints the best
    plan until then.
    """
    for path in options["out"]:
        for_writing(path, "")
    with open_facts() as facts, progress_bar(quiet=options["as_json"]) as progress:
        found = _planned(facts, options, progress)
        owed = tables.attributions(facts.settings.geodata, *found.tables)
        advice = facts.area.advice
    for path in options["out"]:
        _write(found, path, " ".join(owed))
    if options["as_json"]:
        print_json({"advice": advice} | found.as_dict() | {"attributions": owed})
        return
    _print(found, advice, owed)


def _planned(
    facts: Facts, options: Mapping[str, Any], progress: Callable[[str, int], None]
) -> Plan:
    standard = _standard(facts, options)
    goal = _goal(facts, options, standard)
    demand = demand_of(facts, options, Basis(options["basis"]))
    question = _question(facts, options, demand, standard, goal)
    return plan(
        question,
        residents=facts.demand(Basis.RESIDENTS),
        profiles=tuple(profiles(facts.settings.geodata).values()),
        sensitivity=options["sensitivity"],
        resamples=options["bootstrap"],
        progress=progress,
    )


def _standard(
    facts: Facts, options: Mapping[str, Any], limits: Mapping[str, float | None] | None = None
) -> Standard:
    given = options if limits is None else limits
    return standard_of(
        facts,
        given.get("within_m"),  # type: ignore[arg-type]  # also half of a standard
        given.get("minutes"),
        given.get("fetch"),
        str(options["pace"]),
        walking=bool(options["walking"]),
    )


def _question(
    facts: Facts,
    options: Mapping[str, Any],
    demand: Demand,
    standard: Standard,
    goal: Goal,
) -> Question:
    kinds, grid_m = _kinds(facts, options["kinds"])
    anywhere = goal.objective in {Objective.MEDIAN, Objective.CENTER}
    candidates = sites.gather(
        facts,
        kinds,
        grid_m=grid_m,
        points=[_point(text) for text in options["points"]],
        excluded=sites.read_areas(options["exclude"]) if options["exclude"] else None,
        near=None if anywhere else (demand.places.grid, standard.metres),
    )
    return Question.of(facts, demand, candidates, standard, goal)


def _goal(facts: Facts, options: Mapping[str, Any], standard: Standard) -> Goal:
    objective = Objective(options["objective"])
    full = None
    if objective is Objective.GRADUAL or options["full"] is not None:
        full = _full(facts, options, standard)
    return Goal(
        new=options["new"],
        budget=options["budget"],
        share=options["share"],
        objective=objective,
        full=full,
        actions=tuple(_ACTIONS[name] for name in options["actions"]),
        unknown=Unknown(options["unknown"]),
        backup=options["backup"],
        fair=options["fair"],
        movable=options["movable"],
        bag_hours=options["bag_hours"],
        costs=Costs(options["cabinet_gbp"], options["fitting_gbp"], options["kit_gbp"]),
        seconds=options["seconds"],
    )


def _full(facts: Facts, options: Mapping[str, Any], standard: Standard) -> Standard:
    limit = standard.limit / 2 if options["full"] is None else options["full"]
    unit = next((name for name in ("minutes", "fetch") if options[name] is not None), "within_m")
    return _standard(facts, options, {unit: limit})


def _kinds(facts: Facts, text: str) -> tuple[list[str], float | None]:
    kinds, grid_m = [], None
    for word in filter(None, (part.strip() for part in text.split(","))):
        name, _, spacing = word.partition(":")
        if name != sites.GRID:
            kinds += sites.matching(facts.settings.geodata, word)
            continue
        try:
            grid_m = float(spacing)
        except ValueError as error:
            msg = f"“{word}” is no grid. An example: grid:200, for one point every 200 m."
            raise InputError(msg) from error
    return kinds, grid_m


def _point(text: str) -> tuple[float, float]:
    try:
        latitude, longitude = map(float, text.split(","))
    except ValueError as error:
        msg = f"“{text}” is no position. An example: --site 52.2405,-0.9027."
        raise InputError(msg) from error
    return longitude, latitude


@click.command("backtest")
@click.option(
    "--new", default=10, show_default=True, type=click.IntRange(1, 1000), help="So many new kits."
)
@standard_options
@candidate_options
@demand_options
@as_json_option
def backtest_command(**options: Any) -> None:
    """Choose sites on earlier months, score them on the next, beside other ways to choose."""
    with open_facts() as facts, progress_bar(quiet=options["as_json"]) as progress:
        standard = _standard(facts, options)
        demand = demand_of(facts, options, Basis.INCIDENTS)
        question = _question(facts, options, demand, standard, Goal(new=options["new"]))
        found = backtest(question, facts.demand(Basis.RESIDENTS), progress=progress)
        owed = tables.attributions(facts.settings.geodata, *found.tables)
        advice = facts.area.advice
    if options["as_json"]:
        print_json({"advice": advice} | found.as_dict() | {"attributions": owed})
        return
    console = Console(markup=False, emoji=False, highlight=False)
    console.print(f"In an emergency: {advice}", style="bold red")
    console.print(
        f"Chosen on the months before, scored on each of {found.months[1]} to "
        f"{found.months[-1]}; within {found.standard}.",
        style="bold",
    )
    for start, rows in found.table.groupby("start", sort=False):
        console.print(_backtest_table(str(start), rows))
    for sentence in (*found.says, *found.assumptions, *owed):
        console.print(sentence)


def _backtest_table(start: str, rows: pd.DataFrame) -> Table:
    table = Table(title=f"{start[:1].upper()}{start[1:]}", title_justify="left")
    for heading in ("Way to choose", "Reached", "95 %", "Optimised: more", "95 %"):
        table.add_column(heading, justify="left" if heading == "Way to choose" else "right")
    for row in rows.to_dict("records"):
        gain = ("", "")
        if row["strategy"] != OPTIMISED:
            interval = f"{row['gain_low'] * 100:+.1f} to {row['gain_high'] * 100:+.1f}"
            gain = f"{row['gain'] * 100:+.1f} points", interval
        table.add_row(
            str(row["strategy"]),
            f"{row['share']:.1%}",
            f"{row['low'] * 100:.1f} to {row['high'] * 100:.1f}",
            *gain,
        )
    return table


def _write(found: Plan, path: Path, note: str) -> None:
    layer = found.layer().drop(columns="geometry")
    rows = [
        {name: value for name, value in row.items() if value not in {None, ""} and value == value}  # noqa: PLR0124
        for row in layer.to_dict("records")
    ]
    try:
        FORMATS[for_writing(path, "").key].writer()(
            path, list(layer.columns), rows, title="plan", note=note
        )
    except OSError as error:
        msg = f"{path} cannot be written: {error.strerror or error}."
        raise InputError(msg) from error


def _print(found: Plan, advice: str, owed: Sequence[str]) -> None:
    console = Console(markup=False, emoji=False, highlight=False)
    console.print(f"In an emergency: {advice}", style="bold red")
    if found.interrupted:
        console.print("Stopped: this is the best until then.", style="yellow")
    console.print(_summary(found), style="bold")
    console.print(_sites_table(found))
    for site in found.sites:
        console.print(f"{site.rank}. {_title(site)}", style="bold")
        console.print(Padding(" ".join(site.reasons), (0, 0, 0, 3)))
    console.print(_curve_table(found))
    console.print(_decile_table(found))
    if found.sensitivity is not None:
        console.print(_sensitivity_table(found))
    for sentence in (*_of_candidates(found), *found.assumptions, *owed):
        console.print(sentence)


def _summary(found: Plan) -> str:
    count, noun = len(found.sites), found.unit
    before, after, total = found.covered_before, found.covered_after, found.demand
    reached = (
        f"{before:,.0f} of {total:,.0f} {noun} ({before / total:.1%}) have an open kit within "
        f"{found.standard}; with the plan {after:,.0f} ({after / total:.1%})."
        if total
        else f"There are no {noun}."
    )
    if found.metres is not None:
        way = found.metres
        counted = f"with ways over {way.cap:,.0f} m counted as so long " if way.capped else ""
        reached = (
            f"From {way.before:,.0f} m to {way.after:,.0f} m {counted}and no choice makes it less "
            f"than {way.bound:,.0f} m. {reached}"
        )
        if way.capped and way.full_before is not None and way.full_after is not None:
            full = f"In full from {way.full_before:,.0f} m to {way.full_after:,.0f} m."
            reached = f"{full} {reached}"
    few = "" if found.least is None else f" At least {found.least} are needed."
    return (
        f"{count} {'site' if count == 1 else 'sites'} for {found.cost:,.0f} GBP, chosen for "
        f"{found.objective}: {found.says}.{few} {reached}"
    )


def _title(site: Site) -> str:
    what = _place(site)
    if site.moved_from:
        return f"{what}: {site.moved_from} moves here"
    return what if site.action is Action.NEW_CABINET else f"{what}: {site.action}"


def _place(site: Site) -> str:
    """Name a place with its kind: a stop called “Police Station” is no police station."""
    return ", ".join(filter(None, (f"{site.name} ({site.kind})", site.locality)))


def _sites_table(found: Plan) -> Table:
    table = Table(title="Sites", title_justify="left")
    headings = ["", "Site", "Adds", "Share", "At night", "GBP"]
    for heading in [*headings, *(["Again"] if found.resampled else [])]:
        table.add_column(heading, justify="left" if heading == "Site" else "right")
    for site in found.sites:
        often = [f"{site.frequency:.0%}"] if site.frequency is not None else []
        table.add_row(
            str(site.rank),
            _place(site),
            f"{site.adds:,.0f}",
            f"{site.adds_share:.1%}",
            f"{site.adds_night:,.0f}",
            f"{site.cost:,.0f}",
            *often,
        )
    return table


def _curve_table(found: Plan) -> Table:
    table = Table(title="What more sites add", title_justify="left")
    for heading in ("Sites", "GBP", "Adds in all", "Reached then", "At most"):
        table.add_column(heading, justify="right")
    for row in found.curve.to_dict("records"):
        most = row["bound"] / found.total if found.total else 0.0
        table.add_row(
            str(row["n"]),
            _known(row["cost"], ",.0f"),
            f"{row['adds']:,.0f}",
            f"{row['share']:.2%}",
            _known(most, ".2%"),
        )
    return table


def _decile_table(found: Plan) -> Table:
    table = Table(title="By deprivation of the neighbourhood", title_justify="left")
    for heading in ("Tenth (1 is the most deprived)", found.unit.capitalize(), "Before", "After"):
        table.add_column(heading, justify="right")
    for row in found.by_decile.to_dict("records"):
        table.add_row(
            str(row["decile"]),
            f"{row['weight']:,.0f}",
            f"{row['before']:.1%}",
            f"{row['after']:.1%}",
        )
    return table


def _sensitivity_table(found: Plan) -> Table:
    table = Table(title="Under other assumptions", title_justify="left")
    for heading in ("If", "Sites that stay", "This plan adds", "Best then"):
        table.add_column(heading, justify="left" if heading == "If" else "right")
    for row in () if found.sensitivity is None else found.sensitivity.to_dict("records"):
        table.add_row(
            str(row["changed"]),
            f"{row['kept']} of {len(found.sites)}",
            f"{row['share']:.0%} of the best",
            f"{row['best']:,.0f}",
        )
    return table


def _of_candidates(found: Plan) -> list[str]:
    left = "; ".join(f"{count:,} {reason}" for reason, count in found.left_out.items())
    said = [f"Chosen from {found.candidates:,} candidates. Left out: {left or 'none'}."]
    if found.resampled:
        said.append(
            f"“Again”: share of {found.resampled} plans with resampled records that choose "
            "the site or one within 200 m."
        )
    if found.kept:
        said.append(f"Kits that may move and stay: {', '.join(found.kept)}.")
    return said


def _known(value: float, form: str) -> str:
    return "" if value != value else format(value, form)  # noqa: PLR0124  # NaN is not itself
