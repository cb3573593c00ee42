-- SPDX-License-Identifier: Apache-2.0
-- Jobs, those who work on them, and what each role may do.
--
-- Migrations are applied by "rcectl db migrate", in order, each in one transaction. One that has been released is never
-- changed; a later one changes what it made.

-- Roles belong to the whole cluster, so they may be there from another database. rce_owner owns everything; rce_api and
-- rce_worker hold the rights. "rce-api" and "rce-worker" are who the daemons on this host log in as, by the name of their
-- Unix user; a daemon elsewhere may log in as any other role that is made a member of one of these two.
DO $roles$
DECLARE
        wanted text;
BEGIN
        FOREACH wanted IN ARRAY ARRAY['rce_owner', 'rce_api', 'rce_worker', 'rce-api', 'rce-worker'] LOOP
                BEGIN
                        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted) THEN
                                EXECUTE format('CREATE ROLE %I %s', wanted,
                                               CASE WHEN wanted LIKE '%-%' THEN 'LOGIN' ELSE 'NOLOGIN' END);
                        END IF;
                EXCEPTION WHEN duplicate_object OR unique_violation THEN
                        NULL;   -- another database of this cluster was faster
                END;
        END LOOP;
END
$roles$;
GRANT rce_api TO "rce-api";
GRANT rce_worker TO "rce-worker";

ALTER SCHEMA rce OWNER TO rce_owner;
ALTER TABLE rce.schema_version OWNER TO rce_owner;
SET LOCAL ROLE rce_owner;
GRANT USAGE ON SCHEMA rce TO rce_api, rce_worker;
GRANT SELECT ON rce.schema_version TO rce_api, rce_worker;

-- Processes. An incarnation is one run of one; when another of the same host and name registers, the one before is over.
-- Its id is a UUID of version 7, so the larger is the newer.

CREATE TABLE rce.apis (
        host            text NOT NULL,
        name            text NOT NULL,
        incarnation     uuid NOT NULL UNIQUE,
        version         text NOT NULL,
        started_at      timestamptz NOT NULL DEFAULT now(),
        seen_at         timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (host, name)
) WITH (fillfactor = 50);

CREATE TABLE rce.workers (
        host            text NOT NULL,
        name            text NOT NULL,
        incarnation     uuid NOT NULL UNIQUE,
        version         text NOT NULL,
        languages       text[] NOT NULL,
        slots           int NOT NULL CHECK (slots >= 0),
        running         int NOT NULL CHECK (running >= 0),
        finished        jsonb NOT NULL,                 -- {"verdict": how many, by this incarnation}
        started_at      timestamptz NOT NULL DEFAULT now(),
        seen_at         timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (host, name)
) WITH (fillfactor = 50);

-- Jobs, one partition a day. The id is a UUID of version 7, made by rce-api, and so a day is a range of ids.

CREATE TABLE rce.jobs (
        id                  uuid NOT NULL PRIMARY KEY,
        created_at          timestamptz NOT NULL DEFAULT now(),
        claimed_at          timestamptz,                -- the last time
        finished_at         timestamptz,
        cancel_requested_at timestamptz,
        adopted_at          timestamptz,                -- when its publisher took it over from another, the last time
        publisher           uuid,                       -- which rce-api sees to its message; NULL: nobody does
        worker              uuid,                       -- who claimed it last
        source_bytes        bigint NOT NULL CHECK (source_bytes >= 0),
        exit_code           int,
        signal              int,
        wall_usec           bigint,
        cpu_usec            bigint,
        memory_peak_bytes   bigint,
        stdout_bytes        bigint,                     -- of the whole stream, as far as it was kept
        stderr_bytes        bigint,
        attempt             int NOT NULL DEFAULT 0,     -- the number of claims, and the name of the present one
        released            int NOT NULL DEFAULT 0,     -- of these, given back before they came to anything
        priority            smallint NOT NULL CHECK (priority BETWEEN 0 AND 2),
        memory_peak_is_rss  boolean,
        stdout_truncated    boolean,
        stderr_truncated    boolean,
        state               text NOT NULL DEFAULT 'queued'
                            CHECK (state IN ('queued', 'running', 'finished', 'cancelled')),
        verdict             text,
        language            text NOT NULL,
        client              text NOT NULL,
        source_key          text NOT NULL CHECK (length(source_key) = 64),
        reason              text,
        stdout_key          text,                       -- of the blob, where the stream is too long for the row
        stderr_key          text,
        spec                jsonb NOT NULL,
        tags                jsonb CHECK (jsonb_typeof(tags) = 'object'),
        diagnostics         jsonb,                      -- the linter's
        stdin               bytea,
        stdout              bytea CHECK (octet_length(stdout) <= 32768),
        stderr              bytea CHECK (octet_length(stderr) <= 32768),
        CHECK ((finished_at IS NOT NULL) = (state IN ('finished', 'cancelled'))),
        CHECK ((verdict IS NOT NULL) = (finished_at IS NOT NULL)),
        CHECK ((state = 'cancelled') = (verdict = 'cancelled'))
) PARTITION BY RANGE (id);

