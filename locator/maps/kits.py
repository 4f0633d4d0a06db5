"""Draw the map of kits."""

import datetime as dt

import geopandas as gpd

from locator.analysis.nearest import Availability, availabilities
from locator.maps import _layers
from locator.maps._guard import Picture, compose
from locator.registry.snapshot import Snapshot


def kits_map(
    snapshot: Snapshot,
    county: gpd.GeoDataFrame,
    *,
    at: dt.datetime,
    basemap_url: str,
    attribution: str,
) -> Picture:
    """Draw every placed kit that is not merely planned.

    Parameters
    ----------
    snapshot
        What is known.
    county
        Outline (EPSG:4326).
    at
        The instant for which kits are open or closed.
    basemap_url
        Where the page finds the vector tiles.
    attribution
        Of the basemap.
    """
    placed = snapshot.placed
    states = availabilities(snapshot, placed, at)
    shown = [state is not Availability.OUT_OF_SERVICE for state in states]
    kits = placed[shown]
    drawn = _layers.blank(county, basemap_url, attribution)
    _layers.rough_circles(kits).add_to(drawn)
    kept = [state for state, keep in zip(states, shown, strict=True) if keep]
    _layers.kit_layer(kits, kept, clustered=True).add_to(drawn)
    _layers.locate_control().add_to(drawn)
    return compose(drawn, "kits")
