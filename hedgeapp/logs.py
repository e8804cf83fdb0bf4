"""Logs: one line an event, structured, without secrets."""

import logging
import re
from collections.abc import MutableMapping
from typing import Any

import structlog

# Names whose values never reach a log, wherever they stand in an event's fields.
_SECRET_NAMES = re.compile(r"secret|password|api_?key|signature|token|authorization|cookie", re.IGNORECASE)
_SECRET_IN_TEXT = re.compile(r"((?:signature|listenKey|api_?key|secret|password|token)=)[^&\s'\"]+", re.IGNORECASE)
_SECRET_IN_PATH = re.compile(r"(/login/once/)[^/\s?'\"]+")
_SECRET_IN_URL = re.compile(r"(://[^/\s:@]*:)[^@/\s]+@")


def _without_secrets(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for name, value in event.items():
        if _SECRET_NAMES.search(name):
            event[name] = "…"
        elif isinstance(value, str):
            event[name] = redacted(value)
    return event


def redacted(text: str) -> str:
    """Return a text with the secrets in its URLs, queries and login links replaced by an ellipsis."""
    without = _SECRET_IN_PATH.sub(r"\1…", _SECRET_IN_TEXT.sub(r"\1…", text))
    return _SECRET_IN_URL.sub(r"\1…@", without)


_SHARED: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.processors.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
    structlog.processors.format_exc_info,
    _without_secrets,
]

structlog.configure(
    processors=[*_SHARED, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
    logger_factory=structlog.stdlib.LoggerFactory(),
    wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
    cache_logger_on_first_use=True,
)


def _is_news(record: logging.LogRecord) -> bool:
    """Tell whether a record of Django's requests says more than that the system is not ready, which /readyz says."""
    return getattr(record, "status_code", None) != 503


LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {
            "()": structlog.stdlib.ProcessorFormatter,
            "foreign_pre_chain": [structlog.stdlib.add_logger_name, *_SHARED],
            "processors": [
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.LogfmtRenderer(key_order=["at", "level", "event"], bool_as_flag=False),
            ],
        },
    },
    "filters": {"news": {"()": lambda: _is_news}},
    "handlers": {"line": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["line"], "level": "INFO"},
    "loggers": {
        "django.request": {"filters": ["news"]},
        # Its handlers write lines of their own, with secrets and over several lines.
        "uvicorn": {"handlers": ["line"], "level": "WARNING", "propagate": False},
        "uvicorn.access": {"level": "WARNING"},
        "asyncio": {"level": "WARNING"},
        "ccxt": {"level": "WARNING"},
    },
}
