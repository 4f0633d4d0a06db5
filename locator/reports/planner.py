"""Make the planner's report: where kits are missing and where the next ones belong."""

import dataclasses
import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version as release_of
from pathlib import Path
from typing import Any

import geopandas as gpd
import h3
import jinja2
import pandas as pd
import shapely
from markupsafe import Markup

from locator import geodesy, tables
from locator.analysis.backtest import Backtest, backtest
from locator.analysis.candidates import gather
from locator.analysis.choosing import Question
from locator.analysis.coverage import CELL_MINIMUM, CELL_RESOLUTION, Counting, Coverage, coverage
from locator.analysis.equity import decile_picture, equity
from locator.analysis.gaps import Gaps, Localities, gaps
from locator.analysis.goal import Action, Goal
from locator.analysis.siting import Plan, plan
from locator.analysis.worth import worth
from locator.demand import Basis, Demand, profiles
from locator.facts import Facts
from locator.reports import charts, figures, sentences
from locator.reports._words import FILTERS
from locator.reports.figures import type_figures
from locator.reports.maps import Content, Ground, Mark, county_map, on_grid, view_map, views
from locator.travel.standard import Standard

# is told what is being done, and how much of it
type_progress = Callable[[str, int], None]


@dataclass(frozen=True, slots=True)
class Options:
    """What a report is asked for.

    Attributes
    ----------
    standard
        What counts as near.
    goal
        How many kits or pounds, and what may be done.
    sources
        Kinds of candidate sites.
    points
        Longitude and latitude (EPSG:4326) of more sites to consider.
    gaps
        At most so many gaps are listed.
    resamples
        How often the plan is made again from records drawn anew.
    sensitivity, backtest
        Whether the plan is made again under other assumptions, and on earlier months.
    command
        The command that makes the same report.
    """

    standard: Standard
    goal: Goal
    sources: tuple[str, ...]
    points: tuple[tuple[float, float], ...] = ()
    gaps: int = 12
    resamples: int = 50
    sensitivity: bool = True
    backtest: bool = True
    command: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Report:
    """A report with everything that it says as data.

    Attributes
    ----------
    title
        Of the report.
    summary
        Its first page in sentences.
    html
        A whole page that needs nothing beside it.
    figures
        Every figure of the page, as plain values.
    tables
        What is written as CSV, by name.
    layers
        What is written as layers of a GeoPackage (EPSG:4326), by name.
    note
        Attributions.
    styles
        Of the page.
    page
        Makes the page again with links for the screen (words and addresses) and the address of
        its styles, which are then left out of it.
    """

    title: str
    summary: tuple[str, ...]
    html: str
    figures: type_figures
    tables: Mapping[str, pd.DataFrame]
    layers: Mapping[str, gpd.GeoDataFrame]
    note: str
    styles: str
    page: Callable[[Sequence[tuple[str, str]], str], str]

    def pdf(self) -> bytes:
        """Print the page as a tagged PDF (PDF/UA-1).

        Raises
        ------
        MissingLibraryError
            A library of the system is missing.
        """
        from locator.reports._pdf import pdf  # noqa: PLC0415  # needs Pango as soon as it is imported

        return pdf(self.html)


def report(facts: Facts, options: Options, progress: type_progress | None = None) -> Report:
    """Work out everything and put it on pages.

    Parameters
    ----------
    facts
        The open data and the registry; partners' incidents are never read.
    options
        What is asked for.
    progress
        Is told what is being done.

    Raises
    ------
    DataError
        A table is missing or damaged.
    InputError
        The options cannot be used together.
    RegistryError
        The registry cannot be read.
    """
    told = progress or _say_nothing
    made = facts.calendar.now()
    told("Measuring what is within reach", 1)
    found = _measured(facts, options, made.date())
    asked = question(facts, options, made.date())
    known = profiles(facts.settings.geodata).values()
    chosen = plan(
        asked,
        residents=found.residents.demand,
        profiles=list(known),
        sensitivity=options.sensitivity,
        resamples=options.resamples,
        progress=told,
    )
    tested = None
    if options.backtest and not chosen.interrupted:
        tested = _tested(asked, found.residents.demand, chosen, told)
    told("Writing", 1)
    return _written(facts, options, made, found, chosen, tested)


