"""Oracle rows: an oracle enters the catalogue only if its word could be believed."""

from dataclasses import replace

import pytest

from hedgeapp.core.reference import Asset, Oracle, OracleFeed
from marketdata.core.admission import UnknownAsset, require_admissible
from marketdata.core.catalogue import Catalogue
from marketdata.core.oracle_rows import BETA, FeedIsOfTheTestNetwork, QuorumIsTooSmall
from marketdata.core.wellformed import (
    AddressIsMalformed,
    NameIsMalformed,
    NumberIsOutOfRange,
    RowRefused,
    UnknownProtocol,
)
from tests.builders.oracles import ADDRESSES, STRANGER, nodes, router

CATALOGUE = Catalogue(
    assets={symbol: Asset(symbol=symbol, name=symbol, decimals=8, underlying=symbol) for symbol in ("ETH", "USDT")}
)
ORACLE = Oracle(
    name="redstone",
    protocol="redstone",
    url="https://oracle-gateway.a.redstone.finance",
    feeds=(OracleFeed(asset="ETH", feed="ETH"), OracleFeed(asset="USDT", feed="USDT")),
    trust=nodes(),
)
PYTH = replace(ORACLE, name="pyth", protocol="pyth", feeds=(OracleFeed(asset="ETH", feed="ff" * 32),), trust=router())


@pytest.mark.parametrize("oracle", [ORACLE, PYTH])
def test_an_oracle_with_signers_is_admitted(oracle: Oracle) -> None:
    require_admissible(oracle, CATALOGUE)


@pytest.mark.parametrize(
    ("oracle", "refusal"),
    [
        (replace(ORACLE, protocol="chainlink"), UnknownProtocol),
        (replace(ORACLE, feeds=()), NumberIsOutOfRange),
        (replace(ORACLE, feeds=(OracleFeed(asset="DOGE", feed="DOGE"),)), UnknownAsset),
        (replace(ORACLE, feeds=(*ORACLE.feeds, OracleFeed(asset="ETH", feed="ETH2"))), NameIsMalformed),
        (replace(ORACLE, feeds=(OracleFeed(asset="ETH", feed="ETH", decimals=19),)), NumberIsOutOfRange),
        (replace(PYTH, feeds=(OracleFeed(asset="ETH", feed="ETH"),)), NameIsMalformed),
        (replace(PYTH, feeds=(OracleFeed(asset="ETH", feed=min(BETA)),)), FeedIsOfTheTestNetwork),
        (replace(PYTH, trust=router(publisher="26:xyz")), NameIsMalformed),
        (replace(ORACLE, trust=nodes(sets=())), NumberIsOutOfRange),
        (replace(ORACLE, trust=nodes(("0x1",))), AddressIsMalformed),
        (replace(ORACLE, trust=nodes((*ADDRESSES, ADDRESSES[0].upper().replace("X", "x")))), NameIsMalformed),
        (replace(ORACLE, trust=nodes((*ADDRESSES, STRANGER.address))), QuorumIsTooSmall),
        (replace(ORACLE, trust=nodes(others=("nobody",))), AddressIsMalformed),
    ],
)
def test_an_oracle_that_could_not_be_believed_is_refused(oracle: Oracle, refusal: type[RowRefused]) -> None:
    with pytest.raises(refusal, match="expected"):
        require_admissible(oracle, CATALOGUE)
