"""Turn the rows of a file into kits, find those that are known, and tell what each row would do."""

import dataclasses
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np
import numpy.typing as npt
from rapidfuzz import fuzz
from scipy.spatial import cKDTree
from sqlalchemy import Date, Double

from locator import geodesy
from locator.errors import InputError
from locator.exchange import values as cell
from locator.exchange.columns import ADDRESS_PARTS
from locator.exchange.positions import Finder, Placed
from locator.exchange.values import Cells, Note, Remark
from locator.places import fold
from locator.registry import rules
from locator.registry.custody import OUT_OF_SERVICE, is_address, normal_reference
from locator.registry.schema import Contact, Kit, Status, table_of

# kits of one kind and about one name nearer than this, or than their precisions, are looked at
_NEAR_M, _FAR_M = 30.0, 150.0
# nearer than this a kit is the same whatever its name, if both places are exact
_SAME_SPOT_M, _EXACT_M = 10.0, 50.0
_ALIKE = 75.0
# twins of one row that are compared
_TWINS = 5
_NEIGHBOURS = 16
_OURS = re.compile(r"-\d+$")
# a reference that is typed in may lie so far above the others
_GAP = 10_000
_Index = defaultdict[str, list[int]]
# in larger towns only equal names are compared for kits without a position
_LARGE_TOWN = 1000
_POSTCODE = re.compile(r"([A-Z]{1,2}\d[A-Z\d]?) ?(\d[A-Z]{2})")
_OSM_ID = re.compile(r"(?:^|/)(node|way|relation)/(\d{1,18})/?$|^([nwr]?)(\d{1,18})$")
_OSM_KINDS = {"": "node", "n": "node", "w": "way", "r": "relation"}
_POSITION = ("longitude", "latitude", "precision_m", "position_method")
_OWN_READER = (
    "reference",
    "opening_hours",
    "hours_text",
    "address",
    "postcode",
    "osm_id",
    "reported",
)


class Verdict(StrEnum):
    """What a row would do to the registry."""

    NEW = "new"
    CHANGED = "changed"
    SAME = "unchanged"
    DUPLICATE = "looks like a duplicate"
    REJECTED = "rejected"


@dataclass(slots=True)
class Row:
    """One row of a file, understood.

    Attributes
    ----------
    number
        As the reader of the file sees it.
    verdict, reference
        What it would do, and to which kit; a new kit has no reference until it is written.
    remarks
        What was corrected, left out, or should be looked at.
    values
        By column of the kit.
    contact
        The guardian, if the row names one.
    changes
        Of a known kit: field -> before and after.
    stated
        Whether the row gives coordinates, rather than words that were looked up.
    assumed
        Fields of the position that the row does not give.
    """

    number: int
    verdict: Verdict
    reference: str = ""
    remarks: list[Remark] = field(default_factory=list)
    values: dict[str, Any] = field(default_factory=dict)
    contact: dict[str, str] = field(default_factory=dict)
    changes: dict[str, tuple[Any, Any]] = field(default_factory=dict)
    stated: bool = False
    assumed: tuple[str, ...] = ()

    @property
    def rejected(self) -> bool:
        """Whether the row cannot be written."""
        return self.verdict is Verdict.REJECTED

    def reject(self, why: str) -> None:
        """Refuse the row."""
        self.verdict = Verdict.REJECTED
        self.remarks.append(Remark(Note.LOOK, why))


def understand(number: int, cells: Cells, finder: Finder) -> Row:
    """Read one row of a file as a kit; the registry is not asked yet."""
    row = Row(number, Verdict.NEW, remarks=cells.remarks)
    try:
        row.values = _values(cells)
        placed = finder.find(cells)
        if placed is not None:
            row.values |= _position(placed)
            row.stated, row.assumed = placed.stated, placed.assumed
        else:
            method = cell.words(
                cells, "position_method", _COLUMNS["position_method"].info["longest"]
            )
            row.values |= {"position_method": method} if method else {}
        row.contact = _contact(cells)
        _name(cells, row.values)
        # the readers have cleaned texts and words already; a test compares them with all rules
        row.values |= rules.clean(Kit, {n: row.values[n] for n in _POSITION[:3] if n in row.values})
    except InputError as error:
        row.values = {"name": rules.without_codes(cells.text("name"))}
        row.reject(str(error))
    return row


