"""Errors of the sandbox custodian: the published codes, each with its HTTP status."""

from typing import Final

INTERNAL: Final = ("G20001", 500, "Internal error")
BAD_REQUEST: Final = ("G20002", 400, "Bad request")
BAD_PAGE_LIMIT: Final = ("G20003", 400, "Invalid pageLimit: expected 1 to 500")
BAD_PAGE_NUMBER: Final = ("G20004", 400, "Invalid pageNo: expected 1 or more")
INVALID_PARAMETER: Final = ("G20005", 400, "Invalid parameter")
TIMESTAMP_EMPTY: Final = ("G20006", 400, "Timestamp is empty")
TIMESTAMP_EXPIRED: Final = ("G20007", 400, "Timestamp has expired")
KEY_MISSING: Final = ("G20008", 401, "API key or signature is missing")
SIGNATURE_INVALID: Final = ("G20009", 401, "Invalid signature")
KEY_INVALID: Final = ("G20010", 401, "Invalid API key")
RATE_LIMITED: Final = ("G20012", 429, "Too many requests")
WALLET_DENIED: Final = ("G20013", 403, "No permission for this wallet")
REQUEST_ID_MALFORMED: Final = ("G20014", 400, "Invalid request ID format")
DUPLICATED: Final = ("G20015", 200, "Duplicated request")
ENDPOINT_DENIED: Final = ("G20016", 403, "No permission for this endpoint")
SUB_WALLET_DENIED: Final = ("G20017", 400, "Sub wallet does not support withdraw action")
REFUSED: Final = ("G20002", 200, "Bad request")  # a business error: HTTP 200, and a code that is not 000000
NOT_FOUND: Final = ("G20002", 404, "No such endpoint")


class RequestRefused(Exception):
    """The custodian refuses; the exception carries the code, the HTTP status and a message."""

    def __init__(self, error: tuple[str, int, str], detail: str = "") -> None:
        self.code, self.status, message = error
        self.message = f"{message}: {detail}" if detail else message
        super().__init__(self.message)
