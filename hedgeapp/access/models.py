"""What access keeps: links that log in once, and attempts to log in."""

from django.conf import settings
from django.db import models


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