def _position(placed: Placed) -> dict[str, Any]:
    longest = _COLUMNS["position_method"].info["longest"]
    method = cell.fitting(rules.without_codes(placed.method), longest)
    found = (placed.lon, placed.lat, placed.precision_m, method)
    return dict(zip(_POSITION, found, strict=True))


def _reader(column: Any) -> Callable[[Cells], Any] | None:
    """Choose how a column's cell is read, from its type; None where that takes more."""
    name, info = column.name, column.info
    if name in _POSITION or name in _OWN_READER:
        return None
    if "choice" in info:
        return lambda cells: cell.choice(cells, name, info["choice"])
    if isinstance(column.type, Date):
        return lambda cells: cell.day(cells, name)
    if isinstance(column.type, Double):
        return lambda cells: cell.number(cells, name)
    if "longest" in info:
        return lambda cells: cell.words(cells, name, info["longest"])
    return None


_COLUMNS = {column.name: column for column in table_of(Kit).columns}
_READERS = {name: read for name, column in _COLUMNS.items() if (read := _reader(column))}


def _values(cells: Cells) -> dict[str, Any]:
    found: dict[str, Any] = {
        name: read(cells) for name, read in _READERS.items() if name in cells.values
    }
    found |= cell.hours_in_access(cells) | cell.hours(cells)
    found["address"] = address(cells)
    found["postcode"] = postcode(cells)
    found["osm_id"] = _osm_id(cells)
    found["reported"] = cell.month_or_day(cells, "reported")
    found["reference"] = rules.without_codes(cells.text("reference"))
    if found.get("cost_gbp") is not None and found["cost_gbp"] < 0:
        cells.remark(Note.LEFT_OUT, "cost_gbp: a cost cannot be negative")
        del found["cost_gbp"]
    _check_dates(cells, found)
    return {name: value for name, value in found.items() if value not in (None, "")}


def _check_dates(cells: Cells, found: dict[str, Any]) -> None:
    for name in ("installed_on", "last_checked", "host_consent_on"):
        if found.get(name) is not None and found[name] > rules.latest_day():
            cells.remark(Note.LEFT_OUT, f"{name}: {found[name]} has not come yet")
            del found[name]
    for name in ("installed_on", "expires_on", "last_checked", "host_consent_on"):
        if found.get(name) is not None and not 1990 <= found[name].year < 2100:  # noqa: PLR2004
            cells.remark(Note.LEFT_OUT, f"{name}: {found[name]} cannot be right")
            del found[name]
    for later in ("expires_on", "last_checked"):
        first, second = found.get("installed_on"), found.get(later)
        if first and second and second < first:
            msg = f"{later} ({second}) lies before installed_on ({first})."
            raise InputError(msg)


def address(cells: Cells) -> str | None:
    """Join the parts of an address that a row has."""
    parts: list[str] = []
    longest = _COLUMNS["address"].info["longest"]
    for name in ADDRESS_PARTS:
        part = cell.words(cells, name, longest)
        if part and fold(part) not in fold(", ".join(parts)):
            parts.append(part)
    if cells.text("house") and cells.text("street"):
        number, street = cells.text("house"), cells.text("street")
        parts = [f"{number} {street}", *(p for p in parts if p not in (number, street))]
    return cell.fitting(rules.without_codes(", ".join(parts)), longest) or None


def postcode(cells: Cells) -> str | None:
    """Read a whole postcode; anything else is left out and said."""
    text = cells.text("postcode").upper()
    if not text:
        return None
    found = _POSTCODE.fullmatch(text)
    if found is None:
        cells.remark(Note.LOOK, f"postcode: “{text[:20]}” is not a whole postcode; left out")
        return None
    return f"{found[1]} {found[2]}"


