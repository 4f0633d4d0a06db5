import contextlib
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from locator import geodesy, tables
from locator.errors import InputError, LocatorError, OutsideGreatBritainError, PlaceNotFoundError
from locator.facts import Facts
from locator.places import MAX_TEXT, Gazetteer, fold
from locator.settings import Settings


@pytest.fixture(scope="module")
def gazetteer(facts: Facts) -> Gazetteer:
    return facts.gazetteer


def _labels(gazetteer: Gazetteer, text: str) -> list[str]:
    return [p.label for p in gazetteer.resolve(text)]


@pytest.mark.parametrize("typed", ["NN1 1DE", "nn11de", " Nn1  1dE ", "nni ide"])
def test_postcodes_in_any_writing(gazetteer: Gazetteer, typed: str) -> None:
    (found,) = gazetteer.resolve(typed)
    assert (found.label, found.kind, found.sure) == ("NN1 1DE", "postcode", True)
    assert geodesy.geodesic_m(found.lon, found.lat, -0.8946, 52.2374) < 20


def test_every_postcode_resolves_to_its_own_place(gazetteer: Gazetteer, facts: Facts) -> None:
    units = tables.table(facts.settings.geodata, "postcodes")
    assert len(units) == 18_316
    for row in units.sample(500, random_state=1).itertuples():
        (found,) = gazetteer.resolve(str(row.postcode).replace(" ", "").lower())
        at = geodesy.to_bng(found.lon, found.lat)
        assert at == pytest.approx((row.easting, row.northing), abs=0.01)
        assert 40 <= found.precision_m <= 1500


def test_sectors_and_districts(gazetteer: Gazetteer) -> None:
    unit, sector, district = (gazetteer.resolve(t)[0] for t in ("NN1 1DE", "nn1 1", "nn1"))
    assert (sector.kind, district.kind) == ("postcode sector", "postcode district")
    assert unit.precision_m < sector.precision_m < district.precision_m


def test_an_unlisted_postcode_says_so(gazetteer: Gazetteer) -> None:
    (found,) = gazetteer.resolve("NN1 1ZZ")
    assert found.label == "NN1 1"
    assert "NN1 1ZZ is not in our list" in found.note


def test_a_postcode_of_another_county(gazetteer: Gazetteer) -> None:
    with pytest.raises(PlaceNotFoundError, match="MK9 3QA is not a postcode of Northamptonshire"):
        gazetteer.resolve("mk9 3qa")


@pytest.mark.parametrize(
    ("name", "towns"),
    [
        ("The Ridings", {"Brixworth", "Desborough", "Grange Park", "Roade"}),
        ("Bridge Court", {"Corby Village", "Rushden"}),
        ("New Street", {"Daventry", "Rothwell", "Earls Barton"}),
        ("Meadow Road", {"Kettering", "Rothwell"}),
    ],
)
def test_a_name_of_several_towns_gives_several_candidates(
    gazetteer: Gazetteer, name: str, towns: set[str]
) -> None:
    labels = _labels(gazetteer, name)
    assert len(labels) > 1
    for town in towns:
        assert any(town in label for label in labels)


@pytest.mark.parametrize(
    ("typed", "label"),
    [
        ("New Street, Daventry", "New Street, Daventry"),
        ("new st daventry", "New Street, Daventry"),
        ("Daventry New Street", "New Street, Daventry"),
        ("12a New St., Daventry, Northamptonshire", "New Street, Daventry"),
        ("Flat 2, 14 Semilong Rd, Northampton", "Semilong Road, Semilong, Northampton"),
        ("Meadow Road, Kettering", "Meadow Road, Kettering"),
        ("Kettering", "Kettering"),
        ("Northampton railway station", "Northampton railway station"),
    ],
)
def test_street_and_town(gazetteer: Gazetteer, typed: str, label: str) -> None:
    (found,) = gazetteer.resolve(typed)
    assert found.label == label
    assert found.sure


@pytest.mark.parametrize(
    ("typed", "label"),
    [
        ("Semilnog Raod, Northampton", "Semilong Road, Semilong, Northampton"),
        ("Ketering", "Kettering"),
        ("Welingborough", "Wellingborough"),
        ("Nwe Street, Davenrty", "New Street, Daventry"),
    ],
)
def test_typos_find_the_name_and_are_told(gazetteer: Gazetteer, typed: str, label: str) -> None:
    found = gazetteer.resolve(typed)[0]
    assert found.label == label
    assert not found.sure
    assert "closest name" in found.note


def test_a_street_that_the_town_lacks_is_never_guessed(gazetteer: Gazetteer) -> None:
    for typed in ("Orchard Place, Rushden", "Bridge Court, Kettering", "The Ridings, Northampton"):
        found = gazetteer.resolve(typed)
        assert not any(p.sure for p in found), typed
        assert all(p.note for p in found)


@pytest.mark.parametrize(
    ("typed", "lat", "lon"),
    [
        ("52.2378, -0.8960", 52.2378, -0.896),
        ("52.2378 -0.8960", 52.2378, -0.896),
        ("-0.8960, 52.2378", 52.2378, -0.896),
        ("52.2378N 0.8960W", 52.2378, -0.896),
        ("0.8960 W, 52.2378 N", 52.2378, -0.896),
        ("52.2378, \u22120.8960", 52.2378, -0.896),
        ("SP 7548 6052", 52.2378, -0.896),
        ("sp75486052", 52.2378, -0.896),
        ("475485 260525", 52.2378, -0.896),
        ("9C4X64Q3+4J", 52.2378, -0.896),
        ("64Q3+4J Northampton", 52.2378, -0.896),
    ],
)
def test_coordinates(gazetteer: Gazetteer, typed: str, lat: float, lon: float) -> None:
    (found,) = gazetteer.resolve(typed)
    assert geodesy.geodesic_m(found.lon, found.lat, lon, lat) < 15
    assert found.precision_m < 50


