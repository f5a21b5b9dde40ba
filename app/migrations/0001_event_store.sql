-- migrate:up

-- The log. Unique (originator_id, originator_version) is the whole of optimistic concurrency.
-- `state` is JSON as text: the cheapest to send, and an auditor can read it in psql.
-- `position` is the global order; it comes from a sequence of its own, drawn by events_append().
CREATE TABLE events (
    position bigint PRIMARY KEY,
    originator_id uuid NOT NULL,
    originator_version bigint NOT NULL,
    topic text NOT NULL,
    state text NOT NULL,
    recorded_at timestamptz NOT NULL,
    hash bytea,
    CONSTRAINT events_one_version_once UNIQUE (originator_id, originator_version)
);

-- From 0, so that its last value is always a position already drawn, on an empty log too.
CREATE SEQUENCE events_position_seq MINVALUE 0 START 0 CACHE 1;
SELECT nextval('events_position_seq');

-- Draws `wanted` positions in a row and gives the first. The lock is held for the drawing alone: nothing that an append
-- holds until its commit makes another wait. Undoing the inner block gives the lock back and leaves the sequence where
-- it is, as an error or a cancel at any point does, too. (A session's lock, unlocked by hand, outlives a cancel that
-- falls between two statements, and then stops every append.)
CREATE FUNCTION events_draw(wanted bigint) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    first_drawn bigint;
    drawn bigint;
BEGIN
    BEGIN
        PERFORM pg_advisory_xact_lock(19779, 2);
        first_drawn := nextval('events_position_seq');
        FOR further IN 2..wanted LOOP
            drawn := nextval('events_position_seq');
        END LOOP;
        RAISE SQLSTATE 'DRAWN';
    EXCEPTION WHEN SQLSTATE 'DRAWN' THEN
        RETURN first_drawn;
    END;
END $$;

-- Appends events that take contiguous positions, in the order given, and gives the first position.
-- Before drawing it shows, until it ends, that nothing at or below the present last value is its: a shared advisory
-- lock whose key is that value. Followers read only up to the smallest such key: the low-water mark.
-- Here is the place of the hash chain: `hash` is set by this INSERT, the predecessor read by (id, version - 1).
CREATE FUNCTION events_append(ids uuid[], versions bigint[], topics text[], states text[]) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    mark bigint;
    first_drawn bigint;
BEGIN
    -- Prepared merges keep their plans: one made while a table was small must not go on reading all of it.
    PERFORM set_config('enable_seqscan', 'off', true);
    SELECT last_value INTO mark FROM events_position_seq;
    PERFORM pg_advisory_xact_lock_shared(mark);
    first_drawn := events_draw(cardinality(ids));
    INSERT INTO events (position, originator_id, originator_version, topic, state, recorded_at)
    SELECT first_drawn + e.n - 1, e.id, e.version, e.topic, e.state, clock_timestamp()
    FROM unnest(ids, versions, topics, states) WITH ORDINALITY AS e(id, version, topic, state, n);
    RETURN first_drawn;
END $$;

-- Each stream's snapshot, if one of `snapshot_topics` stands, and the events after it, by id and version.
-- A function for its settings: it is planned once a connection, and never as a read of the whole log.
CREATE FUNCTION events_latest(ids uuid[], snapshot_topics text[])
RETURNS TABLE (originator_id uuid, originator_version bigint, topic text, state text)
LANGUAGE plpgsql STABLE SET enable_seqscan = off SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    RETURN QUERY SELECT latest.* FROM unnest(ids) AS wanted(id) CROSS JOIN LATERAL (
        SELECT s.originator_id, s.originator_version, s.topic, s.state FROM snapshots s
        WHERE s.originator_id = wanted.id AND s.topic = ANY(snapshot_topics)
        UNION ALL
        SELECT e.originator_id, e.originator_version, e.topic, e.state FROM events e
        WHERE e.originator_id = wanted.id AND e.originator_version > coalesce((
            SELECT s.originator_version FROM snapshots s
            WHERE s.originator_id = wanted.id AND s.topic = ANY(snapshot_topics)), 0)
    ) AS latest ORDER BY 1, 2;
END $$;

-- What a follower may read up to: every position at or below it is committed or will never be.
-- The order of the two looks matters: an append that shows no lock yet draws above the last value read first.
-- The rows must be read by a later statement: one snapshot for all would be older than the look at the locks.
CREATE FUNCTION events_low_water_mark() RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    last_drawn bigint;
    smallest_mark bigint;
BEGIN
    SELECT last_value INTO last_drawn FROM events_position_seq;
    SELECT min((classid::bigint << 32) | objid::bigint) INTO smallest_mark FROM pg_locks
    WHERE locktype = 'advisory' AND objsubid = 1
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database());
    RETURN least(last_drawn, smallest_mark);
END $$;

CREATE FUNCTION events_refuse_change() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'events are append-only: % is refused', TG_OP USING ERRCODE = 'insufficient_privilege';
END $$;

CREATE TRIGGER events_append_only
BEFORE UPDATE OR DELETE OR TRUNCATE ON events
FOR EACH STATEMENT EXECUTE FUNCTION events_refuse_change();

-- One row an aggregate, replaced in each append's own transaction: loading an account reads this and a short tail.
CREATE TABLE snapshots (
    originator_id uuid PRIMARY KEY,
    originator_version bigint NOT NULL,
    topic text NOT NULL,
    state text NOT NULL
) WITH (fillfactor = 70);

-- How far each follower of the log has come; moved in the follower's own transaction, so each event counts once.
CREATE TABLE tracking (
    application_name text PRIMARY KEY,
    notification_id bigint NOT NULL
);

CREATE FUNCTION tracking_advance(follower text, reached bigint) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO tracking AS t (application_name, notification_id) VALUES (follower, reached)
    ON CONFLICT (application_name) DO UPDATE SET notification_id = excluded.notification_id
    WHERE t.notification_id < excluded.notification_id;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'position % is already tracked by %', reached, follower USING ERRCODE = 'unique_violation';
    END IF;
END $$;

-- migrate:down

DROP TABLE tracking, snapshots, events;
DROP FUNCTION tracking_advance, events_latest, events_low_water_mark, events_append, events_draw, events_refuse_change;
DROP SEQUENCE events_position_seq;
