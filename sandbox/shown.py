"""What the subscribers of a book have been told, for venues that send a snapshot first and then its changes."""

from collections.abc import Mapping


def changes(before: Mapping[int, int], now: Mapping[int, int]) -> list[tuple[int, int]]:
    """List the new sizes of levels that changed; what left the shown depth is gone."""
    gone = [(ticks, 0) for ticks in before if ticks not in now]
    return gone + [(ticks, steps) for ticks, steps in now.items() if before.get(ticks) != steps]
