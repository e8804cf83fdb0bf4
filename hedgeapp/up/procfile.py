"""Procfile: the processes of the stack, one a line: `name: [VARIABLE=value …] command`, with $VARIABLES."""

import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from string import Template

from hedgeapp.core.records import record

# Roles that may do more than the app: only a line that names one of these is given it.
PRIVATE = ("DATABASE_OWNER_URL", "DATABASE_MOVES_URL")
_LINE = re.compile(r"(?P<name>[A-Za-z0-9_-]+):\s*(?P<command>\S.*)")
_ASSIGNMENT = re.compile(r"(?P<name>[A-Za-z_][A-Za-z0-9_]*)=(?P<value>.*)", re.DOTALL)


class ProcfileIsMalformed(Exception):
    """A line is not a process, or names a variable that is not set."""


@record
class Process:
    """A process to run: its name, its command, its environment."""

    name: str
    command: list[str]
    environment: dict[str, str]


def public(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that every process may have."""
    return {name: value for name, value in environment.items() if name not in PRIVATE}


def processes(file: Path, environment: Mapping[str, str]) -> list[Process]:
    """Read the processes of a file; no shell is involved.  Raises ProcfileIsMalformed."""
    lines = enumerate(file.read_text().splitlines(), start=1)
    return [
        _process(f"{file.name}:{number}", line.strip(), environment)
        for number, line in lines
        if line.strip() and not line.startswith("#")
    ]


def _process(where: str, line: str, environment: Mapping[str, str]) -> Process:
    found = _LINE.fullmatch(line)
    if not found:
        raise ProcfileIsMalformed(f"{where} must read 'name: command'; found {line!r}.")
    try:
        words = [Template(word).substitute(environment) for word in shlex.split(found["command"])]
    except KeyError as missing:
        raise ProcfileIsMalformed(f"{where} names the variable {missing}, which is not set: set it.") from None
    except ValueError as error:
        raise ProcfileIsMalformed(f"{where} cannot be read ({error}); found {line!r}.") from None
    own = public(environment)
    while words and (assignment := _ASSIGNMENT.fullmatch(words[0])):
        own[assignment["name"]] = assignment["value"]
        words.pop(0)
    if not words:
        raise ProcfileIsMalformed(f"{where} has no command; found {line!r}.")
    return Process(name=found["name"], command=words, environment=own)
