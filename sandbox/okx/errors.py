"""OKX's refusals: a code and a message, of the whole request or of one of its orders, as the real venue sends them."""

from sandbox.binance.errors import RequestRefused

EMPTY, WRONG, NO_INSTRUMENT = "50014", "51000", "51001"
TOO_MANY = "50011"
NOT_FOUND = "404"
# Where the HTTP status of an answer is another than 200.
STATUS_OF = {
    **dict.fromkeys(("50000", "50002", EMPTY, "50015", WRONG), 400),
    **dict.fromkeys(("50102", "50103", "50104", "50105", "50106", "50107", "50111", "50112", "50113"), 401),
    NOT_FOUND: 404,
    TOO_MANY: 429,
}
# What the engine refuses in Binance's codes, in OKX's.
OF_ENGINE: dict[int, tuple[str, str]] = {
    -2011: ("51400", "Cancellation failed as the order has been filled, canceled or does not exist."),
    -2019: ("51008", "Order failed. Insufficient margin in account"),
    -2022: ("51169", "Order failed because you don't have any positions in this direction to reduce."),
    -2025: ("51174", "Order failed. The number of pending orders reached the upper limit."),
    -4116: ("51016", "Client order ID already exists."),
    -4131: ("51137", "The price of your order exceeds the price limit."),
    -5027: ("51500", "You must enter a price, quantity, or TP/SL that differs from the order's."),
}
# The documented codes that drills may arm, with their texts; the first one unless told.
CODES: dict[int, str] = {
    51008: "Order failed. Insufficient margin in account",
    50001: "Service temporarily unavailable. Please try again later.",
    50004: "API endpoint request timeout.",
    50011: "Rate limit reached. Please refer to API documentation and throttle requests accordingly.",
    50013: "Systems are busy. Please try again later.",
    50026: "System error. Try again later",
    50036: "The expTime can't be earlier than the current system time. Please adjust the expTime and try again.",
    50061: "You've reached the maximum order rate limit for this account.",
    50102: "Timestamp request expired.",
    50105: 'Request header "OK-ACCESS-PASSPHRASE" incorrect.',
    50111: "Invalid OK-ACCESS-KEY.",
    50113: "Invalid signature.",
    51000: "Parameter error",
    51016: "Client order ID already exists.",
    51020: "Your order should meet or exceed the minimum order amount.",
    51149: "Order timed out. Please try again.",
    51169: "Order failed because you don't have any positions in this direction to reduce.",
    51205: "Reduce Only is not available.",
    51400: "Cancellation failed as the order has been filled, canceled or does not exist.",
    51603: "Order does not exist",
}


class Refused(Exception):
    """The venue refuses a request or one of its orders; carries the code and the message."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


class ParameterRefused(Refused):
    """A parameter is missing or out of its bounds."""


def of_engine(refusal: RequestRefused) -> Refused:
    """Say what the engine refused as this venue does."""
    return Refused(*OF_ENGINE.get(refusal.code, ("50026", f"System error. Try again later: {refusal.message}")))


def wrong(name: str) -> ParameterRefused:
    """Refuse the value of a parameter."""
    return ParameterRefused(WRONG, f"Parameter {name} error")


def empty(name: str) -> ParameterRefused:
    """Refuse that a parameter is missing."""
    return ParameterRefused(EMPTY, f"Parameter {name} can not be empty")


def no_instrument() -> ParameterRefused:
    """Refuse a name of a contract that the venue does not have."""
    return ParameterRefused(NO_INSTRUMENT, "Instrument ID, Instrument ID code, or Spread ID doesn't exist.")
