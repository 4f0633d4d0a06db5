"""Write a report into a folder: the pages, every table, every layer and every figure."""

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd

from locator.errors import InputError
from locator.exchange.formats import Scalar, _writing, delimited
from locator.reports.figures import plain
from locator.reports.planner import Report

PAGE, PRINT, FIGURES, LAYERS = "report.html", "report.pdf", "figures.json", "layers.gpkg"


def write(report: Report, folder: Path, *, with_pdf: bool = True) -> list[Path]:
    """Write everything; a file that is there already is replaced whole or not at all.

    Parameters
    ----------
    report
        From :func:`locator.reports.planner.report`.
    folder
        Made if it is not there.
    with_pdf
        Also print the page as PDF.

    Returns
    -------
    paths
        Of what was written.

    Raises
    ------
    InputError
        The folder cannot be written.
    MissingLibraryError
        A library that PDFs need is missing.
    """
    printed = report.pdf() if with_pdf else b""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        written = [_bytes(folder / PAGE, report.html.encode())]
        if with_pdf:
            written.append(_bytes(folder / PRINT, printed))
        figures = json.dumps(report.figures, ensure_ascii=False, indent=1, allow_nan=False)
        written.append(_bytes(folder / FIGURES, figures.encode()))
        for name, frame in report.tables.items():
            path = folder / f"{name}.csv"
            delimited.write(path, list(frame.columns), _rows(frame), title=name, note=report.note)
            written.append(path)
        written.append(_geopackage(folder / LAYERS, report.layers, report.note))
    except OSError as error:
        msg = f"{folder} cannot be written: {error.strerror or error}. Name another folder."
        raise InputError(msg) from error
    return written


def _bytes(path: Path, content: bytes) -> Path:
    with _writing.replacing(path) as draft:
        draft.write_bytes(content)
    return path


def _rows(frame: pd.DataFrame) -> Sequence[Mapping[str, Scalar]]:
    """Give the rows without what is empty or no number."""
    found = []
    for row in frame.to_dict("records"):
        values = {str(name): _scalar(value) for name, value in row.items()}
        found.append({name: value for name, value in values.items() if value is not None})
    return found


def _scalar(value: object) -> Scalar | None:
    known: Any = plain(value)
    if known is None or (isinstance(known, float) and math.isnan(known)):
        return None
    if isinstance(known, bool | int | float):
        return known
    return " ".join(map(str, known)) if isinstance(known, list) else str(known)


def _geopackage(path: Path, layers: Mapping[str, gpd.GeoDataFrame], note: str) -> Path:
    with _writing.replacing(path) as draft:
        for name, layer in layers.items():
            shown = layer.copy()
            for column in shown.columns.drop(shown.geometry.name):
                if shown[column].dtype == object:
                    shown[column] = shown[column].map(_scalar)
            shown.to_file(draft, layer=name, driver="GPKG", DESCRIPTION=note)
    return path
