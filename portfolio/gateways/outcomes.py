"""Outcomes: what a venue's answer to an order means, one table per protocol.

Only words that leave no doubt make an order rejected. Everything else, and first of all silence, leaves it unknown: the
venue is asked again, under our own id.
Sources: Binance's lists of error codes of both futures and its notes on HTTP 408 and 503 ("execution status unknown");
Bybit's list of error codes, v5, which come with HTTP 200; OKX's, v5, where each order of a request has its own;
Deribit's "RPC Error Codes", which come within `error`.
"""

from collections.abc import Mapping
from typing import Any, Final

from hedgeapp.core.records import record
from marketdata.venues import Answer

SAID_LENGTH_MAX: Final = 300  # characters of the venue's words that are kept


class Rejected(Exception):
    """The venue refused, in words that leave no doubt."""

    def __init__(self, code: str, said: str) -> None:
        self.code, self.said = code, said
        super().__init__(f"the venue refused: {code}: {said}")


class NotKnown(Exception):
    """The venue says that it does not know the order, or does not have it any more."""

    def __init__(self, said: str) -> None:
        self.said = said
        super().__init__(f"the venue does not know the order: {said}")


class NoWord(Exception):
    """There was no answer, or one that may mean anything; `retry_after_s` is what the venue asks for, if it does."""

    def __init__(self, because: str, retry_after_s: float | None = None) -> None:
        self.because, self.retry_after_s = because, retry_after_s
        super().__init__(because)


@record
class Codes:
    """A protocol's error codes that leave no doubt; ranges include both ends.

    `within` names the part of an answer that a refusal is in, if it is not the answer itself; `code` and `said` name
    its fields. `refusing` are the HTTP statuses with which codes count. An answer without a refusal has a code from 0
    to `done_to`, or none where none is needed.
    """

    rejected: frozenset[int]
    rejected_ranges: tuple[tuple[int, int], ...]
    not_rejected: frozenset[int]
    not_known: frozenset[int]
    not_there: frozenset[int]
    within: str = ""
    code: str = "code"
    said: str = "msg"
    refusing: tuple[int, int] = (400, 499)
    is_code_needed: bool = False
    done_to: int | None = None
    own_code: str = ""  # fields of the first row of `data` that tell of the order itself, where there are such
    own_said: str = ""

    def is_done(self, code: int | None) -> bool:
        """Tell whether a code (None: there is none) refuses nothing."""
        if code is None:
            return not self.is_code_needed
        return code >= 0 and (self.done_to is None or code <= self.done_to)

    def is_rejection(self, code: int) -> bool:
        """Tell whether a code says that the venue did not take an order."""
        if code in self.not_rejected:
            return False
        return code in self.rejected or any(low <= code <= high for low, high in self.rejected_ranges)


_BINANCE: Final = Codes(
    rejected=frozenset(
        {
            *(-1002, -1003, -1013, -1014, -1015),  # not authorized; too many requests; malformed; too many orders
            *(-1020, -1021, -1022),  # not supported; outside of recvWindow; signature
            *(-2010, -2014, -2015),  # refused; API key
            *(-2018, -2019, -2020, -2021, -2022, -2023, -2024, -2025, -2026, -2027, -2028),  # margin, position, limits
            *(-5021, -5022, -5028),  # FOK, post-only, recvWindow of the matching engine
        }
    ),
    rejected_ranges=((-1199, -1100), (-4999, -4000)),  # parameters; filters
    not_rejected=frozenset({-4116}),  # the client order id is taken: so the venue has the order
    not_known=frozenset({-2013}),  # asked for an order
    not_there=frozenset({-2011}),  # told to cancel one: it may have ended, or never have come
)

_BYBIT: Final = Codes(
    code="retCode",
    said="retMsg",
    refusing=(200, 299),
    is_code_needed=True,
    done_to=0,
    rejected=frozenset(
        {
            *(10001, 10002, 10003, 10004, 10005, 10006),  # parameters; recv_window; key; signature; permission; visits
            *(10009, 10010, 10018, 10024, 10027),  # address; compliance; banned
            *(110003, 110004, 110005, 110006, 110007, 110011, 110012, 110014),  # price; margin; being liquidated
            *(110017, 110020, 110021, 110023, 110040, 110044, 110045),  # reduce-only; limits; margin
            *(110049, 110051, 110052, 110053, 110056, 110066, 110067),  # margin; trading is not allowed
            *(110090, 110092, 110093, 110094, 110095, 110096, 110097),  # limits; price; least value and quantity
        }
    ),
    rejected_ranges=(),
    not_rejected=frozenset({110030, 110072}),  # the id is taken: so the venue has the order
    not_known=frozenset(),
    not_there=frozenset({110001, 110008, 110010}),  # told to cancel one: it may have ended, or never have come
)

