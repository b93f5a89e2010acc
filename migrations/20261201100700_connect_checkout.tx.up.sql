-- What a platform asks a buyer to pay on our page: from the link to the payment. The
-- payment itself is an intent like any other; a session knows which.
CREATE TABLE connect.checkout_sessions (
    id                  text        CONSTRAINT checkout_sessions_pkey PRIMARY KEY,
    platform            text        NOT NULL,
    account             text        NOT NULL,
    livemode            boolean     NOT NULL,
    status              text        NOT NULL CONSTRAINT checkout_sessions_status_known CHECK (status IN ('open', 'complete', 'expired')),
    payment_status      text        NOT NULL CONSTRAINT checkout_sessions_payment_status_known CHECK (payment_status IN ('unpaid', 'paid')),
    amount              bigint      NOT NULL CONSTRAINT checkout_sessions_amount_positive CHECK (amount > 0),
    currency            text        NOT NULL,
    line_items          jsonb       NOT NULL,
    -- with what the intent will be made; it is made when the buyer first pays
    intent_data         jsonb       NOT NULL,
    payment_intent      text        NOT NULL DEFAULT '',
    customer            text        NOT NULL,
    customer_email      text,
    client_reference_id text,
    -- who pays, as typed on the page
    buyer_name          text        NOT NULL DEFAULT '',
    buyer_email         text        NOT NULL DEFAULT '',
    -- cards tried: a page that takes any number of them is a tool to test stolen ones
    attempts            integer     NOT NULL DEFAULT 0,
    success_url         text        NOT NULL,
    cancel_url          text        NOT NULL,
    locale              text        NOT NULL,
    metadata            jsonb       NOT NULL,
    created_at          timestamptz NOT NULL,
    expires_at          timestamptz NOT NULL,
    version             bigint      NOT NULL,
    CONSTRAINT checkout_sessions_account_fkey FOREIGN KEY (account) REFERENCES connect.accounts (id),
    CONSTRAINT checkout_sessions_bounded CHECK (expires_at <= created_at + interval '24 hours')
);
CREATE INDEX checkout_sessions_by_account ON connect.checkout_sessions (account, livemode, id);
-- GET /v1/checkout/sessions?payment_intent=
CREATE INDEX checkout_sessions_by_intent ON connect.checkout_sessions (payment_intent) WHERE payment_intent <> '';
-- The sweeper: what is over, and what was paid without coming back.
CREATE INDEX checkout_sessions_open ON connect.checkout_sessions (livemode, expires_at) WHERE status = 'open';

-- Where the payer of a charge reads its receipt; set when it succeeds.
ALTER TABLE connect.charges ADD COLUMN receipt_url text;