def test_two_postcodes_are_a_choice(gazetteer: Gazetteer) -> None:
    found = gazetteer.resolve("NN1 1DE or NN16 8ST")
    assert [p.label for p in found] == ["NN1 1DE", "NN16 8ST"]
    assert not any(p.sure for p in found)


@pytest.mark.parametrize("typed", ["TQ 30 80", "51.5, -0.12", "9C3XGVXX+XX", "530000 180000"])
def test_points_elsewhere_are_told(gazetteer: Gazetteer, typed: str) -> None:
    (found,) = gazetteer.resolve(typed)
    assert "outside Northamptonshire" in found.note


def test_a_lost_minus_sign_is_told(gazetteer: Gazetteer) -> None:
    (found,) = gazetteer.resolve("52.2378, 0.8960")
    assert "outside Northamptonshire" in found.note
    with pytest.raises(OutsideGreatBritainError):
        gazetteer.resolve("48.8566, 2.3522")


@pytest.mark.parametrize("typed", ["", "   ", "x" * (MAX_TEXT + 1)])
def test_empty_and_endless_text(gazetteer: Gazetteer, typed: str) -> None:
    with pytest.raises(InputError, match="What works: a postcode"):
        gazetteer.resolve(typed)


@pytest.mark.parametrize("typed", ["asdkfj", "10 Downing Street, London", "!!", ",", "A45"])
def test_unknown_text_says_what_works(gazetteer: Gazetteer, typed: str) -> None:
    with pytest.raises(PlaceNotFoundError, match="What works: a postcode"):
        gazetteer.resolve(typed)


def test_every_label_resolves_to_itself(gazetteer: Gazetteer) -> None:
    named = [*gazetteer._labels.values()]
    assert len(named) > 13_000
    for entry in named:
        assert gazetteer.resolve(entry.position.label) == [entry.position]


def test_one_typo_in_any_street_finds_it(gazetteer: Gazetteer) -> None:
    streets = [e for e in gazetteer._labels.values() if e.position.kind == "street"]
    chance = random.Random(7)
    lost = []
    for entry in chance.sample([e for e in streets if len(e.name) >= 8], 150):
        spot = chance.randrange(1, len(entry.name) - 1)
        typed = entry.name[:spot] + entry.name[spot + 1 :]
        town = entry.town or entry.locality
        found = gazetteer.resolve(f"{typed}, {town}")
        if entry.position.label not in [p.label for p in found]:
            lost.append((typed, town))
    assert not lost


@given(st.text(max_size=60))
def test_any_text_gives_candidates_or_a_typed_error(text: str) -> None:
    gazetteer = Gazetteer.load(Settings().geodata)
    with contextlib.suppress(LocatorError):
        assert gazetteer.resolve(text)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("St. James' Road", "saint james rd"),
        ("The Avenue", "avenue"),
        ("Queen's  Ct", "queens court"),
        ("Royal & Derngate", "royal and derngate"),
        ("High St", "HIGH STREET"),
    ],
)
def test_folding(one: str, other: str) -> None:
    assert fold(one) == fold(other)


def test_the_street_and_the_town_that_are_near(gazetteer: Gazetteer) -> None:
    (here,) = gazetteer.resolve("NN1 1DE")
    street = gazetteer.nearest_street(here.lon, here.lat)
    assert street is not None
    assert (street.label, street.kind) == ("St Giles Square, Northampton", "street")
    streets = [e for entries in gazetteer._names.values() for e in entries]
    for entry in random.Random(5).sample([e for e in streets if e.position.kind == "street"], 80):
        at = entry.position
        found = gazetteer.nearest_street(at.lon, at.lat)
        assert found is not None
        assert (found.lon, found.lat) == (at.lon, at.lat)
        # it is read out on the phone: no remarks in it
        assert " of " not in found.label.partition("(near")[2]
    towns = {"Corby": "Corby", "Kettering": "Kettering", "Bozeat": "Bozeat"}
    for name, label in towns.items():
        at = gazetteer.resolve(name)[0]
        settled = gazetteer.nearest_settlement(at.lon, at.lat)
        assert settled is not None
        assert settled.label.startswith(label)


def test_nothing_is_near_the_sea_or_the_moon(gazetteer: Gazetteer) -> None:
    for lon, lat in ((-0.72, 52.67), (1.9, 52.6), (2.35, 48.85)):
        assert gazetteer.nearest_street(lon, lat) is None
    assert gazetteer.nearest_settlement(1.9, 52.6) is None
    assert gazetteer.nearest_settlement(2.35, 48.85) is None


def test_streets_of_large_towns_are_offered_first(gazetteer: Gazetteer) -> None:
    offered = _labels(gazetteer, "High Street")
    towns = [label.rpartition(", ")[2] for label in offered]
    assert list(dict.fromkeys(towns))[:3] == ["Northampton", "Corby", "Kettering"]
    assert offered.index("High Street, Rushden") < offered.index("High Street, Brackley") < 60
