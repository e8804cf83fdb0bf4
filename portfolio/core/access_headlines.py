"""Access headlines: an event of people, keys and sources in one sentence for the desk.  event -> sentence"""

from typing import assert_never

from hedgeapp.core.events.api_keys import ApiKeyHandedOut, ApiKeyRevoked
from hedgeapp.core.events.passkeys import PasskeyConfirmed, PasskeyEnrolled, PasskeyRevoked
from hedgeapp.core.events.people import (
    AccessEvent,
    PersonChangeAgreed,
    PersonChanged,
    PersonChangeDropped,
    PersonChangeProposed,
    PersonEvent,
)
from hedgeapp.core.events.sources import (
    CredentialChanged,
    SourceChangeAgreed,
    SourceChangeDropped,
    SourceChangeProposed,
    SourceEvent,
)


def access_sentence(event: AccessEvent) -> str:
    """Return an event in one sentence."""
    match event:
        case PasskeyEnrolled():
            return f"{event.user} enrolled the passkey {event.name}; it waits for another person"
        case PasskeyConfirmed():
            return (
                f"a passkey of {event.user} confirmed by {event.by}, valid from {event.valid_from:%Y-%m-%d %H:%M} UTC"
            )
        case PasskeyRevoked():
            return f"a passkey of {event.user} revoked by {event.by}: {event.reason}"
        case ApiKeyHandedOut():
            scopes, until = ", ".join(event.scopes), f"{event.expires_at:%Y-%m-%d %H:%M} UTC"
            return f"{event.by} hands out the API key {event.name} ({scopes}) until {until}: {event.reason}"
        case ApiKeyRevoked():
            return f"the API key {event.name} is revoked by {event.by}: {event.reason}"
        case SourceChangeProposed() | SourceChangeAgreed() | SourceChangeDropped() | CredentialChanged():
            return _source(event)
        case _:
            return _person(event)


def _person(event: PersonEvent) -> str:
    match event:
        case PersonChangeProposed():
            return f"{event.by} proposes that {event.person} {_has(event)}: {event.reason}"
        case PersonChangeAgreed():
            holds = f"{event.holds_from:%Y-%m-%d %H:%M} UTC"
            return f"{event.by} agrees to the change of {event.person}, which holds from {holds}"
        case PersonChangeDropped():
            return f"{event.by} drops the change of {event.person}: {event.reason}"
        case PersonChanged():
            by = f"{event.by} and {event.agreed_by}" if event.agreed_by else event.by
            return f"{event.person} {_has(event)}, by {by}: {event.reason}"
        case _:
            assert_never(event)


def _source(event: SourceEvent) -> str:
    match event:
        case SourceChangeProposed():
            return f"{event.by} proposes another {event.what}: {event.reason}"
        case SourceChangeAgreed():
            return f"{event.by} agrees to {event.what}, which holds from {event.holds_from:%Y-%m-%d %H:%M} UTC"
        case SourceChangeDropped():
            return f"the change of {event.what} is dropped by {event.by}: {event.said}"
        case CredentialChanged():
            by = f"{event.by} and {event.agreed_by}" if event.agreed_by else event.by
            return f"keys of {event.holder} to {event.purpose} changed by {by}, fingerprint {event.fingerprint[:12]}"
        case _:
            assert_never(event)


def _has(event: PersonChangeProposed | PersonChanged) -> str:
    if not event.is_active:
        return "is switched off"
    return f"has the roles {', '.join(event.roles)}" if event.roles else "has no role"
