"""Keys of the sandbox custodian, made once: to look for primes takes longer than most tests that need them."""

from functools import cache
from pathlib import Path

from sandbox.ceffu.keys import CLIENT_FILE, kept_once, new_pair

_pair = cache(new_pair)


def planted(folder: Path) -> Path:
    """Give a folder without keys the pair that other folders of this run have; return the folder."""
    kept_once(folder / CLIENT_FILE, _pair)
    return folder