-- A claim changes no column that an index mentions, so it leaves them all alone. That is why what is unfinished is told
-- by finished_at, not by state.
CREATE INDEX ON rce.jobs (client, id);
CREATE INDEX ON rce.jobs (language, id);
CREATE INDEX ON rce.jobs (language, priority, id) WHERE finished_at IS NULL;
CREATE INDEX ON rce.jobs (id) WHERE verdict = 'cancelled';
CREATE INDEX ON rce.jobs USING gin (tags jsonb_path_ops) WHERE tags IS NOT NULL;

-- A client's own name for a request, so that asking twice makes one job.
CREATE TABLE rce.idempotency (
        client          text NOT NULL,
        key             text NOT NULL,
        job             uuid NOT NULL,
        request_hash    bytea NOT NULL,
        created_at      timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (client, key)
);
CREATE INDEX ON rce.idempotency (created_at);

-- Daemons run this on each new connection: it fails when the database is older than they are.
CREATE FUNCTION rce.require_version(needed int) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
        have int := (SELECT max(version) FROM rce.schema_version);
BEGIN
        IF have < needed THEN
                RAISE EXCEPTION 'The database has version % of the schema, % is needed: run "rcectl db migrate"',
                                have, needed USING ERRCODE = 'object_not_in_prerequisite_state';
        END IF;
END
$$;

-- Whether a worker's incarnation may still be at work. One that was replaced is not. One that is only silent is not
-- either, but whoever has just connected must not judge that (believe_silence): all may have been cut off together.
CREATE FUNCTION rce.worker_lives(who uuid, believe_silence boolean) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
        SELECT EXISTS (SELECT FROM rce.workers
                       WHERE incarnation = who AND (NOT believe_silence OR seen_at > now() - interval '30 seconds'))
$$;

-- The smallest id of that moment.
CREATE FUNCTION rce.first_id(moment timestamptz) RETURNS uuid
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
        SELECT rpad(lpad(to_hex(floor(extract(epoch FROM moment) * 1000)::bigint), 12, '0'), 32, '0')::uuid
$$;

-- Makes the partitions of yesterday to a week from now that are missing. Run on each new connection of an API, so that
-- one that was away for a month finds today's. A partition is attached when it is complete, which locks out nobody.
CREATE FUNCTION rce.make_partitions() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET TimeZone = 'UTC' AS $$
DECLARE
        today date := current_date;
        day date;
        name text;
BEGIN
        IF NOT EXISTS (SELECT FROM generate_series(today - 1, today + 7, interval '1 day') AS d
                       WHERE to_regclass(format('rce.%I', 'jobs_' || to_char(d, 'YYYYMMDD'))) IS NULL) THEN
                RETURN;
        END IF;

        PERFORM pg_advisory_xact_lock(hashtext('rce partitions'));
        FOR day IN SELECT generate_series(today - 1, today + 7, interval '1 day') LOOP
                name := 'jobs_' || to_char(day, 'YYYYMMDD');
                CONTINUE WHEN to_regclass(format('rce.%I', name)) IS NOT NULL;

                EXECUTE format('CREATE TABLE rce.%I (LIKE rce.jobs INCLUDING ALL) WITH (fillfactor = 70,'
                               ' autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05)', name);
                EXECUTE format('ALTER TABLE rce.jobs ATTACH PARTITION rce.%I FOR VALUES FROM (%L) TO (%L)', name,
                               rce.first_id(day::timestamptz), rce.first_id((day + 1)::timestamptz));
        END LOOP;
END
$$;

-- What has to be done every now and then: partitions to come, those that are past keeping with all of their jobs finished,
-- keys and processes nobody asks for any more. Returns the number of partitions dropped, and when the oldest job that is kept
-- may have been submitted; NULL when somebody else is just doing it. To drop one locks the whole table for a moment; it
-- rather gives up than keep others waiting behind it, since there is a next time.
CREATE FUNCTION rce.maintain(keep interval, OUT dropped int, OUT oldest timestamptz)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET TimeZone = 'UTC'
SET lock_timeout = '2s' AS $$
DECLARE
        part record;
        unfinished boolean;
