"""`python -m hedgeapp.up`: run the stack; `python -m hedgeapp.up run COMMAND …`: run a command in its environment."""

import argparse
import asyncio
import signal
import subprocess
import sys
from collections.abc import Iterator

from hedgeapp.up.bootstrap import ROOT
from hedgeapp.up.environment import folder, for_children, kept_secrets
from hedgeapp.up.identity import RootCannotRunPostgresql
from hedgeapp.up.lock import FolderIsUp, held_folder, is_up
from hedgeapp.up.ports import PortIsHeld, noted_port, remembered_port
from hedgeapp.up.postgres import ClusterCannotBeMade, PostgresqlIsNotReady, SecretsDoNotFitTheCluster
from hedgeapp.up.procfile import ProcfileIsMalformed
from hedgeapp.up.servers import Servers, held, missing, running
from hedgeapp.up.stack import ProcessIsUnknown, Stack
from hedgeapp.up.supervisor import CommandFailed
from hedgeapp.up.valkey import ValkeyIsNotReady
from hedgeapp.up.voice import Voice

REFUSALS = (
    ClusterCannotBeMade,
    CommandFailed,
    FolderIsUp,
    OSError,
    PortIsHeld,
    PostgresqlIsNotReady,
    ProcessIsUnknown,
    ProcfileIsMalformed,
    RootCannotRunPostgresql,
    SecretsDoNotFitTheCluster,
    ValkeyIsNotReady,
)


def main() -> int:
    """Parse the command line, do what it says, return the exit code; a refusal is one sentence."""
    parser = argparse.ArgumentParser(prog="hedgeapp.up", description=__doc__)
    parser.add_argument("--only", default="", help="names of the Procfile to run, comma-separated; all by default")
    parser.add_argument("command", nargs=argparse.REMAINDER, help="run COMMAND …")
    given = parser.parse_args()
    if given.command and (given.command[0] != "run" or len(given.command) < 2):
        parser.error(f"expected 'run COMMAND …'; found {' '.join(given.command)!r}")
    code = 0
    try:
        if given.command:
            code = run_command(given.command[1:])
        else:
            asyncio.run(Stack(Voice(), [name for name in given.only.split(",") if name]).run())
    except* REFUSALS as group:
        code = 1
        for refusal in _leaves(group):
            print(refusal, file=sys.stderr)
    return code


def run_command(command: list[str]) -> int:
    """Run a command in the environment of this folder's stack; start its servers for it if the stack is down."""
    var = folder()
    if is_up(var):
        return _completed(command, missing(var, noted_port))
    servers = missing(var, remembered_port)
    with held_folder(var, "no address: a command runs"), held(lambda: running(servers, Voice(sys.stderr))):
        return _completed(command, servers)


def _completed(command: list[str], servers: Servers) -> int:
    environment = for_children(folder(), kept_secrets(folder()), servers.urls)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal sends it to the command too, which decides
    return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode


def _leaves(group: BaseExceptionGroup[BaseException]) -> Iterator[BaseException]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _leaves(error)
        else:
            yield error


if __name__ == "__main__":
    sys.exit(main())