def _osm_id(cells: Cells) -> str | None:
    text = cells.text("osm_id").casefold()
    found = _OSM_ID.search(text)
    if not text or found is None:
        if text:
            cells.remark(Note.LEFT_OUT, f"osm_id: “{text[:40]}” is not like node/123")
        return None
    kind, number = (found[1], found[2]) if found[1] else (_OSM_KINDS[found[3]], found[4])
    return f"{kind}/{number}"


def _name(cells: Cells, found: dict[str, Any]) -> None:
    if found.get("name") or found.get("reference"):
        return
    where = found.get("host") or found.get("address") or found.get("postcode")
    if not where:
        msg = "It has neither a name nor a place in words."
        raise InputError(msg)
    found["name"] = cell.fitting(f"Bleed kit, {where}", _COLUMNS["name"].info["longest"])
    cells.remark(Note.CORRECTED, f"name: there is none, so it is called “{found['name']}”")


def _contact(cells: Cells) -> dict[str, str]:
    found = {}
    for name in ("name", "email", "phone"):
        text = cell.words(
            cells, f"guardian_{name}", table_of(Contact).columns[name].info["longest"]
        )
        if text:
            found[name] = text
    if "email" in found and not is_address(found["email"]):
        cells.remark(Note.LEFT_OUT, "guardian_email: this is not an address for mail")
        del found["email"]
    return found


@dataclass(frozen=True, slots=True)
class Known:
    """The kits and contacts that the registry has, and how they are found again."""

    kits: Mapping[str, Mapping[str, Any]]
    contacts: Mapping[int, Mapping[str, Any]]
    prefix: str
    by_osm: Mapping[str, str]
    by_source: Mapping[tuple[str, str], str]

    @classmethod
    def of(
        cls,
        kits: Iterable[Mapping[str, Any]],
        contacts: Iterable[Mapping[str, Any]],
        prefix: str,
    ) -> "Known":
        """Make the indexes."""
        by_reference = {kit["reference"]: kit for kit in kits}
        return cls(
            by_reference,
            {contact["id"]: contact for contact in contacts},
            prefix,
            {kit["osm_id"]: ref for ref, kit in by_reference.items() if kit["osm_id"]},
            {
                (kit["source"], kit["source_id"]): ref
                for ref, kit in by_reference.items()
                if kit["source_id"]
            },
        )


class Duplicates(StrEnum):
    """What to do with rows that look like a known kit but do not name it."""

    HOLD = "hold"
    UPDATE = "update"
    ADD = "add"


def judge(rows: Sequence[Row], known: Known, source: str, duplicates: Duplicates) -> None:
    """Decide for every row what it would do, in place.

    Parameters
    ----------
    rows
        From :func:`understand`.
    known
        What the registry has.
    source
        Name of the list, for rows that do not name their source.
    duplicates
        What to do with rows that look like a known kit.
    """
    taken: dict[tuple[str, str], int] = {}
    claimed: dict[str, int] = {}
    highest = max((int(r.rpartition("-")[2]) for r in known.kits if _OURS.search(r)), default=0)
    unknown: list[Row] = []
    for row in rows:
        if row.rejected:
            continue
        reference = _identify(row, known, source, taken)
        if reference:
            _compare(row, known.kits[reference], known)
            _claim(row, claimed)
        elif row.reference and int(row.reference.rpartition("-")[2]) > highest + _GAP:
            row.reject(f"{row.reference} is far above the highest reference in use.")
        elif not row.rejected:
            unknown.append(row)
    _look_for_twins(unknown, known, duplicates, claimed)
    for row in rows:
        if row.verdict is Verdict.NEW:
            _complete(row, source)


def _claim(row: Row, claimed: dict[str, int]) -> None:
    """Let only one row of a file speak for a kit."""
    first = claimed.setdefault(row.reference, row.number)
    if first != row.number:
        row.reject(
            f"Row {first} is about {row.reference} as well; they would overwrite each other."
        )


