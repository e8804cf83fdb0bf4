"""Binance's refusals: HTTP status, code and message as the real venue sends them."""


class RequestRefused(Exception):
    """The venue refuses a request; carries its HTTP status, code, message and extra headers."""

    def __init__(self, status: int, code: int, message: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.headers = status, code, message, headers or {}


def missing(name: str) -> RequestRefused:
    """Refuse a request without a mandatory parameter."""
    return RequestRefused(400, -1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")


def malformed(name: str) -> RequestRefused:
    """Refuse a parameter that cannot be read."""
    return RequestRefused(400, -1130, f"Data sent for parameter '{name}' is not valid.")


def unknown_symbol() -> RequestRefused:
    """Refuse a symbol that is not listed."""
    return RequestRefused(400, -1121, "Invalid symbol.")


def key_is_malformed() -> RequestRefused:
    """Refuse a request without an API key."""
    return RequestRefused(401, -2014, "API-key format invalid.")


def key_is_unknown() -> RequestRefused:
    """Refuse an API key that is not known here."""
    return RequestRefused(401, -2015, "Invalid API-key, IP, or permissions for action.")


def signature_is_wrong() -> RequestRefused:
    """Refuse a signature that does not match."""
    return RequestRefused(400, -1022, "Signature for this request is not valid.")


def clock_is_late() -> RequestRefused:
    """Refuse a timestamp older than its window."""
    return RequestRefused(400, -1021, "Timestamp for this request is outside of the recvWindow.")


def clock_is_early() -> RequestRefused:
    """Refuse a timestamp from the future."""
    return RequestRefused(400, -1021, "Timestamp for this request was 1000ms ahead of the server's time.")


def too_many(limit: int, retry_after_s: int) -> RequestRefused:
    """Refuse a request above the weight limit."""
    message = f"Too many requests; current limit is {limit} request weight per 1 MINUTE. Please use the websocket."
    return RequestRefused(429, -1003, message, {"Retry-After": str(retry_after_s)})


def no_listen_key() -> RequestRefused:
    """Refuse to renew a listen key that does not exist."""
    return RequestRefused(400, -1125, "This listenKey does not exist.")


def no_order() -> RequestRefused:
    """Refuse to show an order that does not exist."""
    return RequestRefused(400, -2013, "Order does not exist.")


def order_is_unknown() -> RequestRefused:
    """Refuse to cancel or amend an order that is not open."""
    return RequestRefused(400, -2011, "Unknown order sent.")


def client_id_is_taken() -> RequestRefused:
    """Refuse a client order id that an open order has."""
    return RequestRefused(400, -4116, "ClientOrderId is duplicated.")


def client_id_is_malformed() -> RequestRefused:
    """Refuse a client order id that does not fit ^[\\.A-Z\\:/a-z0-9_-]{1,36}$."""
    return RequestRefused(400, -4015, "Client order id is not valid.")


def reduces_nothing() -> RequestRefused:
    """Refuse a reduce-only order without a position to reduce, or larger than it."""
    return RequestRefused(400, -2022, "ReduceOnly Order is rejected.")


def margin_is_insufficient() -> RequestRefused:
    """Refuse an order that the account cannot carry."""
    return RequestRefused(400, -2019, "Margin is insufficient.")


def would_take() -> RequestRefused:
    """Refuse a post-only order that would trade at once; the venue does not even record it."""
    message = "Due to the order could not be executed as maker, the Post Only order will be rejected."
    return RequestRefused(400, -5022, message + " The order will not be recorded in the order history")


def too_many_open_orders() -> RequestRefused:
    """Refuse an order above the number that an account may have open in a contract."""
    return RequestRefused(400, -2025, "Reach max open order limit.")


def counterparty_is_too_far() -> RequestRefused:
    """Refuse a market order whose best counterparty is beyond the price band."""
    message = "The counterparty's best price does not meet the PERCENT_PRICE filter limit"
    return RequestRefused(400, -4131, message)


def nothing_changes() -> RequestRefused:
    """Refuse an amendment to the terms that the order has."""
    return RequestRefused(400, -5027, "No need to modify the order.")


def only_limit_orders() -> RequestRefused:
    """Refuse to amend an order that has no price."""
    return RequestRefused(400, -5025, "Only limit order is supported")


def too_many_orders(limit: int, interval: str) -> RequestRefused:
    """Refuse a new order above the count limit."""
    return RequestRefused(429, -1015, f"Too many new orders; current limit is {limit} orders per {interval}.")
