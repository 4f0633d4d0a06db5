"""Make the Flask application: blueprints, security headers and error pages."""

import datetime as dt
import functools
import hashlib
import logging
from collections.abc import Callable, Mapping
from http import HTTPStatus
from pathlib import Path

from flask import (
    Flask,
    Response,
    abort,
    current_app,
    jsonify,
    make_response,
    render_template,
    request,
)
from flask_compress import Compress
from werkzeug.exceptions import HTTPException
from werkzeug.middleware.proxy_fix import ProxyFix

from locator import tables
from locator.errors import BusyError, LocatorError
from locator.facts import Facts
from locator.maps import ROUGH_M
from locator.settings import Settings
from locator.web import (
    coverage,
    emergency,
    kits,
    languages,
    offline,
    pages,
    pictures,
    planner,
    telling,
    words,
)
from locator.wording import Sentence

_STATIC = Path(__file__).parent / "static"
_SERVER_ERROR = 500
_log = logging.getLogger(__name__)
_YEAR_S = 31_536_000
_COMPRESSED = [
    *("text/html", "text/css", "text/javascript", "text/csv", "image/svg+xml"),
    *("application/json", "application/geo+json", "application/manifest+json"),
    *("application/xml", "application/gpx+xml", "application/vnd.google-earth.kml+xml"),
]
# what a reader may come upon: title and detail
_REFUSALS: Mapping[int, tuple[str, str]] = {
    HTTPStatus.BAD_REQUEST: (
        Sentence("That cannot be used"),
        Sentence("The browser has sent something that this site does not understand."),
    ),
    HTTPStatus.NOT_FOUND: (Sentence("Page not found"), Sentence("There is no such page.")),
    HTTPStatus.METHOD_NOT_ALLOWED: (
        Sentence("That cannot be used"),
        Sentence("Nothing can be sent to this address."),
    ),
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: (
        Sentence("That cannot be used"),
        Sentence("That is far more than any form here needs. Nothing was kept."),
    ),
}
# a place and a button fit easily; nothing else is ever sent
_MAX_FORM_BYTES = 16 * 1024

_UNFRAMED = "frame-ancestors 'none'"
_POLICY = (
    "default-src 'none'; "
    "script-src 'self'; "
    "style-src 'self'; "
    "img-src 'self' data:; "
    "connect-src 'self'; "
    "manifest-src 'self'; "
    "worker-src 'self'; "
    "form-action 'self'; "
    f"{_UNFRAMED}; "
    "base-uri 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "geolocation=(self), camera=(), microphone=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def create_app(
    settings: Settings | None = None, clock: Callable[[], dt.datetime] | None = None
) -> Flask:
    """Make the application.

    Parameters
    ----------
    settings
        Defaults to the environment.
    clock
        Tells the time; tests set it. Defaults to the area's local time.

    Raises
    ------
    DataError
        A table of facts is missing or damaged.
    RegistryError
        The registry cannot be opened.
    """
    settings = settings or Settings.read()
    app = Flask(__name__, template_folder=str(settings.templates), static_folder=str(_STATIC))
    app.config.update(
        COMPRESS_MIMETYPES=_COMPRESSED,
        MAX_CONTENT_LENGTH=_MAX_FORM_BYTES,
        SEND_FILE_MAX_AGE_DEFAULT=_YEAR_S,
    )
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    facts = Facts.open(settings)
    app.extensions["facts"] = facts
    app.extensions["clock"] = clock or facts.calendar.now
    for room in (emergency, kits, coverage, offline, pages, pictures, planner, telling):
        app.register_blueprint(room.blueprint)
    app.jinja_env.filters.update(words.FILTERS)
    app.jinja_env.tests["translatable"] = words.is_translatable
    languages.install(app)
    if settings.trusted_proxies:
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]
            app.wsgi_app, x_for=settings.trusted_proxies, x_proto=0
        )
    Compress(app)
    app.before_request(_refuse_malformed_host)
    app.after_request(_with_security_headers)
    app.register_error_handler(LocatorError, _problem_of_ours)
    app.register_error_handler(HTTPException, _problem_of_http)
    app.register_error_handler(Exception, _problem_unforeseen)
    app.context_processor(_page_context)
    return app


