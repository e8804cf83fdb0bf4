"""The tables of reference data."""

from marketdata.models.rows import (
    Account,
    Asset,
    Chain,
    Custodian,
    Instrument,
    Limit,
    Notice,
    Oracle,
    Row,
    Tier,
    Token,
    Venue,
    Wallet,
)
from marketdata.models.sources import Credential, SourceChange

__all__ = [
    "Account",
    "Asset",
    "Chain",
    "Credential",
    "Custodian",
    "Instrument",
    "Limit",
    "Notice",
    "Oracle",
    "Row",
    "SourceChange",
    "Tier",
    "Token",
    "Venue",
    "Wallet",
]
