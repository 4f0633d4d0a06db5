"""Give whole addresses, for what is read away from the site: QR codes, previews, the sitemap."""

from typing import Any

from flask import request, url_for

from locator.web import languages
from locator.web.here import facts


def site() -> str:
    """Return scheme and host of the site, without a slash at the end."""
    settings = facts().settings
    if settings.site_url:
        return settings.site_url.rstrip("/")
    return f"{'https' if settings.https else request.scheme}://{request.host}"


def whole(endpoint: str, **values: Any) -> str:
    """Give the address of a page; whoever opens it is served in their own language."""
    return f"{site()}{languages.root()}{_path(endpoint, **values)}"


def in_languages(endpoint: str, **values: Any) -> dict[str, str]:
    """Give the addresses of a page by language tag; ``x-default`` leaves the choice open."""
    start, path = f"{site()}{languages.root()}", _path(endpoint, **values)
    offered = languages.languages().values()
    return {one.tag: f"{start}/{one.code}{path}" for one in offered} | {"x-default": start + path}


def _path(endpoint: str, **values: Any) -> str:
    return url_for(endpoint, **values).removeprefix(request.script_root)
