"""Django's registration of this app."""

from typing import Any

from django.apps import AppConfig, apps
from django.db.models.signals import post_migrate


class AccessConfig(AppConfig):
    """People, roles, and how they come in."""

    name = "hedgeapp.access"
    label = "access"
    verbose_name = "Access"

    def ready(self) -> None:
        """Give the roles their permissions whenever a migration may have made new ones: once all apps have theirs."""
        from hedgeapp.access.grants import after_migrate

        last = [app for app in apps.get_app_configs() if app.models_module is not None][-1]
        post_migrate.connect(_grant_roles, sender=last, dispatch_uid="access.grant_roles")
        post_migrate.connect(after_migrate, sender=self)


def _grant_roles(using: str, **_: Any) -> None:
    from hedgeapp.access.roles import grant_roles

    grant_roles(using)
