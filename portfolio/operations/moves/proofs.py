"""Proofs: whether the second factor of a decision in the log proves it, by what access kept of it."""

from datetime import timedelta
from typing import Final

from hedgeapp.access.codes import confirmation_hash
from hedgeapp.access.models import Assertion as KeptAssertion
from hedgeapp.access.models import TotpSecret, TotpStep
from hedgeapp.access.signing import keyring, signer_again
from hedgeapp.access.signing import written as written
from hedgeapp.core.events.approvals import Assertion, MoveDecided
from hedgeapp.core.events.break_glass import BreakGlassSigned
from hedgeapp.core.keyring import KeyIsNotBelieved
from hedgeapp.core.passkeys import AssertionIsRefused

CODE_AGE_MAX: Final = timedelta(minutes=2)  # between the use of a code and the decision that it is for
CODES: Final = "codes-"  # before the number of a secret, in the place of a key's id


class StoredProof:
    """Tells why a decision's second factor does not prove it for a challenge; nothing when it does.

    A passkey that was revoked since proves nothing any more: it was revoked because somebody else may have it. The
    keyring is built once, from the signatures of all keys: a millisecond a key. Whoever trusts no other process
    gives the name of a connection with a role of its own.
    """

    def __init__(self, using: str = "default") -> None:
        self._using = using
        self._ring = keyring(using)

    def __call__(self, decision: MoveDecided | BreakGlassSigned, challenge: bytes) -> str:
        if decision.assertion.kind == "totp":
            return self._of_code(decision)
        kept = KeptAssertion.objects.using(self._using).select_related("passkey", "user")
        row = kept.filter(user__username=decision.by, challenge=challenge).first()
        if row is None:
            return "a signature over this that was kept expected, found none"
        if row.passkey.revoked_at is not None:
            return f"a passkey that is in force expected, found it was revoked by {row.passkey.revoked_by}"
        if written(row) != decision.assertion:
            return "the signature that was kept expected, found another in the log"
        try:
            signer = signer_again(row, challenge, ring=self._ring)
        except (KeyIsNotBelieved, AssertionIsRefused) as refusal:
            return str(refusal)
        return "" if signer == row.user_id else f"a key of {decision.by} expected, found that of another"

    def _of_code(self, decision: MoveDecided | BreakGlassSigned) -> str:
        assertion = decision.assertion
        number = assertion.key_id.removeprefix(CODES)
        if not assertion.key_id.startswith(CODES) or not number.isascii() or not number.isdigit():
            return "the name of a secret expected, found another"
        steps = TotpStep.objects.using(self._using).select_related("secret__confirmation__passkey")
        used = steps.filter(secret_id=int(number), step=assertion.step, secret__user__username=decision.by).first()
        if used is None:
            return "a code that was used expected, found none"
        if abs(decision.at - used.at) > CODE_AGE_MAX:
            return "a code that was used for this decision expected, found one of another time"
        return self._of_secret(used.secret)

    def _of_secret(self, secret: TotpSecret) -> str:
        """Tell why the secret of codes is not believed: another person's passkey signed for it, or nobody did."""
        if secret.confirmation is None or secret.revoked_at is not None:
            return "codes that are confirmed and in force expected, found others"
        try:
            signer = signer_again(secret.confirmation, confirmation_hash(secret), ring=self._ring)
        except (KeyIsNotBelieved, AssertionIsRefused) as refusal:
            return str(refusal)
        return "" if signer != secret.user_id else "codes that another person confirmed expected, found one's own"


def written_code(row: TotpStep) -> Assertion:
    """Return a used code as a decision has it."""
    return Assertion(kind="totp", key_id=f"{CODES}{row.secret_id}", step=row.step)
