"""Read incidents and residents as weighted demand points with their hours of the week."""

from locator.demand.partners import hour_of_week, partners
from locator.demand.points import Accounts, Basis, Demand, Places, together
from locator.demand.police import SERIOUS_CATEGORIES, incidents
from locator.demand.profile import HOURS, NIGHT, Profile, compared, named, profiles, quoted
from locator.demand.residents import neighbourhoods, residents

__all__ = [
    "HOURS",
    "NIGHT",
    "SERIOUS_CATEGORIES",
    "Accounts",
    "Basis",
    "Demand",
    "Places",
    "Profile",
    "compared",
    "hour_of_week",
    "incidents",
    "named",
    "neighbourhoods",
    "partners",
    "profiles",
    "quoted",
    "residents",
    "together",
]
