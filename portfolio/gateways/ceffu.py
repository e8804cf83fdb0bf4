"""Ceffu: one custodian's collateral moves: delegate, undelegate, transfer; each call within a time of its own.

The custodian itself is the fence: a request is signed with the time at which its move was marked as submitted, and is
refused when it comes late. Nothing is ever sent again by the gateway: what is not answered plainly is unknown until the
custodian, asked under our request id, says (docs/decisions/0069).
"""

import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from hedgeapp.core.events.moves import (
    MoveNeverArrived,
    MoveOutcomeUnknown,
    MovePayload,
    MoveRejected,
    MoveReported,
)
from hedgeapp.core.reference import Asset, Custodian
from marketdata.feeds.ceffu.client import (
    AnswerIsMalformed,
    CeffuClient,
    CustodianRefused,
    CustodianUnreachable,
    Settings,
)
from marketdata.feeds.ceffu.feed import spelling
from marketdata.feeds.ceffu.rows import ORDER_TYPES, STATES, OrderRow, TakenRow, TransferRow
from marketdata.feeds.ceffu.wire import NETWORK_FAULTS
from marketdata.queries.credentials import Keys
from portfolio.core.move_payloads import AmountHasNoForm, written

VALID_FOR: Final = timedelta(seconds=30)  # after the time that a request is signed with, the custodian refuses it
LISTED_AFTER: Final = timedelta(seconds=60)  # an order that was taken is in the custodian's lists by then
CLOCKS_APART_MAX: Final = timedelta(minutes=5)  # the custodian's clock and ours
HISTORY_MAX: Final = timedelta(days=30) - CLOCKS_APART_MAX  # that one list may go back
LIFE_MAX: Final = timedelta(hours=24)  # of a payload before its expiry (portfolio.core.move_references)
SUBMIT_S_MAX: Final = 8.0  # a move whose answer takes longer is unknown
READ_S_MAX: Final = 5.0
SAID_LENGTH_MAX: Final = 300  # characters of the custodian's words that are kept

ORDER_PATH: Final = "/v1/mirrorX/order"
TRANSFER_PATH: Final = "/v1/subwallet/transfer"
DUPLICATED: Final = "G20015"
NOT_SENT: Final = "not sent"
# Each of these says that the custodian did not take a request that it sees for the first time. Not among them: an
# internal error, a request id that is taken, and any code that is not published.
REJECTIONS: Final = frozenset(
    {
        *("G20002", "G20003", "G20004", "G20005", "G20014"),  # bad request, which business errors are too; parameters
        *("G20006", "G20007", "G20012"),  # no time or an expired one; too many requests
        *("G20008", "G20009", "G20010", "G20011"),  # key, signature, IP address
        *("G20013", "G20016", "G20017", "G20018"),  # permissions; sub-wallets
    }
)
_SILENCES: Final = (*NETWORK_FAULTS, CustodianUnreachable, AnswerIsMalformed)

Submitted = MoveReported | MoveRejected | MoveOutcomeUnknown


