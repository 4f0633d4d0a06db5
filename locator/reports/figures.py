"""Gather every figure of the planner's report in one nested table of plain values.

The page, ``figures.json`` and the tables are written from it, and a script that shares no code
with this package works out each of them again.
"""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from locator.analysis.backtest import Backtest
from locator.analysis.coverage import Counting, Coverage
from locator.analysis.equity import Equity
from locator.analysis.gaps import Gaps
from locator.analysis.siting import Plan
from locator.analysis.worth import Worth
from locator.demand import NIGHT
from locator.hours import STATES, WEEK_H, State
from locator.registry.schema import Status
from locator.registry.snapshot import Snapshot
from locator.reports.maps import ALWAYS, OUT, SOMETIMES, UNKNOWN

type_figures = dict[str, Any]
type_rows = list[dict[str, Any]]

_COUNTINGS = {counting: counting.name.lower() for counting in Counting}
# a kit of these may come into service without anybody buying one
_PROMISED = (Status.PLANNED, Status.AGREED, Status.OBSTRUCTED)
# wards in the page; the table beside it has all of them
WARDS = 15
# less than this much weight is what adding shares of hours leaves of nothing
_NOTHING = 1e-9
_DECILES = {1: "1, most deprived", 10: "10, least deprived"}


def plain(value: object) -> Any:
    """Turn numbers of numpy into those of Python; what is no number becomes None."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {str(key): plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    return value


def rows(frame: pd.DataFrame) -> type_rows:
    """Give the rows of a frame as plain values."""
    return [{str(k): plain(v) for k, v in row.items()} for row in frame.to_dict("records")]


def kit_table(snapshot: Snapshot, coverage: Coverage) -> pd.DataFrame:
    """List the placed kits with what the report makes of their hours.

    Returns
    -------
    frame
        ``reference``, ``name``, ``kind``, ``address``, ``status``, ``opening_hours``,
        ``easting``, ``northing`` (EPSG:27700), ``longitude``, ``latitude`` (EPSG:4326),
        ``precision_m``, ``sign`` (of :mod:`locator.reports.maps`), ``hours_open`` and
        ``hours_unknown`` (of the 168 of a week).
    """
    week = snapshot.week(coverage.monday)
    opened = (week == STATES.index(State.OPEN)).sum(axis=1)
    unknown = (week == STATES.index(State.UNKNOWN)).sum(axis=1)
    sign = np.select(
        [~coverage.in_service, opened == WEEK_H, unknown > 0], [OUT, ALWAYS, UNKNOWN], SOMETIMES
    )
    columns = ["reference", "name", "kind", "address", "status", "opening_hours"]
    more = ["longitude", "latitude", "precision_m"]
    return pd.DataFrame(snapshot.placed[columns + more].reset_index(drop=True)).assign(
        easting=snapshot.grid[:, 0],
        northing=snapshot.grid[:, 1],
        sign=sign,
        hours_open=opened,
        hours_unknown=unknown,
    )


def of_kits(snapshot: Snapshot, coverage: Coverage, kits: pd.DataFrame) -> type_figures:
    """Count the kits by what is known of them."""
    served = kits[kits["sign"] != OUT]
    return {
        "listed": len(snapshot.kits),
        "without_place": len(snapshot.unplaced),
        "placed": len(kits),
        "in_service": len(served),
        "always": int((kits["sign"] == ALWAYS).sum()),
        "sometimes": int((kits["sign"] == SOMETIMES).sum()),
        "unknown": int((kits["sign"] == UNKNOWN).sum()),
        "out": int((kits["sign"] == OUT).sum()),
        "rough": int((served["precision_m"] > coverage.standard.metres).sum()),
    }


def of_demand(coverage: Coverage) -> tuple[type_figures, type_rows]:
    """Tell what was read, and what became of every record."""
    demand = coverage.demand
    accounts = demand.accounts.as_dict()
    named = {
        "placed": "counted",
        "without_position": "without a position",
        "outside": "outside the area",
        "other_categories": "of other kinds",
        "other": "that cannot be understood",
        "read": "all",
    }
    hourly = demand.hourly_weight()
    found = {
        **accounts,
        "total": demand.total,
        "night_share": float(hourly[NIGHT].sum() / hourly.sum()) if demand.total else 0.0,
        "assumed_share": demand.assumed_share,
    }
    return found, [{"name": says, "count": accounts[key]} for key, says in named.items()]


def of_coverage(coverage: Coverage, authorities: Mapping[str, str]) -> type_figures:
    """Give what is covered, in all and group by group."""
    hours = coverage.by_hour
    night = hours[NIGHT]
    weight = night["weight"].to_numpy()
    at_night = {
        name: float(night[name].fillna(0.0) @ weight / weight.sum()) if weight.any() else None
        for name in _COUNTINGS.values()
    }
    wards = coverage.by_ward
    wards = wards[wards["group"] != ""].sort_values(["weight", "group"], ascending=[False, True])
    deciles = coverage.by_decile
    deciles = deciles[deciles["group"] != ""]
    named = deciles["group"].map(lambda d: _DECILES.get(d, str(d)))
    names = coverage.by_authority
    called = names["group"].map(lambda code: authorities.get(code, "not known"))
    return {
        "coverage": {
            **{name: plain(coverage.total[counting]) for counting, name in _COUNTINGS.items()},
            "loss": plain(coverage.loss),
            "loss_least": plain(coverage.loss_least),
            "loss_is_ignorance": coverage.loss_is_ignorance,
        },
        "night": plain(at_night),
        "hours": rows(hours),
        "bands": rows(_named(coverage.by_band, coverage.by_band["group"])),
        "categories": rows(coverage.by_category),
        "months": rows(coverage.by_month),
        "authorities": rows(_named(names, called)),
        "wards": rows(wards.head(WARDS)),
        "deciles": rows(_named(deciles, named)),
    }


def _named(frame: pd.DataFrame, names: pd.Series) -> pd.DataFrame:
    return frame.assign(name=names)


def of_people(residents: Coverage) -> type_figures:
    """Give what share of residents lives within reach."""
    shares = {name: plain(residents.total[counting]) for counting, name in _COUNTINGS.items()}
    return {"total": residents.demand.total, **shares}


def of_gaps(found: Gaps) -> type_figures:
    """Give the gaps without their positions and streets, which tell of incident points."""
    listed = []
    for gap in found.gaps:
        row = dataclasses.asdict(gap)
        for column in ("easting", "northing", "longitude", "latitude", "street"):
            del row[column]
        shares = {cause.name.lower(): part for cause, part in row.pop("causes").items()}
        row["kits"] = " ".join(row["kits"])
        listed.append(plain(row | shares | {"why": gap.why}))
    causes = {cause.name.lower(): part for cause, part in found.causes.items()}
    return {
        "gaps": listed,
        "beyond": plain({"weight": found.weight, "in_no_gap": found.rest, **causes}),
    }


def of_worth(known: Worth, paper: Worth, kits: pd.DataFrame) -> type_figures:
    """Give what each kit is worth, and what longer hours would add."""
    signs = {row["reference"]: row for row in rows(kits)}
    table = known.table.merge(
        paper.table[["reference", "marginal", "shapley", "redundant"]],
        on="reference",
        suffixes=("_known", ""),
    )
    worth, opening = [], []
    for row in rows(table):
        kit = signs[row["reference"]]
        named = {"reference": row["reference"], "name": f"{row['name']} ({row['reference']})"}
        if kit["sign"] != OUT:
            worth.append(
                named
                | {
                    "marginal": row["marginal"],
                    "shapley": row["shapley"],
                    "marginal_known": row["marginal_known"],
                    "shapley_known": row["shapley_known"],
                    "shapley_night": row["shapley_night"],
                    "redundant": row["redundant"],
                }
            )
        if kit["sign"] != ALWAYS:
            opening.append(
                named
                | {
                    "hours": _hours_now(kit),
                    "opened_adds": row["always_adds"],
                    "opened_share": row["always_adds"] / known.total if known.total else None,
                    "opened_night": row["always_adds_night"],
                    "opened_least": row["always_adds_least"],
                }
            )
    worth.sort(key=lambda row: (-row["shapley"], row["reference"]))
    opening.sort(key=lambda row: (-row["opened_adds"], row["reference"]))
    for row in opening:
        row["opened_night"] = (
            row["opened_night"] / row["opened_adds"] if row["opened_adds"] > _NOTHING else None
        )
    return {"worth": worth, "opening": opening}


def _hours_now(kit: Mapping[str, Any]) -> str:
    if kit["sign"] == OUT:
        return str(kit["status"])
    return str(kit["opening_hours"]) or "not known"


def of_equity(found: Equity) -> type_figures:
    """Give the concentration indices."""
    return {
        "index": {name: plain(found.index[c]) for c, name in _COUNTINGS.items()},
        "corrected": {name: plain(found.corrected[c]) for c, name in _COUNTINGS.items()},
        "left_out": found.left_out,
    }


def of_plan(found: Plan, kits: pd.DataFrame) -> type_figures:
    """Give the plan, its sites, its curve and how far it can be trusted.

    Parameters
    ----------
    found
        The plan.
    kits
        From :func:`kit_table`: those that may come into service count near sites.
    """
    sites = []
    for site in found.sites:
        row = dataclasses.asdict(site)
        row["reasons"] = list(site.reasons)
        row["action"] = str(site.action)
        row["night_part"] = site.adds_night / site.adds if site.adds else None
        sites.append(plain(row))
    total = found.total or 1.0
    curve = found.curve.assign(bound_share=found.curve["bound"] / total)
    sensitivity = None
    if found.sensitivity is not None:
        sensitivity = rows(found.sensitivity)
    return {
        "plan": plain(
            {
                "number": len(found.sites),
                "candidates": found.candidates,
                "before": found.before,
                "after": found.after,
                "total": found.total,
                "bound": found.bound,
                "gap": (found.bound - found.after) / found.bound if found.bound else 0.0,
                "covered_before": found.covered_before,
                "covered_after": found.covered_after,
                "demand": found.demand,
                "covered_before_share": found.covered_before / (found.demand or 1.0),
                "covered_after_share": found.covered_after / (found.demand or 1.0),
                "cost": found.cost,
                "residents": _summed(sites, "residents"),
                "night": sum(site.adds_night for site in found.sites),
                "resampled": found.resampled,
                "promised": near_promised(found, kits),
            }
        ),
        "sites": sites,
        "curve": rows(curve),
        "plan_deciles": rows(found.by_decile),
        "sensitivity": sensitivity,
    }


def near_promised(found: Plan, kits: pd.DataFrame) -> int:
    """Count the sites that lie near a kit that may come into service.

    Parameters
    ----------
    found
        The plan. Near is within the metres of its standard, in a straight line.
    kits
        ``status``, ``easting`` and ``northing`` (EPSG:27700 metres).
    """
    at = kits.loc[kits["status"].isin(_PROMISED), ["easting", "northing"]].to_numpy()
    return sum(
        bool((np.hypot(*(at - (site.easting, site.northing)).T) <= found.standard.metres).any())
        for site in found.sites
    )


def _summed(listed: Sequence[Mapping[str, Any]], key: str) -> float | None:
    values = [row[key] for row in listed if row[key] is not None]
    return sum(values) if values else None


def of_backtest(found: Backtest) -> type_figures:
    """Give what choosing on earlier months is worth in later ones."""
    return {
        "new": found.new,
        "starts": [
            {"start": start, "rows": rows(table)}
            for start, table in found.table.groupby("start", sort=False)
        ],
        "by_month": rows(found.by_month),
        "placed_in_order": found.placed_in_order,
        "without_position": found.without_position,
    }
