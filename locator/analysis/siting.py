"""Choose where the next kits help most, and say how far that advice can be trusted."""

import dataclasses
from dataclasses import dataclass
from enum import StrEnum

import geopandas as gpd
import pandas as pd

from locator import geodesy
from locator.travel.standard import Standard


class Action(StrEnum):
    """What can be done at a site."""

    NEW_CABINET = "new cabinet"
    NEW_BAG = "bag in premises"
    OPEN_ALWAYS = "make reachable day and night"
    MOVE = "move a kit here"


class Objective(StrEnum):
    """What a plan makes as good as it can be."""

    COVER = "cover"
    GRADUAL = "gradual"
    MEDIAN = "median"
    CENTER = "center"


@dataclass(frozen=True, slots=True)
class Site:
    """One place of a plan.

    Attributes
    ----------
    rank
        From 1: each adds most to those before it.
    action
        What to do there.
    name, kind, locality
        In words, such as "High Street / Church Lane", "junction", "Corby".
    reference, source
        Of the candidate, or of the kit that is changed.
    longitude, latitude
        Degrees (EPSG:4326).
    easting, northing
        Metres (EPSG:27700).
    cost
        GBP.
    adds
        Weight that the site adds to those before it, in the unit of the objective.
    adds_share
        ``adds`` as a share of the whole weight.
    adds_night
        The part of ``adds`` at night (22:00 to 06:00).
    newly
        Weight of the demand that first comes within the standard of a kit here, plainly counted:
        no fair share, no steps, no backup.
    alone
        Weight lost if the plan went without this site only.
    residents
        People who first come within the standard of any kit in service, whatever its hours; None
        if residents were not given.
    nearest_kit
        Reference and name of the nearest other kit in service; empty if there is none.
    nearest_m
        Straight-line metres to it; infinity if there is none.
    reasons
        In sentences.
    frequency
        Share of the resampled plans that choose the site or one within 200 m of it; None if nothing
        was resampled.
    exactly
        Share of the resampled plans that choose this very site.
    moved_from
        Reference of the kit that moves here; empty otherwise.
    """

    rank: int
    action: Action
    name: str
    kind: str
    locality: str
    reference: str
    source: str
    longitude: float
    latitude: float
    easting: float
    northing: float
    cost: float
    adds: float
    adds_share: float
    adds_night: float
    newly: float
    alone: float
    residents: float | None
    nearest_kit: str
    nearest_m: float
    reasons: tuple[str, ...]
    frequency: float | None = None
    exactly: float | None = None
    moved_from: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """Where the next kits help most.

    Attributes
    ----------
    standard
        What counts as near.
    objective
        What was made as good as can be, in words.
    sites
        By rank.
    before, after, total
        Weight reached without and with the plan, and the whole, in the unit of the objective.
    bound
        No choice reaches more than this (for the fewest kits: none needs fewer than this many).
    says
        How good the choice is, such as "proven best" or "within 0.4 % of the best possible".
    covered_before, covered_after, demand
        The same three plainly counted: weight within the standard of a kit at the hours when it
        happens.
    curve
        ``n``, ``cost``, ``adds``, ``share``, ``bound`` and ``gap`` for 1, 2, ... sites.
    by_decile
        ``decile``, ``weight``, ``before`` and ``after`` as shares, plainly counted.
    sensitivity
        ``changed``, ``kept`` (sites that stay, the same or within 200 m), ``sites``, ``worth`` (of
        this plan), ``best`` and ``share`` (of the best under the change); None if left out.
    resampled
        How many times the demand was resampled; 0 if it was not.
    kept
        References of movable kits that stay where they are.
    left_out
        How many candidates were left out, by reason.
    candidates
        How many there were to choose from.
    assumptions
        In sentences.
    tables
        Names in ``sources.toml`` whose attribution is owed.
    months
        First and last month of the demand; empty for residents.
    version
        Of the registry.
    seconds
        That the plan took.
    interrupted
        Whether somebody stopped it: the choice is the best until then.
    """

    standard: Standard
    objective: str
    sites: tuple[Site, ...]
    before: float
    after: float
    total: float
    bound: float
    says: str
    covered_before: float
    covered_after: float
    demand: float
    curve: pd.DataFrame
    by_decile: pd.DataFrame
    sensitivity: pd.DataFrame | None
    resampled: int
    kept: tuple[str, ...]
    left_out: dict[str, int]
    candidates: int
    assumptions: tuple[str, ...]
    tables: tuple[str, ...]
    months: tuple[str, str]
    version: int
    seconds: float
    interrupted: bool

    @property
    def cost(self) -> float:
        """What all sites cost, GBP."""
        return sum(site.cost for site in self.sites)

    def as_dict(self) -> dict[str, object]:
        """Give the plan as plain values for JSON."""
        plain = {
            field.name: getattr(self, field.name)
            for field in dataclasses.fields(self)
            if field.name not in {"standard", "sites", "curve", "by_decile", "sensitivity"}
        }
        tables = {
            name: None if frame is None else frame.to_dict("records")
            for name in ("curve", "by_decile", "sensitivity")
            for frame in [getattr(self, name)]
        }
        return (
            {"standard": str(self.standard), "cost": self.cost}
            | plain
            | tables
            | {"sites": [dataclasses.asdict(site) for site in self.sites]}
        )

    def layer(self) -> gpd.GeoDataFrame:
        """Give the sites as points (EPSG:4326) with one column for each fact."""
        rows = [dataclasses.asdict(site) for site in self.sites]
        columns = [field.name for field in dataclasses.fields(Site)]
        frame = pd.DataFrame(rows, columns=columns)
        frame["reasons"] = [" ".join(site.reasons) for site in self.sites]
        points = gpd.points_from_xy(frame["longitude"], frame["latitude"], crs=geodesy.WGS84)
        return gpd.GeoDataFrame(frame, geometry=points)
