"""Tell from OpenStreetMap's tags where one may walk, and what a street is called.

The rules are those that mappers in the United Kingdom agreed on: the wiki pages *OSM tags for
routing/Access restrictions* (defaults by kind of highway), *Key:access* (values, and that the
narrower key ``foot`` beats ``access``), *Key:designation* (rights of way) and *Key:barrier*. A
value of ``access`` or ``foot`` that the wiki does not call open closes a way: nobody is to be
led to a locked door in an emergency.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from locator.travel.network import Label

KEYS = ("highway", "route", "amenity", "place", "railway", "public_transport", "man_made")
MAIN_ROADS = frozenset({"trunk", "primary", "secondary", "tertiary"})

_KINDS = {
    **dict.fromkeys(("trunk", "trunk_link", "primary", "primary_link"), "road"),
    **dict.fromkeys(("secondary", "secondary_link", "tertiary", "tertiary_link"), "road"),
    **dict.fromkeys(("unclassified", "road"), "road"),
    **dict.fromkeys(("residential", "living_street", "pedestrian"), "street"),
    **dict.fromkeys(("footway", "path"), "footpath"),
    "service": "service road",
    "track": "track",
    "bridleway": "bridleway",
    "cycleway": "cycle path",
    "steps": "steps",
    "platform": "platform",
    "elevator": "lift",
}
# kinds that are no highway, and whether only their closed outline is a way
_PLACES = {
    ("place", "square"): ("square", True),
    ("amenity", "parking"): ("car park", True),
    ("railway", "platform"): ("platform", False),
    ("public_transport", "platform"): ("platform", False),
    ("man_made", "pier"): ("pier", False),
}
_MOTORWAYS = {"motorway", "motorway_link"}
_NOT_THERE = {"construction", "proposed", "planned", "abandoned", "disused", "razed", "no"}
_NOT_ON_FOOT = {
    *("bus_guideway", "busway", "escape", "raceway"),
    *("rest_area", "services", "via_ferrata"),
}
_CAR_PARKS_INDOORS = {"underground", "multi-storey", "rooftop", "garage_boxes", "sheds"}
_OPEN = {
    *("yes", "designated", "permissive", "official", "public"),
    *("destination", "customers", "discouraged"),
}
_NOTHING_SAID = {"", "unknown"}
_RIGHTS_OF_WAY = {
    *("public_footpath", "public_bridleway"),
    *("restricted_byway", "byway_open_to_all_traffic"),
}
_DEPENDS_ON_TIME = ("foot:conditional", "access:conditional", "opening_hours")
# barriers without a way through, should one be drawn across a path
_WALLS = {"city_wall", "fence", "hedge", "retaining_wall", "wall", "wire_fence"}


class Reason(StrEnum):
    """Why nobody walks along a way."""

    CLOSED = "closed to the public"
    MOTORWAY = "motorways or motor roads"
    FERRY = "ferries"
    INDOORS = "inside buildings, which may be shut"
    NOT_THERE = "planned, under construction or gone"
    NOT_ON_FOOT = "busways, raceways and the like"
    UNKNOWN = "of a kind that no rule knows"


@dataclass(frozen=True, slots=True)
class Walk:
    """How one walks along a way.

    Attributes
    ----------
    label
        What it is called in speech.
    outline
        Whether it is the outline of an area that can be crossed on foot.
    level
        Height and kind of structure; only ways of one level meet where they cross.
    """

    label: Label
    outline: bool
    level: tuple[str, bool, bool]


def walk(tags: Mapping[str, str], *, closed: bool) -> Walk | Reason | None:
    """Tell whether one may walk along a way.

    Parameters
    ----------
    tags
        Of the way, or of the multipolygon whose outline it is.
    closed
        Whether it ends where it begins.

    Returns
    -------
    walk
        How one walks along it, the reason why not, or None if it is no way at all.
    """
    if tags.get("route") == "ferry":
        return Reason.FERRY
    highway = tags.get("highway")
    if highway is not None and (reason := _highway_reason(highway, tags)):
        return reason
    outline = closed and tags.get("area") == "yes"
    kind = "square" if outline and highway == "pedestrian" else _KINDS.get(highway or "")
    for (key, value), (place, only_outline) in _PLACES.items():
        if tags.get(key) == value and (closed or not only_outline) and kind in {None, "square"}:
            kind = place
            outline = outline or only_outline
    if kind is None:
        return None
    if _is_fast(tags):
        kind = "fast road"
    if _is_indoors(tags):
        return Reason.INDOORS
    if not _is_open(tags):
        return Reason.CLOSED
    level = (tags.get("layer", "0"), _has(tags, "bridge"), _has(tags, "tunnel"))
    # a name is one line: the network keeps labels with tabs between their parts
    name = " ".join((tags.get("name") or tags.get("ref") or "").split())
    return Walk(Label(kind, name), outline, level)


def blocks(tags: Mapping[str, str]) -> bool:
    """Tell whether a barrier on a way stops everyone on foot.

    A gate without any word on access is taken for open, as in the wiki; one that is locked
    is not unless ``foot`` says so.
    """
    foot = _says(tags.get("foot", ""))
    if foot is not None:
        return not foot
    if tags.get("locked") == "yes":
        return True
    access = _says(tags.get("access", ""))
    return tags.get("barrier") in _WALLS if access is None else not access


def depends_on_time(tags: Mapping[str, str]) -> bool:
    """Tell whether who may walk here changes with the hour or the season."""
    return any(key in tags for key in _DEPENDS_ON_TIME)


def _highway_reason(highway: str, tags: Mapping[str, str]) -> Reason | None:
    is_motor_road = tags.get("motorroad") == "yes" and not _says(tags.get("foot", ""))
    if highway in _MOTORWAYS or is_motor_road:
        return Reason.MOTORWAY
    if highway in _NOT_THERE:
        return Reason.NOT_THERE
    if highway in _NOT_ON_FOOT:
        return Reason.NOT_ON_FOOT
    if highway == "corridor":
        return Reason.INDOORS
    return None if highway in _KINDS else Reason.UNKNOWN


def _is_fast(tags: Mapping[str, str]) -> bool:
    """Tell a fast carriageway without a pavement: one may walk there, but ought to be warned."""
    fast = tags.get("maxspeed") in {"60 mph", "70 mph"} and tags.get("oneway") == "yes"
    pavements = ("sidewalk", "sidewalk:both", "sidewalk:left", "sidewalk:right")
    has_pavement = any(tags.get(key, "no") not in {"no", "none"} for key in pavements)
    is_road = tags.get("highway") in _FAST
    return is_road and fast and not has_pavement and tags.get("foot") not in {"yes", "designated"}


_FAST = frozenset({"trunk", "trunk_link", "primary", "primary_link"})


def _is_indoors(tags: Mapping[str, str]) -> bool:
    return _has(tags, "indoor") or tags.get("parking") in _CAR_PARKS_INDOORS


def _is_open(tags: Mapping[str, str]) -> bool:
    foot = _says(tags.get("foot", ""))
    if foot is not None:
        return foot
    if tags.get("designation") in _RIGHTS_OF_WAY:
        return True
    return _says(tags.get("access", "")) is not False


def _says(value: str) -> bool | None:
    """Understand a value of ``foot`` or ``access``; None if it says nothing."""
    if value in _NOTHING_SAID:
        return None
    return any(part.strip() in _OPEN for part in value.split(";"))


def _has(tags: Mapping[str, str], key: str) -> bool:
    return tags.get(key, "no") != "no"
