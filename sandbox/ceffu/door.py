"""Door of the sandbox custodian: who may come in.  Key, timestamp, signature over the raw request, rate."""

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl

from sandbox.ceffu.errors import (
    INVALID_PARAMETER,
    KEY_INVALID,
    KEY_MISSING,
    RATE_LIMITED,
    SIGNATURE_INVALID,
    TIMESTAMP_EMPTY,
    TIMESTAMP_EXPIRED,
    RequestRefused,
)
from sandbox.ceffu.state import Ceffu


class Door:
    """Checks every request; counts those of the current second."""

    def __init__(self, state: Ceffu) -> None:
        self._state, self._second, self._count = state, 0, 0

    def entered(self, headers: Mapping[str, str], raw_query: str) -> dict[str, str]:
        """Return the parameters of a GET request whose signature covers its raw query string."""
        parameters = dict(parse_qsl(raw_query, keep_blank_values=True))
        self._check(headers, raw_query.encode(), parameters.get("timestamp"))
        return parameters

    def entered_with_body(self, headers: Mapping[str, str], body: bytes) -> dict[str, Any]:
        """Return the object in the body of a POST request whose signature covers its raw body."""
        try:
            found = json.loads(body or b"{}", parse_float=Decimal)
        except ValueError as error:
            raise RequestRefused(INVALID_PARAMETER, "the body is not JSON") from error
        if not isinstance(found, dict):
            raise RequestRefused(INVALID_PARAMETER, "the body is not a JSON object")
        self._check(headers, body, found.get("timestamp"))
        return found

    def _check(self, headers: Mapping[str, str], content: bytes, timestamp: object) -> None:
        key, signature = headers.get("open-apikey"), headers.get("signature")
        if not key or not signature:
            raise RequestRefused(KEY_MISSING)
        if key != self._state.key.api_key:
            raise RequestRefused(KEY_INVALID)
        self._check_time(timestamp)
        if not self._state.key.has_signed(signature, content):
            raise RequestRefused(SIGNATURE_INVALID)
        self._check_rate()

    def _check_time(self, timestamp: object) -> None:
        if timestamp in (None, ""):
            raise RequestRefused(TIMESTAMP_EMPTY)
        try:
            sent_ms = int(str(timestamp))
        except ValueError as error:
            raise RequestRefused(INVALID_PARAMETER, "timestamp is no whole number of milliseconds") from error
        if abs(self._state.clock() - sent_ms) > self._state.settings.timestamp_window_ms:
            raise RequestRefused(TIMESTAMP_EXPIRED)

    def _check_rate(self) -> None:
        second = self._state.clock() // 1_000
        if second != self._second:
            self._second, self._count = second, 0
        self._count += 1
        if self._count > self._state.settings.requests_per_second_max:
            raise RequestRefused(RATE_LIMITED)
