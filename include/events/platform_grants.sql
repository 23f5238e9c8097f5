-- What the events platform's DBA installs for event provisioning: the schema platform_ops, whose functions are all that
-- the role ops_provisioner may use. They run as their owner (SECURITY DEFINER) with a fixed search_path, take a slug of a
-- fixed form only, and touch nothing but the schema and the roles of that event.
-- To be run by a superuser in the platform's database, as often as you like.

CREATE SCHEMA IF NOT EXISTS platform_ops;
REVOKE ALL ON SCHEMA platform_ops FROM PUBLIC;
COMMENT ON SCHEMA platform_ops IS 'Event provisioning: functions for the role ops_provisioner';

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'ops_provisioner') THEN
        CREATE ROLE ops_provisioner NOLOGIN;
    END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'platform_api') THEN
        RAISE EXCEPTION 'role platform_api is missing: install the platform''s own schema first';
    END IF;
END $$;

-- ------------------------------------------------------------------ helpers, for the functions below only

CREATE OR REPLACE FUNCTION platform_ops.checked_slug(slug text) RETURNS text
    LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    -- \A and \Z: with ^ and $ a line break could carry more behind it.
    IF slug IS NULL OR slug !~ '\A[a-z][a-z0-9_]{2,30}\Z' THEN
        RAISE EXCEPTION 'slug % is not of the form [a-z][a-z0-9_]{2,30}', quote_nullable(slug)
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    RETURN slug;
END $$;

CREATE OR REPLACE FUNCTION platform_ops.checked_table(table_name text) RETURNS text
    LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF table_name IS NULL OR table_name <> ALL (ARRAY[
        'event_info', 'gates', 'access_policies', 'notification_settings', 'participants', 'entry_logs'])
    THEN
        RAISE EXCEPTION '% is no table of an event', quote_nullable(table_name)
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    RETURN table_name;
END $$;

CREATE OR REPLACE FUNCTION platform_ops.event_roles(slug text) RETURNS text[]
    LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT ARRAY['event_' || slug || '_owner', 'event_' || slug || '_api', 'event_' || slug || '_viewer']
$$;

-- Whose an event is stands in the comments of its schema and roles: no list of our own that could disagree with them.
CREATE OR REPLACE FUNCTION platform_ops.event_claims(slug text) RETURNS TABLE (object text, claim text)
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT 'schema ' || n.nspname, obj_description(n.oid, 'pg_namespace')
      FROM pg_namespace AS n WHERE n.nspname = 'event_' || slug
    UNION ALL
    SELECT 'role ' || r.rolname, shobj_description(r.oid, 'pg_authid')
      FROM pg_roles AS r WHERE r.rolname = ANY (platform_ops.event_roles(slug))
$$;

CREATE OR REPLACE FUNCTION platform_ops.claim_event(slug text, request_id text) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    foreign_object text;
BEGIN
    IF request_id IS NULL OR request_id = '' THEN
        RAISE EXCEPTION 'a request_id is needed' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    PERFORM platform_ops.checked_slug(slug);
    PERFORM pg_advisory_xact_lock(hashtextextended('platform_ops.event_' || slug, 0));
    SELECT c.object INTO foreign_object FROM platform_ops.event_claims(slug) AS c
        WHERE c.claim IS DISTINCT FROM 'event request ' || request_id LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION '% exists and does not belong to event request %', foreign_object, quote_literal(request_id)
            USING ERRCODE = 'duplicate_object';
    END IF;
END $$;

-- ------------------------------------------------------------------ create, look, drop

CREATE OR REPLACE FUNCTION platform_ops.create_event_schema(slug text, request_id text, settings jsonb) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '10s' AS $$
DECLARE
    roles text[];
    role_name text;
