"""Fences: what an append must still be allowed to say.  (records)"""

from hedgeapp.core.records import record


@record
class Fence:
    """The epoch under which a service writes; the log refuses an older one."""

    service: str
    epoch: int


class EpochIsOver(RuntimeError):
    """A service wrote under an epoch that another holder has ended."""

    def __init__(self, fence: Fence, epoch: int | None) -> None:
        self.fence = fence
        super().__init__(
            f"epoch {fence.epoch} of {fence.service} expected to be the latest, found {epoch}: another worker took over"
        )


def require(fence: Fence, epoch: int | None) -> None:
    """Refuse a fence whose epoch is not the latest."""
    if epoch != fence.epoch:
        raise EpochIsOver(fence, epoch)