def _say_nothing(what: str, count: int) -> None:
    del what, count


def question(facts: Facts, options: Options, day: dt.date) -> Question:
    """Put the question of siting that options ask, on open data alone.

    Parameters
    ----------
    facts
        The open data and the registry.
    options
        What is asked for.
    day
        Opening hours are those of the week that holds this day.
    """
    demand = facts.demand()
    candidates = gather(
        facts,
        options.sources,
        points=options.points,
        near=(demand.places.grid, options.standard.metres),
    )
    return Question.of(facts, demand, candidates, options.standard, options.goal, day)


def _tested(asked: Question, residents: Demand, chosen: Plan, told: type_progress) -> Backtest:
    """Test as many kits as the plan has, whatever they cost."""
    goal = Goal(new=max(len(chosen.sites), 1), seconds=asked.goal.seconds)
    return backtest(dataclasses.replace(asked, goal=goal), residents, progress=told)


@dataclass(frozen=True, slots=True, eq=False)
class _Measured:
    """What is within reach today."""

    incidents: Coverage
    residents: Coverage
    gaps: Gaps
    kits: pd.DataFrame
    cells: gpd.GeoDataFrame
    in_small_cells: float


def _measured(facts: Facts, options: Options, day: dt.date) -> _Measured:
    snapshot = facts.snapshot()
    around = facts.neighbourhoods
    incidents, residents = (
        coverage(snapshot, facts.demand(basis), facts.travel, options.standard, around, day=day)
        for basis in (Basis.INCIDENTS, Basis.RESIDENTS)
    )
    places = Localities(tables.table(facts.settings.geodata, "streets"))
    found = gaps(
        incidents,
        facts.travel,
        places,
        count=options.gaps,
        counting=Counting.KNOWN,
        least=CELL_MINIMUM,
        residents=residents,
    )
    cells, in_small_cells = incidents.cells(Counting.KNOWN)
    kits = figures.kit_table(snapshot, incidents)
    return _Measured(incidents, residents, found, kits, cells, in_small_cells)


def _figures(
    facts: Facts, made: dt.datetime, found: _Measured, chosen: Plan, tested: Backtest | None
) -> type_figures:
    incidents = found.incidents
    known, paper = worth(incidents, Counting.KNOWN), worth(incidents, Counting.PAPER)
    of_demand, accounts = figures.of_demand(incidents)
    return {
        "made": {"at": made.isoformat(timespec="minutes"), "version": incidents.version},
        "standard": {"metres": incidents.standard.metres},
        "demand": of_demand,
        "accounts": accounts,
        "kits": figures.of_kits(facts.snapshot(), incidents, found.kits),
        "people": figures.of_people(found.residents),
        **figures.of_coverage(incidents, facts.area.authorities),
        "cells": {"drawn": len(found.cells), "in_small_cells": found.in_small_cells},
        **figures.of_gaps(found.gaps),
        **figures.of_worth(known, paper, found.kits),
        "equity": figures.of_equity(equity(incidents)),
        **figures.of_plan(chosen),
        "backtest": figures.of_backtest(tested) if tested else None,
    }


