"""Serve the pages that only tell: how to use a kit, privacy, and where the data comes from."""

from collections.abc import Mapping
from dataclasses import dataclass

from flask import Blueprint, render_template

from locator.web import addresses
from locator.web.here import facts

blueprint = Blueprint("pages", __name__)


@dataclass(frozen=True, slots=True)
class Guidance:
    """Published guidance that the first-aid page follows.

    Attributes
    ----------
    title
        Who says it, and where; never translated, so that it can be looked up.
    year
        Of the edition, or when it was quoted; empty where nothing tells.
    """

    title: str
    year: str


# docs/guidance.md says which sentence follows which, what was read of it, and where they differ
GUIDANCE: Mapping[str, Guidance] = {
    "rcuk": Guidance("Resuscitation Council UK: Guidelines, First Aid", "2025"),
    "erc": Guidance("European Resuscitation Council: Guidelines, First Aid", "2021"),
    "london": Guidance(
        "London Ambulance Service and NHS London Major Trauma System: Bystander Bleed Control",
        "2025",
    ),
    "east": Guidance("East of England Ambulance Service: Bleed kits", ""),
    "citizenaid": Guidance("citizenAID: immediate actions after a knife attack", "2024"),
    "pact": Guidance(
        "St John Ambulance, citizenAID and NaCTSO: Public Access Trauma (PAcT) First Aid Kits",
        "2021",
    ),
    "sja": Guidance("St John Ambulance: severe bleeding", "2017"),
    "redcross": Guidance("British Red Cross: first aid for stabbing injuries", "2018"),
    "ifrc": Guidance(
        "International Federation of Red Cross and Red Crescent Societies: First Aid Guidelines",
        "2020",
    ),
    "aha": Guidance("American Heart Association and American Red Cross: First Aid", "2024"),
    "stb": Guidance("Stop the Bleed (American College of Surgeons)", ""),
}

# the parts of the page, in their order, and the guidance that each follows
FOLLOWS: Mapping[str, tuple[str, ...]] = {
    "call": ("rcuk", "london", "east", "citizenaid"),
    "find": ("sja", "stb"),
    "press": ("london", "redcross", "ifrc", "erc", "stb"),
    "pack": ("aha", "citizenaid", "stb"),
    "bandage": ("sja", "erc"),
    "tourniquet": ("rcuk", "erc", "ifrc", "aha", "stb"),
    "chest": ("erc", "aha", "stb"),
    "warm": ("redcross", "sja", "rcuk"),
    "never": ("redcross", "sja", "stb", "east"),
    "nothing": ("london", "citizenaid", "ifrc"),
    "contents": ("pact", "east"),
}


@blueprint.get("/how-to")
def howto() -> str:
    """Show how to stop severe bleeding, with a kit or without."""
    return render_template(
        "public/howto.html",
        guidance=GUIDANCE,
        follows=FOLLOWS,
        addresses=addresses.of("pages.howto"),
    )


@blueprint.get("/privacy")
def privacy() -> str:
    """Say what happens to what a reader tells."""
    return render_template("public/privacy.html")


@blueprint.get("/data")
def data() -> str:
    """Say where everything comes from and under which licence."""
    streets = facts().travel.streets
    return render_template("public/data.html", network=streets and streets.network.about)
