"""Pace: how many requests an API key has sent in this minute, counted in Redis; without Redis nobody is let through."""

from datetime import datetime
from functools import cache
from typing import Any, Final

import redis
from django.conf import settings

from hedgeapp.access.api_keys import Caller

TIMEOUT_S: Final = 1.0
KEPT_S: Final = 120  # a count outlives its minute by little
MINUTE_S: Final = 60


class TooManyRequests(RuntimeError):
    """A key has sent as many requests in this minute as it may; `retry_after_s` is when the next begins."""

    def __init__(self, per_minute: int, retry_after_s: int) -> None:
        super().__init__(f"at most {per_minute} requests a minute expected, found more: wait {retry_after_s} s")
        self.retry_after_s = retry_after_s


class CountIsAway(RuntimeError):
    """Redis, which counts requests, does not answer."""

    def __init__(self) -> None:
        super().__init__("requests cannot be counted now, and none is answered uncounted: try again in some seconds")


def keep_pace(caller: Caller, *, at: datetime) -> None:
    """Count a request; refuse with TooManyRequests, CountIsAway."""
    minute, second = divmod(int(at.timestamp()), MINUTE_S)
    name = f"api:{caller.key_id}:{minute}"
    try:
        with _store().pipeline(transaction=True) as both:
            both.incr(name)
            both.expire(name, KEPT_S)
            count = int(both.execute()[0])
    except (redis.RedisError, OSError):
        raise CountIsAway from None
    if count > caller.per_minute:
        raise TooManyRequests(caller.per_minute, MINUTE_S - second)


@cache
def _store() -> Any:
    return redis.from_url(settings.REDIS_URL, socket_timeout=TIMEOUT_S, socket_connect_timeout=TIMEOUT_S)
