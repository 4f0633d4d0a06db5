"""Read incidents and residents as weighted demand points with their hours of the week."""

from locator.demand.points import Accounts, Basis, Demand, Places
from locator.demand.police import (
    SERIOUS_CATEGORIES,
    Incidents,
    incidents,
    police_demand,
    read_police_csv,
)
from locator.demand.profile import HOURS, NIGHT, Profile, named, profiles
from locator.demand.residents import neighbourhoods, residents

__all__ = [
    "HOURS",
    "NIGHT",
    "SERIOUS_CATEGORIES",
    "Accounts",
    "Basis",
    "Demand",
    "Incidents",
    "Places",
    "Profile",
    "incidents",
    "named",
    "neighbourhoods",
    "police_demand",
    "profiles",
    "read_police_csv",
    "residents",
]
