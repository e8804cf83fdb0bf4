"""What sends a collateral move, and what frees its caps again, is written by one role only (docs/decisions/0073)."""

from django.db import migrations

# The privilege to run this function is the right to write such events (eventlog/grants.py); it does nothing.
RIGHT = """
CREATE FUNCTION eventlog_send_moves() RETURNS void LANGUAGE plpgsql AS 'BEGIN END';
REVOKE ALL ON FUNCTION eventlog_send_moves() FROM PUBLIC;
"""

# After the row, so that COPY still stores many at once; the function runs only for a row of these kinds.
REQUIRE_SENDER = """
CREATE FUNCTION eventlog_require_sender() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT has_function_privilege(current_user, 'eventlog_send_moves()', 'EXECUTE') THEN
        RAISE EXCEPTION 'the role that sends moves expected to write %, found %', NEW.kind, current_user
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER eventlog_require_sender AFTER INSERT ON eventlog_event FOR EACH ROW
    WHEN (NEW.kind IN ('MoveIntended', 'MoveSubmitted', 'MoveRejected', 'MoveOutcomeUnknown', 'MoveNeverArrived',
                       'MoveSeenAtVenue', 'MoveDone'))
    EXECUTE FUNCTION eventlog_require_sender();
"""

PIN = """
DO $$ BEGIN
    EXECUTE format('ALTER FUNCTION eventlog_require_sender() SET search_path = %I, pg_temp', current_schema());
END $$
"""


class Migration(migrations.Migration):
    """Let only the sender write what it does."""

    dependencies = (("eventlog", "0003_secondstore"),)
    operations = (
        migrations.RunSQL(RIGHT, "DROP FUNCTION eventlog_send_moves()"),
        migrations.RunSQL(REQUIRE_SENDER, "DROP FUNCTION eventlog_require_sender() CASCADE"),
        migrations.RunSQL(PIN, migrations.RunSQL.noop),
    )
