"""Make Folium safe for text that strangers write, and take it apart for our own pages.

branca (0.8) renders the output of every macro a second time as a Jinja template. A kit named
``{{...}}`` would run code on the server, and ``html.escape`` does not stop it. Two walls
stand against that: macro output is taken literally, and every string that comes from data
goes through :func:`text`. Folium's finished HTML is never used: :func:`compose` takes out
the script and the assets, and refuses any asset that is not ours.
"""

import html
from collections.abc import Iterator
from dataclasses import dataclass

import branca.element as be
import folium
from folium import map as folium_map

_ENTITIES = str.maketrans(
    {
        "{": "&#123;",
        "}": "&#125;",
        "`": "&#96;",
        "$": "&#36;",
        "\\": "&#92;",
        "\n": " ",
        "\r": " ",
        "\u2028": " ",
        "\u2029": " ",
    }
)


def text(value: object) -> str:
    """Encode text from data for any place of a Folium object that is shown as HTML."""
    return html.escape(str(value)).translate(_ENTITIES)


class _Literal(be.Element):
    """Text that renders as it is."""

    def __init__(self, literal: str) -> None:
        super().__init__()
        self._literal = str(literal)

    def render(self, **kwargs: object) -> str:
        """Return the text."""
        del kwargs
        return self._literal


def _render_macro(self: be.MacroElement, **kwargs: object) -> None:
    figure = self.get_root()
    macros = self._template.module.__dict__
    for part in ("header", "html", "script"):
        if (macro := macros.get(part)) is not None:
            getattr(figure, part).add_child(_Literal(macro(self, kwargs)), name=self.get_name())
    for child in list(self._children.values()):
        child.render(**kwargs)


def _render_popup(self: folium_map.Popup, **kwargs: object) -> None:
    for child in list(self._children.values()):
        child.render(**kwargs)
    script = self._template.render(this=self, kwargs=kwargs)
    self.get_root().script.add_child(_Literal(script), name=self.get_name())


def install() -> None:
    """Replace the two methods of branca and Folium that render twice (both are pinned)."""
    be.MacroElement.render = _render_macro
    folium_map.Popup.render = _render_popup


@dataclass(frozen=True, slots=True)
class Picture:
    """A map taken apart, for a page with a strict Content-Security-Policy.

    Attributes
    ----------
    name
        Of the element that holds the map, and of the global variable in the script.
    script
        JavaScript that draws the map, served as a file of its own.
    scripts, stylesheets
        Paths below ``static/`` that the page loads before the script.
    """

    name: str
    script: str
    scripts: tuple[str, ...]
    stylesheets: tuple[str, ...]


def compose(drawn: folium.Map, name: str) -> Picture:
    """Take the script and the assets out of a finished map.

    Parameters
    ----------
    drawn
        The map, with all its layers.
    name
        Gives the same names to the same map every time, so that the script can be cached.

    Raises
    ------
    ValueError
        A layer wants an asset that is not below ``vendor/``.
    """
    for number, element in enumerate(_descendants(drawn)):
        element._id = f"{name}{number}" if number else name  # noqa: SLF001  # no public way
    root = drawn.get_root()
    root.render()
    scripts, stylesheets = [], []
    for child in root.header._children.values():  # noqa: SLF001  # no public way
        if isinstance(child, be.JavascriptLink):
            scripts.append(_ours(child.url))
        elif isinstance(child, be.CssLink):
            stylesheets.append(_ours(child.url))
    script = root.script.render()
    return Picture(drawn.get_name(), script, tuple(scripts), tuple(stylesheets))


def _descendants(element: be.Element) -> Iterator[be.Element]:
    yield element
    for child in element._children.values():  # noqa: SLF001  # no public way
        yield from _descendants(child)


def _ours(url: str) -> str:
    if not url.startswith("vendor/"):
        msg = f"A map layer wants {url}, which is not served from our own origin."
        raise ValueError(msg)
    return url
