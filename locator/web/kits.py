"""Serve the list and the map of all kits."""

from flask import Blueprint, render_template

from locator.analysis.fetch import Availability
from locator.analysis.nearest import overview
from locator.web import pictures
from locator.web.here import attributions, facts, now

blueprint = Blueprint("kits", __name__)


@blueprint.get("/map")
def every() -> str:
    """Show all kits on a map and as a list."""
    moment = now()
    fetches = overview(facts().snapshot(), moment)
    order = list(Availability)
    fetches.sort(key=lambda f: (order.index(f.availability), f.kit["address"], f.kit["name"]))
    return render_template(
        "public/map.html",
        fetches=fetches,
        at=moment,
        picture=pictures.kits_picture(),
        attributions=attributions("areas", "kits", "basemap"),
    )
