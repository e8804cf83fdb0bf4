"""The Celery application."""

import os

from celery import Celery
from celery.signals import setup_logging, worker_init

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hedgeapp.settings")

app = Celery("hedgeapp")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@worker_init.connect
def host_services(**_: object) -> None:
    """Give this worker its loops and its place; imported here because they need Django's settings to be ready."""
    from hedgeapp.environment import Environment
    from hedgeapp.host import DeskHost, ServiceHost
    from hedgeapp.niceness import stand_back

    app.steps["worker"].update((ServiceHost, DeskHost))
    stand_back(Environment().hedgeapp_nice)


@setup_logging.connect
def keep_our_logging(**_: object) -> None:
    """Keep Django's logging: one-line structured logs."""
