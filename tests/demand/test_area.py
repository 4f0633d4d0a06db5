from pathlib import Path

import numpy as np
import shapely

from locator import geodesy
from locator.demand.area import Homes
from locator.facts import Facts


def test_the_nearest_home_names_the_lsoa_better_than_the_outlines(facts: Facts) -> None:
    """The police know the LSOA of their own points."""
    geodata = facts.settings.geodata
    points = facts.demand().points.drop_duplicates(["easting", "northing", "lsoa"])
    x, y = points["easting"].to_numpy(), points["northing"].to_numpy()
    found = Homes.of(geodata).lsoa_at(x, y)
    agree = np.mean(found == points["lsoa"].to_numpy())
    assert round(float(agree), 2) == 0.93
    outlines = facts.lsoa_outlines.to_crs(geodesy.BNG)
    near = outlines.sindex.nearest(shapely.points(x, y), return_all=False)[1]
    by_outline = outlines["code"].to_numpy()[near]
    assert round(float(np.mean(by_outline == points["lsoa"].to_numpy())), 2) == 0.89


def test_what_lies_elsewhere_has_none(geodata: Path) -> None:
    # Northampton, Leicester, the sea, nowhere
    x = np.array([475_577.0, 458_500.0, 600_000.0, np.nan])
    y = np.array([260_485.0, 304_500.0, 400_000.0, np.nan])
    found = Homes.of(geodata).lsoa_at(x, y).tolist()
    assert found[0].startswith("E010")
    assert found[1:] == ["", "", ""]
    assert Homes.of(geodata).lsoa_at(np.array([]), np.array([])).tolist() == []
