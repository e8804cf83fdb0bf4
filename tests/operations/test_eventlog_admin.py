"""The log in the admin: to read, never to write."""

from typing import Any

import psycopg
import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.urls import reverse

from hedgeapp.eventlog.append import append
from tests.builders.log import AT, fills


@pytest.fixture
def admin(owner: psycopg.Connection[Any], client: Client, settings: Any) -> Client:
    """A superuser's browser, and a log of three events."""
    static = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = settings.STORAGES | {"staticfiles": static}
    with owner.transaction():
        append(owner, fills(3), at=AT)
    client.force_login(get_user_model().objects.create_superuser("root", password="x"))
    return client


def test_events_are_listed_the_latest_first_and_can_be_searched(admin: Client) -> None:
    page = admin.get(reverse("admin:eventlog_loggedevent_changelist"))
    assert [event.seq for event in page.context["cl"].result_list] == [3, 2, 1]
    assert page.context["cl"].paginator.count == 3
    found = admin.get(reverse("admin:eventlog_loggedevent_changelist"), {"q": "fill:binance-usdm:main:"})
    assert found.context["cl"].paginator.count == 3
    assert admin.get(reverse("admin:eventlog_loggedevent_changelist"), {"q": "nobody"}).context["cl"].result_count == 0


def test_an_event_is_shown_with_its_body_and_cannot_be_changed(admin: Client) -> None:
    address = reverse("admin:eventlog_loggedevent_change", args=[2])
    assert "3012.34" in admin.get(address).content.decode()
    assert admin.post(address, {"key": "x"}).status_code == 403
    assert admin.get(reverse("admin:eventlog_loggedevent_add")).status_code == 403
