"""Reasons: why a request got no answer, in words.  error -> str"""

import socket
from typing import Final

import aiohttp

CAUSES_MAX: Final = 10  # of an error, one behind the other


def reason(error: BaseException) -> str:
    """Return an error's own words; where a host's name does not resolve, that, whoever wraps it.

    Libraries say then only which URL they asked for, and nobody would look at DNS.
    """
    return unresolved(error) or str(error) or type(error).__name__


def unresolved(error: BaseException) -> str:
    """Return which host's name does not resolve, empty where an error is for something else."""
    cause: BaseException | None = error
    for _ in range(CAUSES_MAX):
        if isinstance(cause, aiohttp.ClientConnectorDNSError):
            return f"the host name {cause.host} does not resolve: {cause.os_error.strerror or cause.os_error}"
        if isinstance(cause, socket.gaierror):
            return f"a host name does not resolve: {cause.strerror or cause}"
        if cause is None:
            return ""
        cause = cause.__cause__ or cause.__context__
    return ""
