"""Speak the reader's language: the one that an address begins with, else the browser's.

``/pl/map`` is ``/map`` in Polish. The language is cut off the path before any page sees it
and stands in front of every address that a page makes, so that pages know nothing of it. A
language is offered as soon as its catalogue lies in ``translations/``.
"""

import functools
import io
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from babel import Locale, negotiate_locale
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import Translations
from flask import Flask, Response, request
from flask_babel import Babel, Domain, get_locale
from markupsafe import Markup

SOURCE = "en"
_FOLDER = Path(__file__).parent / "translations"
_LANGUAGE, _ROOT = "locator.language", "locator.root"
# in the header of a catalogue: who has read it and stands in for it
_REVIEWED_BY = "X-Reviewed-By"
# what pages, posters and problems come as: their words are the reader's
_RENDERED = {
    *("text/html", "application/manifest+json", "application/problem+json"),
    *("application/pdf", "image/png"),
}


@dataclass(frozen=True, slots=True)
class Language:
    """A language that pages can be read in.

    Attributes
    ----------
    code
        What stands in front of addresses.
    tag
        For ``lang`` attributes (BCP 47).
    name
        In the language itself.
    reviewed
        Whether a person who speaks it has read the catalogue; False is said on every page.
    direction
        Which way it is written, for ``dir`` attributes: ``ltr`` or ``rtl``.
    """

    code: str
    tag: str
    name: str
    reviewed: bool
    direction: str

    @property
    def facts(self) -> Markup:
        """Attributes for an element whose text stands in the registry, and is English."""
        return Markup() if self.code == SOURCE else Markup(' lang="en" dir="ltr"')


@functools.cache
def languages() -> Mapping[str, Language]:
    """List the languages that are offered, by code, the source language first."""
    found = {SOURCE: Language(SOURCE, "en-GB", "English", reviewed=True, direction="ltr")}
    for path in sorted(_FOLDER.glob("*.po")):
        locale = Locale.parse(path.stem)
        with path.open("rb") as file:
            header = dict(read_po(file, locale=locale).mime_headers)
        name = (locale.display_name or path.stem).capitalize()
        found[path.stem] = Language(
            path.stem,
            path.stem.replace("_", "-"),
            name,
            reviewed=_REVIEWED_BY in header,
            direction=locale.text_direction,
        )
    return found


def spoken() -> Language:
    """Return the language of this request."""
    return languages()[str(get_locale())]


def root() -> str:
    """Return the path under which the site is served, without a language."""
    found: str = request.environ.get(_ROOT, request.script_root)
    return found


def here_in(code: str) -> str:
    """Give the address of this page in another language."""
    asked = request.query_string.decode("ascii", "replace") if request.method == "GET" else ""
    return f"{root()}/{code}{request.path}{'?' if asked else ''}{asked}"


def install(app: Flask) -> None:
    """Let an application speak all languages that are offered."""
    babel = Babel(app, default_locale=SOURCE, locale_selector=_chosen)
    babel.domain_instance = _Catalogues()
    app.wsgi_app = _WithoutLanguage(app.wsgi_app)  # type: ignore[method-assign,assignment]
    app.after_request(_may_differ)


def _chosen() -> str:
    asked = request.environ.get(_LANGUAGE)
    accepted = list(request.accept_languages.values())
    return asked or negotiate_locale(accepted, languages(), sep="-") or SOURCE


def _may_differ(response: Response) -> Response:
    told = response.mimetype in _RENDERED and request.endpoint != "static"
    if _LANGUAGE not in request.environ and told:
        response.vary.add("Accept-Language")
    return response


class _WithoutLanguage:
    """Take the language off the front of the path, as if the site were served below it."""

    def __init__(self, app: Callable[..., Iterable[bytes]]) -> None:
        self._app = app

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        environ[_ROOT] = environ.get("SCRIPT_NAME", "")
        _, _, path = environ.get("PATH_INFO", "").partition("/")
        first, _, rest = path.partition("/")
        if first in languages():
            environ[_LANGUAGE] = first
            environ["SCRIPT_NAME"] = f"{environ[_ROOT]}/{first}"
            environ["PATH_INFO"] = f"/{rest}"
        return self._app(environ, start)


class _Catalogues(Domain):  # type: ignore[misc]
    """Read catalogues as translators write them; nothing has to be compiled before."""

    def get_translations(self) -> Translations:
        return _catalogue(str(get_locale() or SOURCE))


@functools.cache
def _catalogue(code: str) -> Translations:
    path = _FOLDER / f"{code}.po"
    if not path.exists():
        return Translations()
    compiled = io.BytesIO()
    with path.open("rb") as file:
        write_mo(compiled, read_po(file, locale=code))
    compiled.seek(0)
    return Translations(compiled)
