"""`python -m hedgeapp.up.cradle`: a process that has imported what others need, and is forked to be one of them.

It has one thread, opens no connection and reads only what all of them have in common, so that a fork is as good as a
new interpreter. Requests come as datagrams over the socket that is its standard input (`hedgeapp.up.nursery`): first
what is to be imported, then what is to be forked.
"""

import gc
import json
import os
import runpy
import signal
import socket
import sys
import time
from importlib import import_module
from pathlib import Path
from typing import Final

from setproctitle import getproctitle, setproctitle

from hedgeapp.up.identity import die_with_parent

MODULES: Final = ("uvicorn", "celery")  # what can be forked: `python -m MODULE …`; the first is imported unasked
REQUEST_BYTES_MAX: Final = 100_000
ADOPTED_S_MAX: Final = 2.0  # until the supervisor is the parent of what was forked for it
LOOK_S: Final = 0.0005


class ThreadsAreRunning(RuntimeError):
    """An import began a thread: a fork would have its locks without the thread."""

    def __init__(self, count: int) -> None:
        super().__init__(f"one thread expected after the imports, found {count}: leave out the module that starts them")


def main() -> int:
    """Import and fork what is asked for; in a fork, become it."""
    supervisor = os.getppid()
    getproctitle()  # it looks for the place of the title while the environment stands where the kernel put it
    _import(MODULES[0])
    with socket.socket(fileno=os.dup(sys.stdin.fileno())) as door:
        while True:
            asked, mouths, _, _ = socket.recv_fds(door, REQUEST_BYTES_MAX, 1)
            if not asked:
                return 0
            request = json.loads(asked)
            if not mouths:
                _import(request["module"])
                door.send(b"imported")
                continue
            between = os.fork()
            if not between and not os.fork():
                _leave_home(supervisor, mouths[0])
                setproctitle(" ".join(request["command"]))
                door.send(str(os.getpid()).encode())
                break
            if not between:
                os._exit(0)  # so that the supervisor, not this process, has the child
            os.waitpid(between, 0)
            os.close(mouths[0])
    return _become(request["command"], request["environment"])


def _import(module: str) -> None:
    """Import what the processes of a module do, and put it where no collection of garbage touches its pages."""
    import django
    from django.conf import settings

    django.setup()
    for name in settings.PRELOADED[module]:
        import_module(name)
    threads = len(list(Path("/proc/self/task").iterdir()))
    if threads > 1:
        raise ThreadsAreRunning(threads)
    gc.collect()
    gc.freeze()


def _leave_home(supervisor: int, mouth: int) -> None:
    """Become a child of the supervisor that says what it says to `mouth`, in a session of its own."""
    os.setsid()
    until = time.monotonic() + ADOPTED_S_MAX
    while os.getppid() != supervisor and time.monotonic() < until:
        time.sleep(LOOK_S)
    die_with_parent(signal.SIGKILL, supervisor)()
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((nothing, 0), (mouth, 1), (mouth, 2)):
        os.dup2(source, target)
    os.close(nothing)
    os.close(mouth)


def _become(command: list[str], environment: dict[str, str]) -> int:
    os.environ.clear()
    os.environ.update(environment)
    _, _, module, *sys.argv[1:] = command
    sys.argv[0] = module
    runpy.run_module(module, run_name="__main__", alter_sys=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
