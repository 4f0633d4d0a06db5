"""Read one file in a process of its own, under limits, and print its rows as JSON lines.

``python -m locator.exchange.formats PATH FORMAT LIMITS`` prints the header, then one line
for each row, then ``{"end": rows}``; or ``{"error": sentence}``. FORMAT may be empty.
"""

import dataclasses
import json
import math
import os
import resource
import sys
from collections.abc import Iterator
from pathlib import Path

from locator.errors import ImportFileError
from locator.exchange.formats import FORMATS, Header, Limits, Row, _sniffing

# for GDAL, which reads them when a reader imports it: nothing that points elsewhere
_GDAL = {
    "CPL_VSIL_CURL_ALLOWED_EXTENSIONS": ".none",
    "GDAL_DISABLE_READDIR_ON_OPEN": "TRUE",
    "GDAL_SKIP": "VRT HTTP WMS WCS WMTS OGCAPI GDALG",
    "OGR_SKIP": "OGR_VRT,GDALG,HTTP,WFS,OAPIF,OGCAPI,CSW,SQLite,GPKG,ADBC,GeoJSON,CSV,GML",
    "PROJ_NETWORK": "OFF",
}

# longer lines are refused by the parent as well
MAX_LINE = 16_000_000


def main(path: str, key: str, limits_json: str) -> None:
    """Read a file and print what it holds."""
    limits = Limits(**json.loads(limits_json))
    _limit(limits)
    try:
        rows = 0
        for item in _read(Path(path), key, limits):
            _print(dataclasses.asdict(item) if isinstance(item, Header) else item)
            rows += isinstance(item, tuple)
        _print({"end": rows})
    except BrokenPipeError:
        # the parent has seen enough
        os._exit(1)
    except ImportFileError as error:
        _print({"error": str(error)})
    except MemoryError:
        _print({"error": "The file needs too much memory. Split it and import the parts."})
    except RecursionError:
        _print({"error": "The file is nested too deeply to be a list of kits."})
    except Exception as error:  # noqa: BLE001  # whatever a library raises, the file is why
        _print({"error": f"The file is damaged or not what it says ({type(error).__name__})."})
    sys.stdout.flush()


def _limit(limits: Limits) -> None:
    os.environ |= _GDAL
    seconds = math.ceil(limits.seconds)
    for kind, most in (
        (resource.RLIMIT_AS, limits.memory_bytes),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_FSIZE, limits.unpacked_bytes),
        (resource.RLIMIT_CORE, 0),
    ):
        hard = resource.getrlimit(kind)[1]
        allowed = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (allowed, allowed))


def _read(path: Path, key: str, limits: Limits) -> Iterator[Header | Row]:
    found = _sniffing.recognise(path, FORMATS.get(key))
    yield from found.reader()(path, limits)


def _print(item: object) -> None:
    line = json.dumps(item, allow_nan=False, separators=(",", ":"))
    if len(line) >= MAX_LINE:
        msg = "The file has a row that is longer than 16 MB."
        raise ImportFileError(msg)
    sys.stdout.write(line + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
