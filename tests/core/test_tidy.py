"""The house's own rules, held by a machine: what a reader may rely on in every file."""

import ast
import re
import subprocess
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
LINES_MAX = 350
TEST_LINES_MAX = 500  # tables of cases are longer than ideas
FUNCTION_LINES_MAX = 50
GRAB_BAGS = {"utils.py", "helpers.py", "signals.py", "exceptions.py", "constants.py", "common.py", "misc.py"}
CLOCKS = re.compile(r"\b(datetime\.now|datetime\.utcnow|time\.time|time\.monotonic|timezone\.now)\(")


def tracked() -> list[Path]:
    named = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.py"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    found = [ROOT / name for name in named.stdout.split("\n") if name]
    return [path for path in found if path.exists() and "migrations" not in path.parts]


FILES = tracked()
CORES = [path for path in FILES if "core" in path.parts and "tests" not in path.parts]


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.skipif(not FILES, reason="git is not here to say which files are the project's")
def test_every_file_says_what_it_is() -> None:
    # By its first characters, for parsing all of them takes long; an empty file only marks a package.
    begun = {name(path): path.read_text().lstrip() for path in FILES}
    assert [file for file, text in begun.items() if text and not text.startswith('"""')] == []


def test_no_file_is_too_long_to_hold_one_idea() -> None:
    long = {name(path): len(path.read_text().splitlines()) for path in FILES}
    allowed = {file: TEST_LINES_MAX if file.startswith("tests/") else LINES_MAX for file in long}
    assert {file: lines for file, lines in long.items() if lines > allowed[file]} == {}


def test_no_function_is_too_long_to_hold_one_idea() -> None:
    functions = [
        (f"{name(path)}:{node.lineno} {node.name}", (node.end_lineno or 0) - node.lineno + 1)
        for path in FILES
        if "tests" not in path.parts
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    assert [function for function, lines in functions if lines > FUNCTION_LINES_MAX] == []


def test_there_is_no_grab_bag() -> None:
    assert [name(path) for path in FILES if path.name in GRAB_BAGS] == []


def test_a_core_reads_no_clock() -> None:
    assert [name(path) for path in CORES if CLOCKS.search(path.read_text())] == []


def test_every_core_module_says_its_type() -> None:
    heads = {name(path): (ast.get_docstring(parsed(path)) or "").split("\n")[0] for path in CORES}
    untyped = [
        file
        for file, head in heads.items()
        if not file.endswith("__init__.py") and "->" not in head and "(" not in head
    ]
    assert untyped == []
