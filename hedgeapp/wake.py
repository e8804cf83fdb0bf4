"""Wake: tell the workers of a queue, through the broker, that there is something to do; never wait for the broker.

A wake-up is a hint: it may be lost, come twice or come late. It is sent by a thread of its own, so that whoever wakes
neither waits nor fails while the broker is away; and a moment later, for whom the log's own announcement has not woken:
at the same moment it would only take the processor from them.
"""

import threading
import time
from typing import Any, Final

import structlog
from celery import Celery
from django.conf import settings

TASK: Final = "portfolio.tasks.work"  # only wakes the worker that runs it
LATER_S: Final = 0.1  # than what it wakes for was committed
EXPIRES_S: Final = 5.0  # a later wake-up wakes nobody: the workers have looked by themselves
BROKER: Final = {"socket_timeout": 2, "socket_connect_timeout": 2, "max_retries": 1, "interval_start": 0}

log = structlog.get_logger()


class Waker:
    """Sends wake-ups for queues, several for one queue at once only once."""

    def __init__(self, url: str) -> None:
        self._broker = Celery("wake", broker=url, set_as_current=False)
        self._broker.conf.update(broker_transport_options=BROKER, task_ignore_result=True)
        self._wanted: set[str] = set()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._is_away = False

    def wake(self, queue: str) -> None:
        """Ask for a wake-up of a queue's workers; return at once."""
        with self._changed:
            self._wanted.add(queue)
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="wake", daemon=True)
                self._thread.start()
            self._changed.notify()

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._wanted:
                    self._changed.wait()
            time.sleep(LATER_S)
            with self._changed:
                queues, self._wanted = self._wanted, set()
            for queue in queues:
                self._send(queue)

    def _send(self, queue: str) -> None:
        try:
            self._broker.send_task(TASK, queue=queue, expires=EXPIRES_S, retry=False, ignore_result=True)
        except Exception as error:
            # Whatever the broker's client says: the workers look by themselves each second.
            if not self._is_away:
                log.warning("wake.broker_away", queue=queue, error=repr(error))
            self._is_away = True
        else:
            self._is_away = False


_waker: list[Any] = []
_making = threading.Lock()


def wake(queue: str) -> None:
    """Wake the workers of a queue, if the broker is there; return at once."""
    with _making:
        if not _waker:
            _waker.append(Waker(settings.REDIS_URL))
    _waker[0].wake(queue)
