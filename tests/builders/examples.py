"""One event of every kind, with every field set."""

from datetime import UTC, datetime
from decimal import Decimal

from hedgeapp.core.events import Event
from hedgeapp.core.events.api_keys import ApiKeyHandedOut, ApiKeyRevoked
from hedgeapp.core.events.balances import BalanceStated, CollateralRatios, CollateralTermsStated, TransferSeen
from hedgeapp.core.events.collateral import (
    CollateralStated,
    CustodyFlowSeen,
    GasPaid,
    MintSeen,
    RedeemSeen,
    ReserveMoved,
    SettlementSeen,
    SupplyStated,
)
from hedgeapp.core.events.debts import BorrowRateStated, InterestCharged
from hedgeapp.core.events.feeds import FeedStateChanged, ServiceTaken
from hedgeapp.core.events.marks import MarksTaken
from hedgeapp.core.events.passkeys import PasskeyConfirmed, PasskeyEnrolled, PasskeyRevoked
from hedgeapp.core.events.people import (
    PersonChangeAgreed,
    PersonChanged,
    PersonChangeDropped,
    PersonChangeProposed,
)
from hedgeapp.core.events.positions import FundingPaid, PositionOpened, PositionStated
from hedgeapp.core.events.reference import (
    AccountChanged,
    AssetChanged,
    ChainChanged,
    CustodianChanged,
    InstrumentChanged,
    LimitChanged,
    OracleChanged,
    VenueChanged,
)
from hedgeapp.core.events.scenarios import ScenarioDropped, ScenarioMarked, ScenarioSaved
from hedgeapp.core.events.sources import (
    CredentialChanged,
    SourceChangeAgreed,
    SourceChangeDropped,
    SourceChangeProposed,
)
from hedgeapp.core.events.suspensions import InstrumentReleased, InstrumentSuspended
from hedgeapp.core.events.trading import FillRecorded, OrderSeen
from hedgeapp.core.instruments import CollateralTier, Instrument, Tier
from hedgeapp.core.marks import Mark
from hedgeapp.core.reference import (
    Account,
    Asset,
    Chain,
    Custodian,
    Limit,
    Oracle,
    OracleFeed,
    SignerSet,
    Token,
    Trust,
    Venue,
    Wallet,
)
from tests.builders.alerts import ALERTS
from tests.builders.breaks import BREAKS
from tests.builders.door import DOOR
from tests.builders.moves import GOLDEN as MOVES
from tests.builders.moves import SIGNED
from tests.builders.orders import DESK

AT = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
LATER = datetime(2026, 12, 25, 8, 0, tzinfo=UTC)
ACCOUNT = "binance-usdm:main"
ETH = "binance-usdm:ETH-USDT-PERP"
ETH_DATED = "binance-coinm:ETH-USD-20261225"
D = Decimal

REFERENCE: list[Event] = [
    AssetChanged(
        at=AT,
        asset=Asset(symbol="wstETH", name="Wrapped stETH", decimals=18, underlying="ETH", assumed_usd=D("1")),
        version=1,
        by="seed",
        reason="first",
    ),
    VenueChanged(
        at=AT,
        venue=Venue(
            name="binance-usdm",
            protocol="binance-usdm",
            rest_url="https://fapi.binance.com",
            ws_url="wss://fstream.binance.com",
        ),
        version=1,
        by="seed",
    ),
    AccountChanged(
        at=AT,
        account=Account(name=ACCOUNT, venue="binance-usdm", label="main", instruments=("ETH-USDT-PERP",)),
        version=1,
        by="seed",
    ),
    InstrumentChanged(
        at=AT,
        instrument=Instrument(
            id=ETH_DATED,
            venue="binance-coinm",
            symbol="ETH-USD-20261225",
            venue_symbol="ETHUSD_261225",
            kind="inverse",
            expiry="dated",
            base="ETH",
            quote="USD",
            settlement="ETH",
            contract_size=D("10"),
            tick_size=D("0.01"),
            step_size=D("1"),
            expires_at=LATER,
            tiers=(
                Tier(floor=D("0"), cap=D("25"), maintenance_rate=D("0.005"), deduction=D("0"), leverage_max=D("100")),
            ),
        ),
        version=2,
        by="binance-coinm",
        reason="loaded from the venue",
    ),
    CustodianChanged(
        at=AT,
        custodian=Custodian(name="ceffu", protocol="ceffu", url="https://open-api.ceffu.com"),
        version=1,
        by="seed",
    ),
    OracleChanged(
        at=AT,
        oracle=Oracle(
            name="redstone",
            protocol="redstone",
            url="https://oracle-gateway.a.redstone.finance",
            feeds=(OracleFeed(asset="wstETH", feed="wstETH", decimals=14),),
            trust=Trust(
                profile="redstone-primary-prod",
                publisher="redstone-primary-prod",
                sets=(SignerSet(index=1, signers=("0x" + "12" * 20,), quorum=1, expires_at=LATER),),
                others=("0x" + "34" * 20,),
            ),
        ),
        version=2,
        by="ann",
        reason="another node",
    ),
    ChainChanged(
        at=AT,
        chain=Chain(
            name="ethereum",
            url="http://127.0.0.1:8545",
            chain_id=1,
            confirmations=12,
            wallets=(Wallet(address="0x01", label="vault"),),
            tokens=(Token(asset="stETH", address="0x02", decimals=18),),
            wsteth="0x03",
            steth_pool="0x04",
            minting="0x05",
            synthetic="0x06",
        ),
        version=1,
        by="seed",
    ),
    LimitChanged(
        at=AT,
        limit=Limit(name="eth-band", kind="net_delta_band", subject="ETH", value=D("25"), unit="ETH", note="desk"),
        version=1,
        by="seed",
    ),
]

