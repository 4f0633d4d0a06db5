"""Draw charts that print: coverage by hour of the week, and what each further kit adds."""

from collections.abc import Callable, Sequence
from xml.etree import ElementTree as ET

import numpy as np

from locator import geodesy
from locator.reports._svg import INK, LINE, QUIET, SHADES, element, path, picture, ticks, words

_WIDTH = 680.0
_LEFT, _RIGHT = 46.0, 96.0
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_DAY_H, _WEEK_H = 24, 168
_NIGHT = ((0, 6), (22, 24))


def hours_chart(
    name: str,
    weight: geodesy.type_floats,
    paper: geodesy.type_floats,
    known: geodesy.type_floats,
    possible: geodesy.type_floats,
    *,
    title: str,
    tells: str,
    unit: str,
) -> str:
    """Draw what is covered in each hour of the week, above what happens in it.

    Parameters
    ----------
    name
        Unlike that of every other picture of the page.
    weight
        Demand of each hour, ``(168,)`` from Monday 00:00.
    paper, known, possible
        Shares of it that are covered, ``(168,)``: whatever the hours of kits, by kits known to be
        open, and by kits open or perhaps open.
    title, tells
        For those who cannot see it.
    unit
        Of the demand.
    """
    top, high, gap, low = 16.0, 180.0, 34.0, 70.0
    width = _WIDTH - _LEFT - _RIGHT

    def x(hour: float) -> float:
        return _LEFT + width * hour / _WEEK_H

    most = max(float(np.max(paper)), float(np.max(possible)), 0.01)
    scale = ticks(0.0, most, 4)

    def y(share: float) -> float:
        return top + high * (1 - share / scale[-1])

    parts: list[ET.Element] = []
    bottom = top + high + gap + low
    for day, called in enumerate(_DAYS):
        for begin, end in _NIGHT:
            parts.append(
                element(
                    "rect",
                    x=x(24 * day + begin),
                    y=top,
                    width=x(end) - x(begin),
                    height=bottom - top,
                    fill="#ececec",
                )
            )
        parts += words(x(24 * day + 12), bottom + 15, called, anchor="middle", fill=QUIET)
    parts += [_rule(_LEFT, x(_WEEK_H), y(share)) for share in scale]
    for share in scale:
        parts += words(_LEFT - 6, y(share) + 4, f"{share:.0%}", anchor="end", fill=QUIET)
    between = [*_steps(possible, x, y), *reversed(_steps(known, x, y))]
    parts.append(element("path", d=path(between, close=True), fill=SHADES[0], stroke="none"))
    lines = ((paper, "5 3", 1.4), (possible, "1.5 2", 1.8), (known, "", 2.6))
    for values, dash, thick in lines:
        style = {"stroke_dasharray": dash} if dash else {}
        parts.append(
            element(
                "path",
                d=path(_steps(values, x, y)),
                fill="none",
                stroke=INK,
                stroke_width=thick,
                stroke_linejoin="round",
                **style,
            )
        )
    ends = [
        (y(float(paper[-1])), "on paper"),
        (y(float(possible[-1])), "perhaps open"),
        (y(float(known[-1])), "known open"),
    ]
    parts += _line_names(x(_WEEK_H) + 6, ends)
    floor = bottom
    peak = max(float(np.max(weight)), 1e-12)
    for hour, value in enumerate(weight):
        tall = low * float(value) / peak
        parts.append(
            element(
                "rect",
                x=x(hour) + 0.3,
                y=floor - tall,
                width=x(1) - x(0) - 0.6,
                height=tall,
                fill=QUIET,
            )
        )
    parts.append(_rule(_LEFT, x(_WEEK_H), floor, stroke=INK))
    parts += words(_LEFT, top - 5, "Share covered", fill=QUIET)
    parts += words(_LEFT, floor - low - 8, f"{unit} in each hour", fill=QUIET)
    parts += words(_LEFT - 6, floor - low + 8, f"{peak:,.0f}", anchor="end", fill=QUIET)
    parts += words(x(_WEEK_H) + 6, floor, "grey: night", fill=QUIET)
    return picture(name, _WIDTH, bottom + 22, title, tells, parts)


