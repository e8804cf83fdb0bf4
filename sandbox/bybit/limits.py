"""How many requests each client made in the running window, as Bybit counts them by address."""

WINDOW_MS = 5_000
REQUESTS_MAX = 600
CLIENTS_MAX = 1_024


class Requests:
    """The requests of every client address in the running window."""

    def __init__(self) -> None:
        self._window = 0
        self._made: dict[str, int] = {}

    def count(self, client: str, now_ms: int) -> tuple[bool, dict[str, str]]:
        """Count a request; tell whether it is within the limit, and the headers that say so."""
        window = now_ms // WINDOW_MS
        if window != self._window or len(self._made) > CLIENTS_MAX:
            self._window, self._made = window, {}
        made = self._made[client] = self._made.get(client, 0) + 1
        return made <= REQUESTS_MAX, {
            "X-Bapi-Limit": str(REQUESTS_MAX),
            "X-Bapi-Limit-Status": str(max(0, REQUESTS_MAX - made)),
            "X-Bapi-Limit-Reset-Timestamp": str((window + 1) * WINDOW_MS),
        }