TRADING: list[Event] = [
    OrderSeen(
        at=AT,
        account=ACCOUNT,
        instrument=ETH,
        venue_order_id="9001",
        client_order_id="h-1",
        side="sell",
        type="LIMIT",
        status="partially_filled",
        price=D("3012.34"),
        quantity=D("5"),
        filled=D("1.234"),
        average_price=D("3012.34"),
        reduce_only=False,
    ),
    FillRecorded(
        at=AT,
        account=ACCOUNT,
        instrument=ETH,
        trade_id="77",
        venue_order_id="9001",
        side="sell",
        price=D("3012.34"),
        quantity=D("1.234"),
        fee=D("-0.000000012"),
        fee_asset="USDT",
        is_maker=True,
    ),
    PositionOpened(
        at=AT, account=ACCOUNT, instrument=ETH, quantity=D("-100"), entry_price=D("3000.5"), last_trade_id="76"
    ),
    PositionStated(at=AT, account=ACCOUNT, instrument=ETH, quantity=D("-101.234"), entry_price=D("3000.6")),
    FundingPaid(at=AT, account=ACCOUNT, instrument=ETH, payment_id="5", amount=D("-1.5"), asset="USDT"),
    BalanceStated(at=AT, account=ACCOUNT, asset="USDT", total=D("1000000.00000001")),
    CollateralTermsStated(
        at=AT,
        account=ACCOUNT,
        assets=(
            CollateralRatios(
                asset="BTC",
                tiers=(
                    CollateralTier(floor=D(0), cap=D(10), ratio=D("0.98")),
                    CollateralTier(floor=D(10), cap=None, ratio=D("0.95")),
                ),
            ),
        ),
    ),
    TransferSeen(at=AT, account=ACCOUNT, transfer_id="11", amount=D("250"), asset="USDT"),
    BorrowRateStated(at=AT, account=ACCOUNT, asset="USDT", hourly_rate=D("0.0000065")),
    InterestCharged(at=AT, account=ACCOUNT, charge_id="12", amount=D("-0.00065"), asset="USDT"),
]

_MINTED = {
    "at": AT,
    "chain": "ethereum",
    "transaction": "0xaa",
    "log_index": 3,
    "block": 19,
    "order_hash": "0xbb",
    "benefactor": "0xcc",
    "beneficiary": "0xdd",
    "collateral_asset": "stETH",
    "collateral_amount": D("1.000000000000000001"),
    "synthetic_amount": D("3000"),
}

PASSKEYS: list[Event] = [
    PasskeyEnrolled(at=AT, credential_id="AQID", public_key="MFkw", user_id=7, user="ann", name="blue key"),
    PasskeyConfirmed(at=AT, credential_id="AQID", user="ann", by="bob", valid_from=AT),
    PasskeyRevoked(at=AT, credential_id="AQID", user="ann", by="ann", reason="lost"),
]

PEOPLE: list[Event] = [
    PersonChangeProposed(
        at=AT,
        change_id="ann-1",
        person="ann",
        roles=("approver", "risk"),
        is_active=True,
        by="bob",
        reason="joins the desk",
        assertion=SIGNED,
    ),
    PersonChangeAgreed(at=AT, change_id="ann-1", person="ann", by="cay", holds_from=LATER, assertion=SIGNED),
    PersonChangeDropped(at=AT, change_id="ann-1", person="ann", by="cay", reason="not yet"),
    PersonChanged(
        at=AT,
        change_id="ann-1",
        person="ann",
        roles=("approver", "risk"),
        is_active=True,
        by="bob",
        agreed_by="cay",
        reason="joins the desk",
    ),
]

