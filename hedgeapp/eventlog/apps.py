"""The event log as a Django application."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class EventLogConfig(AppConfig):
    """Secures the tables after each migration."""

    name = "hedgeapp.eventlog"
    label = "eventlog"
    verbose_name = "Event log"

    def ready(self) -> None:
        """Give the app's role its rights whenever tables may have come."""
        from hedgeapp.eventlog.grants import after_migrate

        post_migrate.connect(after_migrate, sender=self)
