"""Say how far it is on foot from one position to many: along streets, or by estimate."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from locator import geodesy
from locator.settings import Settings
from locator.travel import straight
from locator.travel.directions import Route, route, straight_to
from locator.travel.index import PointIndex
from locator.travel.network import Detour, Network
from locator.travel.pace import Pace
from locator.travel.standard import Standard
from locator.travel.streets import Snaps, Streets, Tree
from locator.wording import Sentence


class Method(StrEnum):
    """How a distance was found."""

    STREETS = "along streets"
    STRAIGHT = "straight line times a detour factor"


@dataclass(frozen=True, slots=True, eq=False)
class Ways:
    """Walking metres from one position to many.

    Attributes
    ----------
    straight_m
        Straight-line metres on the National Grid, ``(n,)``.
    metres
        Walking metres: measured, or the median estimate.
    low_m, high_m
        A range that holds the uncertainty of both ends, and of the estimate.
    led_to
        To which of them a way along streets was found.
    by_street
        Which of them were measured along streets; what is nearer than the street is estimated.
    """

    here: tuple[float, float]
    targets: geodesy.type_floats
    snaps: Snaps | None
    tree: Tree | None
    straight_m: geodesy.type_floats
    metres: geodesy.type_floats
    low_m: geodesy.type_floats
    high_m: geodesy.type_floats
    led_to: npt.NDArray[np.bool_]
    by_street: npt.NDArray[np.bool_]

    def route_to(self, row: int) -> Route | None:
        """Describe the way to one of the positions; None if no street leads to it."""
        if self.tree is None or self.snaps is None or not self.led_to[row]:
            return None
        there = float(self.targets[row, 0]), float(self.targets[row, 1])
        target = self.snaps[row : row + 1]
        if not self.by_street[row]:
            return straight_to(self.here, there)
        return route(self.tree, target, self.here, there)


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """Who is within a standard of whom, in the order of origins and then of targets.

    Attributes
    ----------
    origin, target
        Their numbers, ``(n,)``.
    metres
        As the standard counts them.
    """

    origin: npt.NDArray[np.int64]
    target: npt.NDArray[np.int64]
    metres: geodesy.type_floats


@dataclass(frozen=True, slots=True, eq=False)
class Travel:
    """How long it takes to get somewhere.

    Attributes
    ----------
    pace
        Speeds, and what is not travel.
    detour
        Walking metres divided by straight ones, where no street network can tell.
    streets
        The walking network; None if none is loaded.
    """

    pace: Pace
    detour: Detour
    streets: Streets | None = None

    @classmethod
    def open(cls, settings: Settings) -> "Travel":
        """Open the network that the settings name, if there is one.

        Raises
        ------
        DataError
            The network is damaged or of another version, or the table of detours is.
        """
        pace = Pace.of(settings)
        if not settings.network.is_dir():
            return cls(pace, straight.shipped(settings.geodata))
        network = Network.open(settings.network)
        detour = network.about.detour or straight.shipped(settings.geodata)
        return cls(pace, detour, Streets(network))

    def __str__(self) -> str:
        """Say in English how times are found."""
        return self.told

    @property
    def told(self) -> Sentence:
        """Say how times are found."""
        pace, detour = self.pace, self.detour
        factor = {name: round(getattr(detour, name), 2) for name in ("median", "low", "high")}
        if self.streets:
            how = Sentence(
                "Times are estimates: along the streets of %(source)s; where none is near, "
                "straight line times %(median)s (8 of 10 ways: %(low)s to %(high)s).",
                source=self.streets.network.about.source.title,
                **factor,
            )
        else:
            how = Sentence(
                "Times are estimates: straight line times %(median)s (8 of 10 ways: %(low)s to "
                "%(high)s), measured on %(source)s.",
                source=detour.source,
                **factor,
            )
        speeds = Sentence(
            "%(run)s m/s running and %(walk)s m/s walking, both ways, plus %(overhead)s seconds "
            "for the call, the code and opening. Slopes are ignored.",
            run=pace.run_m_per_s,
            walk=pace.walk_m_per_s,
            overhead=round(pace.overhead_s),
        )
        return Sentence.joined(how, speeds)

    def snap(self, grid: geodesy.type_floats) -> Snaps | None:
        """Find the streets next to positions (EPSG:27700, ``(n, 2)``); None without a network."""
        return self.streets.snap(grid[:, 0], grid[:, 1]) if self.streets else None

    def ways(
        self,
        here: tuple[float, float],
        here_m: float,
        targets: geodesy.type_floats,
        targets_m: geodesy.type_floats,
        snaps: Snaps | None,
        *,
        reach_m: float,
    ) -> Ways:
        """Measure the ways from one position.

        Parameters
        ----------
        here
            Easting and northing (EPSG:27700), metres.
        here_m
            How far one may stand from there.
        targets, snaps
            Positions, ``(n, 2)``, and their streets from :meth:`snap`.
        targets_m
            How far each may lie from where it is said to be, ``(n,)``.
        reach_m
            Walking metres beyond which streets are not searched; a position that streets
            lead to, but not within the reach, is at least that far.
        """
        straight_m = np.hypot(targets[:, 0] - here[0], targets[:, 1] - here[1])
        blur_m = here_m + targets_m
        detour = self.detour
        metres = straight_m * detour.median
        low = np.maximum(straight_m - blur_m, 0.0) * detour.low
        high = (straight_m + blur_m) * detour.high
        led_to, by_street = np.zeros((2, len(targets)), dtype=np.bool_)
        tree = None
        origin = self.snap(np.array([here]))
        if self.streets and snaps is not None and origin is not None and origin.on_street[0]:
            tree = self.streets.tree(origin, reach_m)
            on_street = np.flatnonzero(snaps.on_street)
            found = on_street[straight_m[on_street] <= reach_m * _GRID_SLACK + 1]
            walked = tree.metres_to(snaps[found])
            known = np.isfinite(walked)
            metres[on_street] = np.maximum(metres[on_street], reach_m)
            high = np.maximum(high, metres * (detour.high / detour.median))
            rows, walked = found[known], walked[known]
            to_street = origin.aside_m[0] + snaps.aside_m[rows]
            nearest, farthest = self._from_around(here, here_m, snaps[rows], reach_m)
            spread, straight = blur_m[rows] * detour.median, straight_m[rows]
            near = np.minimum(nearest - targets_m[rows] * detour.median, walked - spread)
            far = np.maximum(farthest + targets_m[rows] * detour.median, walked + spread)
            # what lies between a position and the street is not known
            high[rows] = far + to_street * (detour.high - 1)
            near[straight - 2 * blur_m[rows] < to_street] = 0.0
            low[rows] = np.maximum(np.maximum(near, straight - blur_m[rows]), 0.0)
            # who is nearer to one another than to the street may go straight across, or not
            across = straight < to_street
            estimate = np.minimum(straight * detour.median, walked)
            metres[rows] = np.where(across, estimate, walked)
            led_to[rows], by_street[rows] = True, ~across
        return Ways(here, targets, snaps, tree, straight_m, metres, low, high, led_to, by_street)

    def pairs(
        self, origins: geodesy.type_floats, targets: geodesy.type_floats, standard: Standard
    ) -> Pairs:
        """Find all targets within a standard of each origin.

        Parameters
        ----------
        origins, targets
            Positions (EPSG:27700 metres), ``(n, 2)``.
        standard
            What counts as near. On foot, whoever is nearer to one another than to the street
            is estimated to go straight across, as :meth:`ways` does.
        """
        if not standard.walking:
            return self._straight_pairs(origins, targets, standard.metres)
        near = self._straight_pairs(origins, targets, standard.metres * _GRID_SLACK + 1)
        metres = near.metres * self.detour.median
        here, there = self.snap(origins), self.snap(targets)
        if self.streets and here is not None and there is not None:
            at_origin, at_target = here[near.origin], there[near.target]
            on_street = at_origin.on_street & at_target.on_street
            walked = self._walked(here, there, near, standard.metres)
            to_street = at_origin.aside_m + at_target.aside_m
            across = near.metres < to_street
            by_street = np.where(across, np.minimum(metres, walked), walked)
            metres = np.where(on_street, by_street, metres)
        within = metres <= standard.metres
        return Pairs(near.origin[within], near.target[within], metres[within])

    def _straight_pairs(
        self, origins: geodesy.type_floats, targets: geodesy.type_floats, metres: float
    ) -> Pairs:
        return Pairs(*PointIndex(targets).pairs(origins, metres))

    def _walked(
        self, here: Snaps, there: Snaps, near: Pairs, limit_m: float
    ) -> geodesy.type_floats:
        """Give the metres along streets of each pair; infinite beyond the limit."""
        walked = np.full(len(near.origin), np.inf)
        if self.streets is None:
            return walked
        # ways are as long back as forth: start from the fewer
        if len(here) <= len(there):
            origin, target, metres = self.streets.within(here, there, limit_m)
        else:
            target, origin, metres = self.streets.within(there, here, limit_m)
        found, asked = origin * len(there) + target, near.origin * len(there) + near.target
        at = np.searchsorted(asked, found)
        known = at < len(asked)
        known[known] = asked[at[known]] == found[known]
        walked[at[known]] = metres[known]
        return walked

    def metres_to_nearest(
        self, origins: geodesy.type_floats, targets: geodesy.type_floats, *, walking: bool
    ) -> tuple[geodesy.type_floats, npt.NDArray[np.int64]]:
        """Find the nearest target of each origin.

        Parameters
        ----------
        origins, targets
            Positions (EPSG:27700 metres), ``(n, 2)``.
        walking
            Metres along streets, or straight ones times the median detour where no street is
            known; in a straight line otherwise. Only the target that is nearest in a straight
            line may be nearer than the street.

        Returns
        -------
        metres, number
            Shape ``(n,)``; infinite and -1 without a target.
        """
        straight_m, nearest = PointIndex(targets).nearest_many(origins)
        if not walking:
            return straight_m, nearest
        metres, number = straight_m * self.detour.median, nearest.astype(np.int64)
        here, there = self.snap(origins), self.snap(targets)
        if self.streets and here is not None and there is not None and len(targets):
            walked, owner = self.streets.field(there).at(here)
            # to a target off the streets, or nearer than the street, the way is estimated
            off_street = np.flatnonzero(~there.on_street)
            estimate = np.full(len(origins), np.inf)
            which = np.full(len(origins), -1, dtype=np.int64)
            if off_street.size:
                estimate, which = PointIndex(targets[off_street]).nearest_many(origins)
                estimate, which = estimate * self.detour.median, off_street[which]
            beside = straight_m < here.aside_m + there.aside_m[nearest]
            closer = beside & (metres < estimate)
            estimate, which = np.where(closer, metres, estimate), np.where(closer, nearest, which)
            # who is off the streets, or on streets that lead nowhere, keeps the plain estimate
            on_way = here.on_street & (np.isfinite(walked) | np.isfinite(estimate))
            better = on_way & (walked <= estimate)
            metres = np.where(better, walked, np.where(on_way, estimate, metres))
            number = np.where(better, owner, np.where(on_way, which, number))
        return metres, number

    def _from_around(
        self, here: tuple[float, float], here_m: float, targets: Snaps, reach_m: float
    ) -> tuple[geodesy.type_floats, geodesy.type_floats]:
        """Give the shortest and the longest way from spots all around where one may stand.

        Some metres aside one may be across a railway, and the way another one.
        """
        nearest, farthest = np.full(len(targets), np.inf), np.zeros(len(targets))
        around = self.snap(np.array(here) + here_m * _AROUND)
        if self.streets is None or around is None:
            return nearest, farthest
        around = around[around.on_street]
        limit_m = reach_m + _FARTHER_M
        _, row, metres = self.streets.within(around, targets, limit_m)
        np.minimum.at(nearest, row, metres)
        np.maximum.at(farthest, row, metres)
        farthest[np.bincount(row, minlength=len(targets)) < len(around)] = limit_m
        return nearest, farthest


# eight spots at the edge of where one may stand, and eight half-way
_RING = np.array([[np.sin(turn), np.cos(turn)] for turn in np.arange(8) * np.pi / 4])
_AROUND = np.vstack([_RING, _RING / 2])
# who stands elsewhere may have to go so much farther than the reach
_FARTHER_M = 1_500.0
# planar distances on the National Grid are within 0.04 % of the geodesic
_GRID_SLACK = 1.002
