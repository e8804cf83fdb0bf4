"""Any exchange that ccxt streams can be a venue, of which only public data is followed."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """Name the protocols."""

    dependencies = [("marketdata", "0015_deribit")]
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
                help_text="What it speaks: binance-usdm is linear (USDⓈ-M), binance-coinm is inverse (COIN-M); ccxt-… is any other exchange, through ccxt, of which only public data is followed.",
                max_length=63,
            ),
        ),
    ]
