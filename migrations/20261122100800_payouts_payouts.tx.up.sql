-- Payouts, who is due one, and which runs have been made.
CREATE SCHEMA IF NOT EXISTS payouts;

-- One row per payout. It is changed only under its row lock; every change takes
-- the next version. Its lines stand in ledger.balance_transactions.
CREATE TABLE payouts.payouts (
    id                          text        NOT NULL CONSTRAINT payouts_pkey PRIMARY KEY,
    platform                    text        NOT NULL,
    account                     text        NOT NULL,
    livemode                    boolean     NOT NULL,
    amount                      bigint      NOT NULL CONSTRAINT payouts_amount_positive CHECK (amount > 0),
    currency                    text        NOT NULL CONSTRAINT payouts_currency_shape CHECK (currency ~ '^[a-z]{3}$'),
    status                      text        NOT NULL CONSTRAINT payouts_status_known CHECK (status IN
        ('pending', 'in_transit', 'paid', 'failed', 'canceled')),
    automatic                   boolean     NOT NULL,
    destination                 text        NOT NULL,
    description                 text,
    statement_descriptor        text,
    metadata                    jsonb       NOT NULL DEFAULT '{}',
    arrival_date                timestamptz NOT NULL,
    balance_transaction         text        NOT NULL,
    failure_balance_transaction text        NOT NULL DEFAULT '',
    failure_code                text        NOT NULL DEFAULT '',
    failure_message             text        NOT NULL DEFAULT '',
    trace_id                    text        NOT NULL DEFAULT '', -- the bank's reference
    send_after                  timestamptz NOT NULL, -- not handed to the bank before
    handed_over_at              timestamptz,          -- from here on the bank may have it: no cancelling
    ask_at                      timestamptz,          -- when to ask the bank next
    created_at                  timestamptz NOT NULL,
    version                     bigint      NOT NULL,
    CONSTRAINT payouts_handed_over_before_moving CHECK (status NOT IN ('in_transit', 'paid') OR handed_over_at IS NOT NULL),
    CONSTRAINT payouts_canceled_stayed_here CHECK (status <> 'canceled' OR handed_over_at IS NULL),
    CONSTRAINT payouts_failure_told CHECK ((status = 'failed') = (failure_code <> ''))
);
CREATE INDEX payouts_by_account ON payouts.payouts (account, livemode, id);                       -- GET /v1/payouts
CREATE INDEX payouts_to_send ON payouts.payouts (livemode, id) WHERE status = 'pending';          -- the sender's work
CREATE INDEX payouts_to_ask ON payouts.payouts (livemode, ask_at) WHERE ask_at IS NOT NULL;       -- the settler's work

-- Who may have money to pay out. decide_from is the first day whose schedule
-- has not been looked at yet.
CREATE TABLE payouts.dues (
    account     text        NOT NULL,
    livemode    boolean     NOT NULL,
    currency    text        NOT NULL,
    platform    text        NOT NULL,
    decide_from date        NOT NULL,
    noted_at    timestamptz NOT NULL,
    CONSTRAINT dues_pkey PRIMARY KEY (account, livemode, currency)
);
CREATE INDEX dues_to_decide ON payouts.dues (livemode, decide_from);

-- One automatic payout per account, currency and day, whoever runs the schedule.
CREATE TABLE payouts.runs (
    account    text        NOT NULL,
    livemode   boolean     NOT NULL,
    currency   text        NOT NULL,
    day        date        NOT NULL,
    payout     text        NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT runs_pkey PRIMARY KEY (account, livemode, currency, day)
);
