"""Give whole addresses, for what is read away from the site: QR codes, previews, the sitemap."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import request, url_for

from locator.web import languages
from locator.web.here import facts

_ANY = "x-default"


def site() -> str:
    """Return scheme and host of the site, without a slash at the end."""
    settings = facts().settings
    if settings.site_url:
        return settings.site_url.rstrip("/")
    return f"{'https' if settings.https else request.scheme}://{request.host}"


def whole(endpoint: str, **values: Any) -> str:
    """Give the address of a page; whoever opens it is served in their own language."""
    return f"{site()}{languages.root()}{_path(endpoint, **values)}"


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where a page is found.

    Attributes
    ----------
    site
        Scheme and host.
    alternates
        By language tag; ``x-default`` leaves the choice to the reader's browser.
    here
        The one that was asked for.
    """

    site: str
    alternates: Mapping[str, str]
    here: str


def of(endpoint: str, **values: Any) -> Addresses:
    """Give the addresses of a page in every language."""
    alternates = in_languages(endpoint, **values)
    prefixed = request.script_root != languages.root()
    return Addresses(site(), alternates, alternates[languages.spoken().tag if prefixed else _ANY])


def in_languages(endpoint: str, **values: Any) -> dict[str, str]:
    """Give the addresses of a page by language tag, and one for all others."""
    start, path = f"{site()}{languages.root()}", _path(endpoint, **values)
    offered = languages.languages().values()
    return {one.tag: f"{start}/{one.code}{path}" for one in offered} | {_ANY: start + path}


def _path(endpoint: str, **values: Any) -> str:
    return url_for(endpoint, **values).removeprefix(request.script_root)
