"""Environment: every setting that an operator may give, typed, with its unit and its default."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

ROOT = Path(__file__).resolve().parent.parent


class Environment(BaseSettings):
    """The process's environment variables; a missing or malformed one is named at start."""

    model_config = SettingsConfigDict(extra="ignore", frozen=True)

    hedgeapp_env: Literal["SANDBOX", "PAPER", "LIVE"] = Field(
        "SANDBOX", description="which world this is; shown on every page"
    )
    database_url: str = Field(description="PostgreSQL, as the app's role")
    database_owner_url: str = Field(
        "", description="PostgreSQL, as the owner: migrations and replay; DATABASE_URL when empty"
    )
    database_moves_url: str = Field(
        "", description="PostgreSQL, as the role that alone sends collateral moves; DATABASE_URL when empty"
    )
    redis_url: str = Field(description="Redis or Valkey; disposable")
    hedgeapp_secret_key: str = Field(min_length=32, description="Django's secret key")
    hedgeapp_field_keys: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="Fernet keys, comma-separated; the first encrypts API keys, all decrypt"
    )
    hedgeapp_var: Path = Field(ROOT / "var", description="folder of everything this installation writes")
    hedgeapp_sink_url: str = Field(
        "",
        description="the log's second store: file:///folder or s3://bucket/prefix; a folder of hedgeapp_var when empty",
    )
    hedgeapp_hosts: str = Field(
        "localhost,127.0.0.1", description="host names the web process answers to, comma-separated"
    )
    hedgeapp_origin: str = Field(
        "", description="what browsers show before the path, to which passkeys are bound; empty: http://localhost:PORT"
    )
    hedgeapp_passkey_cool_off_s: int | None = Field(
        None, ge=0, description="seconds from a passkey's confirmation to its first use; default: a day, in SANDBOX 0"
    )
    hedgeapp_role_cool_off_s: int | None = Field(
        None,
        ge=0,
        description="seconds from the agreement on somebody's roles until they hold; default: 0, in LIVE a day",
    )
    hedgeapp_source_cool_off_s: int | None = Field(
        None, ge=0, description="seconds from the agreement on URLs or keys until they hold; default: 0, in LIVE a day"
    )
    hedgeapp_gate_cool_off_s: int | None = Field(
        None,
        ge=3600,
        description="seconds from the agreement on a change of policy, caps or destinations until it holds; default: "
        "an hour, in LIVE a day",
    )
    hedgeapp_services: str = Field(
        "", description="services this worker may host, comma-separated patterns; empty: none"
    )
    hedgeapp_desk: Literal["", "orders", "urgent", "moves"] = Field(
        "", description="queue whose work this worker carries: orders, urgent (cancels, halts, what reduces), moves"
    )
    hedgeapp_nice: int = Field(
        0, ge=0, le=19, description="how far this worker stands back when the processors are busy (Unix niceness)"
    )
    hedgeapp_webhook_keys: Path | None = Field(
        None,
        description="folder of the public keys by which custodians sign webhooks, CUSTODIAN.webhook.pem; default: "
        "webhooks in hedgeapp_var, in SANDBOX sandbox in it",
    )
    hedgeapp_alert_webhook: str = Field(
        "", pattern=r"^(https?://\S+)?$", description="URL that alerts are posted to as JSON; empty: none"
    )
    hedgeapp_alert_email: str = Field(
        "", description="addresses that alerts are mailed to, comma-separated; empty: none"
    )
    hedgeapp_smtp: str = Field(
        "",
        pattern=r"^(smtps?://\S+)?$",
        description="mail server, smtps: with TLS from the start; with user:password@ if it asks for them; empty: "
        "approvers are mailed nothing, alerts go by localhost:25",
    )
    hedgeapp_move_email: bool = Field(
        True, description="whether approvers are mailed of moves that wait for them, where there is a mail server"
    )
    hedgeapp_mail_from: str = Field("hedgeapp@localhost", description="sender of what is mailed")
    hedgeapp_reconcile_every_s: int = Field(
        55, ge=10, le=600, description="seconds from one comparison of an account with its statement to the next"
    )
    hedgeapp_market_data_days: int = Field(
        3, ge=1, le=366, description="days for which recorded quotes, trades, marks, funding and liquidations are kept"
    )
    hedgeapp_log_level: str = Field("INFO", description="level of the logs")
    port: int = Field(8000, description="port of the web process")

    @property
    def mails_approvers(self) -> bool:
        """Tell whether approvers are mailed: it is wanted, and there is a mail server."""
        return self.hedgeapp_move_email and bool(self.hedgeapp_smtp)

    @field_validator("hedgeapp_field_keys", mode="before")
    @classmethod
    def _split(cls, given: object) -> object:
        return tuple(key for key in given.split(",") if key) if isinstance(given, str) else given
