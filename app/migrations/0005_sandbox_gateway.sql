-- migrate:up

-- The sandbox's own books, one row an order. It stands for another company, so nothing else reads or writes them.
CREATE TABLE sandbox_charges (
    order_id uuid PRIMARY KEY,
    charge_id text NOT NULL,
    amount_minor bigint NOT NULL,
    currency text NOT NULL,
    payment_method text NOT NULL,
    outcome text NOT NULL,
    reason text,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- migrate:down

DROP TABLE sandbox_charges;
