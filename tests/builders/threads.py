"""Several people who do something at one and the same moment."""

import threading
from collections.abc import Callable

from django.db import connection


def at_once(*acts: Callable[[], object]) -> list[object]:
    """Do all of these at one moment, each in a thread and on a connection of its own; return what came of them."""
    found: list[object] = []
    together = threading.Barrier(len(acts))

    def act(one: Callable[[], object]) -> None:
        together.wait()
        try:
            found.append(one())
        except Exception as refusal:
            found.append(refusal)
        finally:
            connection.close()

    threads = [threading.Thread(target=act, args=(one,)) for one in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found