def _identify(row: Row, known: Known, source: str, taken: dict[tuple[str, str], int]) -> str:
    """Find the kit that a row names by reference, OSM id or number of its source."""
    found = row.values
    named = normal_reference(found.pop("reference", ""))
    keys: dict[str, str] = {}
    ours = re.fullmatch(rf"{re.escape(known.prefix)}-\d{{4,9}}", named) is not None
    if named and not ours and "source_id" not in found:
        # somebody else's numbering
        found["source_id"] = cell.fitting(named, _COLUMNS["source_id"].info["longest"])
    if named and ours:
        row.reference = named
        keys["reference"] = named
    if found.get("osm_id"):
        keys["osm_id"] = found["osm_id"]
    if found.get("source_id"):
        keys["source_id"] = f"{found.get('source', source)}\n{found['source_id']}"
    for kind, value in keys.items():
        first = taken.setdefault((kind, value), row.number)
        if first != row.number:
            shown = value.rpartition("\n")[2]
            row.reject(f"{kind}: {shown} stands in row {first} already.")
            return ""
    hits = {
        "reference": named if named in known.kits else "",
        "osm_id": known.by_osm.get(found.get("osm_id", ""), ""),
        "source_id": known.by_source.get(
            (found.get("source", source), found.get("source_id", "")), ""
        ),
    }
    kits = {kind: kit for kind, kit in hits.items() if kit}
    if len(set(kits.values())) > 1 or (kits and ours and named not in known.kits):
        listed = ", ".join(f"{kind} belongs to {kit}" for kind, kit in kits.items())
        row.reject(f"It names more than one kit: {listed}{f', and not {named}' if ours else ''}.")
        return ""
    return next(iter(kits.values()), "")


def _compare(row: Row, kit: Mapping[str, Any], known: Known) -> None:
    """Find what a row changes in a known kit; empty cells change nothing."""
    row.reference = kit["reference"]
    found = dict(row.values)
    same_words = all(found.get(name, kit[name]) == kit[name] for name in ("address", "postcode"))
    if found.get("longitude") is not None and not row.stated and (kit["longitude"] or same_words):
        # what is looked up from words never replaces a position, nor the want of one
        for name in _POSITION:
            found.pop(name, None)
    if all(found.get(name) == kit[name] for name in ("longitude", "latitude")):
        for name in row.assumed:
            found.pop(name, None)
    if kit["status"] in (*OUT_OF_SERVICE, Status.WITHDRAWN) and found.get("status") not in (
        None,
        kit["status"],
    ):
        del found["status"]
        how = "change it by hand" if kit["status"] == Status.WITHDRAWN else "only a check ends that"
        row.remarks.append(Remark(Note.LOOK, f"status: stays “{kit['status']}”; {how}"))
    if kit["last_checked"] and found.get("last_checked", kit["last_checked"]) < kit["last_checked"]:
        del found["last_checked"]
        found.pop("checked_by", None)
    row.changes = {name: (kit[name], value) for name, value in found.items() if kit[name] != value}
    guardian = known.contacts.get(kit["guardian_id"] or 0, {})
    if any(guardian.get(name) != value for name, value in row.contact.items()):
        row.changes["guardian"] = (guardian.get("name", ""), row.contact.get("name", ""))
    row.verdict = Verdict.CHANGED if row.changes else Verdict.SAME
    _check_order(row, kit)
    _check_number(row, kit, known)


def _check_number(row: Row, kit: Mapping[str, Any], known: Known) -> None:
    """Refuse a number that another kit of the same source has."""
    after = {name: row.changes.get(name, ("", kit[name]))[1] for name in ("source", "source_id")}
    other = known.by_source.get((after["source"], after["source_id"]), kit["reference"])
    if other != kit["reference"]:
        row.reject(f"{other} has the number {after['source_id']} of this source already.")


