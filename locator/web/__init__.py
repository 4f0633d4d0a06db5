"""Show answers to people over HTTP."""

from locator.web.app import create_app

__all__ = ["create_app"]
