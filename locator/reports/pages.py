"""Write the report's page: pictures, sentences and tables in their template."""

from collections.abc import Callable, Sequence
from importlib.metadata import version as release_of
from pathlib import Path
from typing import Any

import h3
import jinja2
from markupsafe import Markup

from locator import geodesy, tables
from locator.analysis.coverage import CELL_MINIMUM
from locator.analysis.equity import decile_picture, equity
from locator.analysis.gaps import Gap
from locator.analysis.goal import Action
from locator.facts import Facts
from locator.reports import charts, sentences
from locator.reports._words import FILTERS
from locator.reports.figures import type_figures
from locator.reports.findings import Findings, gap_cell
from locator.reports.maps import Content, Ground, Mark, county_map, on_grid, view_map, views

_COUNTED = ("known", "possible", "paper")
# links for the screen (words and addresses) and the address of the styles -> the page
type_page = Callable[[Sequence[tuple[str, str]], str], str]


def title(facts: Facts) -> str:
    """Give the title of the report."""
    return f"Bleed kits in {facts.area.name}: where the gaps are, and where the next ones belong"


def page(facts: Facts, found: Findings, f: type_figures, command: str) -> type_page:
    """Put everything on a page that can be rendered with and without links.

    Parameters
    ----------
    facts
        Area, outlines, templates.
    found
        What was worked out.
    f
        Its figures: the page shows no others.
    command
        That makes the same report.
    """
    drawn, closer = _pictures(facts, found, f)
    known = tables.sources(facts.settings.geodata)
    context = {
        "figures": f,
        "title": title(facts),
        "lead": f"Coverage, gaps and a plan for the next {f['plan']['number']} kits.",
        "made": found.made,
        "area": facts.area,
        "months": found.incidents.demand.months,
        "styles": Markup(styles(facts.settings.templates)),  # noqa: S704  # our own file
        "pictures": drawn,
        "views": closer,
        "varied": {
            name: _varies([row[key] for row in f[name]])
            for name, key in (
                ("sites", "night_part"),
                ("gaps", "night"),
                ("opening", "opened_night"),
            )
        }
        | {"bands": any(_varies([row[key] for row in f["bands"]]) for key in _COUNTED)},
        "cell_minimum": CELL_MINIMUM,
        "sources": [known[name] for name in owed(found)],
        "release": release_of("bleed-kit-locator"),
        "command": command,
    }
    template = _environment(facts).get_template("report.html")
    context |= _said(facts, found, f)

    def rendered(links: Sequence[tuple[str, str]], address: str) -> str:
        return template.render(context | {"links": links, "address": address})

    return rendered


def _said(facts: Facts, found: Findings, f: type_figures) -> dict[str, Any]:
    """Write every sentence."""
    area, chosen, demand = facts.area, found.plan, found.incidents.demand
    near, tested = str(found.incidents.standard), found.backtest
    assumed = (demand.says, *chosen.assumptions, *(tested.assumptions if tested else ()))
    return {
        "standard": near,
        "foot": f"Published, unconfirmed data. In an emergency call {area.emergency_number} first.",
        "summary": sentences.summary(f, chosen.says, near),
        "sure": sentences.sure(f, area),
        "plan_lead": sentences.plan_lead(f, chosen.says, chosen.objective),
        "closing_lead": sentences.closing_lead(f),
        "worth_lead": sentences.worth_lead(),
        "redundant": [row["name"] for row in f["worth"] if row["redundant"]],
        "equity_lead": sentences.equity_lead(f),
        "backtest_says": sentences.backtest_says(f) if tested else [],
        "tests": sentences.backtest_rows(f) if tested else [],
        "method": sentences.method(
            f, near, demand.profile_name, demand.profile_source, str(facts.travel)
        ),
        "left_out": sentences.left_out(chosen.left_out),
        "assumptions": list(dict.fromkeys(filter(None, assumed))),
        "unknown": sentences.unknown(f, area),
    }


def _varies(shares: Sequence[float | None]) -> bool:
    """Tell whether shares differ as printed; a column of one figure tells nothing."""
    return len({round(share, 2) for share in shares if share is not None}) > 1


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


def owed(found: Findings) -> list[str]:
    """Name every table that the report shows something of."""
    tested = found.backtest
    shown = ("kits", "areas", "lsoa", "lsoa_outlines", "places", "streets")
    more = tested.tables if tested else ()
    return list(dict.fromkeys([*found.incidents.demand.tables, *shown, *found.plan.tables, *more]))


def _pictures(
    facts: Facts, found: Findings, f: type_figures
) -> tuple[dict[str, Markup], dict[str, list[Markup]]]:
    standard, chosen = found.incidents.standard, found.plan
    ground = Ground.of(facts.county, facts.lsoa_outlines, facts.settings.geodata)
    outlines = on_grid(found.cells)
    cells = list(zip(outlines, found.cells["records"].astype(float), strict=True))
    straight = 0.0 if standard.walking else standard.metres
    beyond = "records out of reach"
    sites = [
        Mark(str(s.rank), s.easting, s.northing, square=s.action is Action.OPEN_ALWAYS)
        for s in chosen.sites
    ]
    says = ("new kit, by rank", "kit to make reachable day and night, by rank")
    plan_content = Content(cells, beyond, found.kits, sites, says, straight)
    marks = [Mark(str(gap.rank), *_middle(gap)) for gap in found.gaps.gaps]
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
    for name, content, called, tells in (
        ("sites", plan_content, "Map of the plan", sentences.sites_tell(f)),
        ("gaps", gap_content, "Map of the largest gaps", sentences.gaps_tell(f)),
    ):
        cut = views(content.marks, ground.places)
        drawn[name] = county_map(name, ground, content, cut, f"{called}: {facts.area.name}", tells)
        closer[name] = [
            view_map(f"{name}-{view.letter}", ground, content, view, f"{called}: {view.name}")
            for view in cut
        ]
    safe = {name: Markup(svg) for name, svg in drawn.items()}  # noqa: S704  # written by ElementTree
    return safe, {name: [Markup(svg) for svg in svgs] for name, svgs in closer.items()}  # noqa: S704


def _middle(gap: Gap) -> tuple[float, float]:
    """Give the middle of the cell that holds a gap's own middle (EPSG:27700 metres)."""
    lat, lon = h3.cell_to_latlng(gap_cell(gap))
    return geodesy.to_bng(lon, lat)
