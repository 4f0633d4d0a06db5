"""Write a draft of new OpenStreetMap nodes, for a mapper to survey."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.sax.saxutils import quoteattr

from locator.exchange.formats import Scalar, _rows, _writing

_PRECISE_M = 25
# OpenStreetMap holds no longer value
_MAX_VALUE = 255
_SAME = {
    "name": "name",
    "reference": "ref",
    "opening_hours": "opening_hours",
    "position_text": "description",
    "host": "operator",
    "wheelchair": "wheelchair",
}
_INDOOR = {"indoor": "yes", "outdoor": "no"}
_ACCESS = {"open": {"access": "yes"}, "code from 999": {"locked": "yes"}}
_LEVEL = re.compile(r"-?\d+(\.5)?")
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_FIXME = "Draft from a list: survey the place before this is uploaded."


def write(
    path: Path,
    columns: Sequence[str],
    rows: Sequence[Mapping[str, Scalar]],
    *,
    title: str,
    note: str,
) -> list[str]:
    """Write a node for each installed kit that is placed well and not yet on the map."""
    del columns
    left_out: Counter[str] = Counter()
    too_long = number = 0
    with _writing.replacing(path) as draft, draft.open("w", encoding="utf-8") as file:
        # no "--" may stand in a comment
        about = re.sub("-{2,}", "–", _writing.xml_text(f"{title}. {note}"))
        file.write(
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            f"<!-- A draft for a mapper to survey: do not upload it as it is. {about} -->\n"
            '<osmChange version="0.6" generator="bleed-kit-locator">\n<create>\n'
        )
        for row in rows:
            place = _writing.position(row)
            if place is None or (why := _unfit(row)):
                left_out[why if place else "without a position"] += 1
                continue
            number += 1
            file.write(f'<node id="-{number}" lat="{place[1]:.7f}" lon="{place[0]:.7f}">\n')
            for key, value in _tags(row).items():
                if len(value) > _MAX_VALUE:
                    too_long += 1
                    continue
                file.write(f"<tag k={quoteattr(key)} v={quoteattr(_writing.xml_text(value))}/>\n")
            file.write("</node>\n")
        file.write("</create>\n</osmChange>\n")
    said = [
        text for why, n in left_out.items() for text in _writing.left_out(n, f"{why} left out.")
    ]
    if too_long:
        many = _rows.count(too_long, "text")
        said.append(f"{many} of more than {_MAX_VALUE} characters left out.")
    return said


def _unfit(row: Mapping[str, Scalar]) -> str:
    """Say why a kit with a position does not belong in the draft; empty if it does."""
    if row.get("status") != "installed":
        return "not installed"
    if row.get("osm_id"):
        return "already in OpenStreetMap"
    precision = row.get("precision_m")
    if not isinstance(precision, int | float) or precision > _PRECISE_M:
        return f"whose position is not known to {_PRECISE_M} m"
    return ""


def _tags(row: Mapping[str, Scalar]) -> dict[str, str]:
    tags = {"emergency": "bleed_control_kit"}
    tags |= {tag: _writing.text(row[key]) for key, tag in _SAME.items() if row.get(key)}
    if indoor := _INDOOR.get(str(row.get("indoor"))):
        tags["indoor"] = indoor
    tags |= _ACCESS.get(str(row.get("access")), {})
    floor = str(row.get("floor", "")).strip()
    if floor.lower() in {"g", "ground", "ground floor"}:
        tags["level"] = "0"
    elif _LEVEL.fullmatch(floor):
        tags["level"] = floor
    if _DAY.fullmatch(str(row.get("last_checked"))):
        tags["check_date"] = str(row["last_checked"])
    return tags | {"fixme": _FIXME}
