"""The reconciliation as a Django app."""

from django.apps import AppConfig


class ReconciliationConfig(AppConfig):
    """Registers tables, tasks and pages."""

    name = "reconciliation"