class CeffuGateway:
    """One custodian's door for moves, with keys of its own; to be closed.

    Raises SecretIsMalformed or SpellingIsAmbiguous when made.
    """

    def __init__(
        self,
        custodian: Custodian,
        assets: Iterable[Asset],
        keys: Keys,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.custodian, self._clock = custodian, clock
        self._theirs = {ours: theirs for theirs, ours in spelling(assets).items()}
        settings = Settings(request_timeout_s=READ_S_MAX, attempts_max=1)
        self._client = CeffuClient(custodian.name, custodian.url, keys.api_key, keys.secret, settings, clock)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.wire.close()

    async def submit(self, payload: MovePayload, request_id: str, at: datetime) -> Submitted:
        """Send a move for the first time, signed with `at`, the time at which it was marked as submitted."""
        return await self._sent(payload, request_id, at, is_first=True)

    async def submit_again(
        self, payload: MovePayload, request_id: str, at: datetime
    ) -> MoveReported | MoveOutcomeUnknown:
        """Send the same request once more, signed with `at`, to learn what became of a move that has no word.

        The custodian answers with the order that it has, or takes the move now. A refusal says nothing of what was
        sent before, so it leaves the move unknown.
        """
        answer = await self._sent(payload, request_id, at, is_first=False)
        if isinstance(answer, MoveRejected):
            because = f"sent again and refused, which says nothing of the first time: {answer.code}: {answer.said}"
            return self._unknown(payload, because)
        return answer

    async def report(
        self, payload: MovePayload, request_id: str, custodian_order_id: str, valid_until: datetime | None = None
    ) -> MoveReported | MoveNeverArrived | None:
        """Return the custodian's word on a move that was sent; None when it has none yet, or did not answer.

        `valid_until` is the last time at which the custodian could still take anything that was sent of it; without it
        the payload's own expiry counts. A move never arrived when the custodian's lists do not have it long after.
        """
        try:
            if payload.kind == "transfer":
                return await self._transfer(payload, request_id, valid_until)
            return await self._mirror_order(payload, custodian_order_id, valid_until)
        except (*_SILENCES, CustodianRefused):
            return None

    async def _sent(self, payload: MovePayload, request_id: str, at: datetime, *, is_first: bool) -> Submitted:
        if said := self._hindrance(payload, at):
            return MoveRejected(at=self._now(), move_id=payload.move_id, code=NOT_SENT, said=said)
        path, body = self._request(payload, request_id)
        try:
            reply = await self._client.wire.post(path, body, at=at, within_s=SUBMIT_S_MAX)
            taken = self._client.wire.told(path, reply, TakenRow)
        except CustodianRefused as refusal:
            return await self._refused(payload, request_id, refusal)
        except TimeoutError:
            return self._unknown(payload, f"no answer of {self.custodian.name} within {SUBMIT_S_MAX:g} s")
        except _SILENCES as error:
            return self._unknown(payload, f"no answer of {self.custodian.name}: {type(error).__name__}")
        if taken.requestId is not None and str(taken.requestId) != request_id:
            said = f"{self.custodian.name} was asked under {request_id} and answered about {taken.requestId}"
            return self._unknown(payload, said)
        return self._reported(payload, taken.orderViewId, taken.status) or self._unknown(
            payload, f"order {taken.orderViewId} is in a state that nobody published: {taken.status}"
        )

    def _hindrance(self, payload: MovePayload, at: datetime) -> str:
        """Say why a move cannot be sent by this door, or nothing."""
        if payload.custodian != self.custodian.name:
            return f"a move at {self.custodian.name} expected, found one at {payload.custodian}"
        if payload.asset not in self._theirs:
            return f"an asset that {self.custodian.name} can spell expected, found {payload.asset}"
        try:
            written(payload.amount)
        except AmountHasNoForm as refusal:
            return str(refusal)
        if payload.kind == "transfer":
            if payload.route != payload.destination or not (payload.source.isdigit() and payload.route.isdigit()):
                return (
                    "a transfer between wallets that are named by their ids, its route the id of the second, expected, "
                    f"found {payload.source} to {payload.destination} by {payload.route}"
                )
        elif not (payload.route.isascii() and payload.route.isdigit()):
            return f"the number of a link as route expected, found {payload.route}"
        if self._now() > at + VALID_FOR:
            return f"a request not older than {VALID_FOR.total_seconds():g} s expected, found one of {at:%H:%M:%S} UTC"
        return ""

    def _request(self, payload: MovePayload, request_id: str) -> tuple[str, dict[str, Any]]:
        """Return path and body in the published shape."""
        what = {
            "coinSymbol": self._theirs[payload.asset],
            "amount": written(payload.amount),
            "requestId": request_id,
        }
        if payload.kind == "transfer":
            return TRANSFER_PATH, {"fromWalletId": payload.source, "toWalletId": payload.route, **what}
        return ORDER_PATH, {"mirrorXLinkId": int(payload.route), "orderType": ORDER_TYPES[payload.kind], **what}

    async def _refused(self, payload: MovePayload, request_id: str, refusal: CustodianRefused) -> Submitted:
        said = refusal.message[:SAID_LENGTH_MAX]
        if refusal.code in REJECTIONS and refusal.status < 500:
            return MoveRejected(at=self._now(), move_id=payload.move_id, code=refusal.code, said=said)
        if refusal.code == DUPLICATED and payload.kind == "transfer":
            known = await self.report(payload, request_id, "")
            if isinstance(known, MoveReported):
                return known
        told = f"{self.custodian.name} answered {refusal.code} (HTTP {refusal.status}): {said}"
        return self._unknown(payload, told)

    async def _transfer(
        self, payload: MovePayload, request_id: str, valid_until: datetime | None
    ) -> MoveReported | MoveNeverArrived | None:
        """Look a transfer up by our request id, which is the one thing that nobody else gives."""
        try:
            row: TransferRow | None = await self._client.transfer(payload.source, request_id)
        except CustodianRefused:
            row = None
        if row is None:
            since_ms, until_ms = self._span(payload)
            rows = await self._client.transfers(payload.source, since_ms, until_ms)
            row = next((one for one in rows if str(one.requestId) == request_id), None)
        if row is None:
            return self._absent(payload, valid_until)
        ways = (str(row.fromWalletId), str(row.toWalletId), row.coinSymbol, row.amount)
        if ways != (payload.source, payload.route, self._theirs.get(payload.asset), payload.amount):
            return None  # another move under our request id is no word on this one
        return self._reported(payload, row.orderViewId, row.status)

    async def _mirror_order(
        self, payload: MovePayload, custodian_order_id: str, valid_until: datetime | None
    ) -> MoveReported | MoveNeverArrived | None:
        """Look an order up by its id; without one, tell only whether any order may be this one."""
        kind, coin = ORDER_TYPES[payload.kind], self._theirs.get(payload.asset, payload.asset)
        since_ms, until_ms = self._span(payload)
        chosen = {"orderType": str(kind), "coinSymbol": coin}
        rows = await self._client.mirror_orders(payload.route, since_ms, until_ms, **chosen)
        if custodian_order_id:
            row = next((one for one in rows if one.orderViewId == custodian_order_id), None)
            return self._reported(payload, row.orderViewId, row.status) if row else None
        return None if any(_may_be(one, payload) for one in rows) else self._absent(payload, valid_until)

    def _absent(self, payload: MovePayload, valid_until: datetime | None) -> MoveNeverArrived | None:
        """Conclude from a list that does not have a move, once it would have it."""
        now, last = self._now(), valid_until or payload.expires_at + VALID_FOR
        if not last + LISTED_AFTER <= now < payload.expires_at - LIFE_MAX + HISTORY_MAX:
            return None
        said = f"not in the lists of {self.custodian.name}, which took nothing of it after {last:%H:%M:%S} UTC"
        return MoveNeverArrived(at=self._now(), move_id=payload.move_id, said=said)

    def _span(self, payload: MovePayload) -> tuple[int, int]:
        """Return the time in which a move may have been taken, in ms."""
        now = self._now()
        since = max(payload.expires_at - LIFE_MAX - CLOCKS_APART_MAX, now - HISTORY_MAX)
        return _milliseconds(since), _milliseconds(now + CLOCKS_APART_MAX)

    def _reported(self, payload: MovePayload, order_id: str, status: int) -> MoveReported | None:
        state = STATES.get(status)
        if state is None or not order_id:
            return None
        return MoveReported(
            at=self._now(),
            move_id=payload.move_id,
            custodian=self.custodian.name,
            custodian_order_id=order_id,
            state=state,
            said=f"status {status}",
        )

    def _unknown(self, payload: MovePayload, because: str) -> MoveOutcomeUnknown:
        return MoveOutcomeUnknown(at=self._now(), move_id=payload.move_id, because=because)

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock(), UTC)


def _may_be(row: OrderRow, payload: MovePayload) -> bool:
    return row.amount == payload.amount


def _milliseconds(at: datetime) -> int:
    return round(at.timestamp() * 1000)
