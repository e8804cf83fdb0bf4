"""Market data is recorded in tables by the day, which only a function of the owner makes and drops."""

from django.db import migrations

TABLES = """
CREATE TABLE marketdata_quote (
    received_at timestamptz NOT NULL, at timestamptz NOT NULL, instrument text NOT NULL,
    bid double precision NOT NULL, ask double precision NOT NULL, mark double precision, index double precision
) PARTITION BY RANGE (received_at);
CREATE INDEX marketdata_quote_of ON marketdata_quote (instrument, received_at);
CREATE TABLE marketdata_trade (
    received_at timestamptz NOT NULL, at timestamptz NOT NULL, instrument text NOT NULL, trade_id text NOT NULL,
    side text NOT NULL, price double precision NOT NULL, quantity double precision NOT NULL
) PARTITION BY RANGE (received_at);
CREATE INDEX marketdata_trade_of ON marketdata_trade (instrument, received_at);
CREATE TABLE marketdata_mark (
    received_at timestamptz NOT NULL, at timestamptz NOT NULL, subject text NOT NULL, kind text NOT NULL,
    source text NOT NULL, value double precision NOT NULL
) PARTITION BY RANGE (received_at);
CREATE INDEX marketdata_mark_of ON marketdata_mark (subject, kind, received_at);
CREATE TABLE marketdata_funding (
    received_at timestamptz NOT NULL, at timestamptz NOT NULL, instrument text NOT NULL,
    rate double precision NOT NULL, due_at timestamptz NOT NULL
) PARTITION BY RANGE (received_at);
CREATE INDEX marketdata_funding_of ON marketdata_funding (instrument, received_at);
CREATE TABLE marketdata_liquidation (
    received_at timestamptz NOT NULL, at timestamptz NOT NULL, instrument text NOT NULL,
    side text NOT NULL, price double precision NOT NULL, quantity double precision NOT NULL
) PARTITION BY RANGE (received_at);
CREATE INDEX marketdata_liquidation_of ON marketdata_liquidation (instrument, received_at);
CREATE TABLE marketdata_refused (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, received_at timestamptz NOT NULL, feed text NOT NULL,
    kind text NOT NULL, fault text NOT NULL, raw bytea NOT NULL
);
CREATE INDEX marketdata_refused_of ON marketdata_refused (feed, id);
CREATE TABLE marketdata_recording (
    id smallint PRIMARY KEY CHECK (id = 1), epoch bigint NOT NULL, entry text NOT NULL, followed jsonb NOT NULL
);
"""
DROP_TABLES = """
DROP TABLE marketdata_quote, marketdata_trade, marketdata_mark, marketdata_funding, marketdata_liquidation,
    marketdata_refused, marketdata_recording;
"""

# The app's role owns nothing, so it asks the owner's function for the tables of its days. Rights are asked of the
# parent, so that those of a partition need not be given.
KEEP_DAYS = """
CREATE FUNCTION marketdata_keep_days(first date, last date) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp SET lock_timeout = '2s' AS $$
DECLARE
    parent text;
    day date;
    old text;
BEGIN
    IF first IS NULL OR last IS NULL OR last < first OR last > first + 400 THEN
        RAISE EXCEPTION 'expected at most 400 days in order, found % to %', first, last;
    END IF;
    PERFORM pg_advisory_xact_lock(hashtext('marketdata_keep_days'));
    FOREACH parent IN ARRAY ARRAY['marketdata_quote', 'marketdata_trade', 'marketdata_mark', 'marketdata_funding',
                                  'marketdata_liquidation'] LOOP
        FOR day IN SELECT generate_series(first, last, '1 day')::date LOOP
            IF to_regclass(format('%I', parent || '_' || to_char(day, 'YYYYMMDD'))) IS NULL THEN
                EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (%L) TO (%L)',
                    parent || '_' || to_char(day, 'YYYYMMDD'), parent,
                    day::text || ' 00:00:00+00', (day + 1)::text || ' 00:00:00+00');
            END IF;
        END LOOP;
        FOR old IN SELECT child.relname FROM pg_inherits JOIN pg_class AS child ON child.oid = inhrelid
                    WHERE inhparent = parent::regclass AND right(child.relname, 8) < to_char(first, 'YYYYMMDD') LOOP
            EXECUTE format('DROP TABLE %I', old);
        END LOOP;
    END LOOP;
END $$;
"""


class Migration(migrations.Migration):
    """Make the tables and the function."""

    dependencies = [("marketdata", "0009_oracles")]
    operations = [
        migrations.RunSQL(TABLES, DROP_TABLES),
        migrations.RunSQL(KEEP_DAYS, "DROP FUNCTION marketdata_keep_days(date, date)"),
    ]
