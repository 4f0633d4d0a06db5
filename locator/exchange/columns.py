"""Recognise the columns of a file by their usual names."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from rapidfuzz import process
from rapidfuzz.distance import OSA

from locator.errors import InputError

# a typo or two in a name of at least this many letters is seen through
_LONG_NAME, _TYPOS = 6, 2

# columns that are joined, in this order, to one field
ADDRESS_PARTS = ("address", "house", "street", "locality", "town", "county")
# never read, whatever they hold
CODE = "code"

# what is asked of a row beyond the columns of the table, and the names under which people send it
_PLACES: Mapping[str, Sequence[str]] = {
    "longitude": ("long", "lon", "lng", "x", "geo lon", "location longitude"),
    "latitude": ("lat", "y", "geo lat", "location latitude"),
    "easting": ("eastings", "os easting", "os x", "x easting"),
    "northing": ("northings", "os northing", "os y", "y northing"),
    "coordinates": (
        "lat long",
        "lat lon",
        "latlong",
        "latlng",
        "lat lng",
        "latitude longitude",
        "gps",
        "gps coordinates",
        "coords",
        "geo point",
        "geolocation",
    ),
    "grid_reference": ("grid ref", "os grid reference", "os grid ref", "ngr", "gridref"),
    "plus_code": ("pluscode", "open location code", "olc"),
    "house": ("addr housenumber", "house number", "house name", "addr housename", "number"),
    "street": ("addr street", "road", "street name", "address line 1", "address 1"),
    "locality": ("addr suburb", "suburb", "village", "area", "address line 2", "address 2"),
    "town": ("addr city", "city", "town city", "post town", "address line 3", "addr town"),
    "county": ("addr county",),
}

KIT: Mapping[str, Sequence[str]] = {
    **_PLACES,
    "reference": ("ref", "kit ref", "kit reference", "kit no", "kit number", "asset number"),
    "name": (
        "venue",
        "site",
        "site name",
        "venue name",
        "premises",
        "business",
        "business name",
        "location name",
        "location",
        "title",
        "place",
        "kit name",
    ),
    "kind": ("kit type", "type", "type of kit", "category", "cabinet or bag"),
    "status": ("state", "kit status", "condition"),
    "precision_m": ("precision", "accuracy", "accuracy m", "position accuracy", "hacc"),
    "position_method": ("how placed", "position source", "geocoded by", "how found"),
    "position_text": (
        "position note",
        "position",
        "where exactly",
        "exact location",
        "location description",
        "location detail",
        "location details",
        "location notes",
        "directions",
        "bleed control kit location",
        "defibrillator location",
        "desc",
        "description",
    ),
    "floor": ("level", "storey"),
    "indoor": ("indoor outdoor", "indoors", "inside or outside", "inside outside"),
    "address": ("full address", "postal address", "addr full", "site address", "venue address"),
    "postcode": ("post code", "addr postcode", "pcode", "zip", "postal code"),
    "opening_hours": (
        "hours",
        "opening times",
        "opening",
        "availability",
        "available",
        "when available",
        "access hours",
        "opening hours osm",
    ),
    "hours_text": ("hours as given", "opening hours text", "hours in words"),
    "access": ("how it opens", "how to open", "access type", "how to get in", "locked"),
    "wheelchair": ("wheelchair access", "wheelchair reach", "accessible"),
    "contents": ("kit contents", "content", "what is inside"),
    "host": ("host organisation", "hosted by", "operator", "owner"),
    "funder": ("funded by", "sponsor", "sponsored by", "donated by", "paid by"),
    "cost_gbp": ("cost", "price", "cost in pounds", "cost £"),
    "installed_on": (
        "install date",
        "installed",
        "date installed",
        "installation date",
        "start date",
    ),
    "expires_on": ("expiry", "expiry date", "expires", "use by", "expiration date", "exp date"),
    "last_checked": (
        "last check",
        "checked on",
        "date checked",
        "last inspected",
        "check date",
        "checked",
        "last checked on",
    ),
    "checked_by": ("inspected by", "last checked by", "checker"),
    "reported": ("source date", "date reported", "as of"),
    "source": ("data source", "list", "provider"),
    "source_id": ("kit id", "id", "site id", "external id", "record id", "fid", "uid"),
    "source_url": ("url", "link", "web page", "website", "source link"),
    "osm_id": ("openstreetmap id", "osm"),
    "photo": ("image", "picture", "photo url"),
    "note": ("notes", "comment", "comments", "remarks", "cmt", "other information"),
    "host_consent": ("consent", "host agrees"),
    "host_consent_on": ("consent date", "consent given on"),
    "guardian_name": ("guardian", "contact", "contact name", "custodian", "key holder"),
    "guardian_email": ("email", "e mail", "contact email", "email address", "mail"),
    "guardian_phone": (
        "phone",
        "telephone",
        "mobile",
        "contact number",
        "contact phone",
        "telephone number",
        "phone number",
    ),
    CODE: (
        "access code",
        "cabinet code",
        "door code",
        "lock code",
        "pin",
        "keypad code",
        "entry code",
        "key code",
        "combination",
    ),
}

CANDIDATE: Mapping[str, Sequence[str]] = {
    **_PLACES,
    "reference": ("ref", "candidate"),
    "name": KIT["name"],
    "kind": ("type", "site type", "category"),
    "precision_m": KIT["precision_m"],
    "position_method": KIT["position_method"],
    "address": KIT["address"],
    "postcode": KIT["postcode"],
    "host": KIT["host"],
    "decision": ("status", "host decision"),
    "source": KIT["source"],
    "source_id": KIT["source_id"],
    "licence": ("license", "data licence"),
    "note": KIT["note"],
}

INCIDENT: Mapping[str, Sequence[str]] = {
    **_PLACES,
    "category": ("crime type", "offence", "offence type", "type", "kind"),
    "happened_at": (
        "date",
        "month",
        "time",
        "date time",
        "datetime",
        "when",
        "offence date",
        "occurred",
        "date occurred",
    ),
    "address": KIT["address"],
    "postcode": KIT["postcode"],
    "precision_m": KIT["precision_m"],
    "source": ("reported by", "data source", "provider"),
    "source_id": ("crime id", "id", "incident id", "reference", "record id"),
    "licence": ("license", "data licence"),
}


@dataclass(frozen=True, slots=True)
class Recognised:
    """How one column of a file is understood.

    Attributes
    ----------
    column
        Its name in the file.
    field
        The field it fills; empty if it is not used.
    why
        Why it is understood so, or not used, if that is not plain.
    """

    column: str
    field: str
    why: str = ""


def recognise(
    columns: Iterable[str],
    names: Mapping[str, Sequence[str]],
    chosen: Mapping[str, str] | None = None,
) -> list[Recognised]:
    """Find out which field each column fills.

    Parameters
    ----------
    columns
        Names in the file.
    names
        Field -> usual names: :data:`KIT`, :data:`CANDIDATE` or :data:`INCIDENT`.
    chosen
        Column -> field as the user says, "" for a column to leave out; it goes before everything
        else.

    Raises
    ------
    InputError
        The user names a column or a field that does not exist.
    """
    columns, chosen = list(columns), dict(chosen or {})
    _check_choice(columns, names, chosen)
    fields = {_folded(name): field for field in names for name in (*names[field], field)}
    found: dict[str, Recognised] = {
        column: Recognised(column, field, "as you said") for column, field in chosen.items()
    }
    taken = set(chosen.values())
    # a field's own name goes before its other names, and those before typos
    for rank in (_own_name, _usual_name, _typo):
        for column in columns:
            field = "" if column in found else rank(column, names, fields)
            if field and (field not in taken or field == CODE):
                taken.add(field)
                found[column] = Recognised(column, field, _why(column, field, rank is _typo))
    return [found.get(column) or _unused(column, names, fields) for column in columns]


def _check_choice(
    columns: list[str], names: Mapping[str, Sequence[str]], chosen: Mapping[str, str]
) -> None:
    for column, field in chosen.items():
        if column not in columns:
            msg = f"The file has no column “{column}”. Its columns: {', '.join(columns)}."
            raise InputError(msg)
        if field and (field not in names or field == CODE):
            listed = ", ".join(name for name in names if name != CODE)
            msg = f"There is no field “{field}”. Fields: {listed}."
            raise InputError(msg)


def _folded(name: str) -> str:
    return " ".join(re.findall(r"[^\W_]+|£", name.casefold()))


def _own_name(column: str, names: Mapping[str, Sequence[str]], fields: Mapping[str, str]) -> str:
    del fields
    return next((field for field in names if _folded(field) == _folded(column)), "")


def _usual_name(column: str, names: Mapping[str, Sequence[str]], fields: Mapping[str, str]) -> str:
    del names
    return fields.get(_folded(column), "")


def _typo(column: str, names: Mapping[str, Sequence[str]], fields: Mapping[str, str]) -> str:
    del names
    folded = _folded(column)
    if len(folded) < _LONG_NAME:
        return ""
    near = process.extractOne(folded, list(fields), scorer=OSA.distance, score_cutoff=_TYPOS)
    return fields[near[0]] if near and len(near[0]) >= _LONG_NAME else ""


def _why(column: str, field: str, typo: bool) -> str:  # noqa: FBT001  # a private helper
    if field == CODE:
        return "codes of cabinets are never read or stored"
    return f"“{column}” looks like a typing mistake" if typo else ""


def _unused(
    column: str, names: Mapping[str, Sequence[str]], fields: Mapping[str, str]
) -> Recognised:
    field = _own_name(column, names, fields) or _usual_name(column, names, fields)
    if field:
        return Recognised(column, "", f"another column fills {field} already")
    return Recognised(column, "", "not known; use --map to say what it is")
