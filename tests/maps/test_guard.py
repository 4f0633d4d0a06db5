import html
import re
from pathlib import Path

import folium
import pytest
from branca.element import MacroElement
from folium.plugins import MarkerCluster

import locator.maps
from locator.maps import _guard

# reaches the shell of the server on a stock Folium
RUNS_ON_SERVER = "{{cycler.__init__.__globals__.os.popen(dict(id=x)|join).read()}}"
ATTACKS = [
    RUNS_ON_SERVER,
    "{{7*7}}",
    "{% raw",
    "Bay {#1#} west",
    "${alert(1)}",
    "`${alert(1)}`",
    "</script><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "'\"\\\n\u2028",
]
PLACES = {
    "tooltip": lambda s: folium.Marker((52, -1), tooltip=s),
    "popup": lambda s: folium.Marker((52, -1), popup=s),
    "popup, html": lambda s: folium.Marker((52, -1), popup=folium.Popup(s, parse_html=True)),
    "title": lambda s: folium.Marker((52, -1), title=s),
    "icon": lambda s: folium.Marker((52, -1), icon=folium.DivIcon(html=s)),
    "layer name": lambda s: folium.FeatureGroup(name=s),
    "cluster": lambda s: MarkerCluster(name=s).add_child(folium.Marker((52, -1), tooltip=s)),
    "property": lambda s: folium.GeoJson(
        {
            "type": "FeatureCollection",
            "features": [
                {
                    "type": "Feature",
                    "properties": {"name": s},
                    "geometry": {"type": "Point", "coordinates": [-1, 52]},
                }
            ],
        },
        tooltip=folium.GeoJsonTooltip(["name"]),
    ),
}


def _drawn(layer: MacroElement) -> str:
    drawn = folium.Map(tiles=None)
    layer.add_to(drawn)
    folium.LayerControl().add_to(drawn)
    root = drawn.get_root()
    root.render()
    return str(root.header.render() + root.html.render() + root.script.render())


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("attack", ATTACKS)
def test_raw_text_never_runs_on_the_server(place: str, attack: str) -> None:
    page = _drawn(PLACES[place](attack))
    assert "uid=" not in page
    assert not re.search(r"\b49\b", page)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("attack", ATTACKS)
def test_encoded_text_leaves_no_live_character(place: str, attack: str) -> None:
    harmless = _drawn(PLACES[place](_guard.text("x" * 5)))
    page = _drawn(PLACES[place](_guard.text(attack)))
    assert "uid=" not in page
    for live in ("<img", "</script><script>", "${alert", "`$", "{#1#}", "{{7"):
        assert page.count(live) == harmless.count(live)


def test_text_reads_the_same_in_a_browser() -> None:
    for attack in ATTACKS:
        shown = html.unescape(_guard.text(attack))
        assert shown == re.sub(r"[\n\r\u2028\u2029]", " ", attack)


def test_the_replaced_methods_are_still_where_they_were() -> None:
    assert MacroElement.render is _guard._render_macro
    assert folium.Popup.render is _guard._render_popup
    for owner in (folium.Marker, folium.FeatureGroup, folium.LayerControl, MarkerCluster):
        # every override must end in the replaced method, or untrusted text would run again
        own = owner.__dict__.get("render")
        assert own is None or "Element(" not in own.__code__.co_names


def test_assets_of_others_are_refused() -> None:
    with pytest.raises(ValueError, match="not served from our own origin"):
        _guard.compose(folium.Map(tiles=None), "stock")


def test_no_element_is_made_from_text() -> None:
    package = Path(locator.maps.__file__).parent.parent
    for path in package.rglob("*.py"):
        code = path.read_text("utf-8")
        for forbidden in ("folium.Element(", "folium.IFrame(", "branca.element.Element("):
            assert forbidden not in code, path
