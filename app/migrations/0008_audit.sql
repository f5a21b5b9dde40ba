-- migrate:up

-- Signed digests of the log: the Merkle root (RFC 6962) over the hashes of its first `size` events, the last of which
-- stands at `position`. The same lines stand in a file outside the database; docs/formats/checkpoint.md has the format.
CREATE TABLE checkpoints (
    size bigint PRIMARY KEY,
    position bigint NOT NULL,
    root bytea NOT NULL,
    sealed_at timestamptz NOT NULL,
    key_id text NOT NULL,
    signature bytea NOT NULL
);

-- The tree under the roots, so that a proof reads a few rows: 256 hashes a row, and of level 0, where they are the
-- events' own, also their positions. A copy: what it says is proven by the roots.
CREATE TABLE tree (
    level smallint NOT NULL,
    tile bigint NOT NULL,
    hashes bytea NOT NULL,
    positions bigint[],
    PRIMARY KEY (level, tile)
) WITH (fillfactor = 70);

-- Who read what of the audit, and about whom. Readers are directory ids.
CREATE TABLE readings (
    reading_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    read_at timestamptz NOT NULL,
    reader_id uuid NOT NULL,
    action text NOT NULL,
    account_id uuid,
    detail text NOT NULL
);
CREATE INDEX readings_by_account ON readings (account_id, reading_id) WHERE account_id IS NOT NULL;
CREATE INDEX readings_by_reader ON readings (reader_id, reading_id);
CREATE INDEX readings_by_time ON readings (read_at);

-- The rule's versions but the first, which nobody wrote: every stream of the log has a read model that knows its end.
CREATE TABLE rules (
    version bigint PRIMARY KEY,
    position bigint NOT NULL UNIQUE,
    rule text NOT NULL,
    effective_from timestamptz NOT NULL,
    created_at timestamptz NOT NULL,
    created_by uuid NOT NULL
);
INSERT INTO rules
SELECT (state::json->>'version')::bigint, position, state::json->'rule', (state::json->>'effective_from')::timestamptz,
    (state::json->>'at')::timestamptz, (state::json->>'by')::uuid
FROM events WHERE topic = 'RulesChanged.v1';

-- The position of an order's last event, as balances have it of an account's. The default is for workers of the version
-- before, which do not know the column and go on until they are replaced: `miles projections rebuild` after that.
ALTER TABLE orders ADD COLUMN last_position bigint NOT NULL DEFAULT 0;
UPDATE orders SET last_position = (SELECT max(position) FROM events WHERE originator_id = order_id);

-- Since when a person is forgotten: the row stays, since events name it, without a user id.
ALTER TABLE directory ADD COLUMN forgotten_at timestamptz;

-- migrate:down

ALTER TABLE directory DROP COLUMN forgotten_at;
ALTER TABLE orders DROP COLUMN last_position;
DROP TABLE rules, readings, tree, checkpoints;
