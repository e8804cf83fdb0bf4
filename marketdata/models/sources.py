"""Keys of accounts and custodians, and the changes of keys and URLs: the database itself asks for two people."""

from typing import ClassVar

from django.db import models


class Credential(models.Model):
    """Keys of one account or custodian, encrypted by a key that the database does not have. No projection."""

    PURPOSES: ClassVar = [("read", "read"), ("trade", "trade")]

    holder = models.CharField(max_length=127, help_text="Name of the account or custodian that the keys are for.")
    purpose = models.CharField(
        max_length=5,
        choices=PURPOSES,
        default="read",
        help_text="What they are used for. Orders are sent with a key for trading only, never with one for reading.",
    )
    api_key_ciphertext = models.BinaryField(editable=False)
    secret_ciphertext = models.BinaryField(editable=False)
    fingerprint = models.CharField(
        max_length=12,
        editable=False,
        help_text="First 12 hexadecimal digits of the API key's SHA-256: tells which key it is without showing it.",
    )
    set_by = models.CharField(max_length=150, editable=False, help_text="Who set it.")
    set_at = models.DateTimeField(editable=False, help_text="When it was set, UTC.")

    class Meta:
        ordering = ("holder", "purpose")
        constraints = (models.UniqueConstraint(fields=("holder", "purpose"), name="marketdata_credential_once"),)

    def __str__(self) -> str:
        return f"{self.holder} {self.purpose} ({self.fingerprint})"


class SourceChange(models.Model):
    """A change of where we speak to, or with which keys, from its proposal until it holds or is dropped."""

    change_id = models.CharField(max_length=60, unique=True, help_text="its name in the log")
    what = models.CharField(max_length=200, help_text="the row, like venue:binance-usdm or credential:ceffu:trade")
    version = models.PositiveIntegerField(default=0, help_text="the row's version that it was made on; 0 for keys")
    content = models.TextField(blank=True, help_text="the row as it is to be, as JSON; empty for keys")
    holder = models.CharField(max_length=127, blank=True, help_text="whose keys they are")
    purpose = models.CharField(max_length=5, blank=True, help_text="what the keys are used for")
    api_key_ciphertext = models.BinaryField(null=True, editable=False)
    secret_ciphertext = models.BinaryField(null=True, editable=False)
    fingerprint = models.CharField(max_length=64, blank=True, help_text="SHA-256 of the API key, hexadecimal")
    proposed_by = models.CharField(max_length=150, help_text="the first of the two")
    proposed_at = models.DateTimeField()
    reason = models.CharField(max_length=500)
    agreed_by = models.CharField(max_length=150, blank=True, help_text="the second of the two")
    agreed_at = models.DateTimeField(null=True)
    agreement = models.OneToOneField("access.Assertion", models.PROTECT, null=True, related_name="+")
    holds_from = models.DateTimeField(null=True, help_text="the end of its cool-off")
    applied_at = models.DateTimeField(null=True)
    dropped_at = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ["view"]
        permissions = [("agree_source", "Can agree to other URLs and keys")]
        constraints = [
            models.CheckConstraint(
                name="marketdata_sourcechange_by_two",
                condition=models.Q(agreed_by="", agreed_at=None, agreement=None, holds_from=None, applied_at=None)
                | ~models.Q(agreed_by="")
                & models.Q(agreed_at__isnull=False, agreement__isnull=False, holds_from__isnull=False)
                & ~models.Q(agreed_by=models.F("proposed_by")),
            ),
        ]

    def __str__(self) -> str:
        return self.change_id
