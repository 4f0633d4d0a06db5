"""Who may walk where; the tags of most cases are those of real ways in Rutland."""

import pytest

from locator.travel.network import Label
from locator.travel.walking import Reason, Walk, blocks, depends_on_time, walk

MINE = {"access": "private"}


@pytest.mark.parametrize(
    ("tags", "kind"),
    [
        # nobody signs a trunk road for walkers, and there is often no other way between villages
        ({"highway": "trunk", "ref": "A1"}, "road"),
        ({"highway": "unclassified", "oneway": "yes"}, "road"),
        ({"highway": "residential", "motor_vehicle": "no"}, "street"),
        ({"highway": "service", "service": "driveway"}, "service road"),
        ({"highway": "cycleway"}, "cycle path"),
        ({"highway": "footway", "footway": "crossing"}, "footpath"),
        ({"highway": "footway", "foot": "unknown"}, "footpath"),
        ({"highway": "footway", "tunnel": "yes", "name": "Cattle Arches"}, "footpath"),
        ({"highway": "service", "tunnel": "building_passage"}, "service road"),
        ({"highway": "track", "access": "destination"}, "track"),
        ({"highway": "service", "access": "customers;delivery"}, "service road"),
        # ways 304702956 and 440662979: private land that a right of way crosses
        ({"highway": "service", "foot": "designated", **MINE}, "service road"),
        ({"highway": "track", "designation": "public_bridleway", **MINE}, "track"),
        ({"highway": "trunk", "motorroad": "yes", "foot": "yes"}, "road"),
        ({"railway": "platform"}, "platform"),
        ({"man_made": "pier", "floating": "yes"}, "pier"),
    ],
)
def test_one_may_walk_here(tags: dict[str, str], kind: str) -> None:
    found = walk(tags, closed=False)
    assert isinstance(found, Walk)
    assert found.label.kind == kind
    assert not found.outline


@pytest.mark.parametrize(
    ("tags", "reason"),
    [
        ({"highway": "motorway_link", "foot": "yes"}, Reason.MOTORWAY),
        ({"highway": "trunk", "motorroad": "yes"}, Reason.MOTORWAY),
        ({"route": "ferry", "foot": "yes"}, Reason.FERRY),
        ({"highway": "construction", "construction": "residential"}, Reason.NOT_THERE),
        ({"highway": "busway"}, Reason.NOT_ON_FOOT),
        ({"highway": "corridor"}, Reason.INDOORS),
        ({"highway": "footway", "indoor": "yes"}, Reason.INDOORS),
        ({"amenity": "parking", "parking": "multi-storey"}, Reason.INDOORS),
        ({"highway": "layby"}, Reason.UNKNOWN),
        ({"highway": "service", **MINE}, Reason.CLOSED),
        ({"highway": "track", "access": "agricultural;forestry"}, Reason.CLOSED),
        ({"highway": "footway", "foot": "private"}, Reason.CLOSED),
        # a value that nobody wrote down is taken for closed
        ({"highway": "service", "access": "members"}, Reason.CLOSED),
        ({"highway": "primary", "foot": "use_sidepath"}, Reason.CLOSED),
        ({"highway": "footway", "access": "yes", "foot": "no"}, Reason.CLOSED),
        ({"highway": "path", "designation": "public_footpath", "foot": "no"}, Reason.CLOSED),
        ({"amenity": "parking", **MINE}, Reason.CLOSED),
    ],
)
def test_nobody_walks_here(tags: dict[str, str], reason: Reason) -> None:
    assert walk(tags, closed=True) is reason


@pytest.mark.parametrize(
    ("tags", "kind", "outline"),
    [
        ({"amenity": "parking"}, "car park", True),
        ({"place": "square"}, "square", True),
        ({"highway": "pedestrian", "place": "square", "area": "yes"}, "square", True),
        # way 90146143, School House Quad in Uppingham
        ({"highway": "pedestrian", "area": "yes"}, "square", True),
        ({"highway": "service", "area": "yes"}, "service road", True),
        ({"railway": "platform", "area": "yes"}, "platform", True),
        ({"highway": "residential", "junction": "roundabout"}, "street", False),
        ({"highway": "service", "amenity": "parking"}, "service road", False),
    ],
)
def test_outlines_of_areas(tags: dict[str, str], kind: str, *, outline: bool) -> None:
    found = walk(tags, closed=True)
    assert isinstance(found, Walk)
    assert (found.label.kind, found.outline) == (kind, outline)


@pytest.mark.parametrize("tags", [{"amenity": "pub"}, {"railway": "rail"}, {"place": "hamlet"}])
def test_what_is_no_way_at_all(tags: dict[str, str]) -> None:
    assert walk(tags, closed=True) is None
    assert walk({"amenity": "parking"}, closed=False) is None


def test_a_street_is_called_by_its_name_else_by_its_number() -> None:
    def label(**tags: str) -> Label:
        found = walk({"highway": "primary", **tags}, closed=False)
        assert isinstance(found, Walk)
        return found.label

    assert label(name="Burley Road", ref="A606") == Label("road", "Burley Road")
    assert label(ref="A606") == Label("road", "A606")
    assert label() == Label("road", "")
    assert label(name=" High\tStreet\n") == Label("road", "High Street")


@pytest.mark.parametrize(
    ("tags", "shut"),
    [
        ({"barrier": "gate"}, False),
        ({"barrier": "stile"}, False),
        ({"barrier": "lift_gate"}, False),
        ({"barrier": "bollard", "motor_vehicle": "no"}, False),
        ({"barrier": "gate", "access": "no"}, True),
        ({"barrier": "gate", "access": "permissive"}, False),
        # node 4563145996
        ({"barrier": "gate", "access": "agricultural", "foot": "yes"}, False),
        ({"barrier": "gate", "locked": "yes"}, True),
        ({"barrier": "gate", "locked": "yes", "access": "yes"}, True),
        ({"barrier": "gate", "locked": "yes", "foot": "yes"}, False),
        ({"barrier": "kissing_gate", "foot": "private"}, True),
        ({"barrier": "fence"}, True),
        ({"barrier": "wall", "access": "yes"}, False),
    ],
)
def test_barriers(tags: dict[str, str], *, shut: bool) -> None:
    assert blocks(tags) is shut


def test_rules_that_depend_on_time_are_told() -> None:
    assert depends_on_time({"highway": "footway", "opening_hours": "sunrise-sunset"})
    assert depends_on_time({"access:conditional": "no @ (22:00-06:00)"})
    assert not depends_on_time({"access": "no"})
