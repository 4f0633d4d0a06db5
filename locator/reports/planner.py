"""Make the planner's report: where kits are missing and where the next ones belong."""

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import geopandas as gpd
import pandas as pd

from locator import tables
from locator.analysis.backtest import backtest
from locator.analysis.candidates import gather
from locator.analysis.choosing import Question
from locator.analysis.coverage import CELL_MINIMUM, Counting, Coverage, coverage
from locator.analysis.gaps import Gaps, Localities, gaps
from locator.analysis.goal import Goal
from locator.analysis.siting import plan
from locator.demand import Basis, profiles
from locator.facts import Facts
from locator.reports import figures, pages, sentences
from locator.reports.figures import type_figures
from locator.reports.findings import Findings, figures_of, layers_of, tables_of
from locator.reports.pages import type_page
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
    excluded
        Areas with a CRS in which no site may lie.
    public
        Whether strangers ask: then refusals of hosts have no part in it, lest a named point tell
        who has refused.
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
    excluded: gpd.GeoDataFrame | None = None
    public: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Report:
    """A report with everything that it says as data.

    Attributes
    ----------
    title
        Of the report.
    summary
        Its first page in sentences.
    interrupted
        Whether somebody stopped the search: the plan is the best until then.
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
    interrupted: bool
    html: str
    figures: type_figures
    tables: Mapping[str, pd.DataFrame]
    layers: Mapping[str, gpd.GeoDataFrame]
    note: str
    styles: str
    page: type_page

    def pdf(self) -> bytes:
        """Print the page as a tagged PDF (PDF/UA-1).

        Raises
        ------
        MissingLibraryError
            A library of the system is missing.
        """
        from locator.reports._pdf import pdf  # noqa: PLC0415  # needs Pango as soon as it is imported

        return pdf(self.html)


def report(
    facts: Facts,
    options: Options,
    at: dt.datetime | None = None,
    progress: type_progress | None = None,
) -> Report:
    """Work out everything and put it on pages.

    Parameters
    ----------
    facts
        The open data and the registry; partners' incidents are never read.
    options
        What is asked for.
    at
        The local time of the report: the hours of that week count. Now if left out.
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
    made = at or facts.calendar.now()
    told("Measuring what is within reach", 1)
    incidents, residents = (
        coverage(
            facts.snapshot(),
            facts.demand(basis),
            facts.travel,
            options.standard,
            facts.neighbourhoods,
            day=made.date(),
        )
        for basis in (Basis.INCIDENTS, Basis.RESIDENTS)
    )
    asked = question(facts, options, made.date())
    known = profiles(facts.settings.geodata).values()
    chosen = plan(
        asked,
        residents=residents.demand,
        profiles=list(known),
        sensitivity=options.sensitivity,
        resamples=options.resamples,
        progress=told,
    )
    tested = None
    if options.backtest and not chosen.interrupted:
        # as many kits as the plan has, whatever they cost
        number = max(len(chosen.sites), 1)
        tested = backtest(asked, residents.demand, new=number, progress=told)
    told("Writing", 1)
    cells, in_small_cells = incidents.cells(Counting.KNOWN)
    found = Findings(
        made=made,
        incidents=incidents,
        residents=residents,
        gaps=_gaps(facts, options, incidents, residents),
        kits=figures.kit_table(facts.snapshot(), incidents),
        cells=cells,
        in_small_cells=in_small_cells,
        candidates=asked.candidates,
        plan=chosen,
        backtest=tested,
    )
    return _written(facts, found, options.command)


def _written(facts: Facts, found: Findings, command: str) -> Report:
    gathered = figures_of(facts, found)
    page = pages.page(facts, found, gathered, command)
    folder = facts.settings.geodata
    return Report(
        title=pages.title(facts),
        summary=tuple(sentences.summary(gathered, found.plan.says, str(found.incidents.standard))),
        interrupted=found.plan.interrupted,
        html=page((), ""),
        figures=gathered,
        tables=tables_of(found, gathered),
        layers=layers_of(facts, found),
        note=" ".join(tables.attributions(folder, *pages.owed(found))),
        styles=pages.styles(facts.settings.templates),
        page=page,
    )


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
        excluded=options.excluded,
        near=(demand.places.grid, options.standard.metres),
        refusals=not options.public,
    )
    return Question.of(facts, demand, candidates, options.standard, options.goal, day)


def _gaps(facts: Facts, options: Options, incidents: Coverage, residents: Coverage) -> Gaps:
    return gaps(
        incidents,
        facts.travel,
        Localities(tables.table(facts.settings.geodata, "streets")),
        count=options.gaps,
        counting=Counting.KNOWN,
        least=CELL_MINIMUM,
        residents=residents,
    )
