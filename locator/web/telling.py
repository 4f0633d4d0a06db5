"""Take what strangers say of a kit: that they have taken it, or that something is wrong with it.

Whatever is told only puts a sentence beside the kit (:mod:`locator.registry.sightings`). Nothing
about who tells it is stored or logged. So that nobody can tell a thousand things, each part of the
network may tell a few in an hour, counted in memory by a fingerprint that ends with the process.
"""

import datetime as dt
import hashlib
import ipaddress
import secrets
import threading
from collections import OrderedDict, deque
from collections.abc import Mapping
from http import HTTPStatus

from flask import Blueprint, Response, current_app, make_response, render_template, request
from flask.blueprints import BlueprintSetupState
from flask_babel import gettext as _

from locator.errors import KitNotFoundError, TooOftenError
from locator.registry import custody, sightings
from locator.registry.schema import TELLABLE, Finding
from locator.web.here import facts, now
from locator.wording import Sentence

blueprint = Blueprint("telling", __name__)

_GATE = "telling.gate"
_HOUR_S, _DAY_S = 3600, 86_400
# one person has little to tell; whole towns share an address of a mobile network, so not too few
_IN_AN_HOUR, _IN_A_DAY = 6, 20
# of an address, what one subscriber has at most
_IPV4_BITS, _IPV6_BITS = 24, 48
_MOST_COUNTED = 20_000
# writing waits for its turn in the registry: one request at a time does, so that pages never wait
_WAIT_S, _COME_BACK_S = 0.5, 30


class Gate:
    """Let each part of the network tell little, and one request write at a time."""

    def __init__(self) -> None:
        self._salt = secrets.token_bytes(16)
        self._told: OrderedDict[bytes, deque[float]] = OrderedDict()
        self._counting = threading.Lock()
        self.writing = threading.Lock()

    def lets_in(self, address: str | None, at: dt.datetime) -> bool:
        """Count a telling from an address; False if there were too many from around it."""
        key, moment = self._fingerprint(address), at.timestamp()
        with self._counting:
            told = self._told.setdefault(key, deque())
            self._told.move_to_end(key)
            if len(self._told) > _MOST_COUNTED:
                self._told.popitem(last=False)
            while told and told[0] <= moment - _DAY_S:
                told.popleft()
            in_this_hour = sum(earlier > moment - _HOUR_S for earlier in told)
            if in_this_hour >= _IN_AN_HOUR or len(told) >= _IN_A_DAY:
                return False
            told.append(moment)
            return True

    def _fingerprint(self, address: str | None) -> bytes:
        return hashlib.blake2b(_part_of_network(address).encode(), key=self._salt).digest()


def _part_of_network(address: str | None) -> str:
    """Cut an address down to what many share."""
    try:
        whole = ipaddress.ip_address(address or "")
    except ValueError:
        return ""
    if isinstance(whole, ipaddress.IPv6Address) and whole.ipv4_mapped:
        whole = whole.ipv4_mapped
    bits = _IPV4_BITS if whole.version == 4 else _IPV6_BITS  # noqa: PLR2004  # of the protocol
    plain = str(whole).partition("%")[0]
    return str(ipaddress.ip_network((plain, bits), strict=False))


@blueprint.record
def _install(state: BlueprintSetupState) -> None:
    state.app.extensions[_GATE] = Gate()


@blueprint.route("/kit/<reference>/tell", methods=["GET", "POST"])
def tell(reference: str) -> Response:
    """Ask what a person has to tell of a kit, and keep it when they tap on it."""
    kit = _kit(reference)
    response = _told(kit) if request.method == "POST" else _asked(kit)
    # under “no-referrer” browsers would not say that a form comes from here
    response.headers["Referrer-Policy"] = "same-origin"
    response.headers["X-Robots-Tag"] = "noindex"
    return response


def _kit(reference: str) -> Mapping[str, object]:
    snapshot = facts().snapshot()
    proper = custody.normal_reference(reference)
    rows = (snapshot.kits["reference"] == proper).to_numpy().nonzero()[0]
    if not len(rows):
        msg = Sentence("There is no kit “%(reference)s”.", reference=reference)
        raise KitNotFoundError(msg)
    return snapshot.records(rows)[0]


def _asked(kit: Mapping[str, object], error: str = "", status: int = HTTPStatus.OK) -> Response:
    page = render_template(
        "public/tell.html",
        kit=kit,
        what=request.args.get("what", ""),
        error=error,
        typed=request.form.get("note", ""),
        longest=sightings.LONGEST_NOTE,
    )
    return make_response(page, status)


def _told(kit: Mapping[str, object]) -> Response:
    finding = request.form.get("finding", "")
    if not _comes_from_here():
        error = _("Another site has sent you here. If you want to tell us something, tap on it.")
        return _asked(kit, error, HTTPStatus.FORBIDDEN)
    if finding not in TELLABLE:
        error = _("Please choose what you want to tell us.")
        return _asked(kit, error, HTTPStatus.UNPROCESSABLE_ENTITY)
    gate: Gate = current_app.extensions[_GATE]
    if not gate.lets_in(request.remote_addr, now()):
        return _later(kit, HTTPStatus.TOO_MANY_REQUESTS, _HOUR_S)
    if not gate.writing.acquire(timeout=_WAIT_S):
        return _later(kit, HTTPStatus.SERVICE_UNAVAILABLE, _COME_BACK_S)
    try:
        doubt = sightings.tell(
            facts().engine,
            str(kit["reference"]),
            Finding(finding),
            at=now(),
            settings=facts().settings,
            note=request.form.get("note", ""),
        )
    except TooOftenError as error:
        return _later(kit, error.http_status, error.retry_after_s)
    finally:
        gate.writing.release()
    page = render_template("public/tell.html", kit=kit, told=finding, doubt=doubt)
    return make_response(page)


def _later(kit: Mapping[str, object], status: int, seconds: int) -> Response:
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        error = _("We are busy at the moment. Nothing was kept. Please try again in a minute.")
    else:
        error = _("We were told too much in this hour. Nothing was kept. Please try again later.")
    response = _asked(kit, error, status)
    response.headers["Retry-After"] = str(seconds)
    return response


def _comes_from_here() -> bool:
    """Whether the browser says that the form is one of this site, or is too old to say anything."""
    fetched = request.headers.get("Sec-Fetch-Site")
    if fetched:
        return fetched in ("same-origin", "none")
    origin = request.headers.get("Origin")
    if not origin:
        return True
    public = facts().settings.site_url.rstrip("/")
    return origin.partition("://")[2] == request.host or (public != "" and origin == public)
