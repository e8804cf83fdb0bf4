"""Say how long a cycle of settlements is."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("marketdata", "0025_limit_of_the_rest"),
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
                    ("unexplained_usd_max", "unexplained_usd_max"),
                    ("taker_fee", "taker_fee"),
                    ("mint_redeem_spread", "mint_redeem_spread"),
                    ("mint_redeem_size_max", "mint_redeem_size_max"),
                    ("mint_redeem_basis_cap", "mint_redeem_basis_cap"),
                    ("mint_redeem_funding_payments", "mint_redeem_funding_payments"),
                    ("mint_redeem_gas", "mint_redeem_gas"),
                    ("mint_redeem_lean", "mint_redeem_lean"),
                    ("mint_redeem_share_target", "mint_redeem_share_target"),
                    ("mint_per_block_max", "mint_per_block_max"),
                    ("redeem_per_block_max", "redeem_per_block_max"),
                    ("price_divergence_max", "price_divergence_max"),
                    ("latency_ms_max", "latency_ms_max"),
                    ("move_headroom_floor", "move_headroom_floor"),
                    ("move_headroom_target", "move_headroom_target"),
                    ("move_headroom_ceiling", "move_headroom_ceiling"),
                    ("move_clip_min", "move_clip_min"),
                    ("settlement_buffer", "settlement_buffer"),
                    ("settlement_cycle", "settlement_cycle"),
                    ("price_move_hour", "price_move_hour"),
                    ("borrow_maintenance", "borrow_maintenance"),
                    ("move_cooldown", "move_cooldown"),
                ],
                help_text="Which number is bounded. net_delta_band: net exposure to an asset, either way. data_age_ms_max: age at which a datum is stale. margin_ratio_max: maintenance margin / margin balance. order_size_max: one order's delta. price_collar: of an order's price from the mark. hedge_clip_min: a smaller hedge is not proposed. hedge_release: withdrawn within this share of its band. hedge_cooldown: time between two proposals. break_usd_max: an open break worth more stops what is automatic at its venue. unexplained_usd_max: of a day's change of the NAV. taker_fee: what a venue charges until a fill of ours shows it. mint_redeem_spread: what a price is worse than its inputs, either way. mint_redeem_size_max: the largest size priced; without it none is. mint_redeem_basis_cap: how much better than the index a hedge counts. mint_redeem_gas: an order's. mint_redeem_funding_payments: for how many funding is charged. mint_redeem_lean: what a price gives way by per whole of mint_redeem_share_target. mint_per_block_max, redeem_per_block_max: of the contract. price_divergence_max: how far a contract's mark may be from the others'. latency_ms_max: how late a mark may come; beyond either, no new risk. move_headroom_floor: below it collateral is delegated, and no move may leave less. move_headroom_ceiling: above it some is taken back. move_headroom_target: in between, what such a move aims at. settlement_buffer: what an account pays losses with. settlement_cycle: from one of an account to the next. price_move_hour: how fast a price moves. borrow_maintenance: of a debt. move_clip_min: less is not proposed. move_cooldown: between two of an account.",
                max_length=63,
            ),
        ),
    ]