_DERIBIT: Final = Codes(
    within="error",
    said="message",
    refusing=(200, 499),
    done_to=0,
    rejected=frozenset(
        {
            *(-32700, -32602, -32601, -32600),  # JSON-RPC: parse, parameters, method, request
            *(10000, 10002, 10003, 10005, 10006, 10007, 10008, 10009),  # who asks; amount; overlap; price; funds
            *(10011, 10012, 10013, 10014, 10016, 10018, 10019, 10020),  # price; book closed; limits; locked; instrument
            *(10021, 10022, 10023, 10026, 10027, 10028, 10031, 10032),  # amount; price; too many requests; arguments
            *(10043, 10066, 11029, 11030, 11039, 11041, 11042, 11043),  # tick; too many at once; other; permission
            *(11046, 11047, 11049, 11050, 11051, 11054),  # outdated; arguments; maintenance; post-only
            *(13002, 13004, 13009, 13012, 13020, 13021),  # blocked; credentials; token; subaccount; not found; scope
        }
    ),
    rejected_ranges=(),
    # Settlement, queues and time-outs (10040, 10041, 10047, 11094, 13028, 13888) say nothing of whether it was done.
    not_rejected=frozenset(),
    not_known=frozenset(),
    not_there=frozenset({10004, 10010, 11008, 11044}),  # told to cancel one: it may have ended, or never have come
)

_OKX: Final = Codes(
    refusing=(200, 499),
    is_code_needed=True,
    done_to=0,
    own_code="sCode",
    own_said="sMsg",
    rejected=frozenset(
        {
            *(50000, 50002, 50006, 50011, 50014, 50015, 50016, 50024, 50030, 50036, 50037, 50061),  # request; limits
            *(50100, 50101, 50102, 50103, 50104, 50105, 50106, 50107, 50110, 50111, 50112, 50113, 50114),  # key; time
            *(50119, 50120, 51000, 51001, 51003, 51004, 51005, 51006, 51007, 51008, 51009, 51010),  # fields; margin
            *(51015, 51020, 51021, 51022, 51024, 51025, 51027, 51028, 51029, 51030, 51031, 51037),  # closed; limits
            *(51116, 51119, 51121, 51127, 51131, 51136, 51137, 51138, 51169, 51174, 51202, 51203, 51205),  # price; size
        }
    ),
    rejected_ranges=(),
    not_rejected=frozenset({50071, 51016}),  # the id is taken: so the venue has the order
    not_known=frozenset({51603}),  # asked for an order
    not_there=frozenset({51400, 51401, 51402}),  # told to cancel one: it may have ended, or never have come
)

CODES: Final[Mapping[str, Codes]] = {
    "binance-usdm": _BINANCE,
    "binance-coinm": _BINANCE,
    "bybit": _BYBIT,
    "okx": _OKX,
    "deribit": _DERIBIT,
}


def refusal(codes: Codes, answer: Answer) -> Rejected | NotKnown | NoWord | None:
    """Return what an answer refuses, None when it is no refusal."""
    code, said = _told(codes, answer.body)
    if 200 <= answer.status < 300 and codes.is_done(code):
        return None
    if code is None or not codes.refusing[0] <= answer.status <= codes.refusing[1]:
        told = f" {code}: {said}" if code is not None else ""
        return NoWord(f"the venue answered HTTP {answer.status}{told}", answer.retry_after_s)
    if code in codes.not_known | codes.not_there:
        return NotKnown(said)
    if codes.is_rejection(code):
        return Rejected(str(code), said)
    return NoWord(f"the venue answered {code}: {said}", answer.retry_after_s)


def _told(codes: Codes, body: Any) -> tuple[int | None, str]:
    """Return code and words of an answer: those of the order itself where it has its own."""
    if not isinstance(body, dict):
        return None, ""
    rows = body.get("data") if codes.own_code else None
    if isinstance(rows, list) and rows and isinstance(rows[0], dict) and codes.own_code in rows[0]:
        return _number(rows[0][codes.own_code]), str(rows[0].get(codes.own_said, ""))[:SAID_LENGTH_MAX]
    part = body.get(codes.within) if codes.within else body
    if not isinstance(part, dict):
        return None, ""
    return _number(part.get(codes.code)), str(part.get(codes.said, ""))[:SAID_LENGTH_MAX]


def _number(code: Any) -> int | None:
    try:
        return int(str(code).partition("_")[0])  # OKX adds a number of the case: 51008_1000
    except ValueError:
        return None
