"""Name the limits of collateral moves."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("marketdata", "0006_notices"),
    ]

    operations = [
        migrations.AlterField(
            model_name="limit",
            name="kind",
            field=models.CharField(
                choices=[
                    ("net_delta_band", "net_delta_band"),
                    ("data_age_ms_max", "data_age_ms_max"),
                    ("margin_ratio_max", "margin_ratio_max"),
                    ("order_size_max", "order_size_max"),
                    ("price_collar", "price_collar"),
                    ("hedge_clip_min", "hedge_clip_min"),
                    ("hedge_release", "hedge_release"),
                    ("hedge_cooldown", "hedge_cooldown"),
                    ("break_usd_max", "break_usd_max"),
                    ("taker_fee", "taker_fee"),
                    ("mint_redeem_spread", "mint_redeem_spread"),
                    ("mint_redeem_size_max", "mint_redeem_size_max"),
                    ("move_headroom_floor", "move_headroom_floor"),
                    ("move_headroom_target", "move_headroom_target"),
                    ("move_headroom_ceiling", "move_headroom_ceiling"),
                    ("move_clip_min", "move_clip_min"),
                    ("move_cooldown", "move_cooldown"),
                ],
                help_text="Which number is bounded. net_delta_band: net exposure to an asset, either way. data_age_ms_max: age at which a datum is stale. margin_ratio_max: maintenance margin / margin balance. order_size_max: one order's delta. price_collar: how far an order's price may be from the mark. hedge_clip_min: a smaller hedge is not proposed. hedge_release: a proposal is withdrawn when the net is back within this share of its band. hedge_cooldown: time between two proposals. break_usd_max: what an open break may be worth before nothing automatic may act at its venue. taker_fee: what a venue is taken to charge until a fill of ours shows it. mint_redeem_spread: what a price is worse than its inputs, either way. mint_redeem_size_max: the largest size that is priced; an asset without it is not offered. move_headroom_floor: below it collateral is delegated, and no move may leave less. move_headroom_ceiling: above it some is taken back. move_headroom_target: what such a move brings the margin headroom to, between the two. move_clip_min: a smaller move is not proposed. move_cooldown: time between two proposals of an account.",
                max_length=63,
            ),
        ),
        migrations.AlterField(
            model_name="limit",
            name="subject",
            field=models.CharField(
                help_text="Of what: a currency (ETH) for a band, an order or a hedge, a kind of datum (mark, balance…) for an age, venue for a break, account for the margin of every account or an account's name for its own.",
                max_length=63,
            ),
        ),
    ]
