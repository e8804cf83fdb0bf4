"""Refuse the work of a move whose quorum the log does not hold, and keep moves apart from all other work."""

from django.db import migrations, models

# It cannot check a signature: the worker does (docs/decisions/0073). It holds what can be counted.
REQUIRE_QUORUM = """
CREATE FUNCTION portfolio_logged(of_kind text, of_key text) RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT convert_from(body, 'UTF8')::jsonb FROM eventlog_event WHERE key = of_key COLLATE "C" AND kind = of_kind
$$;

CREATE FUNCTION portfolio_require_quorum() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    proposed jsonb := portfolio_logged('MoveProposed', 'move-proposed:' || NEW.subject);
    judged jsonb := portfolio_logged('MoveJudged', 'move-judged:' || NEW.subject);
    approved jsonb := portfolio_logged('MoveApproved', 'move-approved:' || NEW.subject);
    needed bigint;
    agreed bigint;
    rejected bigint;
BEGIN
    IF proposed IS NULL OR judged IS NULL OR approved IS NULL OR judged->>'outcome' NOT IN ('allow', 'ask') THEN
        RAISE EXCEPTION 'a move that was proposed, judged and approved in the log expected, found %', NEW.subject
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    SELECT coalesce(sum((quota->>'needed')::bigint), 0) INTO needed FROM jsonb_array_elements(judged->'quotas') AS quota;
    IF judged->>'outcome' = 'ask' THEN
        needed := greatest(needed, 1);
    END IF;
    SELECT least(count(DISTINCT said->>'by') FILTER (WHERE counts), count(DISTINCT said#>>'{assertion,key_id}') FILTER (WHERE counts)),
           count(*) FILTER (WHERE said->>'verdict' = 'reject')
      INTO agreed, rejected
      FROM (SELECT said, said->>'verdict' = 'approve' AND said->>'payload_hash' = approved->>'payload_hash'
                         AND said->>'by' <> proposed->>'by' AS counts
              FROM (SELECT convert_from(body, 'UTF8')::jsonb AS said FROM eventlog_event
                     WHERE key >= ('move-decided:' || NEW.subject || ':') COLLATE "C"
                       AND key < ('move-decided:' || NEW.subject || ';') COLLATE "C"
                       AND kind = 'MoveDecided') AS decided
             WHERE said->>'move_id' = NEW.subject) AS weighed;
    IF agreed < needed OR rejected > 0 THEN
        RAISE EXCEPTION '% approvals of % by others than its proposer and no rejection expected, found % and %',
            needed, NEW.subject, agreed, rejected USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER portfolio_require_quorum BEFORE INSERT OR UPDATE OF kind, subject, queue ON portfolio_work
    FOR EACH ROW WHEN (NEW.kind = 'move') EXECUTE FUNCTION portfolio_require_quorum();
"""

PIN = """
DO $$ BEGIN
    EXECUTE format('ALTER FUNCTION portfolio_logged(text, text) SET search_path = %I, pg_temp', current_schema());
    EXECUTE format('ALTER FUNCTION portfolio_require_quorum() SET search_path = %I, pg_temp', current_schema());
END $$
"""


class Migration(migrations.Migration):
    dependencies = [
        ("eventlog", "0004_moves_have_a_sender"),
        ("portfolio", "0007_moves_at_the_desk"),
    ]

    operations = [
        migrations.AddConstraint(
            model_name="work",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind", "move"), ("queue", "moves"))
                | (~models.Q(("kind", "move")) & ~models.Q(("queue", "moves"))),
                name="portfolio_work_moves_apart",
            ),
        ),
        migrations.RunSQL(
            REQUIRE_QUORUM,
            "DROP FUNCTION portfolio_require_quorum() CASCADE; DROP FUNCTION portfolio_logged(text, text)",
        ),
        migrations.RunSQL(PIN, migrations.RunSQL.noop),
    ]
