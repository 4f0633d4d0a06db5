"""Say how far it is on foot from one position to many: along streets, or by estimate."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from locator import geodesy
from locator.settings import Settings
from locator.travel import straight
from locator.travel.directions import Route, route
from locator.travel.network import Detour, Network
from locator.travel.pace import Pace
from locator.travel.streets import Snaps, Streets, Tree


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
    by_street
        Which of them were measured along streets.
    """

    here: tuple[float, float]
    targets: geodesy.type_floats
    snaps: Snaps | None
    tree: Tree | None
    straight_m: geodesy.type_floats
    metres: geodesy.type_floats
    low_m: geodesy.type_floats
    high_m: geodesy.type_floats
    by_street: npt.NDArray[np.bool_]

    def route_to(self, row: int) -> Route | None:
        """Describe the way to one of the positions; None if it was not measured."""
        if self.tree is None or self.snaps is None or not self.by_street[row]:
            return None
        there = float(self.targets[row, 0]), float(self.targets[row, 1])
        return route(self.tree, self.snaps[row : row + 1], self.here, there)


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
        pace, detour = self.pace, self.detour
        factor = f"{detour.median:.2f} (8 of 10 ways: {detour.low:.2f} to {detour.high:.2f})"
        if self.streets:
            source = self.streets.network.about.source
            how = (
                f"along the streets of {source.file}"
                f"{f' of {source.extracted_on}' if source.extracted_on else ''}; where none is "
                f"near, straight line times {factor}"
            )
        else:
            how = f"straight line times {factor}, measured on {detour.source}"
        return (
            f"Times are estimates: {how}; {pace.run_m_per_s:g} m/s running and "
            f"{pace.walk_m_per_s:g} m/s walking, both ways, plus {pace.overhead_s:.0f} seconds for "
            "the call, the code and opening. Slopes are ignored."
        )

    def snap(self, grid: geodesy.type_floats) -> Snaps | None:
        """Find the streets next to positions (EPSG:27700, ``(n, 2)``); None without a network."""
        return self.streets.snap(grid[:, 0], grid[:, 1]) if self.streets else None

    def ways(
        self,
        here: tuple[float, float],
        targets: geodesy.type_floats,
        snaps: Snaps | None,
        blur_m: geodesy.type_floats,
        reach_m: float,
    ) -> Ways:
        """Measure the ways from one position.

        Parameters
        ----------
        here
            Easting and northing (EPSG:27700), metres.
        targets, snaps
            Positions, ``(n, 2)``, and their streets from :meth:`snap`.
        blur_m
            How far both ends together may lie from where they are said to be, ``(n,)``.
        reach_m
            Walking metres beyond which streets are not searched; a position that streets
            lead to, but not within the reach, is at least that far.
        """
        straight_m = np.hypot(targets[:, 0] - here[0], targets[:, 1] - here[1])
        detour = self.detour
        metres = straight_m * detour.median
        low = np.maximum(straight_m - blur_m, 0.0) * detour.low
        high = (straight_m + blur_m) * detour.high
        by_street = np.zeros(len(targets), dtype=np.bool_)
        tree = None
        origin = self.snap(np.array([here]))
        if self.streets and snaps is not None and origin is not None and origin.on_street[0]:
            tree = self.streets.tree(origin, reach_m)
            on_street = np.flatnonzero(snaps.on_street)
            found = on_street[straight_m[on_street] <= reach_m * _GRID_SLACK + 1]
            walked = tree.metres_to(snaps[found])
            known = np.isfinite(walked)
            metres[on_street] = np.maximum(metres[on_street], reach_m)
            rows = found[known]
            by_street[rows] = True
            metres[rows] = walked[known]
            # who stands elsewhere within the blur has as much farther to go, by streets again
            spread = blur_m[rows] * detour.median
            low[rows] = np.maximum(
                np.maximum(walked[known] - spread, straight_m[rows] - blur_m[rows]), 0
            )
            high[rows] = walked[known] + spread
        return Ways(here, targets, snaps, tree, straight_m, metres, low, high, by_street)


# planar distances on the National Grid are within 0.04 % of the geodesic
_GRID_SLACK = 1.002
