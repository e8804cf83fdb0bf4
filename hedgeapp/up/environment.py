"""Environment: the folder, the secrets and the variables that every process of the stack is given."""

import base64
import os
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path

from hedgeapp.up.bootstrap import ROOT

SECRETS = "secrets.env"
PORT = "8000"
SANDBOX_PORT = "8900"

# Several small processes on few cores: no thread pools for arithmetic, and one heap a process.
THRIFT = {
    "MALLOC_ARENA_MAX": "2",
    # A frame or a batch of the log takes a megabyte or some and gives it back, many times a second: it stays with the
    # process, for each page that the system hands out anew costs more than what is written on it (docs/decisions/0150).
    "MALLOC_TRIM_THRESHOLD_": str(16 << 20),
    "MALLOC_MMAP_THRESHOLD_": str(4 << 20),
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "PYTHONUNBUFFERED": "1",
    # Celery's checks import every page into every worker, a fifth of its start; our own commands check once.
    "CELERY_SKIP_CHECKS": "1",
    # Celery says so to root at each start, in seven lines; the workers run no pickle.
    "PYTHONWARNINGS": "ignore:You're running the worker with superuser privileges",
}


def folder() -> Path:
    """Return the folder of everything that this installation writes, made if need be."""
    var = Path(os.environ.get("HEDGEAPP_VAR") or ROOT / "var").absolute()
    var.mkdir(parents=True, exist_ok=True)
    return var


def _fernet_key() -> str:
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()


_GENERATED: dict[str, Callable[[], str]] = {
    "HEDGEAPP_SECRET_KEY": lambda: secrets.token_urlsafe(48),
    "HEDGEAPP_FIELD_KEYS": _fernet_key,
    "POSTGRES_OWNER_PASSWORD": lambda: secrets.token_urlsafe(24),
    "POSTGRES_APP_PASSWORD": lambda: secrets.token_urlsafe(24),
    "POSTGRES_MOVES_PASSWORD": lambda: secrets.token_urlsafe(24),
    "VALKEY_PASSWORD": lambda: secrets.token_urlsafe(24),
}


def kept_secrets(var: Path) -> dict[str, str]:
    """Return this installation's secrets, each generated once and kept in a file that only its owner can read."""
    file = var / SECRETS
    lines = file.read_text().splitlines() if file.exists() else []
    kept = dict(line.split("=", 1) for line in lines if "=" in line)
    missing = {name: generate() for name, generate in _GENERATED.items() if name not in kept}
    if missing:
        kept |= missing
        half = var / f"{SECRETS}.new"
        half.unlink(missing_ok=True)
        with open(os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as written:
            written.writelines(f"{name}={value}\n" for name, value in kept.items())
            written.flush()
            os.fsync(written.fileno())
        half.replace(file)
    elif file.stat().st_mode & 0o077:
        file.chmod(0o600)
    return kept


def for_children(var: Path, kept: Mapping[str, str], urls: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of the stack's processes; what the operator set wins over what was generated."""
    given = dict(os.environ)
    generated = {name: kept[name] for name in ("HEDGEAPP_SECRET_KEY", "HEDGEAPP_FIELD_KEYS")}
    defaults = {
        "DJANGO_SETTINGS_MODULE": "hedgeapp.settings",
        "HEDGEAPP_ENV": "SANDBOX",
        "HEDGEAPP_VAR": str(var),
        "PORT": PORT,
        "SANDBOX_PORT": SANDBOX_PORT,
        "SANDBOX_WEBHOOK_URL": f"http://127.0.0.1:{given.get('PORT') or PORT}/webhooks/ceffu/ceffu",
        **THRIFT,
    }
    programs = str(ROOT / ".venv" / "bin")
    fallback = given.get("DATABASE_URL", "")
    urls = {"DATABASE_OWNER_URL": fallback, "DATABASE_MOVES_URL": fallback, **urls}
    return defaults | generated | urls | given | {"PATH": f"{programs}:{given.get('PATH', os.defpath)}"}