def _page_context() -> dict[str, object]:
    facts: Facts = current_app.extensions["facts"]
    return {
        "area": facts.area,
        "asset": _asset,
        "here_in": languages.here_in,
        "language": languages.spoken(),
        "languages": languages.languages().values(),
        "rough_m": ROUGH_M,
        "source": tables.sources(facts.settings.geodata),
    }


def _asset(path: str) -> str:
    """Give the address of a static file, new whenever its content changes."""
    return f"{languages.root()}/static/{path}?v={_digest(path)}"


def _digest(path: str) -> str:
    file = _STATIC / path
    return _digest_of(file, file.stat().st_mtime_ns)


@functools.lru_cache(maxsize=1024)
def _digest_of(file: Path, _changed_ns: int) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()[:12]


def _refuse_malformed_host() -> None:
    # addresses that a page tells to others begin with it
    if not request.host:
        abort(HTTPStatus.BAD_REQUEST)


def _with_security_headers(response: Response) -> Response:
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
    # browsers that do not know the policy know this
    if _UNFRAMED in response.headers["Content-Security-Policy"]:
        response.headers.setdefault("X-Frame-Options", "DENY")
    if current_app.extensions["facts"].settings.https:
        response.headers.setdefault("Strict-Transport-Security", f"max-age={_YEAR_S}")
    if request.endpoint == "static" and response.status_code < HTTPStatus.BAD_REQUEST:
        # only an address that changes with the file may be kept without asking again
        if request.args.get("v") != _digest((request.view_args or {})["filename"]):
            response.headers["Cache-Control"] = "no-cache"
            response.headers.pop("Expires", None)
    elif "Cache-Control" not in response.headers:
        response.headers["Cache-Control"] = "no-store"
    return response


def _problem(status: int, title: str, detail: str) -> tuple[Response | str, int]:
    best = request.accept_mimetypes.best_match(["text/html", "application/json"])
    if best == "application/json":
        response = jsonify(
            title=words.said(title),
            detail=words.said(detail),
            status=status,
            advice=current_app.extensions["facts"].area.advice,
        )
        response.content_type = "application/problem+json"
        return response, status
    return render_template("problem.html", title=title, detail=detail), status


def _problem_of_ours(error: LocatorError) -> Response | tuple[Response | str, int]:
    if isinstance(error, BusyError):
        response = make_response(_problem(error.http_status, error.title, error.sentence))
        response.headers["Retry-After"] = str(error.retry_after_s)
        return response
    if error.http_status < _SERVER_ERROR:
        return _problem(error.http_status, error.title, error.sentence)
    # the cause names files and servers: it is for the log
    _log.error("%s: %s", error.title, error)
    return _problem(error.http_status, error.title, Sentence("Please try again in a moment."))


def _problem_of_http(error: HTTPException) -> Response:
    code = error.code or _SERVER_ERROR
    body, status = _problem(code, *_REFUSALS.get(code, (error.name, error.description or "")))
    response = make_response(body, status)
    for name, value in error.get_headers():
        if name not in ("Content-Type", "Content-Length"):
            response.headers.setdefault(name, value)
    return response


def _problem_unforeseen(error: Exception) -> tuple[Response | str, int]:
    # the trace names code, never what was asked: values of a request stay out of logs
    _log.error("Unforeseen %s in %s", type(error).__name__, request.endpoint, exc_info=_bare(error))
    emergency_number = current_app.extensions["facts"].area.emergency_number
    detail = Sentence(
        "Please try again. If it is urgent, call %(number)s.", number=emergency_number
    )
    return _problem(_SERVER_ERROR, LocatorError.title, detail)


def _bare(error: Exception) -> Exception:
    """Return the error without its message, which may hold what a person typed."""
    return RuntimeError(type(error).__name__).with_traceback(error.__traceback__)
