"""Proofs: whether the second factor of a decision in the log proves it, by what access kept of it."""

from typing import Final

from hedgeapp.access.models import Assertion as KeptAssertion
from hedgeapp.access.models import TotpStep
from hedgeapp.access.signing import keyring, signer_again
from hedgeapp.access.signing import written as written
from hedgeapp.core.events.approvals import Assertion, MoveDecided
from hedgeapp.core.keyring import KeyIsNotBelieved
from hedgeapp.core.passkeys import AssertionIsRefused

CODES: Final = "codes-"  # before the number of a secret, in the place of a key's id


class StoredProof:
    """Tells why a decision's second factor does not prove it for a challenge; nothing when it does.

    The keyring is built once, from the signatures of all keys: a millisecond a key. Whoever trusts no other process
    gives the name of a connection with a role of its own.
    """

    def __init__(self, using: str = "default") -> None:
        self._using = using
        self._ring = keyring(using)

    def __call__(self, decision: MoveDecided, challenge: bytes) -> str:
        if decision.assertion.kind == "totp":
            return self._of_code(decision)
        kept = KeptAssertion.objects.using(self._using).select_related("passkey", "user")
        row = kept.filter(user__username=decision.by, challenge=challenge).first()
        if row is None:
            return "a signature over this that was kept expected, found none"
        if written(row) != decision.assertion:
            return "the signature that was kept expected, found another in the log"
        try:
            signer = signer_again(row, challenge, ring=self._ring)
        except (KeyIsNotBelieved, AssertionIsRefused) as refusal:
            return str(refusal)
        return "" if signer == row.user_id else f"a key of {decision.by} expected, found that of another"

    def _of_code(self, decision: MoveDecided) -> str:
        assertion = decision.assertion
        number = assertion.key_id.removeprefix(CODES)
        if not assertion.key_id.startswith(CODES) or not number.isascii() or not number.isdigit():
            return "the name of a secret expected, found another"
        steps = TotpStep.objects.using(self._using).filter(secret_id=int(number), step=assertion.step)
        is_used = steps.filter(secret__user__username=decision.by).exists()
        return "" if is_used else "a code that was used expected, found none"


def written_code(row: TotpStep) -> Assertion:
    """Return a used code as a decision has it."""
    return Assertion(kind="totp", key_id=f"{CODES}{row.secret_id}", step=row.step)
