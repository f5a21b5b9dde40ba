-- migrate:up

-- Who is who: the only table that holds a user id. Forgetting a member blanks it here and touches no event.
CREATE TABLE directory (
    account_id uuid PRIMARY KEY,
    user_id text UNIQUE,
    first_seen_at timestamptz NOT NULL DEFAULT now()
);

-- The texts of adjustments' reasons; events hold only the id.
CREATE TABLE reasons (
    reason_id uuid PRIMARY KEY,
    account_id uuid NOT NULL,
    body text NOT NULL
);

-- One row an idempotency key in use. `claim_id` is a digest of user and key; `fingerprint` of the whole request.
-- Without `status` it is a claim, good until `leased_until`; with it, the answer that the key gives from now on.
CREATE TABLE idempotency (
    claim_id bytea PRIMARY KEY,
    fingerprint bytea NOT NULL,
    leased_until timestamptz NOT NULL,
    lease uuid NOT NULL,
    status integer,
    body text,
    created_at timestamptz NOT NULL DEFAULT now()
);

-- What the scheduler ran: each slot of a job once, whoever leads.
CREATE TABLE job_runs (
    job text NOT NULL,
    slot timestamptz NOT NULL,
    started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    finished_at timestamptz,
    outcome text,
    detail text,
    PRIMARY KEY (job, slot)
);

-- Secrets that all processes of one house share; made once, here.
CREATE TABLE secrets (
    name text PRIMARY KEY,
    value bytea NOT NULL
);
INSERT INTO secrets (name, value)
SELECT 'cursor', sha256((gen_random_uuid()::text || gen_random_uuid()::text)::bytea);

-- migrate:down

DROP TABLE secrets, job_runs, idempotency, reasons, directory;
