"""Print pages as PDF or picture, a few at a time: the emergency page never waits for a printer."""

import hashlib
import threading

from flask import Response, make_response, request
from flask_babel import gettext as _

from locator.errors import BusyError
from locator.reports import posters

_TYPES = {"pdf": "application/pdf", "png": "image/png"}
# one is printed, so many may wait, all others are asked to come again
_WAITING = 1
_RETRY_S = 5
_admitted = threading.BoundedSemaphore(1 + _WAITING)
_printer = threading.Lock()
# what was printed last; only who has the printer changes it
_kept: dict[tuple[str, str], bytes] = {}
_KEPT = 32


def printed(html: str, form: str, name: str) -> Response:
    """Answer with a page as PDF or PNG; the same page is printed once.

    Parameters
    ----------
    html
        Whole page with its own styles and pictures.
    form
        ``pdf`` or ``png``.
    name
        Of the file.

    Raises
    ------
    BusyError
        Others are printing.
    MissingLibraryError
        Pango is not installed.
    """
    digest = hashlib.sha256(f"{form} {html}".encode()).hexdigest()[:16]
    response = make_response()
    if not request.if_none_match.contains(digest):
        response.data = _in_turn(html, form)
    response.content_type = _TYPES[form]
    response.set_etag(digest)
    response.headers["Cache-Control"] = "no-cache"
    response.headers["Content-Disposition"] = f'inline; filename="{name}"'
    response.make_conditional(request)
    return response


def _in_turn(html: str, form: str) -> bytes:
    made = _kept.get((html, form))
    if made is not None:
        return made
    if not _admitted.acquire(blocking=False):
        raise BusyError(_("Others are printing. Please try again in a moment."), _RETRY_S)
    try:
        with _printer:
            return _made(html, form)
    finally:
        _admitted.release()


def _made(html: str, form: str) -> bytes:
    """Print, or take what was printed while this request waited."""
    if (html, form) not in _kept:
        made = posters.pdf(html) if form == "pdf" else posters.png(_made(html, "pdf"))
        while len(_kept) >= _KEPT:
            del _kept[next(iter(_kept))]
        _kept[html, form] = made
    return _kept[html, form]