OTHERS: list[Event] = [
    CollateralStated(
        at=AT, holder="ceffu", wallet="w1", asset="stETH", total=D("1500"), locked=D("10"), reference="1772366400123"
    ),
    SupplyStated(at=AT, chain="ethereum", asset="USDe", total=D("4500000"), block=19),
    CustodyFlowSeen(
        at=AT,
        custodian="ceffu",
        order_id="240736767558515000000000001",
        direction="withdrawal",
        wallet="w1",
        asset="USDT",
        amount=D("250.5"),
        fee=D("0.001"),
        fee_asset="ETH",
        network="ETH",
        transaction="0xab12",
        address="0xdead",
    ),
    SettlementSeen(
        at=AT,
        custodian="ceffu",
        order_id="240736767558516000000000001",
        account="binance-usdm:main",
        wallet="w1",
        asset="USDT",
        amount=D("-12.5"),
    ),
    MintSeen(**_MINTED),  # type: ignore[arg-type]
    RedeemSeen(**_MINTED),  # type: ignore[arg-type]
    GasPaid(
        at=AT,
        chain="ethereum",
        transaction="0xab",
        block=20,
        wallet="0xdd",
        asset="ETH",
        amount=D("0.000514000000257"),
        is_failed=True,
    ),
    ReserveMoved(
        at=AT,
        chain="ethereum",
        transaction="0xab",
        log_index=1,
        block=20,
        sender="0xdd",
        receiver="0xee",
        asset="USDT",
        amount=D("2500.5"),
    ),
    MarksTaken(
        at=AT,
        marks=(Mark(subject=ETH, kind="mark", value=D("3012.34000000"), at=AT, received_at=AT, source="feed"),),
    ),
    FeedStateChanged(at=AT, feed="feed:binance-usdm", state="stale", reason="no message for 3 s “at all”"),
    ServiceTaken(at=AT, service="engine", epoch=4, holder="host/12"),
]

SOURCES: list[Event] = [
    SourceChangeProposed(
        at=AT,
        change_id="venue-1",
        what="venue:binance-usdm",
        version=2,
        by="ann",
        reason="it moved",
        venue=Venue(name="v", protocol="binance-usdm", rest_url="https://a.example", ws_url="wss://a.example"),
        custodian=Custodian(name="ceffu", protocol="ceffu", url="https://open-api.ceffu.com"),
        chain=Chain(
            name="ethereum",
            url="http://127.0.0.1:8545",
            chain_id=1,
            confirmations=12,
            wallets=(Wallet(address="0x01", label="vault"),),
            tokens=(Token(asset="stETH", address="0x02", decimals=18),),
            wsteth="0x03",
            steth_pool="0x04",
            minting="0x05",
            synthetic="0x06",
        ),
        fingerprint="ab12",
    ),
    SourceChangeAgreed(
        at=AT, change_id="venue-1", what="venue:binance-usdm", by="bob", holds_from=LATER, assertion=SIGNED
    ),
    SourceChangeDropped(at=AT, change_id="venue-1", what="venue:binance-usdm", by="bob", said="not yet"),
    CredentialChanged(
        at=AT, change_id="c-1", holder="ceffu", purpose="trade", fingerprint="ab12", by="ann", agreed_by="bob"
    ),
    ApiKeyHandedOut(
        at=AT,
        key_id="0123456789ab",
        name="Acme",
        scopes=("prices:read",),
        per_minute=240,
        expires_at=AT,
        fingerprint="ab12",
        by="ann",
        reason="they price with us",
    ),
    ApiKeyRevoked(at=AT, key_id="0123456789ab", name="Acme", by="ann", reason="lost"),
]

OFFERED = Instrument(
    id=ETH,
    venue="binance-usdm",
    symbol="ETH-USDT-PERP",
    venue_symbol="ETHUSDT",
    kind="linear",
    expiry="perpetual",
    base="ETH",
    quote="USDT",
    settlement="USDT",
    contract_size=D("10"),
    tick_size=D("0.01"),
    step_size=D("0.001"),
)

SUSPENSIONS: list[Event] = [
    InstrumentSuspended(
        at=AT,
        instrument=ETH,
        cause="specification",
        by="account:binance-usdm:main",
        reason="contract size of 1 expected, found 10",
        offered=OFFERED,
    ),
    InstrumentReleased(at=AT, instrument=ETH, cause="specification", by="ann", reason="announced by the venue"),
]

SCENARIOS: list[Event] = [
    ScenarioSaved(at=AT, scenario="Halved", asked="book=live&x=-50", by="ann", reason="the desk's worst day"),
    ScenarioMarked(at=AT, scenario="Halved", is_standing=True, by="bob", reason="watch it"),
    ScenarioDropped(at=AT, scenario="Halved", by="ann", reason="too mild"),
]

EVERY_KIND: dict[str, Event] = {
    type(event).__name__: event
    for event in [
        *(*REFERENCE, *TRADING, *OTHERS, *DESK, *ALERTS, *BREAKS, *MOVES.values()),
        *(*PASSKEYS, *PEOPLE, *DOOR, *SOURCES, *SUSPENSIONS, *SCENARIOS),
    ]
}
