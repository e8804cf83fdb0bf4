"""Bybit's refusals: HTTP 200 with a retCode and a message, as the real venue sends them."""

from sandbox.binance.errors import RequestRefused

INVALID_PARAMETERS = 10001
TOO_MANY = 10006
ORDER_IS_UNKNOWN = 110001
# What the engine refuses in Binance's codes, in Bybit's.
OF_ENGINE: dict[int, tuple[int, str]] = {
    -2011: (ORDER_IS_UNKNOWN, "order not exists or too late to cancel"),
    -2019: (110007, "ab not enough for new order"),
    -2022: (110017, "current position is zero, cannot fix reduce-only order qty"),
    -2025: (110020, "Not allowed to have more than 500 active orders"),
    -4116: (110072, "OrderLinkedID is duplicate"),
    -4131: (110003, "Order price exceeds the allowable range."),
    -5027: (10001, "The order remains unchanged as the parameters entered match the existing ones."),
}


class Refused(Exception):
    """The venue refuses a request; carries its retCode and message."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


class ParameterRefused(Refused):
    """A parameter is missing or out of its bounds; the message is the venue's."""

    def __init__(self, message: str) -> None:
        super().__init__(INVALID_PARAMETERS, message)


def of_engine(refusal: RequestRefused) -> Refused:
    """Say what the engine refused as this venue does."""
    return Refused(*OF_ENGINE.get(refusal.code, (10016, f"Internal server error: {refusal.message}")))


def key_is_invalid() -> Refused:
    """Refuse an API key that is not known here."""
    return Refused(10003, "API key is invalid.")


def signature_is_wrong() -> Refused:
    """Refuse a signature that does not match."""
    return Refused(10004, "Error sign, please check your signature generation algorithm.")


def outside_of_window(sent_ms: int, now_ms: int, window_ms: int) -> Refused:
    """Refuse a time too far from the venue's."""
    told = f"req_timestamp[{sent_ms}],server_timestamp[{now_ms}],recv_window[{window_ms}]"
    return Refused(10002, f"invalid request, please check your server timestamp or recv_window param. {told}")


def order_is_unknown() -> Refused:
    """Refuse to cancel or amend an order that is not open."""
    return Refused(*OF_ENGINE[-2011])


def id_is_taken() -> Refused:
    """Refuse a client's order id that was used before."""
    return Refused(*OF_ENGINE[-4116])