BEGIN
    PERFORM platform_ops.claim_event(slug, request_id);
    roles := platform_ops.event_roles(slug);
    FOREACH role_name IN ARRAY roles LOOP
        IF NOT EXISTS (SELECT FROM pg_roles AS r WHERE r.rolname = role_name) THEN
            EXECUTE format('CREATE ROLE %I NOLOGIN', role_name);
            EXECUTE format('COMMENT ON ROLE %I IS %L', role_name, 'event request ' || request_id);
        END IF;
    END LOOP;
    EXECUTE format('CREATE SCHEMA IF NOT EXISTS %I AUTHORIZATION %I', 'event_' || slug, roles[1]);
    EXECUTE format('COMMENT ON SCHEMA %I IS %L', 'event_' || slug, 'event request ' || request_id);
    PERFORM platform_ops.create_event_tables('event_' || slug);
    PERFORM platform_ops.grant_event_rights('event_' || slug, roles);
    PERFORM platform_ops.fill_event_settings(slug, request_id, settings);
END $$;

CREATE OR REPLACE FUNCTION platform_ops.create_event_tables(schema_name text) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET client_min_messages = warning AS $$
BEGIN
    EXECUTE format($ddl$
        CREATE TABLE IF NOT EXISTS %1$I.event_info (
            only_row           boolean PRIMARY KEY DEFAULT true CHECK (only_row),
            request_id         text NOT NULL,
            slug               text NOT NULL,
            name               text NOT NULL CHECK (name <> ''),
            venue              text NOT NULL CHECK (venue <> ''),
            event_type         text NOT NULL,
            starts_at          timestamptz NOT NULL,
            ends_at            timestamptz NOT NULL,
            expected_attendees integer NOT NULL CHECK (expected_attendees > 0),
            language           text NOT NULL CHECK (language IN ('ko', 'en')),
            created_at         timestamptz NOT NULL DEFAULT now(),
            CHECK (ends_at > starts_at)
        );
        CREATE TABLE IF NOT EXISTS %1$I.gates (
            gate_id integer PRIMARY KEY CHECK (gate_id > 0),
            name    text NOT NULL UNIQUE,
            is_open boolean NOT NULL DEFAULT true
        );
        CREATE TABLE IF NOT EXISTS %1$I.access_policies (
            name  text PRIMARY KEY,
            value jsonb NOT NULL
        );
        CREATE TABLE IF NOT EXISTS %1$I.notification_settings (
            name  text PRIMARY KEY,
            value jsonb NOT NULL
        );
        CREATE TABLE IF NOT EXISTS %1$I.participants (
            participant_id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
            name           text NOT NULL CHECK (name <> ''),
            email          text NOT NULL UNIQUE CHECK (email = lower(email)),
            status         text NOT NULL DEFAULT 'registered'
                           CHECK (status IN ('registered', 'confirmed', 'checked_in', 'cancelled', 'no_show')),
            registered_at  timestamptz NOT NULL DEFAULT now()
        );
        CREATE INDEX IF NOT EXISTS participants_status_idx ON %1$I.participants (status);
        CREATE TABLE IF NOT EXISTS %1$I.entry_logs (
            entry_id       bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
            gate_id        integer NOT NULL REFERENCES %1$I.gates,
            participant_id bigint NOT NULL REFERENCES %1$I.participants,
            outcome        text NOT NULL DEFAULT 'admitted' CHECK (outcome IN ('admitted', 'refused')),
            entered_at     timestamptz NOT NULL DEFAULT now()
        );
        CREATE INDEX IF NOT EXISTS entry_logs_entered_at_idx ON %1$I.entry_logs (entered_at);
        CREATE INDEX IF NOT EXISTS entry_logs_gate_id_idx ON %1$I.entry_logs (gate_id, entered_at);
        CREATE INDEX IF NOT EXISTS entry_logs_participant_id_idx ON %1$I.entry_logs (participant_id);
    $ddl$, schema_name);
END $$;

CREATE OR REPLACE FUNCTION platform_ops.grant_event_rights(schema_name text, roles text[]) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    table_name text;
BEGIN
    EXECUTE format('REVOKE ALL ON SCHEMA %I FROM PUBLIC', schema_name);
    FOREACH table_name IN ARRAY ARRAY[
        'event_info', 'gates', 'access_policies', 'notification_settings', 'participants', 'entry_logs'] LOOP
        EXECUTE format('ALTER TABLE %I.%I OWNER TO %I', schema_name, table_name, roles[1]);
    END LOOP;
    EXECUTE format($grants$
        GRANT USAGE ON SCHEMA %1$I TO %2$I, %3$I;
        GRANT SELECT ON ALL TABLES IN SCHEMA %1$I TO %2$I, %3$I;
        GRANT INSERT, UPDATE ON %1$I.participants TO %2$I;
        GRANT INSERT ON %1$I.entry_logs TO %2$I;
        GRANT UPDATE (is_open) ON %1$I.gates TO %2$I;
        -- platform_api is NOINHERIT: it has these rights only after SET ROLE, for the event whose token it was shown.
        GRANT %2$I, %3$I TO platform_api;
    $grants$, schema_name, roles[2], roles[3]);
