"""`python -m hedgeapp.niceness BY SCRIPT …`: run a script that stands back; and `stand_back`, for who is running."""

import os
import runpy
import sys
import time
from pathlib import Path
from typing import Final

_GROUP: Final = Path("/proc/self/autogroup")
_TRIES: Final = 20
_PAUSE_S: Final = 0.1  # Linux takes ten such wishes a second, from all processes together


def stand_back(by: int) -> None:
    """Take a Unix niceness of 0 to 19; call it before any thread begins, for each has its own, from who began it.

    Where Linux shares the processors among sessions (autogroup) a niceness counts only within its session, and each of
    our processes leads one: there the session takes it, too.
    """
    if not by:
        return
    os.nice(by)
    if os.getsid(0) != os.getpid() or not _GROUP.exists():
        return
    for _ in range(_TRIES):
        try:
            _GROUP.write_text(str(by))
            return
        except BlockingIOError:
            time.sleep(_PAUSE_S)
        except OSError:
            return  # it only goes no further back than before


if __name__ == "__main__":
    stand_back(int(sys.argv[1]))
    del sys.argv[:2]
    runpy.run_path(sys.argv[0], run_name="__main__")
