"""Pairs of a spot market can be followed for their prices."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """Name the protocol, and what a pair has instead of an expiry."""

    dependencies = [("marketdata", "0021_suspect_marks")]
    operations = [
        migrations.AlterField(
            model_name="venue",
            name="protocol",
            field=models.CharField(
                choices=[
                    ("binance-usdm", "binance-usdm"),
                    ("binance-coinm", "binance-coinm"),
                    ("bybit", "bybit"),
                    ("okx", "okx"),
                    ("deribit", "deribit"),
                    ("binance-spot", "binance-spot"),
                    ("ccxt-backpack", "ccxt-backpack"),
                    ("ccxt-bingx", "ccxt-bingx"),
                    ("ccxt-bitget", "ccxt-bitget"),
                    ("ccxt-blofin", "ccxt-blofin"),
                    ("ccxt-cryptocom", "ccxt-cryptocom"),
                    ("ccxt-gate", "ccxt-gate"),
                    ("ccxt-hashkey", "ccxt-hashkey"),
                    ("ccxt-htx", "ccxt-htx"),
                    ("ccxt-hyperliquid", "ccxt-hyperliquid"),
                    ("ccxt-krakenfutures", "ccxt-krakenfutures"),
                    ("ccxt-mexc", "ccxt-mexc"),
                    ("ccxt-paradex", "ccxt-paradex"),
                    ("ccxt-phemex", "ccxt-phemex"),
                    ("ccxt-whitebit", "ccxt-whitebit"),
                    ("ccxt-woo", "ccxt-woo"),
                    ("ccxt-woofipro", "ccxt-woofipro"),
                    ("ccxt-xt", "ccxt-xt"),
                ],
                help_text="What it speaks: binance-usdm is linear (USDⓈ-M), binance-coinm is inverse (COIN-M), binance-spot is pairs, of which only public data is followed; ccxt-… is any other exchange, through ccxt, likewise.",
                max_length=63,
            ),
        ),
        migrations.AlterField(
            model_name="instrument",
            name="expiry",
            field=models.CharField(
                choices=[("perpetual", "perpetual"), ("dated", "dated"), ("spot", "spot")],
                help_text="spot: a pair, only for its price.",
                max_length=9,
            ),
        ),
    ]
