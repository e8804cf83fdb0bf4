"""What the tests of pages share: a person, plain static files, an empty screen."""

from collections.abc import Iterator
from typing import Any

import pytest
import redis
from django.conf import settings as configured
from django.contrib.auth.models import User
from django.test import Client


@pytest.fixture(autouse=True)
def _plain_static_files(settings: Any) -> None:
    # Hashed names need collected files; these tests look at pages only.
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }


@pytest.fixture(autouse=True)
def _quick_passwords(settings: Any) -> None:
    settings.PASSWORD_HASHERS = ["tests.builders.passwords.QuickArgon2"]


@pytest.fixture
def screen_store() -> Iterator["redis.Redis"]:
    """Return Redis without any frame in it."""
    with redis.from_url(configured.REDIS_URL) as store:
        store.delete("screen:frame")
        yield store
        store.delete("screen:frame")


@pytest.fixture
def person(db: None) -> User:
    """Return somebody who may log in."""
    return User.objects.create_user("desk", password="a long enough password")


@pytest.fixture
def desk(person: User, screen_store: "redis.Redis") -> Client:
    """Return a client that is logged in, before the engine has shown anything."""
    client = Client()
    client.force_login(person)
    return client
