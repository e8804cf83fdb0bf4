"""Why Deribit refuses a request, by its codes."""

from typing import Any

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
NO_SUCH_METHOD = -32601
INVALID_PARAMS = -32602
TOO_MANY_REQUESTS = 10028
UNAUTHORIZED = 13009
RAW_WITHOUT_KEY = 13778


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