def _written(
    facts: Facts,
    options: Options,
    made: dt.datetime,
    found: _Measured,
    chosen: Plan,
    tested: Backtest | None,
) -> Report:
    found_figures = _figures(facts, made, found, chosen, tested)
    after = {row["decile"]: row["after"] for row in found_figures["plan_deciles"]}
    for row in found_figures["deciles"]:
        row["after"] = after.get(row["group"])
    drawn, closer = _pictures(facts, options, found, chosen, found_figures)
    owed = _owed(found, chosen, tested)
    known = tables.sources(facts.settings.geodata)
    f, demand, area = found_figures, found.incidents.demand, facts.area
    title = f"Bleed kits in {area.name}: where the gaps are, and where the next ones belong"
    near, css = str(options.standard), styles(facts.settings.templates)
    context: dict[str, Any] = {
        "figures": f,
        "title": title,
        "lead": f"Coverage, gaps and a plan for the next {f['plan']['number']} kits.",
        "made": made,
        "area": area,
        "standard": near,
        "months": demand.months,
        "foot": f"Published, unconfirmed data. In an emergency call {area.emergency_number} first.",
        "styles": Markup(css),  # noqa: S704  # our own file
        "pictures": drawn,
        "views": closer,
        "summary": sentences.summary(f, chosen.says, near),
        "sure": sentences.sure(f, area),
        "plan_lead": sentences.plan_lead(f, chosen.says, chosen.objective),
        "closing_lead": sentences.closing_lead(f),
        "worth_lead": sentences.worth_lead(),
        "equity_lead": sentences.equity_lead(f),
        "varied": {
            name: _varies([row[key] for row in f[name]])
            for name, key in (
                ("sites", "night_part"),
                ("gaps", "night"),
                ("opening", "opened_night"),
            )
        },
        "redundant": [row["name"] for row in f["worth"] if row["redundant"]],
        "backtest_says": sentences.backtest_says(f, tested.says) if tested else [],
        "method": sentences.method(
            f, near, demand.profile_name, demand.profile_source, str(facts.travel)
        ),
        "assumptions": _once(
            demand.says, *chosen.assumptions, *(tested.assumptions if tested else ())
        ),
        "unknown": sentences.unknown(f, area),
        "cell_minimum": CELL_MINIMUM,
        "sources": [known[name] for name in owed],
        "release": release_of("bleed-kit-locator"),
        "command": options.command,
    }
    template = _environment(facts).get_template("report.html")

    def page(links: Sequence[tuple[str, str]], address: str) -> str:
        return template.render(context | {"links": links, "address": address})

    return Report(
        title=title,
        summary=tuple(context["summary"]),
        html=page((), ""),
        figures=f,
        tables=_tables(found, chosen, tested, f),
        layers=_layers(facts, found, chosen),
        note=" ".join(tables.attributions(facts.settings.geodata, *owed)),
        styles=css,
        page=page,
    )


def _varies(shares: Sequence[float | None]) -> bool:
    """Tell whether shares differ as printed; a column of one figure tells nothing."""
    return len({round(share, 2) for share in shares if share is not None}) > 1


def _once(*sentences_: str) -> list[str]:
    return list(dict.fromkeys(filter(None, sentences_)))


def styles(templates: Path) -> str:
    """Read the styles of the report."""
    return (templates / "planner/report.css").read_text("utf-8")


