"""The portfolio as a Django app."""

from django.apps import AppConfig


class PortfolioConfig(AppConfig):
    """Measure, decide, act."""

    name = "portfolio"
