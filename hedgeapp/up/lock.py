"""Lock: one running stack a folder."""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from hedgeapp.up.ports import command_of


class FolderIsUp(Exception):
    """Another process runs the stack of this folder."""


@contextmanager
def held_folder(var: Path, url: str) -> Iterator[None]:
    """Keep a data folder to this process while the block lasts.  Raises FolderIsUp, naming the holder."""
    with (var / "up.lock").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise FolderIsUp(_described(var)) from None
        file.seek(0)
        file.truncate()
        json.dump({"pid": os.getpid(), "url": url}, file)
        file.flush()
        yield


def is_up(var: Path) -> bool:
    """Say whether a process runs the stack of this folder."""
    with suppress(FileNotFoundError), (var / "up.lock").open("r+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _described(var: Path) -> str:
    holder: dict[str, Any] = {"pid": 0, "url": "an unknown address"}
    with suppress(OSError, ValueError):
        holder |= json.loads((var / "up.lock").read_text())
    pid = int(holder["pid"])
    return (
        f"This folder ({var}) is already up at {holder['url']}, run by process {pid} ({command_of(pid)}): "
        f"use that one, or stop it with Ctrl-C in its terminal or 'kill {pid}'."
    )
