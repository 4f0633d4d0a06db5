"""Write files through GDAL."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pyogrio

from locator import geodesy
from locator.exchange.formats import Scalar, _arrow


def write(
    path: Path,
    driver: str,
    columns: Mapping[str, Sequence[Scalar | None]],
    rows: Sequence[Mapping[str, Scalar]],
    *,
    layer: str,
    **options: str,
) -> None:
    """Write one layer of points in WGS 84; ``options`` are GDAL's for the layer."""
    pyogrio.write_arrow(
        _arrow.table(columns, rows),
        path,
        layer=layer,
        driver=driver,
        geometry_name=_arrow.GEOMETRY,
        geometry_type="Point",
        crs=geodesy.WGS84,
        layer_options=options,
    )
