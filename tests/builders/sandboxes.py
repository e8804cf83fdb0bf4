"""Sandboxes of tests: forked from a process that has imported all of it, for to import takes longer than to serve."""

import os
import sys
from collections.abc import Sequence
from multiprocessing import get_context
from multiprocessing.process import BaseProcess

_forks = get_context("forkserver")
_forks.set_forkserver_preload(["sandbox.__main__"])


def started(command: Sequence[str]) -> BaseProcess:
    """Start `python -m sandbox` with a command of its own; it dies with us."""
    process = _forks.Process(target=_serve, args=(list(command),), daemon=True)
    process.start()
    return process


def _serve(command: list[str]) -> None:
    from sandbox.__main__ import main

    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())
    sys.argv = ["sandbox", *command]
    sys.exit(main())
