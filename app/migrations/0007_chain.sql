-- migrate:up

-- What is known of how an event was written: a JSON object, as text; today the software that wrote it.
ALTER TABLE events ADD COLUMN metadata text NOT NULL DEFAULT '{}';

-- A field as it is hashed: its length in four bytes, then its bytes.
CREATE FUNCTION events_field(bytes bytea) RETURNS bytea
LANGUAGE sql IMMUTABLE AS $$ SELECT int4send(length(bytes)) || bytes $$;

-- The hash of an event: SHA-256 over the hash of the event before it in its stream (for the first one, 32 zero bytes)
-- and its own fields. Its position is not among them: checkpoints cover the order. docs/formats/event-hash.md
-- has it with test vectors, app/eventstore/chain.py is the same in Python.
CREATE FUNCTION events_hash(
    previous bytea, stream uuid, version bigint, topic text, state text, recorded_at timestamptz, metadata text
) RETURNS bytea
LANGUAGE sql IMMUTABLE AS $$
    SELECT sha256(previous
        || events_field(uuid_send(stream))
        || events_field(int8send(version))
        || events_field(convert_to(topic, 'UTF8'))
        || events_field(convert_to(state, 'UTF8'))
        || events_field(int8send((extract(epoch FROM recorded_at) * 1000000)::bigint))
        || events_field(convert_to(metadata, 'UTF8')))
$$;

-- What was written before there was a chain gets its place in it, once.
ALTER TABLE events DISABLE TRIGGER events_append_only;
DO $$
DECLARE
    e record;
    stream uuid;
    chained bytea;
BEGIN
    FOR e IN SELECT * FROM events ORDER BY originator_id, originator_version LOOP
        IF e.originator_id IS DISTINCT FROM stream THEN
            stream := e.originator_id;
            chained := decode(repeat('00', 32), 'hex');
        END IF;
        chained := events_hash(
            chained, stream, e.originator_version, e.topic, e.state, e.recorded_at, e.metadata);
        UPDATE events SET hash = chained WHERE position = e.position;
    END LOOP;
END $$;
ALTER TABLE events ENABLE TRIGGER events_append_only;
ALTER TABLE events ALTER COLUMN hash SET NOT NULL,
    ADD CONSTRAINT events_counted_from_1 CHECK (position > 0),
    ADD CONSTRAINT events_hash_is_sha256 CHECK (octet_length(hash) = 32);

-- Appends as before, and chains each event to the one before it in its stream, which this append may bring, too.
-- That one is read by its key: whoever decided on a stream has seen its last event committed, so nobody is waited for.
DROP FUNCTION events_append;
CREATE FUNCTION events_append(
    ids uuid[], versions bigint[], topics text[], states text[], metadata text DEFAULT '{}'
) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    mark bigint;
    first_drawn bigint;
    written_at timestamptz := clock_timestamp();
    previous bytea;
    e record;
BEGIN
    -- Prepared merges keep their plans: one made while a table was small must not go on reading all of it.
    PERFORM set_config('enable_seqscan', 'off', true);
    SELECT last_value INTO mark FROM events_position_seq;
    PERFORM pg_advisory_xact_lock_shared(mark);
    first_drawn := events_draw(cardinality(ids));
    FOR e IN SELECT * FROM unnest(ids, versions, topics, states)
        WITH ORDINALITY AS u(stream, version, topic, state, nth) ORDER BY nth
    LOOP
        SELECT p.hash INTO previous FROM events p
        WHERE p.originator_id = e.stream AND p.originator_version = e.version - 1;
        IF NOT FOUND AND e.version > 1 THEN
            RAISE EXCEPTION 'version % of stream % has no version before it', e.version, e.stream
            USING ERRCODE = 'integrity_constraint_violation';
        END IF;
        INSERT INTO events (position, originator_id, originator_version, topic, state, recorded_at, metadata, hash)
        VALUES (first_drawn + e.nth - 1, e.stream, e.version, e.topic, e.state, written_at, metadata, events_hash(
            coalesce(previous, decode(repeat('00', 32), 'hex')),
            e.stream, e.version, e.topic, e.state, written_at, metadata));
    END LOOP;
    RETURN first_drawn;
END $$;

-- migrate:down

DROP FUNCTION events_append(uuid[], bigint[], text[], text[], text);
DROP FUNCTION events_hash;
DROP FUNCTION events_field;
ALTER TABLE events DROP CONSTRAINT events_counted_from_1, DROP CONSTRAINT events_hash_is_sha256,
    ALTER COLUMN hash DROP NOT NULL;
ALTER TABLE events DROP COLUMN metadata;

CREATE FUNCTION events_append(ids uuid[], versions bigint[], topics text[], states text[]) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    mark bigint;
    first_drawn bigint;
BEGIN
    PERFORM set_config('enable_seqscan', 'off', true);
    SELECT last_value INTO mark FROM events_position_seq;
    PERFORM pg_advisory_xact_lock_shared(mark);
    first_drawn := events_draw(cardinality(ids));
    INSERT INTO events (position, originator_id, originator_version, topic, state, recorded_at)
    SELECT first_drawn + e.n - 1, e.id, e.version, e.topic, e.state, clock_timestamp()
    FROM unnest(ids, versions, topics, states) WITH ORDINALITY AS e(id, version, topic, state, n);
    RETURN first_drawn;
END $$;
