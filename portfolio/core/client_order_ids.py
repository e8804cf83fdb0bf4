"""Client order ids: one name for an order from before its first socket to its end.  what asked for it -> id

The same asking gives the same id, so that a form sent twice, or a worker that begins again, cannot make two orders.
Every venue takes it: at most 32 characters, letters and digits only (OKX is the strictest).
"""

import base64
import hashlib
from typing import Final

LENGTH: Final = 28
PREFIX: Final = "hg"  # ours, told from orders made on the venue's own screen


def client_order_id(asked: str) -> str:
    """Return the id of the order that `asked` (a ticket's or a proposal's id) names."""
    digest = hashlib.sha256(asked.encode()).digest()
    return PREFIX + base64.b32encode(digest).decode().lower().rstrip("=")[: LENGTH - len(PREFIX)]


def is_ours(client_order_id: str) -> bool:
    """Tell whether an id has the form of ours."""
    return len(client_order_id) == LENGTH and client_order_id.startswith(PREFIX) and client_order_id.isalnum()
