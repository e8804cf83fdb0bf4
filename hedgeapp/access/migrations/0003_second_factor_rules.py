"""The rules of second factors that the database itself holds, whoever writes to it as the app's role.

It cannot check a signature. It checks everything else, so that what is kept can be verified again by another process,
and so that nothing that was verified can change afterwards.
"""

from django.db import migrations

CHECKS = """
CREATE FUNCTION access_require(is_so boolean, sentence text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF is_so IS NOT TRUE THEN
        RAISE EXCEPTION '%', sentence USING ERRCODE = 'integrity_constraint_violation';
    END IF;
END $$;

-- Nobody dates what he does into the past, or beyond a cool-off.
CREATE FUNCTION access_is_now(at timestamptz) RETURNS boolean LANGUAGE sql AS $$
    SELECT at BETWEEN clock_timestamp() - interval '5 minutes' AND clock_timestamp() + interval '5 minutes'
$$;

-- hedgeapp.core.passkeys.enrolment_hash
CREATE FUNCTION access_enrolment_hash(purpose text, person bigint, credential bytea, public_key bytea) RETURNS bytea
LANGUAGE sql IMMUTABLE AS $$
    SELECT sha256(
        convert_to('hedgeapp:passkey:' || purpose || ':', 'UTF8') || int8send(person)
        || int4send(octet_length(credential)) || credential || public_key
    )
$$;
"""

ASSERTIONS = """
CREATE FUNCTION access_take_assertion() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    key access_passkey;
BEGIN
    SELECT * INTO key FROM access_passkey WHERE id = NEW.passkey_id FOR UPDATE;
    PERFORM access_require(octet_length(NEW.challenge) = 32, 'a hash of 32 bytes expected as the challenge');
    PERFORM access_require(octet_length(NEW.body) <= 8192, 'an assertion of at most 8192 bytes expected');
    PERFORM access_require(key.user_id = NEW.user_id, 'an assertion by the owner of the passkey expected');
    PERFORM access_require(access_is_now(NEW.at), 'the present time expected of an assertion');
    PERFORM access_require(
        key.valid_from <= NEW.at AND key.revoked_at IS NULL, 'a passkey that is confirmed and in force expected'
    );
    PERFORM access_require(
        NEW.previous_count = key.sign_count AND (NEW.sign_count > key.sign_count OR NEW.sign_count = 0 AND key.sign_count = 0),
        'a sign count above ' || key.sign_count || ' expected, found ' || NEW.sign_count
    );
    UPDATE access_passkey SET sign_count = NEW.sign_count WHERE id = key.id;
    RETURN NEW;
END $$;

CREATE TRIGGER access_take_assertion BEFORE INSERT ON access_assertion
    FOR EACH ROW EXECUTE FUNCTION access_take_assertion();

CREATE FUNCTION access_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'what was signed or used stays: % of % is refused', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege';
END $$;

CREATE TRIGGER access_refuse_change BEFORE UPDATE OR DELETE ON access_assertion
    FOR EACH ROW EXECUTE FUNCTION access_refuse_change();
CREATE TRIGGER access_refuse_change BEFORE UPDATE OR DELETE ON access_totpstep
    FOR EACH ROW EXECUTE FUNCTION access_refuse_change();
CREATE TRIGGER access_refuse_delete BEFORE DELETE ON access_passkey
    FOR EACH ROW EXECUTE FUNCTION access_refuse_change();
CREATE TRIGGER access_refuse_delete BEFORE DELETE ON access_totpsecret
    FOR EACH ROW EXECUTE FUNCTION access_refuse_change();
"""

