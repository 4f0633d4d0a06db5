"""Hold the layers that several maps share."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import folium
import geopandas as gpd
from branca.element import MacroElement
from folium.elements import JSCSSMixin
from folium.map import CustomPane, Layer
from folium.plugins import LocateControl, MarkerCluster
from folium.template import Template

from locator.analysis.fetch import Availability, Standing
from locator.analysis.reach import Reach
from locator.hours import ALWAYS
from locator.maps._guard import text
from locator.travel import tiles

_SIGNS: Mapping[str, tuple[str, str]] = {
    Availability.OPEN: ("kit-open", "24"),
    Availability.UNKNOWN_HOURS: ("kit-unknown", "?"),
    Availability.CLOSED: ("kit-closed", "–"),
}


_PAPER = "#f7f6f2"
REACH_OPACITY = 0.14
# shaded areas lie below the names of the basemap, signs above them
SHADES = "shades"


class _Leaflet(folium.Map):
    """A map that loads Leaflet and nothing else."""

    default_js = (("leaflet", "vendor/leaflet/dist/leaflet.js"),)
    default_css = (("leaflet_css", "vendor/leaflet/dist/leaflet.css"),)


class _Clusters(MarkerCluster):
    default_js = (("cluster", "vendor/leaflet.markercluster/dist/leaflet.markercluster.js"),)
    default_css = (("cluster_css", "vendor/leaflet.markercluster/dist/MarkerCluster.css"),)


class _Locate(LocateControl):
    default_js = (("locate", "vendor/leaflet.locatecontrol/dist/L.Control.Locate.min.js"),)
    default_css = (("locate_css", "vendor/leaflet.locatecontrol/dist/L.Control.Locate.min.css"),)


@dataclass(frozen=True, slots=True)
class Basemap:
    """What lies below everything on a map.

    Attributes
    ----------
    url
        Vector tiles of streets and names.
    streets_url
        Vector tiles of the walking network; empty if none is loaded.
    attribution
        Of both.
    """

    url: str
    streets_url: str
    attribution: str


class _Tiles(JSCSSMixin, Layer):
    """Streets and names from our own vector tiles."""

    default_js = (("protomaps", "vendor/protomaps-leaflet/dist/protomaps-leaflet.js"),)
    _template = Template(
        """
        {% macro script(this, kwargs) %}
            if (!{{ this._parent.get_name() }}.getPane("names")) {
                {{ this._parent.get_name() }}.createPane("names").style.zIndex = 380;
            }
            var {{ this.get_name() }} = (function () {
                var is = function (kind) {
                    return function (zoom, f) { return f.props.kind === kind; };
                };
                var name = function (font, fill) {
                    return new protomapsL.CenteredTextSymbolizer({
                        labelProps: ["name"], fill: fill, stroke: "#f7f6f2", width: 3, font: font
                    });
                };
                /* both layers read the same tiles: each is fetched once, and never given up,
                   for the browser fails reads of one range that cross each other */
                var file = new protomapsL.PmtilesSource({{ this.url|tojson }}, false).p;
                var read = file.getZxy.bind(file), kept = {};
                file.getZxy = function (z, x, y) {
                    var key = [z, x, y].join("/");
                    kept[key] = kept[key] || read(z, x, y).catch(function (error) {
                        delete kept[key];
                        throw error;
                    });
                    return kept[key];
                };
                var tiles = function (options) {
                    options.url = file;
                    options.maxDataZoom = {{ this.max_zoom }};
                    options.attribution = {{ this.attribution|tojson }};
                    return protomapsL.leafletLayer(options);
                };
                /* names lie above shaded areas and below signs */
                return L.layerGroup([
                    tiles({
                        backgroundColor: {{ this.paper|tojson }}, labelRules: [],
                        paintRules: [{
                            dataLayer: "map", filter: is("path"),
                            symbolizer: new protomapsL.LineSymbolizer({
                                color: "#b9b4a8",
                                width: function (z) { return z < 15 ? 0.6 : 1.2; }
                            })
                        }, {
                            dataLayer: "map", filter: is("street"),
                            symbolizer: new protomapsL.LineSymbolizer({
                                color: "#b9b4a8",
                                width: function (z) { return z < 12 ? 0.6 : z < 15 ? 1.6 : 4; }
                            })
                        }]
                    }),
                    tiles({
                        pane: "names", paintRules: [],
                        labelRules: [
                            {dataLayer: "map", filter: is("town"),
                             symbolizer: name("bold 14px sans-serif", "#222")},
                            {dataLayer: "map", filter: is("village"), minzoom: 11,
                             symbolizer: name("12px sans-serif", "#333")},
                            {dataLayer: "map", filter: is("suburb"), minzoom: 13,
                             symbolizer: name("12px sans-serif", "#333")},
                            {dataLayer: "map", filter: is("street"), minzoom: 15,
                             symbolizer: new protomapsL.LineLabelSymbolizer({
                                 labelProps: ["name"], fill: "#444", stroke: "#f7f6f2", width: 3,
                                 font: "12px sans-serif"
                             })}
                        ]
                    })
                ]);
            })();
        {% endmacro %}
        """
    )

    def __init__(self, url: str, attribution: str, max_zoom: int, paper: str | None) -> None:
        super().__init__(name="Streets", overlay=True, control=False)
        self._name = "Basemap"
        self.url, self.attribution, self.max_zoom = url, attribution, max_zoom
        self.paper = paper


def blank(county: gpd.GeoDataFrame, basemap: Basemap) -> folium.Map:
    """Start a map of the area: streets, names and the outline of the county."""
    west, south, east, north = county.total_bounds
    drawn = _Leaflet(
        tiles=None,
        zoom_start=10,
        prefer_canvas=True,
        scroll_wheel_zoom=False,
        zoom_snap=0.25,
        max_zoom=17,
        min_zoom=8,
    )
    # Folium forgets the limits of the zoom without tiles, and clusters need one
    drawn.options.update(max_zoom=17, min_zoom=8)
    # the page's own script goes there, or to the reader's place: tiles are asked for once
    drawn.options["home"] = [[south, west], [north, east]]
    CustomPane(SHADES, z_index=350).add_to(drawn)
    _Tiles(basemap.url, text(basemap.attribution), 13, _PAPER).add_to(drawn)
    if basemap.streets_url:
        _Tiles(basemap.streets_url, "", tiles.MAX_ZOOM, None).add_to(drawn)
    folium.GeoJson(
        county[["geometry"]].to_json(),
        control=False,
        interactive=False,
        style_function=_outline_style,
    ).add_to(drawn)
    return drawn


def _outline_style(feature: object) -> dict[str, object]:
    del feature
    return {"color": "#6b6459", "weight": 1.5, "fill": False, "dashArray": "6 4"}


def locate_control() -> MacroElement:
    """Make the button that shows where the reader is; nothing leaves the device."""
    strings = {"title": "Show where I am", "popup": "You are within {distance} {unit} of here"}
    return _Locate(strings=strings, flyTo=False, keepCurrentZoomLevel=False, showPopup=False)


def kit_signs(kits: gpd.GeoDataFrame, standings: Iterable[Standing]) -> Layer:
    """Draw kits as signs whose shape says whether they can be reached.

    Parameters
    ----------
    kits
        Placed kits.
    standings
        How each of them stands.
    """
    layer = _clusters()
    for kit, standing in zip(kits.itertuples(), standings, strict=True):
        state = standing.availability
        style, sign = _SIGNS[state]
        if state is Availability.OPEN and kit.opening_hours != ALWAYS:
            sign = "✓"
        if standing.ready:
            style = "kit-ready"
        # a kit that is shut is not fetched anyway
        if standing.doubt and state is not Availability.CLOSED:
            style, sign = "kit-doubt", "?!"
        # the page fills the popup from its own list, so no text from data enters the map
        folium.Marker(
            (kit.latitude, kit.longitude),
            icon=folium.DivIcon(
                html=f"<span>{sign}</span>", class_name=f"kit {style}", icon_size=(30, 30)
            ),
            title=text(
                f"{kit.reference}: {state}{'' if standing.confirmed else ', not confirmed'}"
            ),
            reference=text(kit.reference),
        ).add_to(layer)
    return layer


def _clusters() -> MarkerCluster:
    return _Clusters(
        name="Bleed kits",
        icon_create_function="""function (cluster) {
            return L.divIcon({
                html: "<span>" + cluster.getChildCount() + "</span>",
                className: "kit-cluster", iconSize: [38, 38]
            });
        }""",
        showCoverageOnHover=False,
        maxClusterRadius=36,
        disableClusteringAtZoom=14,
    )


# what is reached sooner lies on top, darker
_REACH_COLOUR = "#00703c"


def reach_areas(reach: Reach, pane: str) -> Layer:
    """Draw from where a kit is fetched within each time; estimates have a dashed outline."""
    layer = folium.FeatureGroup(name=f"There and back {_minutes(reach)}, running")
    if not reach.areas.empty:
        folium.GeoJson(
            reach.areas[["method", "geometry"]].to_json(),
            control=False,
            interactive=False,
            pane=pane,
            style_function=_reach_style,
        ).add_to(layer)
    return layer


def _minutes(reach: Reach) -> str:
    times = sorted(set(reach.areas["fetch_s"]))
    return f"in {' or '.join(f'{seconds / 60:g}' for seconds in times)} minutes"


def _reach_style(feature: Mapping[str, Mapping[str, str]]) -> dict[str, object]:
    estimate = feature["properties"]["method"] == "straight"
    return {
        "color": _REACH_COLOUR,
        "weight": 1.5,
        "fillColor": _REACH_COLOUR,
        "fillOpacity": REACH_OPACITY,
        "dashArray": "5 5" if estimate else None,
    }


def rough_circles(kits: gpd.GeoDataFrame, *, beyond_m: float) -> Layer:
    """Draw how far each kit placed less exactly than ``beyond_m`` may be from its sign."""
    layer = folium.FeatureGroup(name="Where a roughly placed kit may be")
    for kit in kits[kits["precision_m"] > beyond_m].itertuples():
        folium.Circle(
            (kit.latitude, kit.longitude),
            radius=kit.precision_m,
            color="#6b3fa0",
            weight=1,
            dash_array="4 4",
            fill=True,
            fill_opacity=0.06,
            interactive=False,
        ).add_to(layer)
    return layer
