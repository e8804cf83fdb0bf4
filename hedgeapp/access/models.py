"""What access keeps: links that log in once, attempts to log in, passkeys and what they signed, codes of six digits."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q


class OneTimeLogin(models.Model):
    """A link that logs one person in, once; only its token's hash is kept."""

    token_hash = models.CharField(max_length=64, primary_key=True, help_text="SHA-256 of the token, hexadecimal.")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE)
    made_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"link for {self.user_id} made {self.made_at:%Y-%m-%d %H:%M:%S}"


class LoginAttempt(models.Model):
    """One attempt to log in by password that did not succeed (yet)."""

    username = models.CharField(max_length=150)
    address = models.GenericIPAddressField(null=True)
    at = models.DateTimeField(db_index=True)

    class Meta:
        indexes = (
            models.Index(fields=["username", "at"], name="access_attempt_username"),
            models.Index(fields=["address", "at"], name="access_attempt_address"),
        )

    def __str__(self) -> str:
        return f"{self.username} from {self.address} {self.at:%Y-%m-%d %H:%M:%S}"


class Passkey(models.Model):
    """A passkey, from its enrolment until it is revoked; the database itself holds the rules (migrations)."""

    credential_id = models.BinaryField(unique=True, help_text="the device's name for it, at most 1,023 bytes")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="passkeys")
    name = models.CharField(max_length=60, help_text="the owner's name for it")
    public_key = models.BinaryField(help_text="SubjectPublicKeyInfo, DER; pinned at enrolment")
    challenge = models.BinaryField(unique=True, help_text="32 bytes that its enrolment answered, once")
    proof = models.TextField(help_text="its own signature over its enrolment, as JSON")
    first_count = models.BigIntegerField(help_text="how far it had counted when it was made")
    sign_count = models.BigIntegerField(help_text="how far it had counted when it signed last")
    enrolled_at = models.DateTimeField()
    enrolled_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", help_text="always its owner"
    )
    vouching = models.OneToOneField(
        "Assertion", models.PROTECT, null=True, related_name="+", help_text="by an older key of the owner"
    )
    is_root = models.BooleanField(default=False, help_text="confirmed at the console, as the first ones are")
    confirmed_at = models.DateTimeField(null=True)
    confirmed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    confirmation = models.OneToOneField(
        "Assertion", models.PROTECT, null=True, related_name="+", help_text="by a key of another person"
    )
    valid_from = models.DateTimeField(null=True, help_text="the end of its cool-off")
    revoked_at = models.DateTimeField(null=True)
    revoked_by = models.CharField(max_length=150, blank=True, help_text="name of a person, or the console")
    revoked_because = models.CharField(max_length=500, blank=True)

    class Meta:
        default_permissions = ["view"]
        permissions = [
            ("enroll_passkey", "Can enroll passkeys and confirm those of others"),
            ("revoke_others_passkey", "Can revoke passkeys of others"),
        ]
        constraints = [
            models.CheckConstraint(name="access_passkey_enrolled_by_owner", condition=Q(enrolled_by=F("user"))),
            models.CheckConstraint(
                name="access_passkey_confirmed_by_another",
                condition=Q(confirmed_at=None, confirmed_by=None, confirmation=None, is_root=False, valid_from=None)
                | Q(confirmed_at__isnull=False, valid_from__isnull=False, valid_from__gte=F("confirmed_at"))
                & (
                    Q(is_root=True, confirmed_by=None, confirmation=None)
                    | Q(is_root=False, confirmed_by__isnull=False, confirmation__isnull=False)
                    & ~Q(confirmed_by=F("user"))
                ),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} of {self.user_id}"


class Assertion(models.Model):
    """What a passkey signed, whole, so that another process can verify it again; a person signs a payload once."""

    passkey = models.ForeignKey(Passkey, models.PROTECT)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    challenge = models.BinaryField(help_text="the hash of the payload, 32 bytes")
    body = models.TextField(help_text="AuthenticationResponseJSON, as the browser sent it")
    previous_count = models.BigIntegerField(help_text="how far the key had counted before")
    sign_count = models.BigIntegerField(help_text="how far it counted with this")
    at = models.DateTimeField()

    class Meta:
        default_permissions = ["view"]
        constraints = [models.UniqueConstraint(fields=["user", "challenge"], name="access_assertion_once")]

    def __str__(self) -> str:
        return f"{bytes(self.challenge).hex()[:16]} by {self.user_id}"


class TotpSecret(models.Model):
    """A secret for codes of six digits, encrypted; good for little: to reject, and below a small amount."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    secret_ciphertext = models.BinaryField(help_text="encrypted by HEDGEAPP_FIELD_KEYS")
    enrolled_at = models.DateTimeField()
    confirmed_at = models.DateTimeField(null=True)
    confirmed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    confirmation = models.OneToOneField(
        Assertion, models.PROTECT, null=True, related_name="+", help_text="by a key of another person"
    )
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ["view"]
        constraints = [
            models.UniqueConstraint(fields=["user"], name="access_totp_one_each", condition=Q(revoked_at__isnull=True)),
            models.CheckConstraint(
                name="access_totp_confirmed_by_another",
                condition=Q(confirmed_at=None, confirmed_by=None, confirmation=None)
                | Q(confirmed_at__isnull=False, confirmed_by__isnull=False, confirmation__isnull=False)
                & ~Q(confirmed_by=F("user")),
            ),
        ]

    def __str__(self) -> str:
        return f"codes of {self.user_id}"


class TotpStep(models.Model):
    """A step of 30 seconds whose code a person has used."""

    secret = models.ForeignKey(TotpSecret, models.PROTECT)
    step = models.BigIntegerField(help_text="steps of 30 seconds since 1970")
    at = models.DateTimeField()

    class Meta:
        default_permissions = ["view"]
        constraints = [models.UniqueConstraint(fields=["secret", "step"], name="access_totp_step_once")]

    def __str__(self) -> str:
        return f"step {self.step}"


class PersonChange(models.Model):
    """A change of somebody's roles, from its proposal until it is carried out or dropped; the database carries it out.

    Roles are given by two people, neither of whom is the person; what only takes away takes one.
    """

    change_id = models.CharField(max_length=60, unique=True, help_text="its name in the log")
    person = models.CharField(max_length=150, help_text="whose roles change; made if there is nobody of that name")
    roles = models.TextField(blank=True, help_text="all that the person has then, sorted, with commas between")
    is_active = models.BooleanField(help_text="whether the person may come in")
    is_console = models.BooleanField(default=False, help_text="whether the console made it, as the database's owner")
    proposed_by = models.CharField(max_length=150, help_text="the first of the two, or the console")
    proposed_at = models.DateTimeField()
    proposal = models.OneToOneField(Assertion, models.PROTECT, null=True, related_name="+")
    reason = models.CharField(max_length=500)
    agreed_by = models.CharField(max_length=150, blank=True, help_text="the second of the two")
    agreed_at = models.DateTimeField(null=True)
    agreement = models.OneToOneField(Assertion, models.PROTECT, null=True, related_name="+")
    holds_from = models.DateTimeField(null=True, help_text="the end of its cool-off")
    applied_at = models.DateTimeField(null=True)
    dropped_at = models.DateTimeField(null=True)
    dropped_by = models.CharField(max_length=150, blank=True)
    dropped_because = models.CharField(max_length=500, blank=True)

    class Meta:
        default_permissions = ["view"]
        permissions = [
            ("change_people", "Can propose roles of others, and take them away"),
            ("agree_people", "Can agree to roles of others"),
        ]
        constraints = [
            models.CheckConstraint(
                name="access_personchange_by_two_others",
                condition=Q(agreed_by="", agreed_at=None, agreement=None, holds_from=None)
                | ~Q(agreed_by="")
                & Q(agreed_at__isnull=False, agreement__isnull=False, holds_from__isnull=False)
                & ~Q(agreed_by=F("proposed_by"))
                & ~Q(agreed_by=F("person"))
                & ~Q(proposed_by=F("person")),
            ),
        ]

    def __str__(self) -> str:
        return self.change_id


class ApiKey(models.Model):
    """A program's key, from the day it is handed out; of its secret only the hash is kept, as in its event."""

    key_id = models.CharField(max_length=12, primary_key=True, help_text="the part of the key that names it")
    name = models.CharField(max_length=60, help_text="who uses it, like trading desk of Acme")
    secret_hash = models.CharField(max_length=64, help_text="SHA-256 of its secret, hexadecimal")
    scopes = models.CharField(max_length=200, help_text="what it may read, with blanks between")
    per_minute = models.PositiveIntegerField(help_text="requests that it may send in a minute")
    made_at = models.DateTimeField()
    made_by = models.CharField(max_length=150)
    reason = models.CharField(max_length=500)
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)
    revoked_by = models.CharField(max_length=150, blank=True)
    revoked_because = models.CharField(max_length=500, blank=True)

    class Meta:
        default_permissions = ["view"]
        permissions = [("hand_out_apikey", "Can hand out API keys and revoke them")]
        ordering = ("-made_at",)
        verbose_name = "API key"

    def __str__(self) -> str:
        return f"{self.name} ({self.key_id})"


class Administration(models.Model):
    """What people may do in the admin that is no change of a row."""

    class Meta:
        managed = False
        default_permissions = []
        permissions = [("enter_admin", "Can open the admin's pages"), ("view_audit", "Can search what people did")]
