"""Draw Folium pictures with every asset from our own origin and untrusted text encoded."""

from locator.maps import _guard
from locator.maps._guard import Picture
from locator.maps._layers import Basemap

__all__ = ["ROUGH_M", "Basemap", "Picture"]

# positions less exact than this get a circle on the map and a warning in lists
ROUGH_M = 50.0

_guard.install()
