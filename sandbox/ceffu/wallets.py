"""Wallets of the sandbox custodian: sub-wallets, transfers between them, deposits and withdrawals."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from sandbox.binance.wire import plain
from sandbox.ceffu.books import Books, Change, wallet_place
from sandbox.ceffu.errors import DUPLICATED, INVALID_PARAMETER, REFUSED, WALLET_DENIED, RequestRefused
from sandbox.ceffu.statuses import CONFIRMED, FAILED, OPEN, PENDING, PROCESSING, SENT
from sandbox.ceffu.webhooks import DEPOSIT_FAILED, DEPOSIT_SUCCESS, WITHDRAWAL_FAILED, WITHDRAWAL_SUCCESS, Webhooks
from sandbox.rows import Movement, SubWallet

if TYPE_CHECKING:
    from sandbox.ceffu.state import Ceffu

DEPOSIT: Final = "deposit"
WITHDRAWAL: Final = "withdrawal"
TRANSFER: Final = "transfer"
SUB_WALLETS_MAX: Final = 100
OPEN_MAX: Final = 200
ZERO: Final = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A withdrawal or transfer that a client asks for with one request id; an address, or a wallet of ours."""

    kind: str
    request_id: str
    wallet_id: int
    to_wallet_id: int  # 0 is none
    coin: str
    network: str
    amount: Decimal
    address: str


