-- migrate:up

-- Where recovery stands with an order that waits for the gateway: how often it was asked about since then, and when it
-- will be again. A row about an earlier wait says nothing of a later one. `review_reason` says what contradicts the
-- order, and stays until a person has looked.
CREATE TABLE recoveries (
    order_id uuid PRIMARY KEY,
    waiting_since timestamptz,
    asked integer NOT NULL DEFAULT 0,
    next_at timestamptz,
    last_answer text,
    review_reason text
);

-- Whom an order's cash was asked of and their id of its charge, for reconciliation, and since when a charge or refund
-- waits for an answer. Until now there was one gateway.
ALTER TABLE orders ADD COLUMN gateway text, ADD COLUMN charge_id text, ADD COLUMN waiting_since timestamptz;
UPDATE orders SET waiting_since = created_at WHERE status = 'pending';
UPDATE orders SET gateway = 'sandbox' WHERE cash_due > 0;
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

-- Keeps a claim until the transaction ends; one that was taken over, answered or given back meanwhile is a conflict.
CREATE FUNCTION idempotency_hold(claim bytea, held uuid) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM idempotency WHERE claim_id = claim AND lease = held AND status IS NULL FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the claim was lost' USING ERRCODE = 'unique_violation';
    END IF;
END $$;

-- migrate:down

DROP FUNCTION idempotency_hold;
DROP TABLE sandbox_refunds, recoveries;
ALTER TABLE orders DROP COLUMN charge_id, DROP COLUMN waiting_since, DROP COLUMN gateway;
