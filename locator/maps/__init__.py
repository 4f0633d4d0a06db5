"""Draw Folium pictures with every asset from our own origin and untrusted text encoded."""

from locator.maps import _guard

_guard.install()
