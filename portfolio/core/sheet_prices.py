"""Sheet prices: the USD price behind each row of the balance sheet, and who has signed it.  marks -> SheetPrice"""

from collections.abc import Iterable

from hedgeapp.core.marks import Mark
from portfolio.core.rows import SheetPrice
from portfolio.core.valuation import USD, Valuation


def sheet_prices(assets: Iterable[str], valuation: Valuation) -> tuple[SheetPrice, ...]:
    """Return each asset's price once; a staked asset's is signed where its market rate is signed, too."""
    return tuple(_price(asset, valuation) for asset in sorted(set(assets)))


def _price(asset: str, valuation: Valuation) -> SheetPrice:
    currency = valuation.catalogue.currency(asset)
    source, proof, is_signed = _of_currency(currency, valuation)
    if asset != currency:
        market = valuation.marks.get((asset, "market_rate"))
        source = f"{source}; rate {market.source if market else 'unknown'}"
        proof = f"{proof}; rate {_word(market)}"
        is_signed = is_signed and bool(market and market.proof)
    return SheetPrice(asset=asset, usd=valuation.unit_usd(asset), source=source, proof=proof, is_signed=is_signed)


def _of_currency(currency: str, valuation: Valuation) -> tuple[str, str, bool]:
    price = valuation.usd(currency)
    mark = valuation.marks.get((currency, "usd"))
    if currency == USD:
        return "by definition", "the unit of account", True
    if price.value is None:
        return "nobody", price.because, False
    if price.state == "assumed":
        return "assumed", price.because, False
    if mark is not None and mark.value == price.value:
        return mark.source, _word(mark), bool(mark.proof)
    return "index of a contract", "signed by nobody", False


def _word(mark: Mark | None) -> str:
    if mark is None:
        return "unknown"
    return mark.proof or mark.caveat or "signed by nobody"
