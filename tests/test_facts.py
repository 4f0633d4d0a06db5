from pathlib import Path

import pytest

from locator import demand
from locator.demand import Basis
from locator.errors import InputError, SettingsError
from locator.facts import Facts
from locator.settings import Settings


def _facts(monkeypatch: pytest.MonkeyPatch, **variables: str) -> Facts:
    for name, value in variables.items():
        monkeypatch.setenv(f"LOCATOR_{name.upper()}", value)
    monkeypatch.setenv("LOCATOR_DATABASE_URL", "sqlite://")
    return Facts.open(Settings.read())


def test_demand_is_read_once_for_each_choice(facts: Facts) -> None:
    assert facts.demand() is facts.demand()
    assert facts.demand() is facts.demand(profile="violence", weights={})
    assert facts.demand(profile="flat") is not facts.demand()
    assert facts.demand(Basis.RESIDENTS) is facts.demand(Basis.RESIDENTS)


def test_an_argument_that_fits_nothing_is_refused(facts: Facts) -> None:
    with pytest.raises(InputError, match="no profile “nights”"):
        facts.demand(profile="nights")
    with pytest.raises(InputError, match="categories are Possession of weapons, Robbery, Viol"):
        facts.demand(weights={"Robery": 1})
    for weight in (-1.0, float("nan")):
        with pytest.raises(InputError, match="A weight is 0 or more"):
            facts.demand(weights={"Robbery": weight})
    with pytest.raises(InputError, match="Residents have no categories"):
        facts.demand(Basis.RESIDENTS, weights={"Robbery": 1})


def test_weights_and_profile_of_the_settings(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, facts: Facts
) -> None:
    path = tmp_path / "ours.csv"
    path.write_text("\n".join(["1"] * 24 + ["0"] * 144), "utf-8")
    weights = '{"Violence and sexual offences": 0.1, "Robbery": 2}'
    own = _facts(monkeypatch, profile=str(path), category_weights=weights)
    found = own.demand()
    counts = facts.demand().points.groupby("category")["count"].sum()
    each = {"Violence and sexual offences": 0.1, "Robbery": 2.0, "Possession of weapons": 1.0}
    assert found.total == pytest.approx(sum(counts[name] * each[name] for name in each))
    assert found.profile_name == "ours"
    # nobody else's figures are behind an own profile
    assert found.tables == ("incidents",)
    assert facts.demand().tables == ("incidents", "profile")
    known = demand.profiles(own.settings.geodata)
    assert found.with_profile(known["violence"]).tables == ("incidents", "profile")
    assert facts.demand().with_profile(known["flat"]).tables == ("incidents",)
    # Mondays only
    assert found.hourly_weight()[24:].sum() == 0
    # an argument goes before the settings, for the profile and for all weights
    assert own.demand(profile="flat", weights={}).total == 27_533
    # residents are flat whatever the settings say of incidents
    assert own.demand(Basis.RESIDENTS).profile_name == "flat"
    own.close()


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"category_weights": '{"Robery": 1}'}, "LOCATOR_CATEGORY_WEIGHTS: .*Robbery"),
        ({"profile": "nights"}, "Correct LOCATOR_PROFILE. There is no profile “nights”"),
    ],
)
def test_settings_that_fit_nothing_are_named(
    variables: dict[str, str], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = _facts(monkeypatch, **variables)
    with pytest.raises(SettingsError, match=said):
        opened.demand()
    opened.close()


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ('{"Robbery": -1}', "LOCATOR_CATEGORY_WEIGHTS: Robbery: Input should be greater"),
        ('{"Robbery": "much"}', "LOCATOR_CATEGORY_WEIGHTS: Robbery: Input should be a valid"),
        ("{Robbery: 1}", "It is JSON such as"),
    ],
)
def test_weights_that_are_none_are_refused_at_once(
    value: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOCATOR_CATEGORY_WEIGHTS", value)
    with pytest.raises(SettingsError, match=said):
        Settings.read()
