"""Serve the page of gaps: where recorded violence lies out of reach of every kit."""

from flask import Blueprint, render_template
from flask_babel import lazy_gettext as _

from locator.analysis.coverage import (
    BANDS,
    CELL_MINIMUM,
    FINDINGS,
    Counting,
    Coverage,
    says_of_profiles,
)
from locator.analysis.equity import curve_picture, decile_picture
from locator.maps import coverage as coverage_maps
from locator.web import pictures
from locator.web.here import attributions, facts
from locator.web.words import gettext, said
from locator.wording import Figure

blueprint = Blueprint("coverage", __name__)

_NEARLY_ALL = 0.994

# as the police call them
_CATEGORIES = {
    "Possession of weapons": _("Possession of weapons"),
    "Robbery": _("Robbery"),
    "Violence and sexual offences": _("Violence and sexual offences"),
}
_BANDS = {
    "morning": _("Morning, %(first)s to %(end)s"),
    "afternoon": _("Afternoon, %(first)s to %(end)s"),
    "evening": _("Evening, %(first)s to %(end)s"),
    "night": _("Night, %(first)s to %(end)s"),
}


@blueprint.get("/coverage")
def gaps() -> str:
    """Show where recorded violence lies out of reach of every kit that can be had."""
    within_m, when = pictures.coverage_choice()
    snapshot = facts().snapshot()
    figures = pictures.coverage_figures(snapshot, within_m)
    found = pictures.coverage_gaps(figures, when)
    cells, in_small_cells = figures.coverage.cells(pictures.counting(when))
    return render_template(
        "public/coverage.html",
        coverage=figures.coverage,
        published=len(snapshot.kits),
        says_of_profiles=says_of_profiles(figures.by_profile),
        residents=figures.residents,
        equity=figures.equity,
        decile_picture=decile_picture(figures.equity, said),
        curve_picture=curve_picture(figures.equity, said),
        gaps=found,
        elsewhere=_elsewhere(),
        Counting=Counting,
        out_of_reach=span(*(1 - share for share in figures.coverage.total.values())),
        span=span,
        narrow_span=narrow_span,
        lost=_lost(figures.coverage),
        categories=_CATEGORIES,
        hours_of_band=_hours_of_bands(),
        within_m=within_m,
        standards=pictures.standards(),
        attributions=attributions(
            "areas",
            "kits",
            *figures.coverage.demand.tables,
            *figures.residents.demand.tables,
            "streets",
            "lsoa_outlines",
            "basemap",
        ),
        when=when,
        cell_bands=coverage_maps.cell_bands(cells),
        decile_bands=coverage_maps.decile_bands(),
        cell_minimum=CELL_MINIMUM,
        in_small_cells=in_small_cells,
        picture=pictures.coverage_picture(figures, when),
    )


def span(*shares: float) -> str:
    """Write the least and the most of some shares: ``85 to 93%``; only all is 100%."""
    least, most = min(shares), max(shares)
    low, high = _whole(least), _whole(most)
    if low == high and _is_nearly_all(least) == _is_nearly_all(most):
        return gettext("over %(share)s", share=high) if _is_nearly_all(most) else high
    number = _bare(low)
    if _is_nearly_all(least):
        return gettext("over %(low)s to %(high)s", low=number, high=high)
    if _is_nearly_all(most):
        return gettext("%(low)s to over %(high)s", low=number, high=high)
    return gettext("%(low)s to %(high)s", low=number, high=high)


def narrow_span(*shares: float) -> str:
    """Write the same for a narrow column: ``85–93%``."""
    least, most = min(shares), max(shares)
    low, high = (f"{'>' * _is_nearly_all(share)}{_whole(share)}" for share in (least, most))
    return low if low == high else f"{_bare(low)}–{high}"


def _is_nearly_all(share: float) -> bool:
    return _NEARLY_ALL < share < 1


def _whole(share: float) -> str:
    return said(Figure(_NEARLY_ALL if _is_nearly_all(share) else share, ".0%"))


def _bare(share: str) -> str:
    return share.removesuffix("%").rstrip()


def _elsewhere() -> str:
    """List what closing hours cost elsewhere."""
    *first, last = (
        gettext(
            "%(share)s (%(what)s; %(source)s)",
            share=said(Figure(finding.share, ".1%")),
            what=said(finding.what),
            source=finding.source,
        )
        for finding in FINDINGS
    )
    return gettext("%(first)s and %(last)s", first=", ".join(first), last=last)


def _lost(coverage: Coverage) -> str:
    """Write what closing hours cost; empty if there is nothing to lose."""
    if coverage.loss != coverage.loss:  # NaN is not equal to itself
        return ""
    return span(coverage.loss_least, coverage.loss)


def _hours_of_bands() -> dict[str, str]:
    """Write the hours of each part of the day: ``Night, 22 to 6``."""
    starts = [first for _name, first in BANDS]
    ends = [*starts[1:], starts[0]]
    return {
        name: str(_BANDS[name]) % {"first": first, "end": end}
        for (name, first), end in zip(BANDS, ends, strict=True)
    }
