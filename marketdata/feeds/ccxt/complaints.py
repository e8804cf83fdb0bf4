"""Complaints: what may be wrong with an account's connection, as sentences for the desk.  error -> sentence"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import ccxt
import structlog

from hedgeapp.eventlog.append import LogIsAway
from hedgeapp.logs import redacted
from marketdata.core.reference import ReferenceContradicts
from marketdata.core.wellformed import RowRefused
from marketdata.feeds.ccxt.bybit.reads import AccountIsNotUnified
from marketdata.feeds.ccxt.deribit.facts import OptionsAreHeld
from marketdata.feeds.ccxt.facts import FactIsMalformed, HedgeModeIsOn
from marketdata.feeds.ccxt.okx.facts import PositionIsIsolated
from marketdata.feeds.ccxt.okx.reads import AccountModeIsAnother
from marketdata.feeds.ccxt.reads import HistoryIsTooLong, PositionWillNotHoldStill
from marketdata.feeds.ccxt.stream import FrameIsUnreadable, StreamBroke
from marketdata.feeds.public.protocol import SpecificationIsMissing
from marketdata.feeds.reasons import unresolved
from marketdata.operations.credentials import FieldKeyIsMalformed, FieldKeysDoNotDecrypt, FieldKeysMissing
from marketdata.queries.credentials import CredentialMissing

# What is said, waited for and tried again; anything else is a fault of ours and ends the service.
EXPECTED: Final = (
    ccxt.BaseError,
    StreamBroke,
    CredentialMissing,
    FieldKeysDoNotDecrypt,
    FieldKeysMissing,
    FieldKeyIsMalformed,
    ReferenceContradicts,
    RowRefused,
    FactIsMalformed,
    HedgeModeIsOn,
    AccountIsNotUnified,
    OptionsAreHeld,
    AccountModeIsAnother,
    PositionIsIsolated,
    SpecificationIsMissing,
    HistoryIsTooLong,
    PositionWillNotHoldStill,
    LogIsAway,
    OSError,
    TimeoutError,
)

# Of those, what the venue's own words are: kept with what it sent, and many of them put the source into quarantine.
REFUSALS: Final = (
    ccxt.BadResponse,
    FactIsMalformed,
    FrameIsUnreadable,
    ReferenceContradicts,
    RowRefused,
)

# What reading a field raises that is not there, or is of another type than every answer so far.
_MISREAD: Final = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)

log = structlog.get_logger()


@contextmanager
def understood(what: str) -> Iterator[None]:
    """Turn what the reading of a venue's words raises by surprise into a FactIsMalformed of `what`.

    A message must not end the service because nobody thought of its shape. Were the fault ours, it is in the log with
    its traceback, and the source is not believed all the same.
    """
    try:
        yield
    except EXPECTED:
        raise
    except _MISREAD as error:
        log.exception("fact.misread", what=what)
        raise FactIsMalformed(what, "its shape", f"{type(error).__name__}: {error}"[:200]) from error


def sentence(error: Exception) -> str:
    """Say what was expected, what was found and what to do, without a secret."""
    found = redacted(unresolved(error) or str(error))
    match error:
        case ccxt.AuthenticationError() | ccxt.PermissionDenied():
            return f"keys that the venue accepts expected, found: {found}: set them again under Credentials"
        case ccxt.InvalidNonce():
            return f"a clock like the venue's expected, found: {found}: correct this machine's clock"
        case ccxt.RateLimitExceeded() | ccxt.DDoSProtection():
            return f"fewer requests than the venue's limit expected, found: {found}: waiting"
        case ccxt.NetworkError():
            return f"an answer of the venue expected, found: {found}: trying again; is its URL right?"
        case TimeoutError():
            return "an answer of the venue in time expected, found none: trying again"
    return found
