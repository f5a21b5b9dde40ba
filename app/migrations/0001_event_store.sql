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
-- SECURITY DEFINER: setval() needs UPDATE on the sequence, which the application's role does not have.
CREATE FUNCTION events_draw(wanted bigint) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    first_drawn bigint;
BEGIN
    BEGIN
        PERFORM pg_advisory_xact_lock(19779, 2);
        first_drawn := nextval('events_position_seq');
        IF wanted > 1 THEN
            PERFORM setval('events_position_seq', first_drawn + wanted - 1);
        END IF;
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
    SELECT last_value INTO mark FROM events_position_seq;
    PERFORM pg_advisory_xact_lock_shared(mark);
    first_drawn := events_draw(cardinality(ids));
    INSERT INTO events (position, originator_id, originator_version, topic, state, recorded_at)
    SELECT first_drawn + e.n - 1, e.id, e.version, e.topic, e.state, clock_timestamp()
    FROM unnest(ids, versions, topics, states) WITH ORDINALITY AS e(id, version, topic, state, n);
    RETURN first_drawn;
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
DROP FUNCTION tracking_advance, events_low_water_mark, events_append, events_draw, events_refuse_change;
DROP SEQUENCE events_position_seq;
