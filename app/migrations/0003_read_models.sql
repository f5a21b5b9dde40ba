-- migrate:up

CREATE TABLE balances (
    account_id uuid PRIMARY KEY,
    opened_at timestamptz NOT NULL,
    position bigint NOT NULL,
    balance bigint NOT NULL,
    debt bigint NOT NULL,
    earned bigint NOT NULL,
    redeemed bigint NOT NULL,
    restored bigint NOT NULL,
    revoked bigint NOT NULL,
    expired bigint NOT NULL,
    adjusted bigint NOT NULL
) WITH (fillfactor = 70);
CREATE INDEX balances_by_opening ON balances (opened_at);

CREATE TABLE lots (
    account_id uuid NOT NULL,
    lot bigint NOT NULL,
    points bigint NOT NULL,
    remaining bigint NOT NULL CHECK (remaining BETWEEN 0 AND points),
    earned_at timestamptz NOT NULL,
    available_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    source text NOT NULL,
    reference text NOT NULL,
    PRIMARY KEY (account_id, lot)
);
CREATE INDEX lots_open ON lots (account_id, expires_at) WHERE remaining > 0;
CREATE INDEX lots_due ON lots (expires_at, account_id) WHERE remaining > 0;

CREATE TABLE orders (
    order_id uuid PRIMARY KEY,
    position bigint NOT NULL UNIQUE,
    account_id uuid NOT NULL,
    status text NOT NULL,
    total bigint NOT NULL,
    points_used bigint NOT NULL,
    cash_due bigint NOT NULL,
    points_earned bigint NOT NULL,
    points_restored bigint NOT NULL,
    points_revoked bigint NOT NULL,
    cash_refunded bigint NOT NULL,
    items text NOT NULL,
    currency text NOT NULL,
    created_at timestamptz NOT NULL
);
CREATE INDEX orders_by_account ON orders (account_id, position);
CREATE INDEX orders_by_status ON orders (status, position);
CREATE INDEX orders_pending ON orders (account_id) WHERE status = 'pending';

-- The feed: one line for each account event that moves points; `id` is the event's position.
CREATE TABLE transactions (
    id bigint PRIMARY KEY,
    account_id uuid NOT NULL,
    type text NOT NULL,
    points bigint NOT NULL,
    order_id uuid,
    reason_id uuid,
    actor_id uuid,
    expires_at timestamptz,
    created_at timestamptz NOT NULL,
    balance_after bigint NOT NULL,
    debt_repaid bigint NOT NULL,
    debt_added bigint NOT NULL
);
CREATE INDEX transactions_by_account ON transactions (account_id, id);
CREATE INDEX transactions_by_type ON transactions (type, id);
CREATE INDEX transactions_by_order ON transactions (order_id, id) WHERE order_id IS NOT NULL;
CREATE INDEX transactions_by_time ON transactions (created_at, id);

-- The report by day, which follows the log. `moved` is the change of what is outstanding.
CREATE TABLE daily (
    day date PRIMARY KEY,
    opened bigint NOT NULL,
    moved bigint NOT NULL,
    debt bigint NOT NULL,
    earned bigint NOT NULL,
    redeemed bigint NOT NULL,
    restored bigint NOT NULL,
    revoked bigint NOT NULL,
    expired bigint NOT NULL,
    adjusted bigint NOT NULL,
    granted bigint NOT NULL
);

-- migrate:down

DROP TABLE daily, transactions, orders, lots, balances;
