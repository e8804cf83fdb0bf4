"""Orders of the sandbox chain: mints, redemptions and refills, the transfers they make and the logs they leave."""

import random
from dataclasses import asdict, dataclass, replace
from decimal import Decimal
from typing import Any, Final, Literal

from eth_abi.abi import encode
from eth_hash.auto import keccak

from sandbox.chain.contracts import (
    MINT,
    MINTING,
    NOBODY,
    REDEEM,
    TOKENS,
    TRANSFER,
    USDE,
    USDT,
    WSTETH,
    Token,
    address_of,
    word,
)

Kind = Literal["mint", "redeem", "refill", "draw", "fill"]
MOVES: Final = frozenset({"refill", "draw", "fill"})  # coins between our own wallets
BENEFACTORS: Final = 8
STAKED_PART: Final = 0.75  # of the orders are against wstETH, the others against USDT
STAKED_PART_WHEN_SMALL: Final = 0.2
WITH_THE_TIDE: Final = 0.85
STAKED_UNITS: Final = (5.0, 14.0)  # wstETH of one order
SMALL_PART: Final = 0.02
DOLLARS: Final = (1_000.0, 8_000.0)  # USDT of one order
TIDE_UNITS: Final = (33.0, 50.0)  # wstETH


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One transaction: amounts are in the tokens' smallest units; `custody` receives what is minted against.

    One that `reverts` changes nothing and leaves no log; its gas is paid.
    """

    kind: Kind
    order_id: str
    transaction: str
    benefactor: str
    beneficiary: str
    minter: str
    custody: str
    collateral: str
    collateral_amount: int
    usde_amount: int
    reverts: bool = False

    @property
    def sender(self) -> str:
        """Who signs the transaction and pays its gas."""
        senders = {"refill": self.custody, "fill": self.custody, "draw": self.benefactor}
        return senders.get(self.kind, self.minter)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """Tokens on their way; NOBODY as sender creates them, as receiver destroys them."""

    token: str
    sender: str
    receiver: str
    amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """What a contract left in the receipt."""

    address: str
    topics: tuple[bytes, ...]
    data: bytes


def transfers(order: Order) -> list[Transfer]:
    """Return the token transfers of an order in their sequence.

    A mint pays the custody wallet, a redemption is paid by the minting contract, a refill moves custody to it. The
    reserve fund, here the benefactor, pays custody what is drawn from it, and custody fills it.
    """
    minting = MINTING.lower()
    if order.reverts:
        return []
    if order.kind == "refill":
        return [_transfer(order.collateral, order.custody, minting, order.collateral_amount)]
    if order.kind == "draw":
        return [_transfer(order.collateral, order.benefactor, order.custody, order.collateral_amount)]
    if order.kind == "fill":
        return [_transfer(order.collateral, order.custody, order.benefactor, order.collateral_amount)]
    if order.kind == "mint":
        return [
            _transfer(order.collateral, order.benefactor, order.custody, order.collateral_amount),
            _transfer(USDE.address, NOBODY, order.beneficiary, order.usde_amount),
        ]
    return [
        _transfer(USDE.address, order.benefactor, NOBODY, order.usde_amount),
        _transfer(order.collateral, minting, order.beneficiary, order.collateral_amount),
    ]


def logs(order: Order) -> list[Log]:
    """Return the logs of an order: an ERC-20 Transfer for each transfer, then the contract's Mint or Redeem.

    The order id is indexed, so the log carries only its hash.
    """
    found = [
        Log(address=t.token, topics=(TRANSFER, word(t.sender), word(t.receiver)), data=encode(["uint256"], [t.amount]))
        for t in transfers(order)
    ]
    if order.reverts or order.kind in MOVES:
        return found
    topics = (
        MINT if order.kind == "mint" else REDEEM,
        keccak(order.order_id.encode()),
        word(order.benefactor),
        word(order.beneficiary),
    )
    data = encode(
        ["address", "address", "uint256", "uint256"],
        [order.minter, order.collateral, order.collateral_amount, order.usde_amount],
    )
    return [*found, Log(address=MINTING.lower(), topics=topics, data=data)]


def priced(seed: int, salt: bytes, kind: Kind, token: Token, amount: int, price: Decimal, custody: str) -> Order:
    """Return a mint or redemption of `amount` smallest units of `token` at `price` USDe per whole token."""
    usde = int(Decimal(amount) * price * 10**USDE.decimals / 10**token.decimals)
    return _order(seed, salt, kind, token, amount, usde, custody)


def drawn(seed: int, salt: bytes, custody: str, prices: dict[str, Decimal], *, tide: int, small: bool) -> Order:
    """Draw the order that a block's salt calls for: three in four against wstETH, most of those with the tide.

    A tide of 1 mints, of -1 redeems; small ones, seldom against it, leave the collateral nearly as it was.
    """
    dice = random.Random(salt)
    if dice.random() < (STAKED_PART_WHEN_SMALL if small else STAKED_PART):
        kind: Kind = "mint" if small or (dice.random() < WITH_THE_TIDE) == (tide > 0) else "redeem"
        units = WSTETH.units(round(dice.uniform(*STAKED_UNITS) * (SMALL_PART if small else 1), 6))
        return priced(seed, salt, kind, WSTETH, units, prices[WSTETH.address], custody)
    kind = "mint" if dice.random() < 0.5 else "redeem"
    units = USDT.units(round(dice.uniform(*DOLLARS), 2))
    return priced(seed, salt, kind, USDT, units, prices[USDT.address], custody)


def tide_turns_at(seed: int, turns: int) -> int:
    """Draw how far the minted wstETH moves from its first amount before the tide turns, in smallest units."""
    return WSTETH.units(round(random.Random(f"tide:{seed}:{turns}").uniform(*TIDE_UNITS), 6))


def refill(seed: int, salt: bytes, token: Token, amount: int, custody: str) -> Order:
    """Return a transfer of a token from custody to the minting contract, which pays redemptions."""
    return _order(seed, salt + b"refill", "refill", token, amount, 0, custody)


def of_reserve(seed: int, salt: bytes, kind: Kind, token: Token, amount: int, custody: str, fund: str) -> Order:
    """Return a transfer of a token from the reserve fund to custody (`draw`), or back (`fill`)."""
    return replace(_order(seed, salt, kind, token, amount, 0, custody), benefactor=fund, beneficiary=fund)


def minter(seed: int) -> str:
    """Return our address that signs mints and redemptions."""
    return address_of("minter", seed, 0)


def benefactor(seed: int, index: int) -> str:
    """Return the address of a whitelisted benefactor."""
    return address_of("benefactor", seed, index)


def token_of(asset: str) -> Token:
    """Return the token of an asset's symbol; raise KeyError for one that is not on this chain."""
    return {token.asset: token for token in TOKENS.values()}[asset]


def _transfer(token: str, sender: str, receiver: str, amount: int) -> Transfer:
    return Transfer(token=token, sender=sender, receiver=receiver, amount=amount)


def _order(seed: int, salt: bytes, kind: Kind, token: Token, amount: int, usde: int, custody: str) -> Order:
    dice = random.Random(salt + b"who")
    order_id = f"RFQ-{keccak(salt + b'id').hex()[:24]}"
    payer = benefactor(seed, dice.randrange(BENEFACTORS))
    return Order(
        kind=kind,
        order_id=order_id,
        transaction="0x" + keccak(f"{seed}:{kind}:{order_id}".encode()).hex(),
        benefactor=payer,
        beneficiary=payer,
        minter=minter(seed),
        custody=custody,
        collateral=token.address,
        collateral_amount=amount,
        usde_amount=usde,
    )
