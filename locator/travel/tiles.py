"""Write the streets of a network as vector tiles, so that maps can draw ways on them."""

from pathlib import Path

import geopandas as gpd
import numpy as np
import pyogrio
import shapely

from locator import geodesy
from locator.travel.network import CM, Network

FILE = "streets.pmtiles"
MAX_ZOOM = 14
_MIN_ZOOM = 11
# drawn thinner: one does not drive there
_PATHS = frozenset(
    {"footpath", "cycle path", "bridleway", "track", "steps", "square", "car park", "platform"}
)


def write(network: Network, folder: Path) -> Path:
    """Write every edge with its name; ``kind`` is ``street`` or ``path``.

    Parameters
    ----------
    network
        From :func:`locator.travel.network.build`.
    folder
        That of the network.
    """
    edges = len(network.ends)
    lon, lat = geodesy.to_wgs84(network.point[:, 0] / CM, network.point[:, 1] / CM)
    owner = np.repeat(np.arange(edges), np.diff(network.first))
    lines = shapely.linestrings(np.column_stack([lon, lat]), indices=owner)
    labels = [network.label_of(edge) for edge in range(edges)]
    kinds = ["path" if label.kind in _PATHS else "street" for label in labels]
    frame = gpd.GeoDataFrame(
        {"kind": kinds, "name": [label.name for label in labels]}, geometry=lines, crs=geodesy.WGS84
    )
    path = folder / FILE
    path.unlink(missing_ok=True)
    zooms = {"MINZOOM": _MIN_ZOOM, "MAXZOOM": MAX_ZOOM}
    pyogrio.write_dataframe(frame, path, driver="PMTiles", layer="map", **zooms)
    return path
