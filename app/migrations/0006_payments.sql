-- migrate:up

-- Where recovery stands with an order that is not settled: how often it was asked about, and when it will be again. The
-- row goes when the order is settled; without one, nobody has asked yet. `review_reason` says what contradicts the
-- order, and stays until a person has looked.
CREATE TABLE recoveries (
    order_id uuid PRIMARY KEY,
    asked integer NOT NULL DEFAULT 0,
    next_at timestamptz,
    last_answer text,
    review_reason text
);

-- The gateway's id of an order's charge, for reconciliation, and since when a charge or refund waits for its answer.
ALTER TABLE orders ADD COLUMN charge_id text, ADD COLUMN waiting_since timestamptz;
UPDATE orders SET waiting_since = created_at WHERE status = 'pending';
UPDATE orders SET charge_id = e.state::json->>'charge_id'
FROM events e WHERE e.originator_id = orders.order_id AND e.topic = 'OrderPaid.v1';
CREATE INDEX orders_waiting ON orders (order_id) WHERE waiting_since IS NOT NULL;

-- The sandbox's refunds. A void is a charge that was declined for good before it was asked for.
CREATE TABLE sandbox_refunds (
    refund_id uuid PRIMARY KEY,
    order_id uuid NOT NULL REFERENCES sandbox_charges,
    amount_minor bigint NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX sandbox_refunds_by_order ON sandbox_refunds (order_id);

-- migrate:down

DROP TABLE sandbox_refunds, recoveries;
ALTER TABLE orders DROP COLUMN charge_id, DROP COLUMN waiting_since;
