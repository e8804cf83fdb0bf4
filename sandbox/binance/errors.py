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


def no_order_entry() -> RequestRefused:
    """Refuse an order: these venues only show what was traded on their own screens."""
    return RequestRefused(400, -1016, "This service is no longer available.")
