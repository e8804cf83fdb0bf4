"""Changes of people's roles take two others; the database checks that, and carries them out itself."""

from typing import Any

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

RULES = """
-- hedgeapp.core.person_payloads.person_hash
CREATE FUNCTION access_person_hash(step text, change access_personchange) RETURNS bytea
LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    SELECT sha256(convert_to(
        'hedgeapp:person:' || step || ':' || concat_ws(
            E'\\n', change.change_id, change.person, change.roles, CASE WHEN change.is_active THEN 'on' ELSE 'off' END,
            change.proposed_by, change.reason
        ), 'UTF8'))
$$;

CREATE FUNCTION access_has_signed(assertion bigint, who text, payload bytea) RETURNS boolean
LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    SELECT EXISTS (
        SELECT FROM access_assertion AS kept JOIN auth_user AS signer ON signer.id = kept.user_id
         WHERE kept.id = assertion AND signer.username = who AND kept.challenge = payload
    )
$$;

CREATE FUNCTION access_change_person() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    is_owner boolean := pg_has_role(current_user, (SELECT relowner FROM pg_class WHERE oid = TG_RELID), 'USAGE');
BEGIN
    IF TG_OP = 'INSERT' THEN
        PERFORM access_require(access_is_now(NEW.proposed_at), 'the present time expected of a change of a person');
        PERFORM access_require(
            NEW.agreed_by = '' AND NEW.applied_at IS NULL AND NEW.dropped_at IS NULL,
            'a new change of a person that waits expected'
        );
        PERFORM access_require(is_owner OR NOT NEW.is_console, 'the database''s owner expected at the console');
        PERFORM access_require(
            NEW.proposal_id IS NULL
            OR access_has_signed(NEW.proposal_id, NEW.proposed_by, access_person_hash('propose', NEW)),
            'a proposal that is signed by who makes it expected'
        );
        RETURN NEW;
    END IF;
    PERFORM access_require(
        (NEW.id, NEW.change_id, NEW.person, NEW.roles, NEW.is_active, NEW.is_console, NEW.proposed_by, NEW.proposed_at,
         NEW.proposal_id, NEW.reason)
        IS NOT DISTINCT FROM
        (OLD.id, OLD.change_id, OLD.person, OLD.roles, OLD.is_active, OLD.is_console, OLD.proposed_by, OLD.proposed_at,
         OLD.proposal_id, OLD.reason)
        AND OLD.applied_at IS NULL AND OLD.dropped_at IS NULL,
        'a change of a person as it was proposed expected, neither carried out nor dropped'
    );
    IF NEW.agreed_by <> OLD.agreed_by THEN
        PERFORM access_require(
            OLD.agreed_by = '' AND NEW.proposal_id IS NOT NULL AND access_is_now(NEW.agreed_at)
            AND NEW.holds_from >= NEW.agreed_at
            AND access_has_signed(NEW.agreement_id, NEW.agreed_by, access_person_hash('agree', NEW)),
            'an agreement that is signed by another person expected, to a proposal that is signed'
        );
    ELSE
        PERFORM access_require(
            (NEW.agreed_at, NEW.agreement_id, NEW.holds_from)
            IS NOT DISTINCT FROM (OLD.agreed_at, OLD.agreement_id, OLD.holds_from),
            'an agreement as it was signed expected'
        );
    END IF;
    PERFORM access_require(
        NEW.applied_at IS NULL OR is_owner, 'access_carry_out_person_change expected to carry a change out'
    );
    RETURN NEW;
END $$;

CREATE TRIGGER access_change_person BEFORE INSERT OR UPDATE ON access_personchange
    FOR EACH ROW EXECUTE FUNCTION access_change_person();
CREATE TRIGGER access_refuse_delete BEFORE DELETE ON access_personchange
    FOR EACH ROW EXECUTE FUNCTION access_refuse_change();

-- Whether a change only takes away from what somebody has.
CREATE FUNCTION access_takes_away(change access_personchange) RETURNS boolean
LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    SELECT EXISTS (
        SELECT FROM auth_user AS person WHERE person.username = change.person AND person.is_active >= change.is_active
           AND NOT EXISTS (
               SELECT FROM unnest(string_to_array(change.roles, ',')) AS role
                WHERE role NOT IN (
                    SELECT auth_group.name FROM auth_group JOIN auth_user_groups ON auth_group.id = group_id
                     WHERE user_id = person.id
                )
           )
    )
$$;

-- Runs as the database's owner: in live mode the app's role cannot write who has which role.
CREATE FUNCTION access_carry_out_person_change(name text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    change access_personchange;
    who bigint;
    wanted text[];
BEGIN
    SELECT * INTO change FROM access_personchange WHERE change_id = name FOR UPDATE;
    PERFORM access_require(
        change.id IS NOT NULL AND change.applied_at IS NULL AND change.dropped_at IS NULL,
        'a change of a person that waits expected'
    );
    PERFORM access_require(
        change.is_console OR access_takes_away(change)
        OR (change.agreement_id IS NOT NULL AND change.holds_from <= clock_timestamp()),
        'two people who signed, and the end of the cool-off, expected'
    );
    wanted := string_to_array(change.roles, ',');
    PERFORM access_require(
        (SELECT count(*) FROM auth_group WHERE auth_group.name = ANY(wanted)) = cardinality(wanted),
        'roles that there are expected'
    );
    SELECT id INTO who FROM auth_user WHERE username = change.person FOR UPDATE;
    IF who IS NULL THEN
        INSERT INTO auth_user (username, password, is_superuser, is_staff, is_active, first_name, last_name, email,
                               date_joined)
        VALUES (change.person, '!' || replace(gen_random_uuid()::text, '-', ''), false, false, change.is_active, '',
                '', '', clock_timestamp())
        RETURNING id INTO who;
    ELSE
        UPDATE auth_user SET is_active = change.is_active WHERE id = who;
    END IF;
    DELETE FROM auth_user_groups USING auth_group
     WHERE user_id = who AND auth_group.id = group_id AND NOT auth_group.name = ANY(wanted);
    INSERT INTO auth_user_groups (user_id, group_id)
    SELECT who, id FROM auth_group WHERE auth_group.name = ANY(wanted)
    ON CONFLICT DO NOTHING;
    UPDATE access_personchange SET applied_at = clock_timestamp() WHERE id = change.id;
END $$;
"""

