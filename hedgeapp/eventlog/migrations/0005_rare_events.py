"""An index of all that does not come in masses: what people did is found among millions of fills and marks."""

from django.db import migrations

# `portfolio.queries.audit` says the same condition, or the index is not used.
INDEX = """
CREATE INDEX eventlog_event_rare ON eventlog_event (seq) INCLUDE (kind) WHERE kind NOT IN (
    'MarksTaken', 'OrderSeen', 'FillRecorded', 'PositionStated', 'FundingPaid', 'BalanceStated', 'CollateralStated',
    'SupplyStated', 'DelegationStated', 'MintSeen', 'RedeemSeen', 'RunBegun', 'RunEnded', 'DifferenceSeen',
    'DifferenceSettled', 'FeedStateChanged', 'ServiceTaken')
"""


class Migration(migrations.Migration):
    """Create the index."""

    dependencies = [("eventlog", "0004_moves_have_a_sender")]
    operations = [migrations.RunSQL(INDEX, "DROP INDEX eventlog_event_rare")]