BEGIN
        dropped := 0;
        IF NOT pg_try_advisory_xact_lock(hashtext('rce maintenance')) THEN
                RETURN;
        END IF;

        PERFORM rce.make_partitions();

        DELETE FROM rce.idempotency WHERE created_at < now() - interval '1 day';
        DELETE FROM rce.apis WHERE seen_at < now() - interval '1 day';
        DELETE FROM rce.workers WHERE seen_at < now() - interval '1 day';

        FOR part IN
                SELECT c.relname AS name
                FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
                WHERE i.inhparent = 'rce.jobs'::regclass
                  AND to_date(right(c.relname, 8), 'YYYYMMDD') + 1 < now() - greatest(keep, interval '1 day')
                ORDER BY 1
        LOOP
                EXECUTE format('SELECT EXISTS (SELECT FROM rce.%I WHERE finished_at IS NULL)', part.name) INTO unfinished;
                CONTINUE WHEN unfinished;
                BEGIN
                        EXECUTE format('DROP TABLE rce.%I', part.name);
                EXCEPTION WHEN lock_not_available THEN
                        EXIT;
                END;
                dropped := dropped + 1;
        END LOOP;

        SELECT min(to_date(right(c.relname, 8), 'YYYYMMDD')) INTO oldest
        FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = 'rce.jobs'::regclass;
END
$$;

-- Makes the caller the publisher of unfinished jobs that nobody sees to: queued ones whose publisher is gone, running ones
-- whose worker is. They are queued afterwards and their messages have to be published again. One sweep at a time. A caller
-- who never got the answer to an earlier sweep says so (in_doubt), and gets those jobs again.
--
-- A job may be claimed while it is looked at. Then the condition is tested again on the row as it is, but not against
-- another row of a joined table; that is why the worker is asked about by a function.
CREATE FUNCTION rce.adopt(adopter uuid, believe_silence boolean, in_doubt boolean, most int)
RETURNS TABLE (id uuid, language text, priority smallint, source_key text, source_bytes bigint)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
        IF NOT pg_try_advisory_xact_lock(hashtext('rce sweep')) THEN
                IF in_doubt THEN
                        RAISE EXCEPTION 'Another sweep is going on' USING ERRCODE = 'lock_not_available';
                END IF;
                RETURN;
        END IF;

        IF in_doubt THEN
                UPDATE rce.jobs j SET publisher = NULL
                WHERE j.finished_at IS NULL AND j.state = 'queued' AND j.publisher = adopter AND j.adopted_at IS NOT NULL;
        END IF;

        RETURN QUERY
        WITH orphan AS (
                SELECT j.id
                FROM rce.jobs j
                LEFT JOIN rce.apis a ON a.incarnation = j.publisher
                          AND (NOT believe_silence OR a.seen_at > now() - interval '30 seconds')
                WHERE j.finished_at IS NULL
                  AND CASE j.state WHEN 'running' THEN NOT rce.worker_lives(j.worker, believe_silence)
                      ELSE a.incarnation IS NULL END
                LIMIT most
                FOR UPDATE OF j SKIP LOCKED
        )
        UPDATE rce.jobs j SET state = 'queued', publisher = adopter, adopted_at = now()
        FROM orphan
        WHERE j.id = orphan.id AND j.finished_at IS NULL
        RETURNING j.id, j.language, j.priority, j.source_key, j.source_bytes;
END
$$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA rce FROM PUBLIC;

-- What the API may do: everything that makes, shows, cancels and forgets jobs, and nothing that runs them.
GRANT SELECT, INSERT, DELETE, UPDATE (state, publisher, adopted_at, finished_at, verdict, reason, cancel_requested_at)
        ON rce.jobs TO rce_api;
GRANT SELECT, INSERT ON rce.idempotency TO rce_api;
GRANT SELECT, INSERT, UPDATE, DELETE ON rce.apis TO rce_api;
GRANT SELECT ON rce.workers TO rce_api;
GRANT EXECUTE ON FUNCTION rce.require_version, rce.make_partitions, rce.maintain, rce.adopt, rce.worker_lives TO rce_api;

-- What a worker may do: claim jobs and finish them, and say that it is there. It sees no client's key, makes no job and
-- removes none.
GRANT SELECT, UPDATE (state, claimed_at, finished_at, worker, attempt, released, verdict, exit_code, signal, wall_usec,
        cpu_usec, memory_peak_bytes, memory_peak_is_rss, reason, diagnostics, stdout, stdout_key, stdout_bytes,
        stdout_truncated, stderr, stderr_key, stderr_bytes, stderr_truncated) ON rce.jobs TO rce_worker;
GRANT SELECT, INSERT, UPDATE, DELETE ON rce.workers TO rce_worker;
GRANT EXECUTE ON FUNCTION rce.require_version, rce.worker_lives TO rce_worker;

SELECT rce.make_partitions();