def _check_order(row: Row, kit: Mapping[str, Any]) -> None:
    after = dict(kit) | {name: new for name, (_, new) in row.changes.items()}
    for later in ("expires_on", "last_checked"):
        first, second = after["installed_on"], after[later]
        if first and second and second < first:
            row.reject(f"{later} would be {second}, before installed_on {first}.")


def _complete(row: Row, source: str) -> None:
    row.values.setdefault("source", source)
    if not row.values.get("name"):
        row.reject("A new kit needs a name.")


def _look_for_twins(
    rows: Sequence[Row], known: Known, duplicates: Duplicates, claimed: dict[str, int]
) -> None:
    """Find for each row the known kits, or the earlier rows, that it looks like."""
    others = [kit for kit in known.kits.values() if kit["status"] != Status.WITHDRAWN]
    everything = [*others, *(row.values for row in rows)]
    twins = _twins(everything, len(others))
    for index, row in enumerate(rows):
        found = twins.get(len(others) + index, [])
        kits = [(others[other], apart) for other, apart in found if other < len(others)]
        earlier = [(rows[o - len(others)], apart) for o, apart in found if o >= len(others)]
        if row.reference and found:
            # who gives it a reference of its own knows that it is another kit
            name = kits[0][0]["reference"] if kits else f"row {earlier[0][0].number}"
            row.remarks.append(Remark(Note.LOOK, f"looks like {name}, but has its own reference"))
        elif kits:
            _meet(row, kits, known, duplicates, claimed)
        elif earlier and duplicates is not Duplicates.ADD:
            row.verdict = Verdict.DUPLICATE
            first, apart = earlier[0]
            text = f"looks like row {first.number} of this file{_at(apart)}"
            row.remarks.append(Remark(Note.LOOK, text))


def _at(apart_m: float | None) -> str:
    return "" if apart_m is None else f" at {apart_m:.0f} m"


def _meet(
    row: Row,
    kits: Sequence[tuple[Mapping[str, Any], float | None]],
    known: Known,
    duplicates: Duplicates,
    claimed: dict[str, int],
) -> None:
    """Decide about a row that looks like known kits, the most alike first."""
    copies = []
    for kit, _ in kits:
        copy = dataclasses.replace(row, remarks=[*row.remarks], values=dict(row.values))
        _compare(copy, kit, known)
        copies.append(copy)
    same = [c for c in copies if c.verdict is Verdict.SAME and c.reference not in claimed]
    chosen = same[0] if same else copies[0]
    if same or duplicates is Duplicates.UPDATE:
        row.reference, row.verdict = chosen.reference, chosen.verdict
        row.changes, row.remarks = chosen.changes, chosen.remarks
        if not row.rejected:
            _claim(row, claimed)
    elif duplicates is Duplicates.HOLD:
        kit, apart = kits[0]
        row.verdict = Verdict.DUPLICATE
        differs = f"; differs in {', '.join(chosen.changes)}" if chosen.changes else ""
        text = f"looks like {kit['reference']}, {kit['name']}{_at(apart)}{differs}"
        row.remarks.append(Remark(Note.LOOK, text))


def _or_nan(value: float | None) -> float:
    return np.nan if value is None else value


def _neighbours(
    placed: npt.NDArray[np.intp], grid: geodesy.type_floats, blur: geodesy.type_floats, known: int
) -> Iterator[tuple[int, int, float]]:
    """Pair kits after the first ``known`` with near ones before them: earlier, later, metres.

    Only so many of each are looked at: a list may have thousands of rows at one spot.
    """
    new = np.flatnonzero(placed >= known)
    for among in (np.flatnonzero(placed < known), new):
        count = min(_NEIGHBOURS, len(among))
        if not count or not len(new):
            continue
        tree = cKDTree(grid[among])
        apart, which = tree.query(grid[new], k=[*range(1, count + 1)], distance_upper_bound=_FAR_M)
        rows, columns = np.nonzero(np.isfinite(apart))
        here, there, metres = new[rows], among[which[rows, columns]], apart[rows, columns]
        near = metres <= np.clip(blur[here] + blur[there], _NEAR_M, _FAR_M)
        near &= here != there
        pairs = np.sort(np.column_stack((placed[here[near]], placed[there[near]])), axis=1)
        for (first, second), distance in zip(pairs.tolist(), metres[near].tolist(), strict=True):
            yield first, second, distance