def _environment(facts: Facts) -> jinja2.Environment:
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(facts.settings.templates / "planner"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(FILTERS)
    return made


def _owed(found: _Measured, chosen: Plan, tested: Backtest | None) -> list[str]:
    """Name every table that the report shows something of."""
    shown = ("kits", "areas", "lsoa", "lsoa_outlines", "places", "streets")
    more = tested.tables if tested else ()
    return list(dict.fromkeys([*found.incidents.demand.tables, *shown, *chosen.tables, *more]))


def _pictures(
    facts: Facts, options: Options, found: _Measured, chosen: Plan, f: type_figures
) -> tuple[dict[str, Markup], dict[str, list[Markup]]]:
    ground = Ground.of(facts.county, facts.lsoa_outlines, facts.settings.geodata)
    outlines = on_grid(found.cells)
    cells = list(zip(outlines, found.cells["records"].astype(float), strict=True))
    straight = 0.0 if options.standard.walking else options.standard.metres
    beyond = "records out of reach"
    sites = [
        Mark(str(s.rank), s.easting, s.northing, square=s.action is Action.OPEN_ALWAYS)
        for s in chosen.sites
    ]
    says = ("new kit, by rank", "kit to make reachable day and night, by rank")
    plan_content = Content(cells, beyond, found.kits, sites, says, straight)
    places = [_middle(gap.longitude, gap.latitude) for gap in found.gaps.gaps]
    marks = [
        Mark(str(gap.rank), *place) for gap, place in zip(found.gaps.gaps, places, strict=True)
    ]
    gap_content = Content(cells, beyond, found.kits, marks, ("gap, by weight", ""))
    hours = found.incidents.by_hour
    drawn = {
        "equity": decile_picture(equity(found.incidents)),
        "hours": charts.hours_chart(
            "hours",
            *(hours[c].fillna(0.0).to_numpy() for c in ("weight", "paper", "known", "possible")),
            title="Share of recorded violence within reach, by hour of the week",
            tells=sentences.hours_tells(f),
            unit="Records",
        ),
        "curve": charts.curve_chart(
            "curve",
            [row["n"] for row in f["curve"]],
            [row["share"] for row in f["curve"]],
            [row["bound_share"] for row in f["curve"]],
            before=f["plan"]["before"] / (f["plan"]["total"] or 1.0),
            title="What each further kit adds",
            tells=sentences.curve_tells(f),
        ),
    }
    closer = {}
    for name, content, title, tells in (
        ("sites", plan_content, "Map of the plan", sentences.sites_tell(f)),
        ("gaps", gap_content, "Map of the largest gaps", sentences.gaps_tell(f)),
    ):
        cut = views(content.marks, ground.places)
        drawn[name] = county_map(name, ground, content, cut, f"{title}: {facts.area.name}", tells)
        closer[name] = [
            view_map(f"{name}-{view.letter}", ground, content, view, f"{title}: {view.name}")
            for view in cut
        ]
    safe = {name: Markup(svg) for name, svg in drawn.items()}  # noqa: S704  # written by ElementTree
    return safe, {name: [Markup(svg) for svg in svgs] for name, svgs in closer.items()}  # noqa: S704


def _middle(longitude: float, latitude: float) -> tuple[float, float]:
    """Give the middle of the cell that holds a place, which may be an incident point."""
    lat, lon = h3.cell_to_latlng(_cell(longitude, latitude))
    return geodesy.to_bng(lon, lat)


def _tables(
    found: _Measured, chosen: Plan, tested: Backtest | None, f: type_figures
) -> dict[str, pd.DataFrame]:
    incidents, residents = found.incidents, found.residents
    listed = {
        "kits": found.kits,
        "coverage_by_hour": incidents.by_hour,
        "coverage_by_time_of_day": incidents.by_band,
        "coverage_by_category": incidents.by_category,
        "coverage_by_month": incidents.by_month,
        "coverage_by_authority": incidents.by_authority,
        "coverage_by_ward": incidents.by_ward,
        "coverage_by_lsoa": incidents.by_lsoa,
        "coverage_by_decile": incidents.by_decile,
        "residents_by_lsoa": residents.by_lsoa,
        "gaps": pd.DataFrame(f["gaps"]),
        "worth": pd.DataFrame(f["worth"]),
        "opening": pd.DataFrame(f["opening"]),
        "sites": pd.DataFrame(chosen.layer().drop(columns="geometry")),
        "curve": pd.DataFrame(f["curve"]),
        "plan_by_decile": chosen.by_decile,
    }
    if chosen.sensitivity is not None:
        listed["sensitivity"] = chosen.sensitivity
    if tested is not None:
        listed["backtest"] = tested.table
        listed["backtest_by_month"] = tested.by_month
    return listed


def _layers(facts: Facts, found: _Measured, chosen: Plan) -> dict[str, gpd.GeoDataFrame]:
    """Give the layers of the report; incidents appear as cells and neighbourhoods only."""
    kits = found.kits
    points = gpd.points_from_xy(kits["longitude"], kits["latitude"])
    cells = [_outline(_cell(gap.longitude, gap.latitude)) for gap in found.gaps.gaps]
    gap_rows = pd.DataFrame(figures.of_gaps(found.gaps)["gaps"])
    by_lsoa = found.incidents.by_lsoa.rename(columns={"group": "code"})
    return {
        "sites": chosen.layer(),
        "kits": gpd.GeoDataFrame(kits, geometry=points, crs=geodesy.WGS84),
        "cells_out_of_reach": found.cells,
        "gaps": gpd.GeoDataFrame(gap_rows, geometry=cells, crs=geodesy.WGS84),
        "neighbourhoods": facts.lsoa_outlines.merge(by_lsoa, on="code"),
        "county": facts.county,
    }


def _cell(longitude: float, latitude: float) -> str:
    cell: str = h3.latlng_to_cell(latitude, longitude, CELL_RESOLUTION)
    return cell


def _outline(cell: str) -> shapely.Polygon:
    return shapely.Polygon([xy[::-1] for xy in h3.cell_to_boundary(cell)])
