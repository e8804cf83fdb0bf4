"""Packaged: static files that come out of installed packages, so that none is committed."""

from collections.abc import Iterable
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from django.contrib.staticfiles.finders import BaseFinder
from django.core.files.storage import FileSystemStorage

# Name under the static root -> package and file in it.
FILES: Final = {"plotly/plotly.min.js": ("plotly", "package_data/plotly.min.js")}


class PackagedFiles(BaseFinder):
    """Find the files named in `FILES`."""

    def check(self, **kwargs: Any) -> list[Any]:
        """Return no complaint: a missing package fails at import."""
        return []

    def find(self, path: str, find_all: bool = False, **kwargs: Any) -> Any:
        """Return where a file is; an empty list when it is none of ours."""
        if path not in FILES:
            return []
        found = str(_place(path))
        return [found] if find_all else found

    def list(self, ignore_patterns: Iterable[str] | None) -> Iterable[Any]:
        """Yield each file's name with a storage that holds it."""
        for name in FILES:
            folder, prefix = _place(name).parent, Path(name).parent
            storage = FileSystemStorage(location=folder)
            storage.prefix = str(prefix)  # type: ignore[attr-defined]  # where collectstatic puts it
            yield Path(name).name, storage


def _place(name: str) -> Path:
    package, inside = FILES[name]
    return Path(str(files(package))) / inside
