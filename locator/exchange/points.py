"""Turn the rows of a file into candidate sites or incident points."""

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from locator import geodesy
from locator.errors import InputError
from locator.exchange import values as cell
from locator.exchange.kits import Row, Verdict, address, postcode
from locator.exchange.positions import Finder
from locator.exchange.values import Cells, Note, Remark
from locator.places import fold
from locator.registry import rules
from locator.registry.schema import Base, Candidate, Decision, Incident, key_of, table_of

# candidates of one name nearer than this are the same site
_SAME_SITE_M = 30.0
_TIMES = ("happened_at", "time_precision")


def understand(
    number: int, cells: Cells, finder: Finder, model: type[Base], zone: dt.tzinfo | None
) -> Row:
    """Read one row of a file as a candidate or an incident; the registry is not asked yet.

    ``zone`` is the one in which times are kept.
    """
    row = Row(number, Verdict.NEW, remarks=cells.remarks)
    try:
        row.values = _READ[model](cells, zone)
        placed = finder.find(cells)
        if placed is None:
            row.reject("It has no position that is certain, and a point needs one.")
            return row
        row.values |= {"longitude": placed.lon, "latitude": placed.lat}
        row.values |= {"precision_m": placed.precision_m}
        if model is Candidate:
            row.values["position_method"] = rules.without_codes(placed.method)
        times = {name: row.values.pop(name) for name in _TIMES if name in row.values}
        row.values = rules.clean(model, row.values) | times
    except InputError as error:
        row.reject(str(error))
    return row


def _texts(cells: Cells, model: type[Base], *names: str) -> dict[str, Any]:
    columns = table_of(model).columns
    found = {name: cell.words(cells, name, columns[name].info["longest"]) for name in names}
    return {name: value for name, value in found.items() if value}


def _candidate(cells: Cells, _zone: dt.tzinfo | None) -> dict[str, Any]:
    names = ("name", "kind", "host", "source", "source_id", "licence", "note")
    found = _texts(cells, Candidate, *names)
    found |= {"address": address(cells) or "", "postcode": postcode(cells) or ""}
    decision = cell.choice(cells, "decision", Decision)
    found |= {"decision": decision} if decision else {}
    where = found.get("host") or found["address"] or found["postcode"] or cells.text("reference")
    if not found.get("name"):
        if not where:
            msg = "It has neither a name nor a place in words."
            raise InputError(msg)
        found["name"] = where
    reference = cells.text("reference")
    return found | ({"reference": reference} if reference else {})


def _incident(cells: Cells, zone: dt.tzinfo | None) -> dict[str, Any]:
    when = cell.moment(cells, "happened_at", zone)
    if when is None:
        msg = "It has no date that is understood, and an incident needs one, if only a month."
        raise InputError(msg)
    found = _texts(cells, Incident, "category", "source", "source_id", "licence")
    return found | dict(zip(_TIMES, (when[0], str(when[1])), strict=True))


_READ: Mapping[type[Base], Callable[[Cells, dt.tzinfo | None], dict[str, Any]]] = {
    Candidate: _candidate,
    Incident: _incident,
}


def judge(
    rows: Sequence[Row],
    known: Sequence[Mapping[str, Any]],
    model: type[Base],
    *,
    source: str,
    licence: str,
) -> None:
    """Decide for every row what it would do, in place.

    Parameters
    ----------
    rows
        From :func:`understand`.
    known
        What the registry has of the kind.
    model
        :class:`Candidate` or :class:`Incident`.
    source, licence
        For rows that do not say theirs.
    """
    key = key_of(model).name
    by_key = {str(row[key]): row for row in known}
    numbered = {(row["source"], row["source_id"]): row for row in known if row["source_id"]}
    seen: set[tuple[str, str]] = set()
    # equal rows without a number are as many incidents as there are rows
    alike = Counter(_identity(row) for row in known if not row["source_id"])
    sites: defaultdict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for site in known if model is Candidate else ():
        sites[fold(site["name"])].append(site)
    for row in rows:
        if row.rejected:
            continue
        row.values = {"source": source, "licence": licence} | row.values
        named = row.values.pop("reference", "") if model is Candidate else ""
        number = (row.values["source"], row.values.get("source_id", ""))
        if number[1] and number in seen:
            row.reject(f"source_id: {number[1]} stands in an earlier row already.")
            continue
        seen.add(number)
        match = by_key.get(named) or numbered.get(number)
        if match is None and not number[1]:
            identity = _identity(row.values)
            if alike[identity] > 0:
                alike[identity] -= 1
                row.verdict = Verdict.SAME
                continue
            match = None if model is Incident else _same_site(row, sites)
        if match is not None:
            row.reference = str(match[key])
            row.changes = {n: (match[n], v) for n, v in row.values.items() if match[n] != v}
            row.verdict = Verdict.CHANGED if row.changes else Verdict.SAME


_FACTS = ("name", "category", "happened_at", "longitude", "latitude", "source")


def _identity(row: Mapping[str, Any]) -> tuple[object, ...]:
    return tuple(row.get(name) for name in _FACTS)


def _same_site(
    row: Row, sites: Mapping[str, Sequence[Mapping[str, Any]]]
) -> Mapping[str, Any] | None:
    for site in sites.get(fold(row.values["name"]), ()):
        apart = geodesy.geodesic_m(
            row.values["longitude"], row.values["latitude"], site["longitude"], site["latitude"]
        )
        if float(apart) <= _SAME_SITE_M:
            row.remarks.append(Remark(Note.LOOK, f"the same site as {site['reference']}"))
            return site
    return None
