"""Draw the map of what lies out of reach."""

from collections.abc import Mapping
from dataclasses import dataclass

import folium
import geopandas as gpd

from locator.analysis.coverage import Coverage
from locator.analysis.reach import Reach
from locator.hours import ALWAYS
from locator.maps import _layers
from locator.maps._guard import Picture, compose
from locator.maps._layers import Basemap

# ColorBrewer's YlOrRd, the lightest left out so that cells stand out from the paper
_CELL_COLOURS = ("#fecc5c", "#fd8d3c", "#f03b20", "#bd0026")
CELL_OPACITY, DECILE_OPACITY = 0.6, 0.5
# ColorBrewer's Purples, darker for more deprived
_DECILE_COLOURS = ("#54278f", "#756bb1", "#9e9ac8", "#cbc9e2", "#f2f0f7")


@dataclass(frozen=True, slots=True)
class Band:
    """One entry of the legend."""

    colour: str
    opacity: float
    label: str


def cell_bands(coverage: Coverage) -> list[Band]:
    """Divide the records of the cells into four bands for the legend."""
    edges = [*_edges(coverage), None]
    return [
        Band(colour, CELL_OPACITY, f"{low} to {high - 1}" if high else f"{low} or more")
        for colour, low, high in zip(_CELL_COLOURS, edges, edges[1:], strict=False)
        if low is not None
    ]


def _edges(coverage: Coverage) -> list[int]:
    records = coverage.cells["records"]
    if records.empty:
        return [1]
    quantiles = [int(records.quantile(q)) for q in (0, 0.5, 0.75, 0.9)]
    return sorted(set(quantiles))


def decile_bands() -> list[Band]:
    """Name the shades of deprivation for the legend."""
    pairs = ((1, 2), (3, 4), (5, 6), (7, 8), (9, 10))
    return [
        Band(colour, DECILE_OPACITY, f"{low} and {high}" + (", most deprived" if low == 1 else ""))
        for colour, (low, high) in zip(_DECILE_COLOURS, pairs, strict=True)
    ]


def coverage_map(
    coverage: Coverage,
    county: gpd.GeoDataFrame,
    lsoa_outlines: gpd.GeoDataFrame,
    *,
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
    reach
        From where the kits are fetched within a time, along streets; None draws circles of
        the standard instead.
    basemap
        What lies below.
    """
    drawn = _layers.blank(county, basemap)
    _deprivation(coverage, lsoa_outlines).add_to(drawn)
    _cells(coverage).add_to(drawn)
    if reach is None:
        _circles(coverage).add_to(drawn)
    else:
        _layers.reach_areas(reach, _layers.SHADES).add_to(drawn)
    _kits(coverage).add_to(drawn)
    folium.LayerControl(collapsed=True).add_to(drawn)
    return compose(drawn, "coverage")


def _deprivation(coverage: Coverage, outlines: gpd.GeoDataFrame) -> folium.GeoJson:
    shaded = outlines.merge(coverage.lsoas[["code", "imd_decile"]], on="code")
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


def _cells(coverage: Coverage) -> folium.FeatureGroup:
    edges = _edges(coverage)
    group = folium.FeatureGroup(name="Recorded violence out of reach")

    def style(feature: Mapping[str, Mapping[str, int]]) -> dict[str, object]:
        band = sum(feature["properties"]["records"] >= edge for edge in edges) - 1
        return {
            "fillColor": _CELL_COLOURS[max(band, 0)],
            "fillOpacity": CELL_OPACITY,
            "color": "#7a2a10",
            "weight": 0.5,
        }

    if not coverage.cells.empty:
        cells = coverage.cells[["records", "geometry"]].to_json()
        folium.GeoJson(cells, style_function=style, interactive=False, pane=_layers.SHADES).add_to(
            group
        )
    return group


def _kits(coverage: Coverage) -> folium.FeatureGroup:
    group = folium.FeatureGroup(name="Bleed kits")
    for kit in coverage.kits.itertuples():
        always = kit.opening_hours == ALWAYS
        folium.CircleMarker(
            (kit.latitude, kit.longitude),
            radius=5,
            color="#00441f",
            weight=2,
            fill=True,
            fill_color="#00441f" if always else "#ffffff",
            fill_opacity=1,
            interactive=False,
        ).add_to(group)
    return group


def _circles(coverage: Coverage) -> folium.FeatureGroup:
    group = folium.FeatureGroup(name="Reach of each kit")
    for kit in coverage.kits.itertuples():
        folium.Circle(
            (kit.latitude, kit.longitude),
            radius=coverage.within_m,
            color="#00703c",
            weight=2,
            fill=False,
            interactive=False,
        ).add_to(group)
    return group
