"""Read police records, as data.police.uk hands them out, as demand."""

import gzip
import hashlib
import io
import re
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import numpy as np
import pandas as pd

from locator import geodesy, tables
from locator.demand.area import Homes
from locator.demand.points import COLUMNS, Accounts, Basis, Demand, weighed
from locator.demand.profile import Profile
from locator.errors import DataError

# The categories of data.police.uk in which serious bleeding is most likely. They are far
# wider than stabbings: the open records carry no knife flag, day or hour.
SERIOUS_CATEGORIES = (
    "Possession of weapons",
    "Robbery",
    "Violence and sexual offences",
)

_COLUMNS = {
    "Crime ID": "crime_id",
    "Month": "month",
    "Crime type": "category",
    "Longitude": "longitude",
    "Latitude": "latitude",
    "Location": "location",
    "LSOA code": "lsoa",
}
_NAME = re.compile(r"(?P<month>\d{4}-\d\d)-(?P<force>[a-z-]+)-street\.csv(?P<packed>\.gz)?")
_KEYS = ["month", "category", "account", "lsoa", "longitude", "latitude"]
_MONTH = r"\d{4}-(?:0[1-9]|1[0-2])"
# west, south, east, north of the United Kingdom
_BOUNDS = (-9.0, 49.0, 2.5, 61.5)


class Account(StrEnum):
    """What becomes of a record."""

    PLACED = "placed"
    WITHOUT_POSITION = "without position"
    OUTSIDE = "outside"
    OTHER_CATEGORY = "other category"
    NOT_UNDERSTOOD = "not understood"


@dataclass(frozen=True, slots=True)
class StreetFile:
    """One street-level file of one month and force.

    Attributes
    ----------
    month, force
        From its name, ``2025-01-northamptonshire-street.csv``.
    path
        The file, or the zip that holds it.
    member
        Its name within the zip; empty outside one.
    """

    month: str
    force: str
    path: Path
    member: str = ""

    def __str__(self) -> str:
        """Say where it is."""
        return f"{self.path}: {self.member}" if self.member else str(self.path)

    def content(self) -> bytes:
        """Read the CSV, unpacked.

        Raises
        ------
        DataError
            It is damaged or cannot be read.
        """
        try:
            if self.member:
                with zipfile.ZipFile(self.path) as archive:
                    return archive.read(self.member)
            raw = self.path.read_bytes()
            return gzip.decompress(raw) if self.path.suffix == ".gz" else raw
        except (OSError, EOFError, zlib.error, zipfile.BadZipFile, RuntimeError) as error:
            msg = f"{self} is damaged ({error}). Download it again."
            raise DataError(msg) from error


def street_files(folder: Path) -> list[StreetFile]:
    """Find street-level files at any depth, also within zips of data.police.uk.

    A file that is there twice with the same content is listed once.

    Raises
    ------
    DataError
        A month of a force is there twice with different content, a file is called after a month
        that does not exist, a zip is damaged, or there is no such file.
    """
    found: dict[tuple[str, str], list[StreetFile]] = {}
    for file in _candidates(folder):
        if not re.fullmatch(_MONTH, file.month):
            msg = f"{file} is called after {file.month}, which is no month. Rename or remove it."
            raise DataError(msg)
        found.setdefault((file.month, file.force), []).append(file)
    if not found:
        msg = (
            f"No police records in {folder}. Unpack the archive of data.police.uk there: its "
            "files are called 2025-01-northamptonshire-street.csv."
        )
        raise DataError(msg)
    return [_sole(files) for _, files in sorted(found.items())]


def _candidates(folder: Path) -> Iterator[StreetFile]:
    for path in sorted(folder.rglob("*-street.csv*")):
        match = _NAME.fullmatch(path.name)
        if match and path.is_file():
            yield StreetFile(match["month"], match["force"], path)
    for path in sorted(folder.rglob("*.zip")):
        try:
            with zipfile.ZipFile(path) as archive:
                members = sorted(archive.namelist())
        except (OSError, zipfile.BadZipFile) as error:
            msg = f"{path} is damaged ({error}). Download it again."
            raise DataError(msg) from error
        for member in members:
            match = _NAME.fullmatch(member.rsplit("/", 1)[-1])
            if match and not match["packed"]:
                yield StreetFile(match["month"], match["force"], path, member)


def _sole(files: list[StreetFile]) -> StreetFile:
    first, *others = files
    if others:
        digests = {hashlib.sha256(file.content()).digest() for file in files}
        if len(digests) > 1:
            msg = (
                f"{first.force} {first.month} is there twice with different content: {first} and "
                f"{others[0]}. Keep one of them."
            )
            raise DataError(msg)
    return first


