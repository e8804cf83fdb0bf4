"""Ledger of the sandbox chain: who held how much of each token after each block."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable

from sandbox.chain.contracts import NOBODY
from sandbox.chain.orders import Transfer


class Ledger:
    """Balances over block numbers, in the tokens' smallest units; a token's supply is what NOBODY owes."""

    def __init__(self) -> None:
        self._numbers: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
        self._balances: defaultdict[tuple[str, str], list[int]] = defaultdict(list)

    def balance(self, token: str, holder: str, number: int) -> int:
        """Return the balance of a holder after the block of that number."""
        line = (token, holder)
        at = bisect_right(self._numbers.get(line, ()), number)
        return self._balances[line][at - 1] if at else 0

    def supply(self, token: str, number: int) -> int:
        """Return how many units of a token existed after the block of that number."""
        return -self.balance(token, NOBODY, number)

    def apply(self, number: int, transfers: Iterable[Transfer]) -> None:
        """Book the transfers of a block; blocks come in ascending order."""
        for transfer in transfers:
            self._add(transfer.token, transfer.sender, number, -transfer.amount)
            self._add(transfer.token, transfer.receiver, number, transfer.amount)

    def _add(self, token: str, holder: str, number: int, amount: int) -> None:
        numbers, balances = self._numbers[(token, holder)], self._balances[(token, holder)]
        total = (balances[-1] if balances else 0) + amount
        if numbers and numbers[-1] == number:
            balances[-1] = total
        else:
            numbers.append(number)
            balances.append(total)
