"""Person payloads: what two people sign when somebody's roles change.  change -> hash"""

import hashlib
from collections.abc import Iterable
from typing import Final, Literal

Step = Literal["propose", "agree"]
SEPARATOR: Final = "\n"  # in no name, role or reason


def person_hash(
    step: Step, *, change_id: str, person: str, roles: Iterable[str], is_active: bool, by: str, reason: str
) -> bytes:
    """Return the 32 bytes that the first person signs (propose), or the second (agree).

    The database computes the same (migration 0005 of access): change neither.
    """
    state = "on" if is_active else "off"
    parts = (change_id, person, ",".join(sorted(roles)), state, by, reason)
    return hashlib.sha256(f"hedgeapp:person:{step}:{SEPARATOR.join(parts)}".encode()).digest()
