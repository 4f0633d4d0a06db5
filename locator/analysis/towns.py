"""Group kits by the town or village that they are in."""

import functools
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.spatial import cKDTree

from locator import geodesy, tables
from locator.places import fold
from locator.registry.snapshot import Snapshot

# kits of no town, which are listed all the same
ELSEWHERE = "elsewhere"
# a kit whose address names no town is in the one that is nearest, up to here
_NEAR_M = 3_000.0
_KINDS = ("town", "village", "suburb")


@dataclass(frozen=True, slots=True)
class Town:
    """A town or village, and the kits in it.

    Attributes
    ----------
    slug
        Its name in addresses of pages.
    name
        Empty for kits of which no town is known.
    rows
        Of ``Snapshot.kits``, whether their exact place is known or not.
    """

    slug: str
    name: str
    rows: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Places:
    """The towns and villages of the area; a suburb stands for its town.

    Attributes
    ----------
    by_name
        Folded name of a place -> town.
    towns
        The town of each place, in the order of ``tree``.
    tree
        Of the places' centres, National Grid metres.
    """

    by_name: dict[str, str]
    towns: list[str]
    tree: cKDTree

    @classmethod
    @functools.cache
    def load(cls, folder: Path) -> "Places":
        """Read the places of a geodata folder once for the process.

        Raises
        ------
        DataError
            The table is missing or damaged.
        """
        every = tables.table(folder, "places")
        named = every[every["kind"].isin(_KINDS)]
        towns = named["name"].where(named["kind"] != "suburb", named["town"])
        towns = towns.where(towns != "", named["locality"]).where(lambda t: t != "", named["name"])
        at = named["longitude"].to_numpy(), named["latitude"].to_numpy()
        grid = np.column_stack(geodesy.to_bng(*at))
        # where a suburb is called like a town or a village, that comes first
        order = np.argsort(named["kind"].to_numpy() != "suburb", kind="stable")
        pairs = zip(named["name"].to_numpy()[order], towns.to_numpy()[order], strict=True)
        by_name = {fold(str(name)): str(town) for name, town in pairs}
        return cls(by_name, towns.tolist(), cKDTree(grid))

    def town_of(self, address: str, easting: float, northing: float) -> str:
        """Name the town of an address, else of a place (NaN if not known); empty if neither."""
        for part in reversed(address.split(",")):
            if (found := self.by_name.get(fold(part))) is not None:
                return found
        if np.isnan(easting):
            return ""
        distance_m, row = self.tree.query((easting, northing))
        return self.towns[row] if distance_m <= _NEAR_M else ""


@functools.lru_cache(maxsize=4)
def towns(snapshot: Snapshot, folder: Path) -> tuple[Town, ...]:
    """Group all kits, once for each state of the registry.

    Parameters
    ----------
    snapshot
        What is known.
    folder
        Geodata, for the names of places.

    Returns
    -------
    towns
        By name, the kits of no known town last. Every kit is in exactly one.
    """
    places = Places.load(folder)
    points = snapshot.kits.geometry
    rows = defaultdict(list)
    columns = (snapshot.kits["address"], points.x, points.y)
    for row, (address, easting, northing) in enumerate(zip(*columns, strict=True)):
        rows[places.town_of(str(address), easting, northing)].append(row)
    found = (Town(slug(name), name, tuple(members)) for name, members in rows.items())
    return tuple(sorted(found, key=lambda town: (not town.name, town.name)))


def slug(name: str) -> str:
    """Write the name of a town as it stands in addresses of pages."""
    return fold(name).replace(" ", "-") or ELSEWHERE
