"""The loop beside a worker: a worker that has lost it ends, so that another is started."""

import subprocess
import sys

import pytest

SECONDS_MAX = 60.0
WORKER = """
import time
from hedgeapp.celery import app
from hedgeapp.host import LoopBesideWorker

class Failing(LoopBesideWorker):
    thread_name = "failing"

    def is_wanted(self):
        return True

    async def main(self):
        {main}

Failing(None).start(None)
time.sleep(30)
"""


@pytest.mark.parametrize("main", ["raise RuntimeError('no memory')", "return None", "raise SystemExit(1)"])
def test_a_worker_whose_loop_has_ended_ends_too(main: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", WORKER.format(main=main)], timeout=SECONDS_MAX, capture_output=True, check=False
    )
    assert done.returncode == 70, done.stderr.decode()[-2000:]
