"""Why Deribit refuses a request, by its codes."""

from typing import Any

from sandbox.binance.errors import RequestRefused

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
NO_SUCH_METHOD = -32601
INVALID_PARAMS = -32602
ORDER_NOT_FOUND = 10004
TOO_MANY_REQUESTS = 10028
NOT_OPEN = 11044
INVALID_CREDENTIALS = 13004
UNAUTHORIZED = 13009
RAW_WITHOUT_KEY = 13778
TIMED_OUT = 13888
# What the engine refuses in Binance's codes, in Deribit's.
OF_ENGINE: dict[int, tuple[int, str]] = {
    -2011: (ORDER_NOT_FOUND, "order_not_found"),
    -2019: (10009, "not_enough_funds"),
    -2022: (11030, "other_reject reduce_only"),
    -2025: (10013, "pme_max_total_open_orders"),
    -4131: (10011, "price_not_allowed"),
    -5022: (11054, "post_only_reject"),
    -5027: (11029, "invalid_arguments"),
}

# What a drill may refuse a request with, first what it does unless told.
CODES: dict[int, str] = {
    10009: "not_enough_funds",
    10001: "error",
    10002: "qty_too_low",
    10004: "order_not_found",
    10005: "price_too_low",
    10007: "price_too_high",
    10010: "already_closed",
    10028: "too_many_requests",
    10040: "retry",
    10041: "settlement_in_progress",
    10047: "matching_engine_queue_full",
    11030: "other_reject",
    11031: "other_error",
    11041: "not_adv_order",
    11043: "bad_argument",
    11044: "not_open_order",
    11051: "system_maintenance",
    11054: "post_only_reject",
    11094: "internal_server_error",
    13004: "invalid_credentials",
    13009: "unauthorized",
    13888: "timed_out",
}


class Refused(Exception):
    """A request is refused; `data` says about what."""

    def __init__(self, code: int, message: str, **data: Any) -> None:
        super().__init__(message)
        self.error: dict[str, Any] = {"code": code, "message": message} | ({"data": data} if data else {})

    @property
    def status(self) -> int:
        """Give the HTTP status that it comes with."""
        code = self.error["code"]
        return 429 if code == TOO_MANY_REQUESTS else 401 if code == UNAUTHORIZED else 400


def invalid(param: str, reason: str) -> Refused:
    """Refuse a parameter."""
    return Refused(INVALID_PARAMS, "Invalid params", param=param, reason=reason)


def of_engine(refusal: RequestRefused) -> Refused:
    """Say what the engine refused as this venue does."""
    return Refused(*OF_ENGINE.get(refusal.code, (10001, f"error {refusal.message}")))