END $$;

CREATE OR REPLACE FUNCTION platform_ops.fill_event_settings(slug text, request_id text, settings jsonb) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    gates integer := settings ->> 'gates';
BEGIN
    IF gates IS NULL OR gates NOT BETWEEN 1 AND 200 THEN
        RAISE EXCEPTION 'gates must be 1 to 200, found %', gates USING ERRCODE = 'invalid_parameter_value';
    END IF;
    EXECUTE format($insert$
        INSERT INTO %I.event_info (request_id, slug, name, venue, event_type, starts_at, ends_at, expected_attendees,
                                   language)
        VALUES ($1, $2, $3 ->> 'name', $3 ->> 'venue', $3 ->> 'event_type', ($3 ->> 'starts_at')::timestamptz,
                ($3 ->> 'ends_at')::timestamptz, ($3 ->> 'expected_attendees')::integer, $3 ->> 'language')
        ON CONFLICT (only_row) DO UPDATE SET
            name = EXCLUDED.name, venue = EXCLUDED.venue, event_type = EXCLUDED.event_type,
            starts_at = EXCLUDED.starts_at, ends_at = EXCLUDED.ends_at,
            expected_attendees = EXCLUDED.expected_attendees, language = EXCLUDED.language
    $insert$, 'event_' || slug) USING request_id, slug, settings;
    EXECUTE format($insert$
        INSERT INTO %I.gates (gate_id, name) SELECT number, 'Gate ' || number FROM generate_series(1, $1) AS number
        ON CONFLICT (gate_id) DO NOTHING
    $insert$, 'event_' || slug) USING gates;
    EXECUTE format($insert$
        INSERT INTO %I.access_policies (name, value) SELECT key, value FROM jsonb_each($1 -> 'access_policy')
        ON CONFLICT (name) DO UPDATE SET value = EXCLUDED.value
    $insert$, 'event_' || slug) USING settings;
    EXECUTE format($insert$
        INSERT INTO %I.notification_settings (name, value)
        SELECT key, value FROM jsonb_each($1 -> 'notification_settings')
        ON CONFLICT (name) DO UPDATE SET value = EXCLUDED.value
    $insert$, 'event_' || slug) USING settings;
END $$;