UNDO = """
DROP FUNCTION access_carry_out_person_change(text);
DROP FUNCTION access_takes_away(access_personchange);
DROP FUNCTION access_change_person() CASCADE;
DROP FUNCTION access_has_signed(bigint, text, bytea);
DROP FUNCTION access_person_hash(text, access_personchange);
"""

ASSERTION: dict[str, Any] = {
    "null": True,
    "on_delete": django.db.models.deletion.PROTECT,
    "related_name": "+",
    "to": "access.assertion",
}


class Migration(migrations.Migration):
    """Make the table and its rules."""

    dependencies = [("access", "0004_six_roles"), migrations.swappable_dependency(settings.AUTH_USER_MODEL)]
    operations = [
        migrations.CreateModel(
            name="PersonChange",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("change_id", models.CharField(help_text="its name in the log", max_length=60, unique=True)),
                (
                    "person",
                    models.CharField(
                        help_text="whose roles change; made if there is nobody of that name", max_length=150
                    ),
                ),
                (
                    "roles",
                    models.TextField(blank=True, help_text="all that the person has then, sorted, with commas between"),
                ),
                ("is_active", models.BooleanField(help_text="whether the person may come in")),
                (
                    "is_console",
                    models.BooleanField(
                        default=False, help_text="whether the console made it, as the database's owner"
                    ),
                ),
                ("proposed_by", models.CharField(help_text="the first of the two, or the console", max_length=150)),
                ("proposed_at", models.DateTimeField()),
                ("reason", models.CharField(max_length=500)),
                ("agreed_by", models.CharField(blank=True, help_text="the second of the two", max_length=150)),
                ("agreed_at", models.DateTimeField(null=True)),
                ("holds_from", models.DateTimeField(help_text="the end of its cool-off", null=True)),
                ("applied_at", models.DateTimeField(null=True)),
                ("dropped_at", models.DateTimeField(null=True)),
                ("dropped_by", models.CharField(blank=True, max_length=150)),
                ("dropped_because", models.CharField(blank=True, max_length=500)),
                ("proposal", models.OneToOneField(**ASSERTION)),
                ("agreement", models.OneToOneField(**ASSERTION)),
            ],
            options={
                "permissions": [
                    ("change_people", "Can propose roles of others, and take them away"),
                    ("agree_people", "Can agree to roles of others"),
                ],
                "default_permissions": ["view"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(agreed_by="", agreed_at=None, agreement=None, holds_from=None)
                        | ~models.Q(agreed_by="")
                        & models.Q(agreed_at__isnull=False, agreement__isnull=False, holds_from__isnull=False)
                        & ~models.Q(agreed_by=models.F("proposed_by"))
                        & ~models.Q(agreed_by=models.F("person"))
                        & ~models.Q(proposed_by=models.F("person")),
                        name="access_personchange_by_two_others",
                    ),
                ],
            },
        ),
        migrations.RunSQL(RULES, UNDO),
    ]
