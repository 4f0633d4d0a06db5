"""Hold what a report is written from, and give its tables and layers."""

import datetime as dt
from dataclasses import dataclass

import geopandas as gpd
import h3
import pandas as pd
import shapely

from locator import geodesy
from locator.analysis.backtest import Backtest
from locator.analysis.candidates import Candidates
from locator.analysis.coverage import CELL_RESOLUTION, Counting, Coverage
from locator.analysis.equity import equity
from locator.analysis.gaps import Gap, Gaps
from locator.analysis.siting import Plan
from locator.analysis.worth import worth
from locator.facts import Facts
from locator.reports import figures
from locator.reports.figures import type_figures


@dataclass(frozen=True, slots=True, eq=False)
class Findings:
    """Everything that was worked out for a report.

    Attributes
    ----------
    made
        Local time.
    incidents, residents
        What is within reach today.
    gaps
        Where most is out of reach of every kit known to be open.
    kits
        From :func:`locator.reports.figures.kit_table`.
    cells, in_small_cells
        From :meth:`locator.analysis.coverage.Coverage.cells`.
    candidates
        The sites that the plan could choose from.
    plan
        The choice.
    backtest
        How such choices do on later months; None if that was not asked.
    """

    made: dt.datetime
    incidents: Coverage
    residents: Coverage
    gaps: Gaps
    kits: pd.DataFrame
    cells: gpd.GeoDataFrame
    in_small_cells: float
    candidates: Candidates
    plan: Plan
    backtest: Backtest | None


def gap_cell(gap: Gap) -> str:
    """Name the H3 cell that holds the middle of a gap, which is an incident point itself."""
    cell: str = h3.latlng_to_cell(gap.latitude, gap.longitude, CELL_RESOLUTION)
    return cell


def figures_of(facts: Facts, found: Findings) -> type_figures:
    """Gather every figure."""
    incidents = found.incidents
    known, paper = worth(incidents, Counting.KNOWN), worth(incidents, Counting.PAPER)
    of_demand, accounts = figures.of_demand(incidents)
    gathered = {
        "made": {"at": found.made.isoformat(timespec="minutes"), "edition": str(incidents.version)},
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
        **figures.of_plan(found.plan, found.kits),
        "backtest": figures.of_backtest(found.backtest) if found.backtest else None,
    }
    after = {row["decile"]: row["after"] for row in gathered["plan_deciles"]}
    for row in gathered["deciles"]:
        row["after"] = after.get(row["group"])
    return gathered


def tables_of(found: Findings, f: type_figures) -> dict[str, pd.DataFrame]:
    """Give every table of the report, by the name of its file."""
    incidents, residents, chosen = found.incidents, found.residents, found.plan
    tested = found.backtest
    listed = {
        "candidates": found.candidates.frame,
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
    if chosen.draws is not None:
        listed["resampled"] = chosen.draws
    if tested is not None:
        listed["backtest"] = tested.table
        listed["backtest_by_month"] = tested.by_month
        listed["backtest_chosen"] = tested.chosen
    return listed


def layers_of(facts: Facts, found: Findings) -> dict[str, gpd.GeoDataFrame]:
    """Give the layers of the report; incidents appear as cells and neighbourhoods only."""
    kits = found.kits
    points = gpd.points_from_xy(kits["longitude"], kits["latitude"])
    cells = [_outline(gap_cell(gap)) for gap in found.gaps.gaps]
    gap_rows = pd.DataFrame(figures.of_gaps(found.gaps)["gaps"])
    by_lsoa = found.incidents.by_lsoa.rename(columns={"group": "code"})
    return {
        "sites": found.plan.layer(),
        "kits": gpd.GeoDataFrame(kits, geometry=points, crs=geodesy.WGS84),
        "cells_out_of_reach": found.cells,
        "gaps": gpd.GeoDataFrame(gap_rows, geometry=cells, crs=geodesy.WGS84),
        "neighbourhoods": facts.lsoa_outlines.merge(by_lsoa, on="code"),
        "county": facts.county,
    }


def _outline(cell: str) -> shapely.Polygon:
    return shapely.Polygon([xy[::-1] for xy in h3.cell_to_boundary(cell)])
