"""Serve the pages that only tell."""

from flask import Blueprint, render_template

from locator.web.here import facts

blueprint = Blueprint("pages", __name__)


@blueprint.get("/data")
def data() -> str:
    """Say where everything comes from and under which licence."""
    streets = facts().travel.streets
    return render_template("public/data.html", network=streets and streets.network.about)
