import json
import re
from html import unescape

import pytest
import shapely
from flask import Flask
from flask.testing import FlaskClient

from tests.web.reading import STAMFORD_ROAD, line_of, text_of


def test_map_scripts_are_cached_by_content(client: FlaskClient) -> None:
    for page in ("/map", "/coverage", "/coverage?within=800&hours=any"):
        html = client.get(page).text
        (address,) = re.findall(r'src="(/maps/[^"]+)"', html)
        response = client.get(unescape(address))
        assert response.status_code == 200
        assert response.content_type == "text/javascript; charset=utf-8"
        assert response.headers["Cache-Control"] == "public, max-age=3600"
        again = client.get(unescape(address), headers={"If-None-Match": response.headers["ETag"]})
        assert again.status_code == 304
        stale = client.get(unescape(address).split("v=")[0] + "v=old")
        assert stale.headers["Cache-Control"] == "no-cache"


def test_the_basemap_comes_in_ranges(client: FlaskClient) -> None:
    response = client.get("/basemap.pmtiles", headers={"Range": "bytes=0-126"}, buffered=True)
    assert response.status_code == 206
    assert response.data[:7] == b"PMTiles"
    assert len(response.data) == 127


def _areas(client: FlaskClient, page: str) -> list[tuple[str, shapely.Geometry]]:
    """Read the reach areas from the script of a page's map, the largest first."""
    html = client.get(page).text
    (address,) = re.findall(r'src="(/maps/[^"]+)"', html)
    script = client.get(unescape(address)).text
    found = []
    for text in re.findall(r"_add\((\{.*\})\);", script):
        for feature in json.loads(text)["features"]:
            if "method" in feature["properties"]:
                shape = shapely.make_valid(shapely.geometry.shape(feature["geometry"]))
                found.append((feature["properties"]["method"], shape))
    return found


@pytest.mark.parametrize("page", ["/map", "/coverage"])
def test_maps_show_from_where_a_kit_is_fetched_in_time(
    walking: FlaskClient, walking_app: Flask, page: str
) -> None:
    areas = _areas(walking, page)
    five, three = (area for method, area in areas if method == "streets")
    assert five.buffer(1e-4).contains(three)
    market, station = shapely.Point(-0.7275, 52.6702), shapely.Point(-0.7339, 52.6727)
    assert three.contains(market)
    assert three.contains(station), "the pub is open"
    # where the way from Stamford Road comes to the street are 315 m to go, at 3 m/s both ways
    lat, lon = line_of(walking.post("/", data={"place": STAMFORD_ROAD}).text)[1]
    assert five.contains(shapely.Point(lon, lat))
    assert not three.contains(shapely.Point(lon, lat))
    # a kit of Northampton placed to 120 m: no street near it is loaded
    assert any(
        area.contains(shapely.Point(-0.8934, 52.2367))
        for method, area in areas
        if method != "streets"
    )
    text = text_of(walking.get(page).text)
    assert "there and back in 3 (darker) or 5 minutes, running along streets" in text
    assert re.search(r"kits left out, placed too roughly: \d+", text)
    assert "400 m around a kit" not in text


def test_maps_without_streets_are_as_before(client: FlaskClient) -> None:
    assert _areas(client, "/map") == _areas(client, "/coverage") == []
    assert "400 m around a kit" in text_of(client.get("/coverage").text)
    assert "running along streets" not in text_of(client.get("/map").text)
