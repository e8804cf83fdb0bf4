"""Checks: format, lint, types, layers and migrations, two at a time, each with its seconds."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from hedgeapp.up.bootstrap import ROOT
from hedgeapp.up.environment import for_children, kept_secrets
from hedgeapp.up.ports import remembered_port
from hedgeapp.up.servers import held, missing, running
from hedgeapp.up.voice import Voice

PYTHON = sys.executable
AT_ONCE = 2
LAYERS = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_logo=True))"

# The slowest first.
CHECKS = {
    "types": [PYTHON, "-m", "mypy", "."],
    "migrations": [PYTHON, "manage.py", "makemigrations", "--check", "--dry-run"],
    "layers": [PYTHON, "-c", LAYERS],
    "format": [PYTHON, "-m", "ruff", "format", "--check", "."],
    "lint": [PYTHON, "-m", "ruff", "check", "."],
}


def main() -> int:
    """Run all checks, show what the failing ones say, return the exit code."""
    for name in ("DATABASE_URL", "DATABASE_OWNER_URL", "REDIS_URL"):
        os.environ.pop(name, None)  # these checks must not look at a real database
    voice = Voice()
    with tempfile.TemporaryDirectory(prefix="hedgeapp-checks-") as folder:
        var = Path(folder)
        servers = missing(var, remembered_port, durable=False)
        environment = for_children(var, kept_secrets(var), servers.urls)
        with held(lambda: running(servers, Voice(sys.stderr))), ThreadPoolExecutor(AT_ONCE) as pool:
            passed = list(pool.map(lambda name: _passes(name, environment, voice), CHECKS))
    return 0 if all(passed) else 1


def _passes(name: str, environment: Mapping[str, str], voice: Voice) -> bool:
    started = time.monotonic()
    run = subprocess.run(
        CHECKS[name],
        cwd=ROOT,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    seconds = time.monotonic() - started
    if run.returncode:
        voice.say(f"failed after {seconds:.1f} s: {' '.join(CHECKS[name][1:])}\n{run.stdout.rstrip()}", name)
    else:
        voice.say(f"{seconds:.1f} s", name)
    return run.returncode == 0


if __name__ == "__main__":
    sys.exit(main())