@dataclass(frozen=True, slots=True, eq=False)
class Records:
    """The rows of one street-level file.

    Attributes
    ----------
    frame
        ``crime_id``, ``month``, ``category``, ``longitude``, ``latitude`` (EPSG:4326 degrees),
        ``location`` and ``lsoa``; texts as they stand there, empty where nothing does.
        Longitude and latitude are NaN where there is none.
    not_understood
        Which rows of ``frame`` lack a month or category, or have a position that is none.
    broken
        Lines with too many fields, and lines that a stray quotation mark has swallowed: they
        are not in ``frame``.
    """

    frame: pd.DataFrame
    not_understood: "pd.Series[bool]"
    broken: int


def records(file: StreetFile) -> Records:
    """Read one street-level file.

    Raises
    ------
    DataError
        It is damaged, or is no street-level file of data.police.uk.
    """
    text, broken = file.content(), 0
    try:
        try:
            frame = _parse(text)
        except pd.errors.ParserError:
            # slower, but it says how many lines it leaves out
            left_out: list[list[str]] = []
            frame = _parse(text, engine="python", on_bad_lines=left_out.append)
            broken = len(left_out)
        swallowed = _swallowed(frame) if b'"' in text else pd.Series(0, index=frame.index)
    except (ValueError, pd.errors.ParserError) as error:
        msg = f"{file} is not a street-level file of data.police.uk: {error}"
        raise DataError(msg) from error
    frame = frame[list(_COLUMNS)].rename(columns=_COLUMNS)
    given = (frame["longitude"] != "") | (frame["latitude"] != "")
    for name in ("longitude", "latitude"):
        frame[name] = pd.to_numeric(frame[name], errors="coerce").astype(np.float64)
    west, south, east, north = _BOUNDS
    lies = frame["longitude"].between(west, east) & frame["latitude"].between(south, north)
    understood = frame["month"].str.fullmatch(_MONTH) & (frame["category"] != "") & (lies | ~given)
    understood = understood.astype(bool) & (swallowed == 0)
    if len(frame) and not understood.any():
        first = frame.iloc[0]
        msg = (
            f"None of the {len(frame):,} rows of {file} is understood; the first has the month "
            f"“{first['month']}” and the category “{first['category']}”. Download it again."
        )
        raise DataError(msg)
    return Records(frame, ~understood, broken + int(swallowed.sum()))


def _swallowed(frame: pd.DataFrame) -> "pd.Series[int]":
    """Count the ends of lines within the fields of each row: the police write none."""
    ends: pd.Series[int] = frame.apply(lambda column: column.str.count("\n")).sum(axis=1)
    return ends


def _parse(text: bytes, **options: object) -> pd.DataFrame:
    # all columns: pandas would not notice too many fields if it were to read only some
    frame: pd.DataFrame = pd.read_csv(  # type: ignore[call-overload]  # options of two engines
        io.BytesIO(text), dtype=str, keep_default_na=False, **options
    )
    lacking = [name for name in _COLUMNS if name not in frame.columns]
    if lacking:
        msg = f"it has no column {', '.join(lacking)}"
        raise ValueError(msg)
    # a line that breaks off has no further fields
    return frame.fillna("")


@dataclass(frozen=True, slots=True, eq=False)
class Tally:
    """Records counted by point, month, category and account.

    Attributes
    ----------
    frame
        ``month``, ``category``, ``account``, ``lsoa``, ``longitude``, ``latitude`` and
        ``records``. Only placed records have an LSOA and a position.
    notes
        What a reader should know, in short sentences.
    """

    frame: pd.DataFrame
    notes: tuple[str, ...]


