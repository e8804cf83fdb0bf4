"""The log's table, and the triggers by which the database itself refuses what must never happen to it."""

from django.db import migrations, models

TABLE = """
CREATE TABLE eventlog_event (
    seq bigint PRIMARY KEY CHECK (seq > 0),
    recorded_at timestamptz NOT NULL,
    kind text COLLATE "C" NOT NULL,
    key text COLLATE "C" NOT NULL UNIQUE,
    body bytea NOT NULL,
    hash bytea NOT NULL
);
-- Bodies are small and are read whole: keep them in the row, uncompressed.
ALTER TABLE eventlog_event ALTER COLUMN body SET STORAGE EXTERNAL;
-- Rows never change, so a vacuum has only their ages to see to.
ALTER TABLE eventlog_event SET (autovacuum_vacuum_insert_scale_factor = 0.5);
"""

# One pass over the rows of one statement, in the order in which they came. work_mem: a batch must not go to disk.
CHECK_CHAIN = r"""
CREATE FUNCTION eventlog_check_chain() RETURNS trigger LANGUAGE plpgsql SET work_mem = '64MB' AS $$
DECLARE
    first bigint;
    last bigint;
    bad bigint;
    previous bytea;
BEGIN
    SELECT seq INTO first FROM fresh LIMIT 1;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    IF first = 1 THEN
        previous := decode(repeat('00', 32), 'hex');
    ELSE
        SELECT hash INTO previous FROM eventlog_event WHERE seq = first - 1;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'the seq after the head of the log expected, found %: append through eventlog.append', first
                USING ERRCODE = 'integrity_constraint_violation';
        END IF;
    END IF;
    SELECT min(place) FILTER (WHERE is_wrong), max(place) INTO bad, last FROM (
        SELECT seq AS place,
               seq <> coalesce(lag(seq) OVER before, first - 1) + 1
               OR hash <> sha256(
                   coalesce(lag(hash) OVER before, previous)
                   || '\x00000008'::bytea || int8send(seq) || '\x00000008'::bytea || timestamptz_send(recorded_at)
                   || int4send(octet_length(kind)) || textsend(kind) || int4send(octet_length(key)) || textsend(key)
                   || int4send(octet_length(body)) || body
               ) AS is_wrong
          FROM fresh WINDOW before AS (ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)
    ) AS checked;
    IF bad IS NOT NULL THEN
        RAISE EXCEPTION 'the next seq and the hash of the chain expected, found another at seq %', bad
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    PERFORM pg_notify('eventlog', last::text);
    RETURN NULL;
END $$;

CREATE TRIGGER eventlog_check_chain AFTER INSERT ON eventlog_event
    REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION eventlog_check_chain();
"""

REFUSE_CHANGES = """
CREATE FUNCTION eventlog_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the log is only ever appended to: % of % is refused', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege';
END $$;

CREATE TRIGGER eventlog_refuse_change BEFORE UPDATE OR DELETE OR TRUNCATE ON eventlog_event
    FOR EACH STATEMENT EXECUTE FUNCTION eventlog_refuse_change();
"""

EPOCHS_RISE = """
CREATE FUNCTION eventlog_epochs_rise() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR NEW.epoch < OLD.epoch OR NEW.service <> OLD.service THEN
        RAISE EXCEPTION 'an epoch of at least % expected for %: epochs never go back', OLD.epoch, OLD.service
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER eventlog_epochs_rise BEFORE UPDATE OR DELETE ON eventlog_epoch
    FOR EACH ROW EXECUTE FUNCTION eventlog_epochs_rise();
"""


class Migration(migrations.Migration):
    """Create the log, its epochs and its snapshots."""

    initial = True
    dependencies = []
    operations = [
        migrations.CreateModel(
            name="LoggedEvent",
            fields=[
                (
                    "seq",
                    models.BigIntegerField(
                        help_text="place in the total order, from 1, without a gap", primary_key=True, serialize=False
                    ),
                ),
                ("recorded_at", models.DateTimeField(help_text="when the log took it")),
                ("kind", models.TextField(help_text="name of the event's record")),
                (
                    "key",
                    models.TextField(
                        help_text="the source's own identity of the fact; a second one is dropped", unique=True
                    ),
                ),
                ("body", models.BinaryField(help_text="the event as JSON, exactly as it was hashed")),
                (
                    "hash",
                    models.BinaryField(
                        help_text="SHA-256 over the previous row's hash and this row (eventlog/chain.py)"
                    ),
                ),
            ],
            options={
                "verbose_name": "event",
                "db_table": "eventlog_event",
                "ordering": ["-seq"],
                "managed": False,
            },
        ),
        migrations.CreateModel(
            name="Epoch",
            fields=[
                (
                    "service",
                    models.CharField(
                        help_text="name of the service", max_length=100, primary_key=True, serialize=False
                    ),
                ),
                ("lock_id", models.BigIntegerField(help_text="second key of the service's advisory lock")),
                ("epoch", models.BigIntegerField(help_text="number of takeovers")),
                ("holder", models.CharField(help_text="host and process that took it last", max_length=200)),
                ("backend_pid", models.IntegerField(help_text="PostgreSQL backend of the holder's lock connection")),
                ("heartbeat_at", models.DateTimeField(help_text="when the holder last proved that it lives")),
                (
                    "wanted_by",
                    models.CharField(
                        blank=True, help_text="a worker that is meant for it and asks for it", max_length=200
                    ),
                ),
                ("wanted_at", models.DateTimeField(help_text="when that worker asked last")),
            ],
            options={"ordering": ["service"]},
        ),
        migrations.CreateModel(
            name="Snapshot",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(help_text="which state", max_length=100)),
                ("seq", models.BigIntegerField(help_text="the last event that is in it")),
                (
                    "hash",
                    models.BinaryField(help_text="the log's hash at that event; a snapshot of another log is refused"),
                ),
                (
                    "version",
                    models.CharField(
                        help_text="version of the code that dumped it; another one is refused", max_length=64
                    ),
                ),
                ("state", models.BinaryField(help_text="the dumped state")),
                ("taken_at", models.DateTimeField(help_text="when it was dumped")),
            ],
            options={
                "ordering": ["name", "-seq"],
                "constraints": [models.UniqueConstraint(fields=("name", "seq"), name="eventlog_snapshot_once")],
            },
        ),
        migrations.RunSQL(TABLE, "DROP TABLE eventlog_event"),
        migrations.RunSQL(CHECK_CHAIN, "DROP FUNCTION eventlog_check_chain() CASCADE"),
        migrations.RunSQL(REFUSE_CHANGES, "DROP FUNCTION eventlog_refuse_change() CASCADE"),
        migrations.RunSQL(EPOCHS_RISE, "DROP FUNCTION eventlog_epochs_rise() CASCADE"),
    ]
