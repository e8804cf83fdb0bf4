"""The check of the chain reads the log itself, never a temporary table of the same name that whoever inserts made."""

from django.db import migrations

# Temporary tables are looked at first unless pg_temp is named; "fresh" is no table and is found before any.
PIN = """
DO $$ BEGIN
    EXECUTE format('ALTER FUNCTION eventlog_check_chain() SET search_path = %I, pg_temp', current_schema());
END $$
"""


class Migration(migrations.Migration):
    """Pin where the check of the chain looks."""

    dependencies = (("eventlog", "0001_initial"),)
    operations = (migrations.RunSQL(PIN, "ALTER FUNCTION eventlog_check_chain() RESET search_path"),)
