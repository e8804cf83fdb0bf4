"""Bootstrap: everything the lock names, installed into .venv, by nothing but the standard library."""

import fcntl
import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
STAMP = VENV / "installed.json"
LEVELS = ("base", "dev")  # dev is a superset of base
FREE_BYTES_MIN = {"base": 1_200_000_000, "dev": 2_400_000_000}
GLIBC_MIN = (2, 28)  # the wheels' manylinux tag
PIP_OPTIONS = (
    "--quiet",
    "--disable-pip-version-check",
    "--require-hashes",
    "--retries=2",
    "--timeout=30",
)  # timeout: s
UV_OPTIONS = ("--require-hashes", "--no-build", "--compile-bytecode")
CACHES = (".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis", ".import_linter_cache")


class CannotInstall(Exception):
    """The machine lacks something: the message says what was expected, what was found and what to do."""


def main(arguments: list[str]) -> int:
    """Install the level named by the first argument (base or dev), or clean; return the exit code."""
    wanted = arguments[0] if arguments else "base"
    try:
        require_platform()
        with installation_lock():
            if wanted == "clean":
                clean()
            elif not is_installed(wanted):
                install(wanted)
    except CannotInstall as reason:
        print(reason, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except OSError as error:
        print(
            f"The installation could not be written: {error}. Free some space or check the permissions.",
            file=sys.stderr,
        )
        return 1
    return 0


def require_platform() -> None:
    """Refuse a machine for which the lock has no wheels."""
    found = f"{platform.system()} {platform.machine()}, {' '.join(platform.libc_ver()) or 'an unknown C library'}"
    libc, version = platform.libc_ver()
    fits = (
        sys.platform == "linux"
        and platform.machine() in {"x86_64", "AMD64"}
        and sys.maxsize > 2**32
        and libc == "glibc"
        and tuple(int(part) for part in version.split(".")[:2]) >= GLIBC_MIN
    )
    if not fits:
        raise CannotInstall(
            f"Linux on x86-64 with glibc 2.28 or newer is needed; found {found}: "
            "run it on such a machine, a virtual one or a container."
        )


@contextmanager
def installation_lock() -> Iterator[None]:
    """Let one installation at a time work on .venv; a second one waits."""
    folder = ROOT / "var"
    try:
        folder.mkdir(exist_ok=True)
        file = (folder / "install.lock").open("a+")
    except OSError as error:
        raise CannotInstall(
            f"A folder that can be written is needed; found {error}: clone the project as this user."
        ) from None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("  another command is installing into this folder; waiting for it", flush=True)
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _locks() -> dict[str, str]:
    return {
        level: hashlib.sha256((ROOT / "requirements" / f"{level}.txt").read_bytes()).hexdigest() for level in LEVELS
    }


def _stamp() -> dict[str, Any]:
    with suppress(OSError, ValueError):
        found = json.loads(STAMP.read_text())
        return found if isinstance(found, dict) else {}
    return {}


def is_installed(wanted: str) -> bool:
    """Say whether .venv works and holds exactly the lock of the wanted level, or of a larger one."""
    stamp = _stamp()
    return stamp.get("level") in LEVELS[LEVELS.index(wanted) :] and stamp.get("locks") == _locks() and _venv_works()


def _venv_works() -> bool:
    try:
        probe = subprocess.run(
            [PYTHON, "-S", "-c", "import sys; sys.exit(sys.version_info < (3, 11))"], capture_output=True, check=False
        )
    except OSError:
        return False
    return probe.returncode == 0


def install(wanted: str) -> None:
    """Create .venv if need be and make its packages those of the lock; what a larger level put there stays."""
    level = max(wanted, _stamp().get("level", "base"), key=LEVELS.index)
    require_space(level)
    with suppress(FileNotFoundError):
        STAMP.unlink()
    environment = index_environment()
    if not (_venv_works() and (VENV / "bin" / "uv").exists()):
        create_venv()
        _run(
            "fetch the installer",
            [PYTHON, "-m", "pip", "install", *PIP_OPTIONS, "-r", "requirements/uv.txt"],
            environment,
        )
    _run(
        "install the locked packages",
        [VENV / "bin" / "uv", "pip", "sync", "--python", PYTHON, *UV_OPTIONS, f"requirements/{level}.txt"],
        environment | index_of_uv(environment),
    )
    written = STAMP.with_suffix(".new")
    written.write_text(json.dumps({"level": level, "locks": _locks()}))
    written.replace(STAMP)


def require_space(level: str) -> None:
    """Refuse to begin what the disk cannot hold."""
    free = shutil.disk_usage(ROOT).free
    needed = FREE_BYTES_MIN[level] - (_venv_bytes() if VENV.exists() else 0)
    if free < needed:
        raise CannotInstall(
            f"{needed // 1_000_000} MB of free disk are needed to install; found {free // 1_000_000} MB at {ROOT}: "
            "free some space, or clone the project on another disk."
        )


def _venv_bytes() -> int:
    return sum(entry.lstat().st_size for entry in VENV.rglob("*") if not entry.is_symlink() and entry.is_file())


def create_venv() -> None:
    """Create .venv anew, with this Python."""
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError as error:
        version = f"{sys.version_info[0]}.{sys.version_info[1]}"
        raise CannotInstall(
            f"Python's venv and ensurepip modules are needed; found {sys.executable} without them ({error}): "
            f"on Debian or Ubuntu 'apt-get install python{version}-venv'."
        ) from None
    _run("create .venv", [sys.executable, "-m", "venv", "--clear", VENV], dict(os.environ))


def index_environment() -> dict[str, str]:
    """Return the environment of the installers: this one, with a cache that can be written."""
    environment = {name: value for name, value in os.environ.items() if name not in {"PYTHONPATH", "VIRTUAL_ENV"}}
    cache = Path(environment.get("XDG_CACHE_HOME") or Path(environment.get("HOME") or "/nonexistent") / ".cache")
    existing = next((folder for folder in (cache, *cache.parents) if folder.exists()), Path("/"))
    if "UV_CACHE_DIR" not in environment and not os.access(existing, os.W_OK):
        environment["UV_CACHE_DIR"] = str(ROOT / "var" / "cache")
    return environment


def index_of_uv(environment: dict[str, str]) -> dict[str, str]:
    """Tell uv the package index and the certificates that pip was configured with; uv does not read pip's settings."""
    pairs = (("UV_DEFAULT_INDEX", "PIP_INDEX_URL", "index-url"), ("SSL_CERT_FILE", "PIP_CERT", "cert"))
    told = {}
    for of_uv, of_pip, setting in pairs:
        value = environment.get(of_pip, "")
        for section in ("global", "install"):
            value = (
                value
                or subprocess.run(
                    [PYTHON, "-m", "pip", "config", "get", f"{section}.{setting}"],
                    capture_output=True,
                    text=True,
                    env=environment,
                    check=False,
                ).stdout.strip()
            )
        if value and of_uv not in environment:
            told[of_uv] = value
    return told


def _run(label: str, command: list[object], environment: dict[str, str]) -> None:
    """Run one step, showing its lines and its seconds; a failure becomes a sentence with the step's own last words."""
    started = time.monotonic()
    print(f"  {label} …", flush=True)
    process = subprocess.Popen(
        [str(part) for part in command],
        cwd=ROOT,
        env=environment,
        text=True,
        errors="replace",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    said: list[str] = []
    assert process.stdout is not None
    for line in process.stdout:
        said = [*said[-40:], line.rstrip()]
        if line.startswith((" + ", " - ", " ~ ")) or not line.strip():
            continue
        print(f"    {line.rstrip()}", flush=True)
    if process.wait():
        raise CannotInstall(_reason(label, process.returncode, " ".join(said)))
    print(f"  {label}: {time.monotonic() - started:.1f} s", flush=True)


def _reason(label: str, code: int, said: str) -> str:
    words = said.lower()
    if "no space left" in words or "errno 28" in words or "disk quota" in words:
        return f"The disk is full ('{label}' failed): free some space, or clone the project on another disk."
    if "hash" in words and "mismatch" in words:
        return (
            f"A package differs from the lock ('{label}' failed): the index serves another file than the one that the "
            "lock names; use another index (PIP_INDEX_URL)."
        )
    network = ("connect", "timed out", "timeout", "resolve", "unreachable", "ssl", "dns", "no matching distribution")
    if any(word in words for word in network):
        return (
            f"A package index is needed; found none that answers ('{label}' failed): check the network, the proxy "
            "(HTTPS_PROXY) or the index (PIP_INDEX_URL), then run the same command again."
        )
    return f"'{label}' failed with exit code {code}: see its lines above, then run the same command again."


def clean() -> None:
    """Remove what was installed and written, inside this folder only, unless the stack is running."""
    with suppress(FileNotFoundError), (ROOT / "var" / "up.lock").open("r+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CannotInstall(
                "Nothing was removed: this folder is up; stop 'make up' first, then clean again."
            ) from None
    for folder in (VENV, ROOT / "var", *(ROOT / name for name in CACHES)):
        if folder.is_symlink():
            folder.unlink()
        elif folder.exists():
            shutil.rmtree(folder)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