PASSKEYS = """
CREATE FUNCTION access_enroll_passkey() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    PERFORM access_require(access_is_now(NEW.enrolled_at), 'the present time expected of an enrolment');
    PERFORM access_require(octet_length(NEW.challenge) = 32, 'a challenge of 32 bytes expected');
    PERFORM access_require(octet_length(NEW.credential_id) BETWEEN 1 AND 1023, 'a credential id of 1 to 1023 bytes expected');
    PERFORM access_require(octet_length(NEW.public_key) <= 2048, 'a public key of at most 2048 bytes expected');
    PERFORM access_require(
        NEW.confirmed_at IS NULL AND NEW.vouching_id IS NULL AND NEW.revoked_at IS NULL AND NOT NEW.is_root,
        'a new passkey that waits for its confirmation expected'
    );
    RETURN NEW;
END $$;

CREATE TRIGGER access_enroll_passkey BEFORE INSERT ON access_passkey
    FOR EACH ROW EXECUTE FUNCTION access_enroll_passkey();

CREATE FUNCTION access_is_signed(
    assertion bigint, signer bigint, purpose text, key access_passkey
) RETURNS boolean LANGUAGE sql SET search_path = public, pg_temp AS $$
    SELECT EXISTS (
        SELECT FROM access_assertion WHERE id = assertion AND user_id = signer
           AND challenge = access_enrolment_hash(purpose, key.user_id, key.credential_id, key.public_key)
    )
$$;

CREATE FUNCTION access_confirm_passkey(old access_passkey, new access_passkey, is_owner boolean) RETURNS void
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    PERFORM access_require(access_is_now(new.confirmed_at), 'the present time expected of a confirmation');
    IF new.is_root THEN
        PERFORM access_require(is_owner, 'the database''s owner expected to confirm a passkey at the console');
        PERFORM access_require(
            (SELECT count(DISTINCT user_id) FROM access_passkey
              WHERE confirmed_at IS NOT NULL AND revoked_at IS NULL AND user_id <> new.user_id) < 2,
            'fewer than two other people with passkeys expected: let one of them confirm it'
        );
        RETURN;
    END IF;
    PERFORM access_require(
        access_is_signed(new.confirmation_id, new.confirmed_by_id, 'confirm', new),
        'a confirmation that is signed by another person''s passkey expected'
    );
    PERFORM access_require(
        new.vouching_id IS NOT NULL OR NOT EXISTS (
            SELECT FROM access_passkey AS other WHERE other.user_id = new.user_id AND other.id <> new.id
               AND other.valid_from <= new.confirmed_at AND other.revoked_at IS NULL
        ),
        'an older passkey of the same person expected to sign, too'
    );
END $$;

CREATE FUNCTION access_change_passkey() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    is_owner boolean := pg_has_role(current_user, (SELECT relowner FROM pg_class WHERE oid = TG_RELID), 'USAGE');
BEGIN
    PERFORM access_require(
        (NEW.id, NEW.credential_id, NEW.user_id, NEW.name, NEW.public_key, NEW.challenge, NEW.proof, NEW.first_count,
         NEW.enrolled_at, NEW.enrolled_by_id)
        IS NOT DISTINCT FROM
        (OLD.id, OLD.credential_id, OLD.user_id, OLD.name, OLD.public_key, OLD.challenge, OLD.proof, OLD.first_count,
         OLD.enrolled_at, OLD.enrolled_by_id),
        'a passkey as it was enrolled expected: what is pinned does not change'
    );
    PERFORM access_require(NEW.sign_count >= OLD.sign_count, 'a sign count that never falls expected');
    IF OLD.vouching_id IS DISTINCT FROM NEW.vouching_id THEN
        PERFORM access_require(
            OLD.vouching_id IS NULL AND OLD.confirmed_at IS NULL AND OLD.revoked_at IS NULL
            AND access_is_signed(NEW.vouching_id, NEW.user_id, 'vouch', NEW),
            'a signature by an older passkey of the same person expected, once, before the confirmation'
        );
    END IF;
    IF OLD.confirmed_at IS NULL AND NEW.confirmed_at IS NOT NULL THEN
        PERFORM access_require(NEW.revoked_at IS NULL, 'a passkey that is not revoked expected');
        PERFORM access_confirm_passkey(OLD, NEW, is_owner);
    ELSE
        PERFORM access_require(
            (NEW.confirmed_at, NEW.confirmed_by_id, NEW.confirmation_id, NEW.valid_from, NEW.is_root)
            IS NOT DISTINCT FROM
            (OLD.confirmed_at, OLD.confirmed_by_id, OLD.confirmation_id, OLD.valid_from, OLD.is_root),
            'a confirmation as it was signed expected: enroll a new passkey'
        );
    END IF;
    IF (NEW.revoked_at, NEW.revoked_by, NEW.revoked_because)
       IS DISTINCT FROM (OLD.revoked_at, OLD.revoked_by, OLD.revoked_because) THEN
        PERFORM access_require(
            OLD.revoked_at IS NULL AND NEW.revoked_by <> '' AND access_is_now(NEW.revoked_at),
            'a passkey that is not revoked yet, and who revokes it now, expected'
        );
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER access_change_passkey BEFORE UPDATE ON access_passkey
    FOR EACH ROW EXECUTE FUNCTION access_change_passkey();
"""