_Twins = dict[int, list[tuple[int, float | None]]]


def _twins(kits: Sequence[Mapping[str, Any]], known: int) -> _Twins:
    """Pair each kit after the first ``known`` with the earlier ones that look the same.

    The most alike come first: those of the same name, then the nearest.
    """
    ranked: defaultdict[int, list[tuple[bool, float, int]]] = defaultdict(list)
    names = [fold(str(kit.get("name", ""))) for kit in kits]
    at = np.array(
        [[_or_nan(kit.get("longitude")), _or_nan(kit.get("latitude"))] for kit in kits]
    ).reshape(-1, 2)
    placed = np.flatnonzero(np.isfinite(at).all(axis=1))
    grid = np.column_stack(geodesy.to_bng(at[placed, 0].copy(), at[placed, 1].copy()))
    inside = np.isfinite(grid).all(axis=1)
    placed, grid = placed[inside], grid[inside]
    blur = np.array([float(kits[i].get("precision_m") or _NEAR_M) for i in placed])
    for first, second, distance in _neighbours(placed, grid, blur, known):
        if _alike(kits[first], kits[second], names[first], names[second], distance):
            ranked[second].append((names[first] != names[second], distance, first))
    found: _Twins = {
        second: [(first, distance) for _, distance, first in sorted(pairs)[:_TWINS]]
        for second, pairs in ranked.items()
    }
    _twins_in_words(kits, names, known, found)
    return found


def _twins_in_words(
    kits: Sequence[Mapping[str, Any]],
    names: Sequence[str],
    known: int,
    found: _Twins,
) -> None:
    """Pair kits where one has no position: by number of their source, or by name and town."""
    numbers: defaultdict[str, list[int]] = defaultdict(list)
    # by town, and by town and name: all kits, and those without a position
    towns: tuple[_Index, _Index] = (defaultdict(list), defaultdict(list))
    named: tuple[_Index, _Index] = (defaultdict(list), defaultdict(list))
    for index, kit in enumerate(kits):
        number, town, name = str(kit.get("source_id") or ""), _town(kit), names[index]
        unplaced = kit.get("longitude") is None
        if index >= known and index not in found and name:
            # a kit with a position is compared with those that have none
            around = towns[not unplaced][town]
            if len(around) > _LARGE_TOWN:
                around = named[not unplaced][f"{town}\n{name}"]
            same_number = numbers[number] if number else []
            for other in (*same_number, *(around if town else [])):
                if _alike(kits[other], kit, names[other], name, _FAR_M):
                    found[index] = [(other, None)]
                    break
        numbers[number].append(index)
        for kinds in (0, 1) if unplaced else (0,):
            towns[kinds][town].append(index)
            named[kinds][f"{town}\n{name}"].append(index)


def _town(kit: Mapping[str, Any]) -> str:
    address = str(kit.get("address") or "")
    return fold(address.rpartition(",")[2]) or str(kit.get("postcode") or "")


def _alike(
    kit: Mapping[str, Any], other: Mapping[str, Any], name: str, other_name: str, apart_m: float
) -> bool:
    kinds = {str(k.get("kind", "unknown")) for k in (kit, other)} - {"unknown"}
    if name == other_name and len(kinds) <= 1:
        return True
    if len(kinds) > 1:
        return False
    exact = max(kit.get("precision_m") or 0, other.get("precision_m") or 0) <= _EXACT_M
    if exact and apart_m <= _SAME_SPOT_M:
        return True
    return bool(fuzz.token_set_ratio(name, other_name) >= _ALIKE)
