"""API documents: what the API answers with, field by field, for its OpenAPI document; the engine writes them."""

from typing import Annotated, Literal

from ninja import Schema
from pydantic import ConfigDict, Field

Number = Annotated[str, Field(pattern=r"^-?[0-9]+(\.[0-9]+)?$", examples=["2996.95"])]
Time = Annotated[str, Field(pattern=r"^[0-9-]{10}T[0-9:.]+Z$", examples=["2026-11-22T17:00:00.000Z"])]
State = Annotated[
    Literal["open", "paused", "starting"], Field(description="whether mint and redeem are open; prices are told anyway")
]
Because = Annotated[str, Field(description="why a number is null, in a sentence; empty where it is not")]


class Document(Schema):
    """A document without any field that is not said here."""

    model_config = ConfigDict(extra="forbid")


class Refusal(Document):
    """Why there is no answer."""

    error: str = Field(description="a sentence: what was expected, what was found, what to do")
    code: int | None = Field(description="a number of the table in docs/api.md, where one fits")


class Step(Document):
    """The price of one size."""

    size: Number = Field(description="units of the asset")
    usd: Number | None = Field(description="USD per unit, before gas")
    whole_usd: Number | None = Field(description="USD that a mint pays or a redemption costs, gas included")
    proof: Literal["set", "verified", "unverified", "assumed", "unknown"] = Field(
        description="who stands behind the weakest number that the price rests on"
    )
    because: Because


class AssetLadder(Document):
    """The prices of one asset, the smallest size first; a larger size is never priced better."""

    asset: str
    size_max: Number = Field(description="the largest size that is priced, in units of the asset")
    gas_usd: Number = Field(description="gas of one order, in USD")
    mint: list[Step]
    redeem: list[Step]


class Prices(Document):
    """Indicative prices of all assets that are offered, of one moment."""

    type: Literal["prices"]
    at: Time
    seq: int = Field(description="the last event of the log that they know", ge=0)
    is_firm: Literal[False]
    state: State
    assets: list[AssetLadder]


class Room(Document):
    """What one way takes in a block, in synthetic dollars."""

    per_block_max: Number | None
    remaining: Number | None = Field(description="of the newest confirmed block; 0 while mint and redeem are closed")
    because: Because


class ChainCapacity(Document):
    """What the minting contract of one chain takes."""

    chain: str
    block: int = Field(description="the newest confirmed block; 0 before the first", ge=0)
    block_at: Time | None
    mint: Room
    redeem: Room


class CapacityDocument(Document):
    """What may still be minted and redeemed; each block begins anew."""

    type: Literal["capacity"]
    at: Time
    state: State
    chains: list[ChainCapacity]


class Status(Document):
    """Whether prices are made and mint and redeem are open."""

    state: Literal["open", "paused", "starting", "silent"] = Field(
        description="silent: no prices were made in the last seconds"
    )
    at: Time | None = Field(description="when the latest prices were made")
    age_ms: int | None = Field(description="how long ago that was", ge=0)