CREATE OR REPLACE FUNCTION platform_ops.event_schema_state(slug text) RETURNS jsonb
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    WITH target AS (SELECT 'event_' || platform_ops.checked_slug(slug) AS schema_name),
    tables AS (
        SELECT c.oid, c.relname, c.relacl, c.relowner FROM pg_class AS c
          JOIN pg_namespace AS n ON n.oid = c.relnamespace JOIN target ON n.nspname = target.schema_name
         WHERE c.relkind IN ('r', 'p')
    ),
    grants AS (
        SELECT a.grantee::regrole::text AS grantee, t.relname AS object, a.privilege_type
          FROM tables AS t CROSS JOIN aclexplode(t.relacl) AS a
         WHERE a.grantee <> t.relowner
        UNION
        SELECT a.grantee::regrole::text, t.relname, a.privilege_type || ' (' || c.attname || ')'
          FROM tables AS t JOIN pg_attribute AS c ON c.attrelid = t.oid CROSS JOIN aclexplode(c.attacl) AS a
    )
    SELECT jsonb_build_object(
        'schema_exists', EXISTS (SELECT FROM pg_namespace JOIN target ON nspname = schema_name),
        'owner_request', (
            SELECT substr(obj_description(n.oid, 'pg_namespace'), length('event request ') + 1)
              FROM pg_namespace AS n JOIN target ON n.nspname = target.schema_name),
        'tables', (
            SELECT coalesce(jsonb_object_agg(t.relname, jsonb_build_object(
                'columns', (SELECT jsonb_agg(a.attname ORDER BY a.attnum) FROM pg_attribute AS a
                             WHERE a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped),
                'indexes', (SELECT coalesce(jsonb_agg(i.relname ORDER BY i.relname), '[]') FROM pg_index AS x
                              JOIN pg_class AS i ON i.oid = x.indexrelid WHERE x.indrelid = t.oid),
                'constraints', (SELECT coalesce(jsonb_agg(k.conname ORDER BY k.conname), '[]')
                                  FROM pg_constraint AS k WHERE k.conrelid = t.oid)
            )), '{}') FROM tables AS t),
        'roles', (
            SELECT coalesce(jsonb_agg(r.rolname ORDER BY r.rolname), '[]') FROM pg_roles AS r
             WHERE r.rolname = ANY (platform_ops.event_roles(slug))),
        'grants', (
            SELECT coalesce(jsonb_object_agg(g.grantee, g.objects), '{}')
              FROM (SELECT grantee, jsonb_object_agg(object, privileges) AS objects
                      FROM (SELECT grantee, object, jsonb_agg(privilege_type ORDER BY privilege_type) AS privileges
                              FROM grants GROUP BY grantee, object) AS o
                     GROUP BY grantee) AS g),
        'members', (
            SELECT coalesce(jsonb_object_agg(r.rolname, r.members), '{}')
              FROM (SELECT r.rolname, jsonb_agg(m.member::regrole::text ORDER BY m.member::regrole::text) AS members
                      FROM pg_auth_members AS m JOIN pg_roles AS r ON r.oid = m.roleid
                     WHERE r.rolname = ANY (platform_ops.event_roles(slug)) GROUP BY r.rolname) AS r)
    )
$$;

