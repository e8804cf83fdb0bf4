"""How many requests each client made of each path and type of contracts in the running window, as OKX counts them."""

WINDOW_MS = 2_000
REQUESTS_MAX = 20
TRADES_MAX = 60  # of what is about orders and fills
TRADES = "trade/"
COUNTED_MAX = 4_096  # clients times what they ask


class Requests:
    """The requests of every client address in the running window; the venue does not tell their number."""

    def __init__(self) -> None:
        self._window = 0
        self._made: dict[tuple[str, str], int] = {}

    def count(self, client: str, asked: str, now_ms: int) -> bool:
        """Count a request; tell whether it is within the limit."""
        window = now_ms // WINDOW_MS
        if window != self._window or len(self._made) > COUNTED_MAX:
            self._window, self._made = window, {}
        made = self._made[client, asked] = self._made.get((client, asked), 0) + 1
        return made <= (TRADES_MAX if asked.startswith(TRADES) else REQUESTS_MAX)
