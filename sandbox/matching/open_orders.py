"""The open orders of every account: where each rests, found by the venue's or the client's id."""

from sandbox.matching.queues import Resting

BUY, SELL = "BUY", "SELL"


def sign_of(side: str) -> int:
    """Give 1 for BUY and -1 for SELL."""
    return 1 if side == BUY else -1


class OpenOrders:
    """Every resting order, oldest first."""

    def __init__(self) -> None:
        self._by_id: dict[int, Resting] = {}
        self._by_client: dict[tuple[str, str], int] = {}  # the latest open order of an account with a client id
        self._of_contract: dict[tuple[str, str], dict[int, Resting]] = {}

    def add(self, resting: Resting) -> None:
        """Take in an order that begins to rest."""
        order = resting.order
        self._by_id[order.id] = resting
        self._by_client[order.account, order.client_id] = order.id
        self._of_contract.setdefault((order.account, order.symbol), {})[order.id] = resting

    def drop(self, resting: Resting) -> None:
        """Forget an order that no longer rests."""
        order = resting.order
        self._by_id.pop(order.id, None)
        self._of_contract.get((order.account, order.symbol), {}).pop(order.id, None)
        if self._by_client.get((order.account, order.client_id)) == order.id:
            del self._by_client[order.account, order.client_id]

    def find(self, account: str, symbol: str, *, order_id: int | None, client_id: str | None) -> Resting | None:
        """Find an open order of an account in a contract by the venue's id, else by the client's."""
        number = order_id if order_id is not None else self._by_client.get((account, client_id or ""))
        resting = self._by_id.get(number) if number is not None else None
        if resting is None or (resting.order.account, resting.order.symbol) != (account, symbol):
            return None
        return resting

    def by_id(self, order_id: int) -> Resting | None:
        """Find an open order by the venue's id."""
        return self._by_id.get(order_id)

    def has_client_id(self, account: str, client_id: str) -> bool:
        """Tell whether an open order of the account has a client id."""
        return (account, client_id) in self._by_client

    def of(self, account: str, symbol: str) -> list[Resting]:
        """List the open orders of an account in a contract."""
        return list(self._of_contract.get((account, symbol), {}).values())
