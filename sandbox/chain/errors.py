"""Errors of the sandbox chain, as JSON-RPC answers them."""

from typing import Any, Final

PARSE_ERROR: Final = -32700
INVALID_REQUEST: Final = -32600
METHOD_NOT_FOUND: Final = -32601
INVALID_PARAMS: Final = -32602
SERVER_ERROR: Final = -32000
LIMIT_EXCEEDED: Final = -32005
REVERTED: Final = 3


class CallRefused(Exception):
    """The node cannot answer; `code` is the JSON-RPC error code, `data` what a reverted call returned."""

    def __init__(self, code: int, message: str, data: str | None = None) -> None:
        super().__init__(message)
        self.code, self.message, self.data = code, message, data

    def as_json(self) -> dict[str, Any]:
        error: dict[str, Any] = {"code": self.code, "message": self.message}
        return error if self.data is None else {**error, "data": self.data}
