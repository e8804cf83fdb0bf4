"""Numbers of the published protocol: kinds of mirror orders, and the states that moves pass."""

from typing import Final

DELEGATION: Final = 10
UNDELEGATION: Final = 20
SETTLEMENT: Final = 30
PENDING: Final = 10
IN_PROGRESS: Final = 20
SUCCESS: Final = 30
FAILED: Final = 99
PROCESSING: Final = 20
SENT: Final = 30
CONFIRMED: Final = 40
OPEN: Final = (PENDING, IN_PROGRESS)
