-- The sandbox processor's own books: an outside world, no references to other schemas.
CREATE SCHEMA IF NOT EXISTS cardsim;

CREATE TABLE cardsim.payments (
    reference   text        NOT NULL, -- the caller's id and idempotency key
    card        text        NOT NULL, -- test handle; empty for a reference closed before it was seen
    amount      bigint      NOT NULL,
    currency    text        NOT NULL,
    capture     boolean     NOT NULL,
    status      text        NOT NULL,
    captured    bigint      NOT NULL DEFAULT 0,
    fee         bigint      NOT NULL DEFAULT 0,
    refunded    bigint      NOT NULL DEFAULT 0,
    failure     jsonb       NOT NULL DEFAULT '{}',
    secured     boolean     NOT NULL DEFAULT false,
    resolves_at timestamptz,
    resolves_to text        NOT NULL DEFAULT '',
    created_at  timestamptz NOT NULL,
    CONSTRAINT payments_pkey PRIMARY KEY (reference),
    CONSTRAINT payments_status_known CHECK (status IN ('succeeded', 'requires_action', 'processing', 'failed', 'voided', 'lost')),
    CONSTRAINT payments_amount_positive CHECK (amount > 0 OR card = '' AND amount = 0),
    CONSTRAINT payments_captured_within_amount CHECK (captured BETWEEN 0 AND amount AND (captured = 0 OR status = 'succeeded')),
    CONSTRAINT payments_fee_within_captured CHECK (fee BETWEEN 0 AND captured),
    CONSTRAINT payments_refunded_within_captured CHECK (refunded BETWEEN 0 AND captured)
) WITH (fillfactor = 90);

CREATE TABLE cardsim.refunds (
    reference      text        NOT NULL,
    payment        text        NOT NULL,
    amount         bigint      NOT NULL,
    currency       text        NOT NULL,
    status         text        NOT NULL,
    failure_reason text        NOT NULL DEFAULT '',
    resolves_at    timestamptz,
    resolves_to    text        NOT NULL DEFAULT '',
    created_at     timestamptz NOT NULL,
    CONSTRAINT refunds_pkey PRIMARY KEY (reference),
    CONSTRAINT refunds_payment_fkey FOREIGN KEY (payment) REFERENCES cardsim.payments (reference),
    CONSTRAINT refunds_status_known CHECK (status IN ('succeeded', 'pending', 'failed')),
    CONSTRAINT refunds_amount_positive CHECK (amount > 0)
);

-- Refunds of a payment that failed meanwhile are found before the next one is decided.
CREATE INDEX refunds_waiting_idx ON cardsim.refunds (payment) WHERE resolves_at IS NOT NULL;
