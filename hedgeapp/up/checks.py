"""Checks: format, lint, types, layers and migrations, two at a time, each with its seconds."""

import subprocess
import sys
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

from hedgeapp.up.bootstrap import ROOT
from hedgeapp.up.servers import private_servers
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
    voice = Voice()
    with private_servers(durable=False) as environment, ThreadPoolExecutor(AT_ONCE) as pool:
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
