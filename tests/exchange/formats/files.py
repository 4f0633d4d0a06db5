"""Makes and reads the files that the tests of this folder need."""

import json
import zipfile
from pathlib import Path

from locator.exchange.formats import FORMATS, Header, Limits, Row, Scalar
from locator.exchange.reading import reading

TITLE, NOTE = "bleed_kits", "© OpenStreetMap contributors & us -- <ODbL>"
COLUMNS = ("reference", "name", "note", "longitude", "latitude")
ROWS: list[dict[str, Scalar]] = [
    {"reference": "BK1", "name": "Café", "longitude": -0.9, "latitude": 52.25},
    {"reference": "BK2", "name": "=1+1", "note": "behind the bar"},
]


def read(path: Path, limits: Limits | None = None, key: str = "") -> tuple[Header, list[Row]]:
    with reading(path, format=key, limits=limits or Limits()) as found:
        return found.header, list(found.rows())


def values(path: Path) -> list[dict[str, Scalar]]:
    return [row for _, row in read(path)[1]]


def write(folder: Path, key: str) -> Path:
    """Write the two kits above."""
    path = folder / f"kits{FORMATS[key].extensions[0]}"
    FORMATS[key].writer()(path, COLUMNS, ROWS, title=TITLE, note=NOTE)
    return path


def save(path: Path, content: str | bytes | dict[str, object]) -> Path:
    data = json.dumps(content) if isinstance(content, dict) else content
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return path


def pack(path: Path, members: dict[str, str | bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def feature(geometry: object, **properties: object) -> dict[str, object]:
    return {"type": "Feature", "properties": properties, "geometry": geometry}


def collection(*features: object, **members: object) -> dict[str, object]:
    return {"type": "FeatureCollection", "features": list(features)} | members
