"""Draw the map of kits."""

from collections.abc import Sequence

import folium
import geopandas as gpd

from locator.analysis.fetch import Availability
from locator.maps import ROUGH_M, _layers
from locator.maps._guard import Picture, compose
from locator.registry.snapshot import Snapshot


def kits_map(
    snapshot: Snapshot,
    states: Sequence[Availability],
    county: gpd.GeoDataFrame,
    *,
    basemap_url: str,
    attribution: str,
) -> Picture:
    """Draw every placed kit that is said to be in service.

    Parameters
    ----------
    snapshot
        What is known.
    states
        Availability of each placed kit, from :func:`locator.analysis.nearest.availabilities`.
    county
        Outline (EPSG:4326).
    basemap_url
        Where the page finds the vector tiles.
    attribution
        Of the basemap.
    """
    placed = snapshot.placed
    shown = [state is not Availability.OUT_OF_SERVICE for state in states]
    kits = placed[shown]
    drawn = _layers.blank(county, basemap_url, attribution)
    _layers.rough_circles(kits, beyond_m=ROUGH_M).add_to(drawn)
    kept = [state for state, keep in zip(states, shown, strict=True) if keep]
    _layers.kit_signs(kits, kept).add_to(drawn)
    folium.LayerControl(collapsed=True).add_to(drawn)
    _layers.locate_control().add_to(drawn)
    return compose(drawn, "kits")