class Wallets:
    """What moves between wallets and beyond them, durable before it is answered; `advance` lets it move."""

    def __init__(self, custodian: "Ceffu", books: Books, webhooks: Webhooks) -> None:
        self._custodian, self._books, self._webhooks = custodian, books, webhooks
        self.subs = {each.id: each for each in books.ledger.every(SubWallet)}
        under_way = books.ledger.select(Movement, "status IN (10, 20)", (), "id", OPEN_MAX)
        self._open = {each.id: each for each in under_way}

    def check(self, wallet_id: int) -> int:
        """Give a wallet of this institution back. Raise RequestRefused."""
        if wallet_id != self._custodian.wallet.wallet_id and wallet_id not in self.subs:
            raise RequestRefused(WALLET_DENIED)
        return wallet_id

    def create(self, name: str, *, auto_collection: bool) -> SubWallet:
        """Make a sub-wallet of the Prime wallet. Raise RequestRefused."""
        if len(self.subs) >= SUB_WALLETS_MAX:
            raise RequestRefused(REFUSED, f"at most {SUB_WALLETS_MAX} sub-wallets may exist")
        made = SubWallet(
            id=self._custodian.wallet.wallet_id + 1 + len(self.subs),
            name=name,
            auto_collection=auto_collection,
            created_ms=self._custodian.clock(),
        )
        self._books.ledger.record(others=[made])
        self.subs[made.id] = made
        return made

    def reserved(self, wallet_id: int, coin: str) -> Decimal:
        """Sum what is on its way out of a wallet."""
        leaving = (each for each in self._open.values() if (each.wallet_id, each.coin) == (wallet_id, coin))
        return sum((each.amount for each in leaving), ZERO)

    def ask(self, wanted: Wanted) -> Movement:
        """Take a move, or give the one that has its request id and says the same. Raise RequestRefused."""
        found = self.of_request(wanted.kind, wanted.request_id)
        if found is not None:
            same = (found.wallet_id, found.to_wallet_id, found.coin, found.network, found.amount, found.address)
            wants = (wanted.wallet_id, wanted.to_wallet_id, wanted.coin, wanted.network, wanted.amount, wanted.address)
            if same != wants or self._custodian.settings.repeats_are_refused:
                raise RequestRefused(DUPLICATED, f"requestId {wanted.request_id}")
            return found
        self._check(wanted)
        movement = self._movement(wanted, PENDING)
        self._books.ledger.record(others=[movement])
        self._open[movement.id] = movement
        return movement

    def _check(self, wanted: Wanted) -> None:
        if self._custodian.frozen:
            raise RequestRefused(REFUSED, "moves are in maintenance")
        if wanted.to_wallet_id == wanted.wallet_id:
            raise RequestRefused(INVALID_PARAMETER, "a transfer goes to another wallet")
        if len(self._open) >= OPEN_MAX:
            raise RequestRefused(REFUSED, f"at most {OPEN_MAX} moves may be open")
        most = self._custodian.asset(wanted.coin, wanted.wallet_id).available
        if wanted.amount > most:
            raise RequestRefused(REFUSED, f"at most {plain(most)} {wanted.coin} is available")

    def _movement(self, wanted: Wanted, status: int) -> Movement:
        now_ms = self._custodian.clock()
        order_id = self._books.take_order_id()
        on_chain = wanted.kind != TRANSFER and not wanted.to_wallet_id
        return Movement(
            id=order_id,
            kind=wanted.kind,
            request_id=wanted.request_id,
            wallet_id=wanted.wallet_id,
            to_wallet_id=wanted.to_wallet_id,
            coin=wanted.coin,
            network=wanted.network,
            amount=wanted.amount,
            address=wanted.address,
            tx_id=f"0x{int(order_id):064x}" if on_chain else "",
            status=status,
            created_ms=now_ms,
            updated_ms=now_ms,
        )

    def deposit(
        self, coin: str, network: str, amount: Decimal, *, failed: bool = False, wallet_id: int | None = None
    ) -> Movement:
        """Let coins arrive in a wallet from outside, the Prime one unless another is named, or fail to."""
        wanted = Wanted(
            kind=DEPOSIT,
            request_id="",
            wallet_id=wallet_id or self._custodian.wallet.wallet_id,
            to_wallet_id=0,
            coin=coin,
            network=network,
            amount=amount,
            address="",
        )
        movement = self._movement(wanted, FAILED if failed else CONFIRMED)
        changes = [] if failed else [self._change(movement.wallet_id, coin, amount)]
        self._post(movement, changes, DEPOSIT_FAILED if failed else DEPOSIT_SUCCESS)
        return movement

    def advance(self, now_ms: int) -> None:
        """Let moves proceed; nothing does while the custodian is frozen."""
        latency_ms = self._custodian.order_latency_ms
        for movement in list(self._open.values()):
            if now_ms >= movement.created_ms + latency_ms:
                self._carry_out(movement, now_ms)
            elif movement.status == PENDING and now_ms >= movement.created_ms + latency_ms // 2:
                self._open[movement.id] = replace(movement, status=PROCESSING, updated_ms=now_ms)
                self._books.ledger.record(others=[self._open[movement.id]])

    def _carry_out(self, movement: Movement, now_ms: int) -> None:
        outside = movement.kind == WITHDRAWAL
        held = self._custodian.asset(movement.coin, movement.wallet_id).amount
        if movement.amount > held:
            done = replace(movement, status=FAILED, updated_ms=now_ms)
            self._post(done, [], WITHDRAWAL_FAILED if outside else None)
            return
        changes = [self._change(movement.wallet_id, movement.coin, -movement.amount)]
        if movement.to_wallet_id:
            changes.append(self._change(movement.to_wallet_id, movement.coin, movement.amount))
        done = replace(movement, status=CONFIRMED if outside else SENT, updated_ms=now_ms)
        self._post(done, changes, WITHDRAWAL_SUCCESS if outside else None)

    def _change(self, wallet_id: int, coin: str, amount: Decimal) -> Change:
        return Change(place=wallet_place(wallet_id), coin=coin, units=self._custodian.units(coin, amount))

    def _post(self, movement: Movement, changes: Sequence[Change], event: int | None) -> None:
        others: list[Any] = [movement]
        if event is not None:
            others += self._webhooks.notices(event, transaction(movement), self._custodian.clock())
        self._books.post(changes, f"{movement.kind} {movement.id}", movement.updated_ms, others)
        self._webhooks.keep(others)
        self._open.pop(movement.id, None)
        if movement.status in OPEN:
            self._open[movement.id] = movement

    def of_request(self, kind: str, request_id: str) -> Movement | None:
        """Find a move by the client's id."""
        found = self._books.ledger.select(Movement, "kind = ? AND request_id = ?", (kind, request_id), "id", 1)
        return found[0] if found else None

    def of_id(self, kind: str, order_id: str) -> Movement | None:
        """Find a move by the custodian's id."""
        found = self._books.ledger.select(Movement, "kind = ? AND id = ?", (kind, order_id), "id", 1)
        return found[0] if found else None

    def movements(self, kind: str, wallet_id: int, first_ms: int, last_ms: int) -> list[Movement]:
        """List a wallet's moves of a kind in a time, newest first."""
        where = "kind = ? AND (wallet_id = ? OR to_wallet_id = ?) AND created_ms BETWEEN ? AND ?"
        values = (kind, wallet_id, wallet_id, first_ms, last_ms)
        return self._books.ledger.select(Movement, where, values, "created_ms DESC, id DESC", 1_000)


def transaction(movement: Movement) -> dict[str, Any]:
    """Return a deposit or withdrawal in the published shape."""
    on_chain = bool(movement.tx_id)
    return {
        "orderViewId": movement.id,
        "txId": movement.tx_id or None,
        "transferType": 10 if on_chain else 20,
        "direction": 10 if movement.kind == DEPOSIT else 20,
        "fromAddress": "",
        "toAddress": movement.address,
        "network": movement.network,
        "coinSymbol": movement.coin,
        "amount": plain(movement.amount),
        "feeSymbol": movement.coin,
        "feeAmount": "0",
        "status": movement.status,
        "confirmedBlockCount": 64 if on_chain and movement.status == CONFIRMED else None,
        "unlockConfirm": 64 if on_chain else None,
        "maxConfirmBlock": 64 if on_chain else None,
        "currentBlock": None,
        "memo": None,
        "txTime": movement.updated_ms,
        "walletStr": str(movement.wallet_id),
        "requestId": movement.request_id or None,
    }