CODES = """
CREATE FUNCTION access_change_totp() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        PERFORM access_require(
            NEW.confirmed_at IS NULL AND NEW.revoked_at IS NULL AND access_is_now(NEW.enrolled_at),
            'a new secret that waits for its confirmation expected'
        );
        RETURN NEW;
    END IF;
    PERFORM access_require(
        (NEW.id, NEW.user_id, NEW.enrolled_at) IS NOT DISTINCT FROM (OLD.id, OLD.user_id, OLD.enrolled_at)
        AND (OLD.revoked_at IS NULL OR OLD.revoked_at = NEW.revoked_at),
        'a secret as it was enrolled expected'
    );
    IF OLD.confirmed_at IS NULL AND NEW.confirmed_at IS NOT NULL THEN
        PERFORM access_require(
            access_is_now(NEW.confirmed_at) AND EXISTS (
                SELECT FROM access_assertion WHERE id = NEW.confirmation_id AND user_id = NEW.confirmed_by_id
                   AND challenge = sha256(
                       convert_to('hedgeapp:totp:confirm:', 'UTF8') || int8send(NEW.user_id) || int8send(NEW.id)
                   )
            ),
            'a confirmation that is signed by another person''s passkey expected'
        );
    ELSE
        PERFORM access_require(
            (NEW.confirmed_at, NEW.confirmed_by_id, NEW.confirmation_id)
            IS NOT DISTINCT FROM (OLD.confirmed_at, OLD.confirmed_by_id, OLD.confirmation_id),
            'a confirmation as it was signed expected'
        );
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER access_change_totp BEFORE INSERT OR UPDATE ON access_totpsecret
    FOR EACH ROW EXECUTE FUNCTION access_change_totp();

CREATE FUNCTION access_use_totp() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    PERFORM access_require(access_is_now(NEW.at), 'the present time expected of a code');
    PERFORM access_require(
        abs(NEW.step - extract(epoch FROM NEW.at) / 30) <= 3, 'a code of the present time expected'
    );
    PERFORM access_require(
        EXISTS (SELECT FROM access_totpsecret
                 WHERE id = NEW.secret_id AND confirmed_at IS NOT NULL AND revoked_at IS NULL),
        'a secret that is confirmed and in force expected'
    );
    RETURN NEW;
END $$;

CREATE TRIGGER access_use_totp BEFORE INSERT ON access_totpstep
    FOR EACH ROW EXECUTE FUNCTION access_use_totp();
"""

_FUNCTIONS = (
    "access_require(boolean, text)",
    "access_is_now(timestamptz)",
    "access_enrolment_hash(text, bigint, bytea, bytea)",
    "access_take_assertion()",
    "access_refuse_change()",
    "access_enroll_passkey()",
    "access_is_signed(bigint, bigint, text, access_passkey)",
    "access_confirm_passkey(access_passkey, access_passkey, boolean)",
    "access_change_passkey()",
    "access_change_totp()",
    "access_use_totp()",
)


class Migration(migrations.Migration):
    """Let the database hold the rules."""

    dependencies = [("access", "0002_second_factors")]
    operations = [
        migrations.RunSQL(
            CHECKS + ASSERTIONS + PASSKEYS + CODES,
            "".join(f"DROP FUNCTION {name} CASCADE;" for name in reversed(_FUNCTIONS)),
        ),
    ]
