"""Let the work of a move in without its quorum where two people broke its glass, and only home."""

from django.db import migrations

# It cannot check a signature: the worker does (docs/decisions/0083). It holds what can be counted.
GLASS = """
CREATE FUNCTION portfolio_is_glass_broken(of_move text) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
DECLARE
    proposed jsonb := portfolio_logged('MoveProposed', 'move-proposed:' || of_move);
    judged jsonb := portfolio_logged('MoveJudged', 'move-judged:' || of_move);
    broken jsonb := portfolio_logged('GlassBroken', 'glass-broken:' || of_move);
    first jsonb := portfolio_logged('BreakGlassSigned', 'break-glass-signed:' || of_move || ':' || (broken->>'by'));
    second jsonb := portfolio_logged('BreakGlassSigned', 'break-glass-signed:' || of_move || ':' || (broken->>'agreed_by'));
BEGIN
    RETURN coalesce(
        proposed#>>'{payload,kind}' = 'undelegate' AND judged IS NOT NULL AND broken->>'move_id' = of_move
        AND first->>'move_id' = of_move AND second->>'move_id' = of_move
        AND first->>'by' = broken->>'by' AND second->>'by' = broken->>'agreed_by' AND first->>'by' <> second->>'by'
        AND proposed#>>'{payload,move_id}' = of_move
        AND proposed->>'by' NOT IN (first->>'by', second->>'by')
        AND first->>'payload_hash' = broken->>'payload_hash' AND second->>'payload_hash' = broken->>'payload_hash'
        AND first->>'reason' = broken->>'reason' AND second->>'reason' = broken->>'reason'
        AND first#>>'{assertion,kind}' = 'passkey' AND second#>>'{assertion,kind}' = 'passkey'
        AND first#>>'{assertion,key_id}' <> second#>>'{assertion,key_id}'
        AND NOT EXISTS (
            SELECT FROM eventlog_event
             WHERE key >= ('move-decided:' || of_move || ':') COLLATE "C"
               AND key < ('move-decided:' || of_move || ';') COLLATE "C"
               AND kind = 'MoveDecided' AND convert_from(body, 'UTF8')::jsonb->>'verdict' = 'reject'),
        false);
END $$;

DROP TRIGGER portfolio_require_quorum ON portfolio_work;
CREATE TRIGGER portfolio_require_quorum BEFORE INSERT OR UPDATE OF kind, subject, queue ON portfolio_work
    FOR EACH ROW WHEN (NEW.kind = 'move' AND NOT portfolio_is_glass_broken(NEW.subject))
    EXECUTE FUNCTION portfolio_require_quorum();
"""

WHOLE = """
DROP TRIGGER portfolio_require_quorum ON portfolio_work;
CREATE TRIGGER portfolio_require_quorum BEFORE INSERT OR UPDATE OF kind, subject, queue ON portfolio_work
    FOR EACH ROW WHEN (NEW.kind = 'move') EXECUTE FUNCTION portfolio_require_quorum();
DROP FUNCTION portfolio_is_glass_broken(text);
"""

PIN = """
DO $$ BEGIN
    EXECUTE format('ALTER FUNCTION portfolio_is_glass_broken(text) SET search_path = %I, pg_temp', current_schema());
END $$
"""


class Migration(migrations.Migration):
    """Widen the trigger by exactly one way."""

    dependencies = [("portfolio", "0009_gate_desk")]
    operations = [
        migrations.RunSQL(GLASS, WHOLE),
        migrations.RunSQL(PIN, migrations.RunSQL.noop),
    ]
