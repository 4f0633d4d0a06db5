"""Draw the map of a plan: kits, ranked sites, and what is out of reach now."""

from collections.abc import Sequence

import folium
import geopandas as gpd

from locator.analysis.coverage import Counting, Coverage
from locator.analysis.goal import Action
from locator.analysis.siting import Plan
from locator.maps import _layers, coverage
from locator.maps._guard import Picture, compose, text
from locator.maps._layers import Basemap


def plan_map(
    plan: Plan,
    measured: Coverage,
    considered: Sequence[tuple[float, float]],
    county: gpd.GeoDataFrame,
    *,
    basemap: Basemap,
) -> Picture:
    """Draw the sites by rank, with rings as wide as the standard, above kits and cells.

    Incidents appear as cells of about 0.74 km2 with at least ten records, never as points.

    Parameters
    ----------
    plan
        From :func:`locator.analysis.siting.plan`.
    measured
        What is within reach now.
    considered
        Longitude and latitude (EPSG:4326) of sites that somebody named.
    county
        Outline (EPSG:4326).
    basemap
        What lies below.
    """
    drawn = _layers.blank(county, basemap)
    coverage.cells_layer(measured.cells(Counting.KNOWN)[0]).add_to(drawn)
    _rings(plan).add_to(drawn)
    coverage.kits_layer(measured, Counting.KNOWN).add_to(drawn)
    _considered(considered).add_to(drawn)
    _sites(plan).add_to(drawn)
    folium.LayerControl(collapsed=True).add_to(drawn)
    return compose(drawn, "plan")


def called(name: str, kind: str) -> str:
    """Name a place with its kind: a bus stop called “Police Station” is no police station.

    A name that says its kind, and one whose kind says nothing, stand alone.
    """
    known = {"", "point", "candidate", "grid"}
    return name if kind in known or kind.casefold() in name.casefold() else f"{kind} “{name}”"


def _rings(plan: Plan) -> folium.FeatureGroup:
    group = folium.FeatureGroup(name="Reach of each place")
    for site in plan.sites:
        folium.Circle(
            (site.latitude, site.longitude),
            radius=plan.standard.metres,
            color="#1a1a1a",
            weight=1.5,
            dash_array="5 4",
            fill=False,
            interactive=False,
        ).add_to(group)
    return group


def _considered(points: Sequence[tuple[float, float]]) -> folium.FeatureGroup:
    group = folium.FeatureGroup(name="Places you named")
    for longitude, latitude in points:
        folium.CircleMarker(
            (latitude, longitude),
            radius=7,
            color="#5b2d8e",
            weight=3,
            fill=True,
            fill_color="#ffffff",
            fill_opacity=1,
            interactive=False,
        ).add_to(group)
    return group


def _sites(plan: Plan) -> folium.FeatureGroup:
    group = folium.FeatureGroup(name="The plan")
    # the first lies on top
    for site in reversed(plan.sites):
        changed = " site-changed" if site.action is Action.OPEN_ALWAYS else ""
        folium.Marker(
            (site.latitude, site.longitude),
            icon=folium.DivIcon(
                html=f"<span>{site.rank}</span>",
                class_name=f"site{changed}",
                icon_size=(28, 28),
            ),
            title=text(f"{site.rank}: {called(site.name, site.kind)}"),
            rank=site.rank,
            z_index_offset=1000 * (len(plan.sites) - site.rank),
        ).add_to(group)
    return group
