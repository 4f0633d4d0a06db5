import dataclasses

import geopandas as gpd
import numpy as np
import pytest

from locator.analysis.towns import Places, slug, towns
from locator.facts import Facts
from locator.registry.snapshot import Snapshot

NOWHERE = float("nan")


def _with(snapshot: Snapshot, **columns: object) -> Snapshot:
    kits = snapshot.kits.assign(**columns)
    return dataclasses.replace(snapshot, kits=gpd.GeoDataFrame(kits, crs=snapshot.kits.crs))


def test_every_kit_is_in_one_town(facts: Facts) -> None:
    snapshot = facts.snapshot()
    found = towns(snapshot, facts.settings.geodata)
    assert sorted(row for town in found for row in town.rows) == list(range(49))
    assert [town.name for town in found] == sorted(town.name for town in found)
    sizes = {town.name: len(town.rows) for town in found}
    assert sizes["Northampton"] == 22
    assert sizes["Irchester"] == 1


@pytest.mark.parametrize(
    ("address", "town"),
    [
        ("Black Lion Hill, Northampton", "Northampton"),
        ("Northampton", "Northampton"),
        ("12 High Street, KETTERING, NN16 8AA", "Kettering"),
        ("Bridge Court, Blackthorn", "Northampton"),
        ("St James, Northampton", "Northampton"),
        ("The Green, Higham  Ferrers.", "Higham Ferrers"),
        ("By the big tree", ""),
        ("", ""),
    ],
)
def test_the_town_of_an_address(facts: Facts, address: str, town: str) -> None:
    places = Places.load(facts.settings.geodata)
    assert places.town_of(address, NOWHERE, NOWHERE) == town


def test_a_place_stands_in_for_an_address(facts: Facts) -> None:
    places = Places.load(facts.settings.geodata)
    row = facts.snapshot().placed.iloc[0]
    assert places.town_of("", row.geometry.x, row.geometry.y) == "Northampton"
    assert places.town_of("", 400_000.0, 400_000.0) == ""


def test_kits_of_no_town_come_last(facts: Facts) -> None:
    snapshot = facts.snapshot()
    lost = np.where(snapshot.kits.geometry.isna(), "Somewhere", snapshot.kits["address"])
    found = towns(_with(snapshot, address=lost), facts.settings.geodata)
    assert (found[-1].slug, found[-1].name, len(found[-1].rows)) == ("elsewhere", "", 10)


def test_an_empty_registry_has_no_towns(facts: Facts) -> None:
    snapshot = facts.snapshot()
    empty = dataclasses.replace(snapshot, kits=snapshot.kits.iloc[:0])
    assert towns(empty, facts.settings.geodata) == ()


def test_names_in_addresses() -> None:
    assert slug("Higham Ferrers") == "higham-ferrers"
    assert slug("King's Cliffe") == "kings-cliffe"
    assert slug("") == "elsewhere"