CREATE OR REPLACE FUNCTION platform_ops.drop_event_schema(slug text, request_id text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '10s'
    SET client_min_messages = warning AS $$
DECLARE
    role_name text;
BEGIN
    PERFORM platform_ops.claim_event(slug, request_id);
    EXECUTE format('DROP SCHEMA IF EXISTS %I CASCADE', 'event_' || slug);
    FOREACH role_name IN ARRAY platform_ops.event_roles(slug) LOOP
        IF EXISTS (SELECT FROM pg_roles AS r WHERE r.rolname = role_name) THEN
            EXECUTE format('DROP OWNED BY %I', role_name);
            EXECUTE format('DROP ROLE %I', role_name);
        END IF;
    END LOOP;
END $$;

CREATE OR REPLACE FUNCTION platform_ops.leftovers(slug text) RETURNS jsonb
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce(jsonb_agg(c.object ORDER BY c.object), '[]')
      FROM platform_ops.event_claims(platform_ops.checked_slug(slug)) AS c
$$;

-- ------------------------------------------------------------------ archive and restore

CREATE OR REPLACE FUNCTION platform_ops.export_event_rows(slug text, request_id text, table_name text)
    RETURNS SETOF jsonb
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
DECLARE
    target regclass;
    key_column text;
BEGIN
    PERFORM platform_ops.claim_event(slug, request_id);
    target := format('%I.%I', 'event_' || slug, platform_ops.checked_table(table_name))::regclass;
    -- Ordered by the first column, the primary key of every table: the same rows give the same archive.
    SELECT a.attname INTO key_column FROM pg_attribute AS a WHERE a.attrelid = target AND a.attnum = 1;
    RETURN QUERY EXECUTE format('SELECT to_jsonb(t) FROM %s AS t ORDER BY t.%I', target, key_column);
END $$;

CREATE OR REPLACE FUNCTION platform_ops.import_event_rows(slug text, request_id text, table_name text, rows jsonb)
    RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    target regclass;
    key_column text;
    assignments text;
    imported bigint;
    counter text;
BEGIN
    PERFORM platform_ops.claim_event(slug, request_id);
    target := format('%I.%I', 'event_' || slug, platform_ops.checked_table(table_name))::regclass;
    SELECT a.attname INTO key_column FROM pg_attribute AS a WHERE a.attrelid = target AND a.attnum = 1;
    SELECT string_agg(format('%1$I = EXCLUDED.%1$I', a.attname), ', ') INTO assignments
      FROM pg_attribute AS a WHERE a.attrelid = target AND a.attnum > 1 AND NOT a.attisdropped;
    EXECUTE format(
        'INSERT INTO %1$s SELECT * FROM jsonb_populate_recordset(NULL::%1$s, $1) ON CONFLICT (%2$I) DO UPDATE SET %3$s',
        target, key_column, assignments) USING rows;
    GET DIAGNOSTICS imported = ROW_COUNT;
    counter := pg_get_serial_sequence(target::text, key_column);
    IF counter IS NOT NULL THEN
        EXECUTE format('SELECT setval(%L, greatest((SELECT max(%I) FROM %s), 1))', counter, key_column, target);
    END IF;
    RETURN imported;
END $$;

CREATE OR REPLACE FUNCTION platform_ops.event_table_sizes(slug text, request_id text)
    RETURNS TABLE (table_name text, row_count bigint, bytes bigint)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    target regclass;
BEGIN
    PERFORM platform_ops.claim_event(slug, request_id);
    FOR target IN
        SELECT c.oid::regclass FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
         WHERE n.nspname = 'event_' || slug AND c.relkind = 'r' ORDER BY c.relname
    LOOP
        SELECT c.relname INTO table_name FROM pg_class AS c WHERE c.oid = target;
        EXECUTE format('SELECT count(*) FROM %s', target) INTO row_count;
        bytes := pg_total_relation_size(target);
        RETURN NEXT;
    END LOOP;
END $$;

-- Until the caller's transaction ends nobody writes; who is writing is waited for.
CREATE OR REPLACE FUNCTION platform_ops.freeze_event(slug text, request_id text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '10s' AS $$
BEGIN
    PERFORM platform_ops.claim_event(slug, request_id);
    EXECUTE format('LOCK TABLE %1$I.event_info, %1$I.gates, %1$I.access_policies, %1$I.notification_settings,
                    %1$I.participants, %1$I.entry_logs IN SHARE MODE', 'event_' || slug);
END $$;

-- Before an archive is loaded: what the new schema was filled with must not mix with what the event had.
CREATE OR REPLACE FUNCTION platform_ops.empty_event_tables(slug text, request_id text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '10s' AS $$
BEGIN
    PERFORM platform_ops.claim_event(slug, request_id);
    EXECUTE format('TRUNCATE %1$I.event_info, %1$I.gates, %1$I.access_policies, %1$I.notification_settings,
                    %1$I.participants, %1$I.entry_logs', 'event_' || slug);
END $$;

-- ------------------------------------------------------------------ what template matching reads

CREATE OR REPLACE FUNCTION platform_ops.past_events(max_rows integer DEFAULT 500)
    RETURNS TABLE (event_id text, name text, event_type text, venue text, attendees integer, gates integer,
                   starts_at timestamptz, outcome text, access_policy jsonb, notification_settings jsonb)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT e.event_id::text, e.name, e.event_type, v.name, e.expected_attendees, e.gate_count, e.starts_at, e.status,
           e.settings -> 'access_policy', e.settings -> 'notification_settings'
      FROM public.events AS e JOIN public.venues AS v USING (venue_id)
     WHERE e.ends_at < now() AND e.status IN ('completed', 'cancelled')
     ORDER BY e.starts_at DESC, e.event_id DESC
     LIMIT least(greatest(max_rows, 0), 5000)
$$;

-- ------------------------------------------------------------------ who may use it

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA platform_ops FROM PUBLIC;
GRANT USAGE ON SCHEMA platform_ops TO ops_provisioner;
GRANT EXECUTE ON FUNCTION platform_ops.create_event_schema, platform_ops.event_schema_state,
    platform_ops.drop_event_schema, platform_ops.leftovers, platform_ops.export_event_rows,
    platform_ops.import_event_rows, platform_ops.event_table_sizes, platform_ops.freeze_event,
    platform_ops.empty_event_tables, platform_ops.past_events TO ops_provisioner;
