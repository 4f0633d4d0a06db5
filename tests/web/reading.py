"""Read pages as a person does."""

import re
from html import unescape

# a place in Oakham from which streets lead to kits
STAMFORD_ROAD = "52.6690, -0.7240"


def text_of(html: str) -> str:
    """Give the words of a page."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())


def line_of(html: str) -> list[tuple[float, float]]:
    """Give latitudes and longitudes of the way that comes first."""
    text = re.findall(r'data-line="([^"]+)"', html)[0]
    return [(float(lat), float(lon)) for lat, lon in (at.split(",") for at in text.split())]
