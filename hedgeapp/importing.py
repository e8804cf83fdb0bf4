"""Importing: bring in what is not needed at once, behind everything that is."""

import asyncio
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from django.utils.module_loading import import_string

NICEST: Final = 19


async def imported_gently(path: str) -> Any:
    """Return what a dotted path names, imported in a thread that lets every other go first.

    An import may take seconds (ccxt, web3): what runs in this process goes on meanwhile.
    """
    with ThreadPoolExecutor(1) as thread:
        return await asyncio.get_running_loop().run_in_executor(thread, _imported, path)


def _imported(path: str) -> Any:
    os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICEST)
    return import_string(path)
