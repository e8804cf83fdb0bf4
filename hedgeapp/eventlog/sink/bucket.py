"""Bucket: segments as objects of an object store that speaks S3; each is created once, by a conditional request.

Keys, region and endpoint come from the environment, as the store's own tools read them (AWS_ACCESS_KEY_ID,
AWS_SECRET_ACCESS_KEY, AWS_REGION, AWS_ENDPOINT_URL, …); AWS_ALLOW_HTTP=true admits an endpoint without TLS.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Final

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError
from obstore.store import S3Store

from hedgeapp.eventlog.sink.places import ABOUT, README, Entry, NameIsTaken, PlaceIsAway, PlaceOverwrites, entry

ANSWER_S_MAX: Final = 20  # of one request
CONNECT_S_MAX: Final = 5
TRIES_MAX: Final = 2  # after the first; the sink itself tries again too
RETRY_S_MAX: Final = 20
REASON_LENGTH_MAX: Final = 300  # characters
ALLOW_HTTP: Final = "AWS_ALLOW_HTTP"
_DEBUG: Final = "Debug source:"  # begins the part of an error's text that is for the library's own makers


class Bucket:
    """A place in an object store."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._store = S3Store.from_url(
            url,
            client_options={
                "timeout": timedelta(seconds=ANSWER_S_MAX),
                "connect_timeout": timedelta(seconds=CONNECT_S_MAX),
                "allow_http": os.environ.get(ALLOW_HTTP, "").lower() in ("1", "true"),
            },
            retry_config={"max_retries": TRIES_MAX, "retry_timeout": timedelta(seconds=RETRY_S_MAX)},
        )

    def prepare(self) -> None:
        """Make sure that the store never lets one object take another's place."""
        for _ in range(2):
            try:
                self.create(README, ABOUT.encode())
            except NameIsTaken:
                return
        raise PlaceOverwrites(self.url)

    def entries(self) -> list[Entry]:
        """Return all segments by first seq."""
        with self._asked():
            found = [entry(one["path"], one["size"]) for page in obstore.list(self._store) for one in page]
        return sorted((one for one in found if one), key=lambda one: one.name)

    def read(self, name: str) -> bytes:
        """Return a segment's bytes."""
        with self._asked():
            return bytes(obstore.get(self._store, name).bytes())

    def create(self, name: str, content: bytes) -> None:
        """Write a segment durably, or nothing at all."""
        with self._asked():
            try:
                obstore.put(self._store, name, content, mode="create")
            except AlreadyExistsError as error:
                raise NameIsTaken(name) from error

    def set_aside(self, name: str) -> str:
        """Give a segment a name under which nobody looks for it."""
        to = f"{name}.torn"
        with self._asked():
            obstore.put(self._store, to, self.read(name))
            obstore.delete(self._store, name)
        return to

    def remove(self, name: str) -> None:
        """Remove a segment whose rows stand in another one."""
        with self._asked():
            obstore.delete(self._store, name)

    @contextmanager
    def _asked(self) -> Iterator[None]:
        try:
            yield
        except (NameIsTaken, PlaceIsAway):
            raise
        except (BaseError, OSError, ValueError) as error:
            reason = " ".join(str(error).partition(_DEBUG)[0].split())
            raise PlaceIsAway(self.url, reason[:REASON_LENGTH_MAX]) from error
