"""The sandbox's own page and its JSON API below /control/, for demonstrations and drills."""

from sandbox.control.routes import routes

__all__ = ["routes"]
