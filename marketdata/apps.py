"""Django's registration of this app."""

from django.apps import AppConfig


class MarketdataConfig(AppConfig):
    """Reference data and feeds."""

    name = "marketdata"
    verbose_name = "Reference data"
