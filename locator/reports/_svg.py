"""Write pictures as SVG: elements, and the scales of axes."""

import math
from collections.abc import Iterable
from xml.etree import ElementTree as ET

# greys and one hue whose lightness falls evenly, so that a black and white print reads the same
INK, QUIET, LINE, PAPER = "#1a1a1a", "#4d4d4d", "#c9c4ba", "#ffffff"
SHADES = ("#fbe6c8", "#f2b978", "#d67b32", "#8c3d0a")
FONT = "Liberation Sans, DejaVu Sans, Arial, sans-serif"


def element(tag: str, *children: "ET.Element | str", **attributes: object) -> ET.Element:
    """Make an element; ``_`` in the name of an attribute stands for ``-``.

    Text is escaped when the picture is written. Numbers are cut to two decimals.
    """
    made = ET.Element(
        tag, {k.rstrip("_").replace("_", "-"): _text(v) for k, v in attributes.items()}
    )
    for child in children:
        if isinstance(child, str):
            made.text = (made.text or "") + child
        else:
            made.append(child)
    return made


def _text(value: object) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)


def picture(
    name: str,
    width: float,
    height: float,
    title: str,
    description: str,
    parts: Iterable[ET.Element],
) -> str:
    """Put elements together to a picture.

    Parameters
    ----------
    name
        Unlike that of every other picture of the page.
    width, height
        Units of the drawing; the page chooses the size.
    title, description
        What the picture shows, and what it tells, for those who cannot see it.
    """
    drawn = element(
        "svg",
        element("title", title, id=f"{name}-title"),
        element("desc", description, id=f"{name}-desc"),
        *parts,
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {width:g} {height:g}",
        width=f"{width:g}",
        height=f"{height:g}",
        role="img",
        aria_labelledby=f"{name}-title {name}-desc",
        font_family=FONT,
        font_size="11",
    )
    return ET.tostring(drawn, encoding="unicode")


def words(
    x: float, y: float, text: str, *, anchor: str = "start", halo: bool = False, **style: object
) -> list[ET.Element]:
    """Write text; with a halo it can be read on any ground."""
    style = {"fill": INK} | style
    made = element("text", text, x=x, y=y, text_anchor=anchor, **style)
    if not halo:
        return [made]
    around = style | {"fill": PAPER, "stroke": PAPER, "stroke_width": 3, "stroke_linejoin": "round"}
    return [element("text", text, x=x, y=y, text_anchor=anchor, aria_hidden="true", **around), made]


def path(points: Iterable[tuple[float, float]], *, close: bool = False) -> str:
    """Write the data of a path through points."""
    line = "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
    return f"M{line}{'Z' if close else ''}"


def ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Choose round numbers that span a range, ``about`` so many."""
    if high <= low:
        return [low]
    raw = (high - low) / about
    power = 10 ** math.floor(math.log10(raw))
    step = next(power * m for m in (1, 2, 5, 10) if power * m >= raw * 0.999)
    first = math.floor(low / step)
    last = math.ceil(high / step - 1e-9)
    return [step * number for number in range(first, last + 1)]
