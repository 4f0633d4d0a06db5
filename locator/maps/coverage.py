"""Draw the map of what lies out of reach."""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass

import folium
import geopandas as gpd
import numpy as np

from locator.analysis.coverage import CELL_MINIMUM, Counting, Coverage
from locator.analysis.reach import Reach
from locator.hours import ALWAYS
from locator.maps import _layers
from locator.maps._guard import Picture, compose
from locator.maps._layers import Basemap
from locator.travel.standard import Standard
from locator.wording import Sentence

# ColorBrewer's YlOrRd, the lightest left out so that cells stand out from the paper
_CELL_COLOURS = ("#fecc5c", "#fd8d3c", "#f03b20", "#bd0026")
# the least records of each shade, the first one as few as may be shown at all
CELL_BANDS = (CELL_MINIMUM, 30, 70, 150)
CELL_OPACITY, DECILE_OPACITY = 0.6, 0.5
# ColorBrewer's Purples, darker for more deprived
_DECILE_COLOURS = ("#54278f", "#756bb1", "#9e9ac8", "#cbc9e2", "#f2f0f7")


@dataclass(frozen=True, slots=True)
class Band:
    """One entry of the legend."""

    colour: str
    opacity: float
    label: str


def cell_bands(cells: gpd.GeoDataFrame) -> list[Band]:
    """Name the shades that cells have, for the legend.

    The bands are the same for every map: those of two maps tell no more than whether a cell
    passed from one band to another.
    """
    used = sorted(set(_band_of(cells)))
    edges = [*CELL_BANDS, None]
    labels = [
        Sentence("%(low)s to %(high)s", low=low, high=high - 1)
        if high
        else Sentence("%(low)s or more", low=low)
        for low, high in itertools.pairwise(edges)
    ]
    return [Band(_CELL_COLOURS[band], CELL_OPACITY, labels[band]) for band in used]


def _band_of(cells: gpd.GeoDataFrame) -> list[int]:
    found = np.searchsorted(CELL_BANDS, cells["records"].to_numpy(), side="right") - 1
    return [int(band) for band in np.maximum(found, 0)]


def decile_bands() -> list[Band]:
    """Name the shades of deprivation for the legend."""
    pairs = ((1, 2), (3, 4), (5, 6), (7, 8), (9, 10))
    labels = [
        Sentence("%(low)s and %(high)s, most deprived", low=low, high=high)
        if low == 1
        else Sentence("%(low)s and %(high)s", low=low, high=high)
        for low, high in pairs
    ]
    return [
        Band(colour, DECILE_OPACITY, label)
        for colour, label in zip(_DECILE_COLOURS, labels, strict=True)
    ]


def coverage_map(
    coverage: Coverage,
    county: gpd.GeoDataFrame,
    lsoa_outlines: gpd.GeoDataFrame,
    *,
    counting: Counting,
    reach: Reach | None,
    basemap: Basemap,
) -> Picture:
    """Draw kits, their reach, cells of incidents out of reach, and deprivation.

    Incidents appear as cells of about 0.74 km2 with at least ten records, never as points.

    Parameters
    ----------
    coverage
        From :func:`locator.analysis.coverage.coverage`.
    county, lsoa_outlines
        Outlines (EPSG:4326).
    counting
        Which kits count: they alone are drawn, and what is out of their reach.
    reach
        From where the kits are fetched within a time, along streets; None draws circles as wide
        as the standard's metres instead.
    basemap
        What lies below.
    """
    drawn = _layers.blank(county, basemap)
    _deprivation(coverage, lsoa_outlines).add_to(drawn)
    cells_layer(coverage.cells(counting)[0]).add_to(drawn)
    kits = coverage.kits[coverage.counts(counting)]
    if reach is None:
        _circles(kits, coverage.standard).add_to(drawn)
    else:
        _layers.reach_areas(reach, _layers.SHADES).add_to(drawn)
    kits_layer(coverage, counting).add_to(drawn)
    folium.LayerControl(collapsed=True).add_to(drawn)
    return compose(drawn, "coverage")


def _deprivation(coverage: Coverage, outlines: gpd.GeoDataFrame) -> folium.GeoJson:
    shaded = outlines.merge(coverage.neighbourhoods[["code", "imd_decile"]], on="code")
    return folium.GeoJson(
        shaded[["imd_decile", "geometry"]].to_json(),
        name="Deprivation by neighbourhood",
        interactive=False,
        show=False,
        pane=_layers.SHADES,
        style_function=lambda feature: {
            "fillColor": _DECILE_COLOURS[(feature["properties"]["imd_decile"] - 1) // 2],
            "fillOpacity": DECILE_OPACITY,
            "color": "#fff",
            "weight": 0.6,
        },
    )


def cells_layer(cells: gpd.GeoDataFrame) -> folium.FeatureGroup:
    """Shade cells by their records, in the bands of :func:`cell_bands`.

    The picture holds the band of a cell, not its records: maps of several standards side by side
    would give away small differences.
    """
    group = folium.FeatureGroup(name="Recorded violence out of reach")

    def style(feature: Mapping[str, Mapping[str, int]]) -> dict[str, object]:
        return {
            "fillColor": _CELL_COLOURS[feature["properties"]["band"]],
            "fillOpacity": CELL_OPACITY,
            "color": "#7a2a10",
            "weight": 0.5,
        }

    if not cells.empty:
        # in the order of cells: that of records would tell which of two has more
        banded = cells[["cell", "geometry"]].assign(band=_band_of(cells)).sort_values("cell")
        shapes = banded[["band", "geometry"]].to_json(drop_id=True)
        folium.GeoJson(shapes, style_function=style, interactive=False, pane=_layers.SHADES).add_to(
            group
        )
    return group


def kits_layer(coverage: Coverage, counting: Counting) -> folium.FeatureGroup:
    """Draw the kits in service; those that do not count have a dashed outline."""
    group = folium.FeatureGroup(name="Bleed kits")
    counted = coverage.counts(counting)[coverage.in_service]
    for kit, counts in zip(coverage.kits[coverage.in_service].itertuples(), counted, strict=True):
        colour = "#00441f" if counts else "#555555"
        folium.CircleMarker(
            (kit.latitude, kit.longitude),
            radius=5,
            color=colour,
            weight=2,
            dash_array=None if counts else "3 3",
            fill=True,
            fill_color=colour if kit.opening_hours == ALWAYS else "#ffffff",
            fill_opacity=1,
            interactive=False,
        ).add_to(group)
    return group


def _circles(kits: gpd.GeoDataFrame, standard: Standard) -> folium.FeatureGroup:
    group = folium.FeatureGroup(name="Reach of each kit")
    for kit in kits.itertuples():
        folium.Circle(
            (kit.latitude, kit.longitude),
            radius=standard.metres,
            color="#00703c",
            weight=2,
            fill=False,
            interactive=False,
        ).add_to(group)
    return group
