"""Move request ids: one name for a move from the screen to the custodian.  what asked for it -> id -> request id

The same asking gives the same move, and a move the same request id: a form sent twice, a task delivered twice or a
worker that begins again cannot move twice. Each custodian has rules of its own for what it takes as an id.
"""

import base64
import hashlib
from collections.abc import Callable, Mapping
from typing import Final
from uuid import UUID

LENGTH: Final = 28
PREFIX: Final = "mv"
DIGITS: Final = 18  # of a number that fits into 63 bits


class ProtocolTakesNoMoves(LookupError):
    """Nobody knows how a custodian names a request."""

    def __init__(self, protocol: str) -> None:
        known = ", ".join(sorted(_MAKERS))
        super().__init__(f"a custodian's protocol that takes moves ({known}) expected, found {protocol!r}")


def move_id(asked: str) -> str:
    """Return the id of the move that `asked` (a form's nonce or an engine's proposal) names."""
    digest = hashlib.sha256(f"move:{asked}".encode()).digest()
    return PREFIX + base64.b32encode(digest).decode().lower().rstrip("=")[: LENGTH - len(PREFIX)]


def is_ours(name: str) -> bool:
    """Tell whether an id has the form of a move of ours."""
    return len(name) == LENGTH and name.startswith(PREFIX) and name.isascii() and name.isalnum()


def request_id(name: str, protocol: str) -> str:
    """Return the idempotency key of a move with a custodian of this protocol; raises `ProtocolTakesNoMoves`."""
    if protocol not in _MAKERS:
        raise ProtocolTakesNoMoves(protocol)
    return _MAKERS[protocol](hashlib.sha256(f"request:{protocol}:{name}".encode()).digest())


def _number(digest: bytes) -> str:
    """Return a number of 18 digits: the publisher says string or integer, so that it must be good as either."""
    lowest = 10 ** (DIGITS - 1)
    return str(lowest + int.from_bytes(digest[:16]) % (9 * lowest))


def _uuid(digest: bytes) -> str:
    return str(UUID(bytes=digest[:16], version=4))


_MAKERS: Final[Mapping[str, Callable[[bytes], str]]] = {
    "ceffu": _number,
    "copper": _uuid,
    "fireblocks": _uuid,
}
