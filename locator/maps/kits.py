"""Draw the map of kits."""

from collections.abc import Sequence

import folium
import geopandas as gpd

from locator.analysis.fetch import Availability, Standing
from locator.analysis.reach import Reach
from locator.maps import ROUGH_M, _layers
from locator.maps._guard import Picture, compose
from locator.maps._layers import Basemap
from locator.registry.snapshot import Snapshot


def kits_map(
    snapshot: Snapshot,
    standings: Sequence[Standing],
    county: gpd.GeoDataFrame,
    *,
    reach: Reach | None,
    basemap: Basemap,
) -> Picture:
    """Draw every placed kit that is said to be in service.

    Parameters
    ----------
    snapshot
        What is known.
    standings
        How each placed kit stands, from :func:`locator.analysis.nearest.standings`.
    county
        Outline (EPSG:4326).
    reach
        From where open kits are fetched within a time; None if no streets are loaded.
    basemap
        What lies below.
    """
    placed = snapshot.placed
    shown = [s.availability is not Availability.OUT_OF_SERVICE for s in standings]
    kits = placed[shown]
    drawn = _layers.blank(county, basemap)
    if reach is not None:
        _layers.reach_areas(reach, _layers.SHADES).add_to(drawn)
    _layers.rough_circles(kits, beyond_m=ROUGH_M).add_to(drawn)
    kept = [standing for standing, keep in zip(standings, shown, strict=True) if keep]
    _layers.kit_signs(kits, kept).add_to(drawn)
    folium.LayerControl(collapsed=True).add_to(drawn)
    _layers.locate_control().add_to(drawn)
    return compose(drawn, "kits")
