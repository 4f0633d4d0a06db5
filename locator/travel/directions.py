"""Turn a way along streets into a few steps, as one would say them to somebody who runs."""

import itertools
import math
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from locator import geodesy
from locator.travel.network import Label
from locator.travel.streets import Leg, Snaps, Streets, Tree

# directions are taken over this length on both sides of a corner
_SIGHT_M = 15.0
# who is this near to a street stands on it
ASIDE_M = 15.0
# a stretch shorter than this is said only if it is a flight of steps
BRIEF_M = 12.0
# a kit this near to the line of a street has no side
_BESIDE_M = 4.0
_STRAIGHT_ON, _BEAR, _BACK = 31.0, 61.0, 151.0


class Turn(StrEnum):
    """How a step begins."""

    NORTH = "north"
    NORTH_EAST = "north-east"
    EAST = "east"
    SOUTH_EAST = "south-east"
    SOUTH = "south"
    SOUTH_WEST = "south-west"
    WEST = "west"
    NORTH_WEST = "north-west"
    ON = "go on"
    BEAR_LEFT = "bear left"
    BEAR_RIGHT = "bear right"
    LEFT = "turn left"
    RIGHT = "turn right"
    BACK = "turn back"


WINDS = tuple(Turn)[:8]


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do.

    Attributes
    ----------
    turn
        Where to.
    label
        Along what.
    metres
        How far.
    """

    turn: Turn
    label: Label
    metres: float

    def __str__(self) -> str:
        """Say it in English: ``Turn left into Mill Street, 80 m``."""
        return self.after(None)

    def after(self, before: Label | None) -> str:
        """Say it to somebody who comes along a street."""
        where = _spoken(self.label)
        far = spoken_metres(self.metres)
        if self.turn in WINDS:
            return f"Go {self.turn} along {where}, {far}"
        turn = self.turn.capitalize()
        if self.label.kind == "steps":
            return f"{turn} and take {where}, {far}"
        if self.turn is Turn.ON or self.turn is Turn.BACK:
            return f"{turn} along {where}, {far}"
        if before and before.name and before.name == self.label.name:
            return f"{turn} to stay on {where}, {far}"
        return f"{turn} into {where}, {far}"


@dataclass(frozen=True, slots=True)
class Route:
    """The way to one kit.

    Attributes
    ----------
    metres
        All of it, the way to and from the street among them.
    bearing
        Direction in which the kit lies, degrees clockwise from north.
    line
        Longitude and latitude of its corners, degrees (EPSG:4326); straight across where
        it leaves the streets.
    to_street_m, from_street_m
        Metres at either end that are not along a street.
    to_street
        Direction in which the street lies, degrees clockwise from north.
    steps
        What to do; nothing if the kit is nearer than the street.
    end
        On which side of the last stretch the kit is, ``left`` or ``right``; empty if it is
        beside the street or straight ahead.
    """

    metres: float
    bearing: float
    line: tuple[tuple[float, float], ...]
    to_street_m: float
    from_street_m: float
    to_street: float
    steps: tuple[Step, ...]
    end: str

    @property
    def spoken(self) -> tuple[str, ...]:
        """Say the steps in English, with both ends."""
        if not self.steps or self.metres < BRIEF_M:
            return (self._beside(),)
        passed = [None, *(step.label for step in self.steps)]
        said = [step.after(before) for before, step in zip(passed, self.steps, strict=False)]
        if self.to_street_m > ASIDE_M:
            first, towards = _spoken(self.steps[0].label), wind(self.to_street)
            far = spoken_metres(self.to_street_m)
            said.insert(0, f"Get to {first}, about {far} to the {towards}")
        side = f", on the {self.end}" if self.end else ""
        if self.from_street_m > ASIDE_M:
            said.append(f"The kit is about {spoken_metres(self.from_street_m)} off the way{side}")
        else:
            said.append(f"The kit is there{side}")
        return tuple(said)

    def _beside(self) -> str:
        if self.metres < BRIEF_M:
            return "The kit is where you are"
        return f"The kit is about {spoken_metres(self.metres)} away, to the {wind(self.bearing)}"

    def as_dict(self) -> dict[str, object]:
        """Give the route as plain values for JSON."""
        return {
            "metres": round(self.metres),
            "steps": list(self.spoken),
            "line": [[round(lon, 6), round(lat, 6)] for lon, lat in self.line],
        }


def route(
    tree: Tree, target: Snaps, here: tuple[float, float], there: tuple[float, float]
) -> Route:
    """Describe the way to one position.

    Parameters
    ----------
    tree
        The shortest ways from where one stands.
    target
        One position within the tree's limit.
    here, there
        Easting and northing of both (EPSG:27700), metres.
    """
    legs = tree.legs_to(target)
    streets = tree.streets
    along = streets.legs_line(legs)
    line = np.vstack([here, along, there])
    return Route(
        metres=float(tree.metres_to(target)[0]),
        bearing=_bearing_of(here, there),
        line=_degrees(line),
        to_street_m=float(tree.origin.aside_m[0]),
        from_street_m=float(target.aside_m[0]),
        to_street=_bearing_of(here, (float(along[0, 0]), float(along[0, 1]))),
        steps=_steps(streets, legs),
        end=_side(streets, legs[-1], there),
    )


def straight_to(here: tuple[float, float], there: tuple[float, float]) -> Route:
    """Describe the way to a position that is nearer than the street.

    Parameters
    ----------
    here, there
        Easting and northing of both (EPSG:27700), metres.
    """
    return Route(
        metres=math.dist(here, there),
        bearing=_bearing_of(here, there),
        line=_degrees(np.array([here, there])),
        to_street_m=0.0,
        from_street_m=0.0,
        to_street=0.0,
        steps=(),
        end="",
    )


def _degrees(line: geodesy.type_floats) -> tuple[tuple[float, float], ...]:
    """Give the corners of a line in degrees, at least the first and the last."""
    kept = np.ones(len(line), dtype=np.bool_)
    kept[1:-1] = (np.abs(np.diff(line, axis=0)[:-1]) > _SAME_M).any(axis=1)
    line = line[kept]
    lon, lat = geodesy.to_wgs84(line[:, 0].copy(), line[:, 1].copy())
    return tuple(zip(lon.tolist(), lat.tolist(), strict=True))


def _bearing_of(here: tuple[float, float], there: tuple[float, float]) -> float:
    return math.degrees(math.atan2(there[0] - here[0], there[1] - here[1])) % 360


_SAME_M = 0.02


def _steps(streets: Streets, legs: list[Leg]) -> tuple[Step, ...]:
    stretches = [legs[:1]]
    for leg in legs[1:]:
        if _corner(streets, stretches[-1][-1], leg):
            stretches.append([])
        stretches[-1].append(leg)
    told = _without_brief(streets, stretches)
    first = told[0][0]
    turns = [wind(_bearing(streets, first[:1], ahead=True))]
    for (before, _), (after, _) in itertools.pairwise(told):
        turns.append(_turn(streets, before, after[0]))
    steps = [
        Step(turn, streets.network.label_of(stretch[0].edge), metres)
        for turn, (stretch, metres) in zip(turns, told, strict=True)
    ]
    return tuple(_joined(steps))


def _without_brief(streets: Streets, stretches: list[list[Leg]]) -> list[tuple[list[Leg], float]]:
    """Leave out stretches that nobody would mention, such as the middle of a crossing.

    Their metres count with the stretch before. The turn that is said next is the one between
    the stretches that are left.
    """
    told: list[tuple[list[Leg], float]] = []
    owed = 0.0
    for stretch in stretches:
        metres = owed + _metres(stretch)
        steps = streets.network.label_of(stretch[0].edge).kind == "steps"
        if steps or _metres(stretch) >= BRIEF_M:
            told.append((stretch, metres))
            owed = 0.0
        elif told:
            told[-1] = told[-1][0], told[-1][1] + metres
        else:
            owed = metres
    return told or [(stretches[-1], owed)]


def _metres(stretch: list[Leg]) -> float:
    return sum(abs(leg.end_m - leg.start_m) for leg in stretch)


def _joined(steps: list[Step]) -> list[Step]:
    """Make one step of going straight on along one street."""
    kept: list[Step] = []
    for step in steps:
        last = kept[-1] if kept else None
        if last and step.turn is Turn.ON and _same(step.label, last.label):
            kept[-1] = Step(last.turn, last.label, last.metres + step.metres)
        else:
            kept.append(step)
    return kept


def _same(one: Label, other: Label) -> bool:
    return one.name == other.name if one.name else one == other


def _corner(streets: Streets, before: Leg, after: Leg) -> bool:
    """Tell whether something has to be said between two legs."""
    net = streets.network
    if net.edge_label[before.edge] != net.edge_label[after.edge]:
        return True
    # where nothing branches off, a street of one label is one edge, whatever its bends
    return abs(_angle(streets, [before], after)) > _BEAR


def _turn(streets: Streets, before: list[Leg], after: Leg) -> Turn:
    angle = _angle(streets, before, after)
    side = "RIGHT" if angle > 0 else "LEFT"
    if abs(angle) <= _STRAIGHT_ON:
        return Turn.ON
    if abs(angle) <= _BEAR:
        return Turn[f"BEAR_{side}"]
    return Turn.BACK if abs(angle) > _BACK else Turn[side]


def _angle(streets: Streets, before: list[Leg], after: Leg) -> float:
    """Tell by how many degrees one turns, clockwise."""
    change = _bearing(streets, [after], ahead=True) - _bearing(streets, before, ahead=False)
    return (change + 180) % 360 - 180


def _bearing(streets: Streets, legs: list[Leg], *, ahead: bool) -> float:
    """Tell the direction of the first or the last metres, degrees clockwise from north."""
    line = streets.legs_line(legs if ahead else legs[-1:])
    if not ahead:
        line = line[::-1]
    if len(line) < 2:  # noqa: PLR2004  # a point has no direction
        return 0.0
    step = np.hypot(*np.diff(line, axis=0).T)
    so_far = np.concatenate([[0.0], np.cumsum(step)])
    sight = min(_SIGHT_M, float(so_far[-1]))
    far = [float(np.interp(sight, so_far, line[:, axis])) for axis in (0, 1)]
    east, north = far[0] - line[0, 0], far[1] - line[0, 1]
    if not ahead:
        east, north = -east, -north
    return math.degrees(math.atan2(east, north)) % 360


def wind(bearing: float) -> Turn:
    """Name the direction of a bearing, degrees clockwise from north."""
    return WINDS[round(bearing / 45) % 8]


def _side(streets: Streets, leg: Leg, there: tuple[float, float]) -> str:
    line = streets.legs_line([leg])
    east, north = there[0] - line[-1, 0], there[1] - line[-1, 1]
    if math.hypot(east, north) < _BESIDE_M or len(line) < 2:  # noqa: PLR2004  # as above
        return ""
    towards = math.degrees(math.atan2(east, north))
    change = (towards - _bearing(streets, [leg], ahead=False) + 180) % 360 - 180
    if abs(change) <= _STRAIGHT_ON or abs(change) > _BACK:
        return ""
    return "right" if change > 0 else "left"


def spoken_metres(metres: float) -> str:
    """Say a length: to 5 m when it is short, to 10 m, or in kilometres."""
    number, unit = paced(metres)
    return f"{number:.0f} m" if unit == "m" else f"{number:.1f} km"


def paced(metres: float) -> tuple[float, str]:
    """Round a length to what one paces out, with its unit, ``m`` or ``km``."""
    if metres < 50:  # noqa: PLR2004  # nobody paces out less
        return max(5, round(metres / 5) * 5), "m"
    if metres < 995:  # noqa: PLR2004  # not "1000 m"
        return round(metres, -1), "m"
    return metres / 1000, "km"


_ARTICLE = {
    "street": "a street",
    "steps": "the steps",
    "square": "the edge of the square",
    "car park": "the edge of the car park",
}


# what has a name of its own is not always a street
NOT_STREETS = frozenset({"steps", "square", "car park"})


def _spoken(label: Label) -> str:
    if label.kind == "fast road":
        return f"the fast road {label.name}".strip() + " (danger: keep off the carriageway)"
    if label.name and label.kind in NOT_STREETS:
        return f"{_ARTICLE[label.kind]} ({label.name})"
    if label.name:
        return f"the {label.name}" if is_number(label.name) else label.name
    return _ARTICLE.get(label.kind, f"the {label.kind}")


def is_number(name: str) -> bool:
    """Tell a road's number, such as A606 or B640, from a name."""
    return name[:1] in "ABM" and name[1:2].isdigit()