def _steps(
    values: geodesy.type_floats, x: Callable[[float], float], y: Callable[[float], float]
) -> list[tuple[float, float]]:
    return [
        (x(hour + side), y(float(value))) for hour, value in enumerate(values) for side in (0, 1)
    ]


def _line_names(x: float, ends: Sequence[tuple[float, str]]) -> list[ET.Element]:
    """Write the names of lines at their ends, moved apart so that each can be read."""
    parts: list[ET.Element] = []
    lowest = -np.inf
    for y, called in sorted(ends, key=lambda end: end[0]):
        lowest = max(y + 4, lowest + 13)
        parts += words(x, lowest, called)
    return parts


def curve_chart(
    name: str,
    number: Sequence[int],
    share: Sequence[float],
    bound: Sequence[float | None],
    *,
    before: float,
    title: str,
    tells: str,
) -> str:
    """Draw what is covered with each further kit, below the most that any choice could reach.

    Parameters
    ----------
    name
        Unlike that of every other picture of the page.
    number
        Of kits, rising, without 0.
    share
        Covered with so many, of the whole.
    bound
        No choice covers more; None where that was not worked out.
    before
        Covered without any.
    title, tells
        For those who cannot see it.
    """
    top, high = 18.0, 210.0
    width = _WIDTH - _LEFT - _RIGHT
    known = [(n, b) for n, b in zip(number, bound, strict=True) if b is not None]
    most = max([*share, *(b for _, b in known), before])
    scale = ticks(0.0, max(most, 0.01), 5)
    last = max(number, default=1)

    def x(count: float) -> float:
        return _LEFT + width * count / last

    def y(value: float) -> float:
        return top + high * (1 - value / scale[-1])

    parts: list[ET.Element] = []
    for value in scale:
        parts.append(_rule(_LEFT, x(last), y(value)))
        parts += words(_LEFT - 6, y(value) + 4, f"{value:.0%}", anchor="end", fill=QUIET)
    parts.append(_rule(_LEFT, x(last), y(before), stroke=QUIET, stroke_dasharray="1.5 2"))
    reached = [(x(0), y(before)), *((x(n), y(s)) for n, s in zip(number, share, strict=True))]
    best = [(x(0), y(before)), *((x(n), y(b)) for n, b in known)]
    parts.append(
        element(
            "path",
            d=path(best),
            fill="none",
            stroke=INK,
            stroke_width="1.2",
            stroke_dasharray="5 3",
        )
    )
    parts.append(element("path", d=path(reached), fill="none", stroke=INK, stroke_width="2.4"))
    for at_x, at_y in reached[1:]:
        parts.append(element("circle", cx=at_x, cy=at_y, r=3.2, fill=INK))
    for count in sorted({round(t) for t in ticks(0, last, 10) if t <= last} | {last}):
        parts += words(x(count), top + high + 16, f"{count}", anchor="middle", fill=QUIET)
    parts += words(x(last / 2), top + high + 32, "Number of kits", anchor="middle", fill=QUIET)
    parts += words(_LEFT, top - 6, "Share covered", fill=QUIET)
    names = [(y(before), "without any")]
    if known:
        top_bound = known[-1][1]
        same = abs(y(top_bound) - y(share[-1])) < 2  # noqa: PLR2004  # units of the picture
        names += (
            [(y(share[-1]), "the plan: best")]
            if same
            else [(y(top_bound), "none does better"), (y(share[-1]), "the plan")]
        )
    elif number:
        names.append((y(share[-1]), "the plan"))
    parts += _line_names(x(last) + 8, names)
    return picture(name, _WIDTH, top + high + 40, title, tells, parts)


def _rule(x: float, far_x: float, y: float, **style: object) -> ET.Element:
    style = {"stroke": LINE, "stroke_width": "0.8"} | style
    return element("path", d=f"M{x:.1f} {y:.1f}H{far_x:.1f}", fill="none", **style)
