"""Keyring: which passkeys are believed, and why.  enrolments -> Keyring

Nothing is taken on the word of a row: each key is confirmed by a signature of another person's key that is believed
already, down to the first ones, which were confirmed at the console of the installation.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from hedgeapp.core.passkeys import AssertionIsRefused, Key, Party, Purpose, Verified, enrolment_hash, verified
from hedgeapp.core.records import record


class KeyIsNotBelieved(PermissionError):
    """A key signed that nobody confirmed in a way that holds, or that was not in force then."""

    def __init__(self, at: datetime) -> None:
        super().__init__(
            f"a passkey confirmed by another person's and in force at {at:%Y-%m-%d %H:%M:%S} UTC expected, found one "
            "that is not: see the page of keys"
        )


@record
class Signed:
    """An assertion as it was kept: by which key, the JSON whole, how far the key had counted before, and when."""

    credential_id: bytes
    assertion: str
    previous_count: int
    at: datetime


@record
class Enrolment:
    """A key as it was enrolled: `proof` is its own signature; `confirmation` is another person's, except of a root."""

    user_id: int
    credential_id: bytes
    public_key: bytes
    proof: str
    first_count: int
    is_root: bool = False
    confirmed_at: datetime | None = None
    confirmation: Signed | None = None
    vouching: Signed | None = None
    valid_from: datetime | None = None
    revoked_at: datetime | None = None


class Keyring:
    """The keys that are believed; `cool_off` passes between a key's confirmation and its first use, but for roots."""

    def __init__(self, enrolments: Iterable[Enrolment], party: Party, cool_off: timedelta) -> None:
        self._party = party
        self._cool_off = cool_off
        self._of_id: dict[bytes, Enrolment] = {}
        confirmed = [(one.confirmed_at, one) for one in enrolments if one.confirmed_at is not None]
        for _, one in sorted(confirmed, key=lambda each: each[0]):
            if self._is_confirmed(one):
                self._of_id[one.credential_id] = one

    def __iter__(self) -> Iterator[Enrolment]:
        return iter(self._of_id.values())

    def in_force(self, at: datetime) -> list[Enrolment]:
        """Return the keys that may sign at a time."""
        return [one for one in self if self._is_in_force(one, at)]

    def verified(self, signed: Signed, payload_hash: bytes) -> tuple[int, Verified]:
        """Return who signed a payload's hash; refuse with KeyIsNotBelieved, AssertionIsRefused."""
        one = self._of_id.get(signed.credential_id)
        if one is None or not self._is_in_force(one, signed.at):
            raise KeyIsNotBelieved(signed.at)
        key = Key(credential_id=one.credential_id, public_key=one.public_key, sign_count=signed.previous_count)
        return one.user_id, verified(key, self._party, payload_hash, signed.assertion)

    def _is_in_force(self, one: Enrolment, at: datetime) -> bool:
        if one.confirmed_at is None or one.valid_from is None or (one.revoked_at is not None and one.revoked_at <= at):
            return False
        earliest = one.confirmed_at if one.is_root else one.confirmed_at + self._cool_off
        return max(one.valid_from, earliest) <= at

    def _is_confirmed(self, one: Enrolment) -> bool:
        assert one.confirmed_at is not None
        if not self._is_proven(one):
            return False
        if one.is_root:
            return True
        has_another = any(key.user_id == one.user_id for key in self.in_force(one.confirmed_at))
        if has_another and self._signer(one.vouching, one, "vouch") != one.user_id:
            return False
        confirmer = self._signer(one.confirmation, one, "confirm")
        return confirmer is not None and confirmer != one.user_id

    def _is_proven(self, one: Enrolment) -> bool:
        key = Key(credential_id=one.credential_id, public_key=one.public_key, sign_count=one.first_count)
        try:
            verified(key, self._party, _hash(one, "enroll"), one.proof)
        except AssertionIsRefused:
            return False
        return True

    def _signer(self, signed: Signed | None, one: Enrolment, purpose: Purpose) -> int | None:
        if signed is None:
            return None
        try:
            return self.verified(signed, _hash(one, purpose))[0]
        except (KeyIsNotBelieved, AssertionIsRefused):
            return None


def _hash(one: Enrolment, purpose: Purpose) -> bytes:
    return enrolment_hash(purpose, user_id=one.user_id, credential_id=one.credential_id, public_key=one.public_key)
