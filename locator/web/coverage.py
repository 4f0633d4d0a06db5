"""Serve the page of gaps: where recorded violence lies out of reach of every kit."""

from flask import Blueprint, render_template

from locator.analysis.coverage import (
    BANDS,
    CELL_MINIMUM,
    FINDINGS,
    Counting,
    Coverage,
    says_of_profiles,
)
from locator.analysis.equity import curve_picture, decile_picture
from locator.maps import coverage as coverage_maps
from locator.web import pictures
from locator.web.here import attributions, facts

blueprint = Blueprint("coverage", __name__)

_NEARLY_ALL = 0.994


@blueprint.get("/coverage")
def gaps() -> str:
    """Show where recorded violence lies out of reach of every kit that can be had."""
    within_m, when = pictures.coverage_choice()
    snapshot = facts().snapshot()
    figures = pictures.coverage_figures(snapshot, within_m)
    found = pictures.coverage_gaps(figures, when)
    cells, in_small_cells = figures.coverage.cells(pictures.counting(when))
    return render_template(
        "public/coverage.html",
        coverage=figures.coverage,
        published=len(snapshot.kits),
        says_of_profiles=says_of_profiles(figures.by_profile),
        residents=figures.residents,
        equity=figures.equity,
        decile_picture=decile_picture(figures.equity),
        curve_picture=curve_picture(figures.equity),
        gaps=found,
        findings=FINDINGS,
        Counting=Counting,
        out_of_reach=span(*(1 - share for share in figures.coverage.total.values())),
        span=span,
        lost=_lost(figures.coverage),
        hours_of_band=_hours_of_bands(),
        within_m=within_m,
        standards=pictures.standards(),
        attributions=attributions(
            "areas",
            "kits",
            *figures.coverage.demand.tables,
            *figures.residents.demand.tables,
            "streets",
            "lsoa_outlines",
            "basemap",
        ),
        when=when,
        cell_bands=coverage_maps.cell_bands(cells),
        decile_bands=coverage_maps.decile_bands(),
        cell_minimum=CELL_MINIMUM,
        in_small_cells=in_small_cells,
        picture=pictures.coverage_picture(figures, when),
    )


def span(*shares: float) -> str:
    """Write the least and the most of some shares: ``85 to 93%``; only all is 100%."""
    low, high = (
        f"{100 * share:.0f}" if share <= _NEARLY_ALL or share == 1 else "over 99"
        for share in (min(shares), max(shares))
    )
    return f"{low}%" if low == high else f"{low} to {high}%"


def _lost(coverage: Coverage) -> str:
    """Write what closing hours cost; empty if there is nothing to lose."""
    if coverage.loss != coverage.loss:  # NaN is not equal to itself
        return ""
    return span(coverage.loss_least, coverage.loss)


def _hours_of_bands() -> dict[str, str]:
    """Write the hours of each part of the day: ``Night, 22 to 6``."""
    starts = [first for _, first in BANDS]
    ends = [*starts[1:], starts[0]]
    return {
        name: f"{name.capitalize()}, {first} to {end}"
        for (name, first), end in zip(BANDS, ends, strict=True)
    }
