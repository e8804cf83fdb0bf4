"""How many requests each client may still make: credits that come back with time, by address."""

from sandbox.deribit.refusals import TOO_MANY_REQUESTS, Refused

BURST_MAX = 100
PER_SECOND = 20
CLIENTS_MAX = 1_024


class Requests:
    """The requests that every client address may still make."""

    def __init__(self) -> None:
        self._left: dict[str, tuple[float, int]] = {}  # how many, at which time in ms

    def count(self, client: str, now_ms: int) -> None:
        """Count a request. Raise Refused when there were too many."""
        if len(self._left) > CLIENTS_MAX:
            self._left.clear()
        left, at_ms = self._left.get(client, (BURST_MAX, now_ms))
        left = min(BURST_MAX, left + (now_ms - at_ms) * PER_SECOND / 1000)
        self._left[client] = (max(0.0, left - 1), now_ms)
        if left < 1:
            raise Refused(TOO_MANY_REQUESTS, "too_many_requests")