def tally(folder: Path, geodata: Path) -> Tally:
    """Count the records of all street-level files of a folder.

    A record belongs to the area when its LSOA code does: the police's snapped point lies in a
    neighbouring outline for one record in eight. One whose code is not known (older files have
    codes of 2011) belongs to it when its point lies in the county.

    Parameters
    ----------
    folder
        Holds the files, see :func:`street_files`.
    geodata
        The geodata folder.

    Raises
    ------
    DataError
        A file is damaged, is no street-level file or is there twice with different content, or
        a table of the geodata folder is missing.
    """
    files = street_files(folder)
    known = set(tables.table(geodata, "lsoa")["code"])
    homes = Homes.of(geodata)
    parts, ids = [], []
    moved = by_point = 0
    for file in files:
        read = records(file)
        frame, wrong = read.frame, read.not_understood
        serious = frame["category"].isin(SERIOUS_CATEGORIES)
        coded = frame["lsoa"].isin(known)
        counts = serious & ~wrong & frame["longitude"].notna()
        ask = (counts & ~coded).to_numpy()
        lsoa = frame["lsoa"].where(coded, "").astype(object)
        lsoa[ask] = homes.lsoa_at(*_grid(frame[ask]))
        # a point at sea has no place on the National Grid
        lost = (counts & coded).to_numpy(copy=True)
        lost[lost] = np.isnan(_grid(frame[lost])[0])
        wrong = wrong | lost
        account = pd.Series(Account.PLACED.value, index=frame.index, dtype=object)
        account[lsoa == ""] = Account.OUTSIDE.value
        account[frame["longitude"].isna()] = Account.WITHOUT_POSITION.value
        account[~serious] = Account.OTHER_CATEGORY.value
        account[wrong] = Account.NOT_UNDERSTOOD.value
        placed = account == Account.PLACED
        by_point += int((placed & ~coded).sum())
        moved += int((~wrong & (frame["month"] != file.month)).sum())
        numbered = frame.loc[frame["crime_id"] != "", "crime_id"].astype(object)
        ids.append(pd.util.hash_array(numbered.to_numpy()))
        frame = frame.assign(account=account, lsoa=lsoa.where(placed, ""), records=1)
        frame.loc[~placed, ["longitude", "latitude"]] = np.nan
        frame.loc[wrong, "month"] = file.month
        frame.loc[wrong, "category"] = ""
        parts.append(_counted(frame))
        if read.broken:
            parts.append(_broken(file, read.broken))
    counted = _counted(pd.concat(parts, ignore_index=True))
    _, times = np.unique(np.concatenate(ids), return_counts=True)
    repeated = int((times > 1).sum())
    said = {
        "records of another month than their file is called after": moved,
        "of those placed have an LSOA code that is not known, and are placed by their point": (
            by_point
        ),
        (
            f"records have a Crime ID that stands in an earlier record ({repeated:,} Crime IDs "
            "stand in several); they are kept"
        ): int((times - 1).sum()),
    }
    notes = [*_notes(files, counted), *(f"{n:,} {what}" for what, n in said.items() if n)]
    return Tally(counted, tuple(notes))


def _grid(frame: pd.DataFrame) -> tuple[geodesy.type_floats, geodesy.type_floats]:
    longitude = frame["longitude"].to_numpy(dtype=np.float64)
    return geodesy.to_bng(longitude, frame["latitude"].to_numpy(dtype=np.float64))


def _counted(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.groupby(_KEYS, dropna=False, sort=True)["records"].sum().reset_index()


def _broken(file: StreetFile, lines: int) -> pd.DataFrame:
    """Give lines that no row came from as a row of the counts."""
    row = (file.month, "", Account.NOT_UNDERSTOOD.value, "", np.nan, np.nan, lines)
    return pd.DataFrame([row], columns=[*_KEYS, "records"])


def _notes(files: list[StreetFile], counted: pd.DataFrame) -> Iterator[str]:
    months = sorted({file.month for file in files})
    forces = sorted({file.force for file in files})
    yield (
        f"{int(counted['records'].sum()):,} records of {len(months)} months "
        f"({months[0]} to {months[-1]}) of {', '.join(forces)}"
    )
    for account in Account:
        yield f"{int(counted.loc[counted['account'] == account, 'records'].sum()):,} {account}"
    expected = pd.period_range(months[0], months[-1], freq="M").astype(str)
    for force in forces:
        missing = sorted(set(expected) - {file.month for file in files if file.force == force})
        if missing:
            yield f"{force} lacks {', '.join(missing)}"


def incidents(folder: Path, profile: Profile, weights: Mapping[str, float]) -> Demand:
    """Read the police records of a geodata folder as demand.

    Parameters
    ----------
    folder
        The geodata folder.
    profile
        Stands for the hours, which the police do not give.
    weights
        Category -> weight of one record; a category that is not named weighs 1.

    Raises
    ------
    DataError
        The table is missing or damaged.
    """
    frame = tables.table(folder, "incidents")
    counts = frame.groupby("account")["records"].sum()
    placed = frame[frame["account"] == Account.PLACED].reset_index(drop=True)
    easting, northing = _grid(placed)
    points = placed.assign(
        easting=easting, northing=northing, count=placed["records"].astype(np.float64), exact=False
    )
    points = points.assign(weight=weighed(points, weights))
    return Demand(
        basis=Basis.INCIDENTS,
        points=points[list(COLUMNS)],
        profiles=profile.hours[None].copy(),
        profile_of=np.zeros(len(points), dtype=np.intp),
        accounts=Accounts(
            read=int(counts.sum()),
            placed=int(counts.get(Account.PLACED, 0)),
            without_position=int(counts.get(Account.WITHOUT_POSITION, 0)),
            outside=int(counts.get(Account.OUTSIDE, 0)),
            other_categories=int(counts.get(Account.OTHER_CATEGORY, 0)),
            other=int(counts.get(Account.NOT_UNDERSTOOD, 0)),
        ),
        profile_name=profile.name,
        profile_source=profile.source,
        tables=("incidents", *profile.tables),
    )
