-- migrate:up

-- Who may use the panel. `user_id` is an e-mail address in small letters, and the actor of what its owner does there.
-- Without a password one enters by a link alone.
CREATE TABLE panel_users (
    user_id text PRIMARY KEY,
    password_hash text,
    role text NOT NULL CHECK (role IN ('admin', 'auditor')),
    created_at timestamptz NOT NULL
);

-- Sessions and one-time links, by the digest of the token that the browser holds: who reads this table cannot enter.
CREATE TABLE panel_tokens (
    token_digest bytea PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('session', 'link')),
    user_id text NOT NULL REFERENCES panel_users ON DELETE CASCADE,
    expires_at timestamptz NOT NULL
);
CREATE INDEX panel_tokens_by_user ON panel_tokens (user_id);

-- Logins that failed lately, by a digest of whom they were for.
CREATE TABLE panel_failures (
    digest bytea NOT NULL,
    failed_at timestamptz NOT NULL
);
CREATE INDEX panel_failures_by_digest ON panel_failures (digest, failed_at);

INSERT INTO secrets (name, value)
SELECT 'panel', sha256((gen_random_uuid()::text || gen_random_uuid()::text)::bytea);

-- Why a refund restored and revoked what it did: its reason stands under its own id.
UPDATE transactions t SET reason_id = (e.state::json->>'refund_id')::uuid
FROM events e WHERE e.position = t.id AND t.type IN ('restore', 'revoke') AND e.state LIKE '%"refund_id":"%';

-- migrate:down

UPDATE transactions SET reason_id = NULL WHERE type IN ('restore', 'revoke');

DELETE FROM secrets WHERE name = 'panel';
DROP TABLE panel_failures, panel_tokens, panel_users;
