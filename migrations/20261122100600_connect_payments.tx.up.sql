CREATE SCHEMA IF NOT EXISTS connect;

-- A payment intent is the platform's wish to be paid; each try is a charge.
CREATE TABLE connect.payment_intents (
    id                     text        CONSTRAINT payment_intents_pkey PRIMARY KEY,
    platform               text        NOT NULL,
    account                text        NOT NULL,
    livemode               boolean     NOT NULL,
    amount                 bigint      NOT NULL CONSTRAINT payment_intents_amount_positive CHECK (amount > 0),
    currency               text        NOT NULL,
    status                 text        NOT NULL,
    capture_method         text        NOT NULL,
    confirmation_method    text        NOT NULL,
    client_secret          text        NOT NULL,
    payment_method         text        NOT NULL,
    payment_method_types   text[]      NOT NULL,
    customer               text        NOT NULL,
    latest_charge          text        NOT NULL,
    amount_capturable      bigint      NOT NULL,
    amount_received        bigint      NOT NULL,
    terms                  jsonb       NOT NULL,
    on_behalf_of           text        NOT NULL,
    transfer_group         text        NOT NULL,
    description            text,
    receipt_email          text,
    setup_future_usage     text,
    statement_descriptor   text,
    statement_descriptor_suffix text,
    return_url             text        NOT NULL,
    shipping               jsonb,
    last_payment_error     jsonb,
    next_action            jsonb,
    canceled_at            timestamptz,
    cancellation_reason    text,
    metadata               jsonb       NOT NULL,
    created_at             timestamptz NOT NULL,
    version                bigint      NOT NULL
) WITH (fillfactor = 70);
CREATE INDEX payment_intents_by_account ON connect.payment_intents (account, livemode, id);

CREATE TABLE connect.charges (
    id                     text        CONSTRAINT charges_pkey PRIMARY KEY,
    platform               text        NOT NULL,
    account                text        NOT NULL,
    livemode               boolean     NOT NULL,
    amount                 bigint      NOT NULL CONSTRAINT charges_amount_positive CHECK (amount > 0),
    currency               text        NOT NULL,
    status                 text        NOT NULL CONSTRAINT charges_status_known
                           CHECK (status IN ('pending', 'succeeded', 'failed', 'requires_action')),
    capture                boolean     NOT NULL,
    captured               boolean     NOT NULL,
    amount_captured        bigint      NOT NULL,
    -- money asked back from the processor whose outcome is still open
    amount_refunding       bigint      NOT NULL,
    amount_refunded        bigint      NOT NULL,
    canceled               boolean     NOT NULL,
    processing_fee         bigint      NOT NULL,
    payment_intent         text        NOT NULL,
    payment_method         text        NOT NULL,
    method                 jsonb       NOT NULL,
    customer               text        NOT NULL,
    terms                  jsonb       NOT NULL,
    fee_payer              text        NOT NULL,
    on_behalf_of           text        NOT NULL,
    transfer_group         text        NOT NULL,
    -- the UTC day on which the funds become available; NULL when they were available at once
    matures_on             date,
    balance_transaction    text        NOT NULL,
    transfer               text        NOT NULL,
    application_fee        text        NOT NULL,
    failure_code           text        NOT NULL,
    failure_message        text        NOT NULL,
    decline_code           text        NOT NULL,
    description            text,
    receipt_email          text,
    statement_descriptor   text,
    statement_descriptor_suffix text,
    shipping               jsonb,
    metadata               jsonb       NOT NULL,
    -- the idempotency claim whose answer this charge owes, until it is answered
    claim                  bytea,
    created_at             timestamptz NOT NULL,
    -- by the machine's clock, also for sandbox charges: when the sweeper may ask
    begun_at               timestamptz NOT NULL,
    version                bigint      NOT NULL,
    CONSTRAINT charges_captured_within_amount CHECK (amount_captured BETWEEN 0 AND amount),
    CONSTRAINT charges_refunded_within_captured
        CHECK (amount_refunded >= 0 AND amount_refunding >= 0 AND amount_refunded + amount_refunding <= amount_captured)
) WITH (fillfactor = 70);
CREATE INDEX charges_by_account ON connect.charges (account, livemode, id);
CREATE INDEX charges_by_intent ON connect.charges (payment_intent) WHERE payment_intent <> '';
-- what the sweeper has to resolve; empty in quiet times
CREATE INDEX charges_pending ON connect.charges (begun_at) WHERE status = 'pending';
-- attempts that wait for their payer
CREATE INDEX charges_waiting ON connect.charges (begun_at) WHERE status = 'requires_action' AND NOT canceled;

CREATE TABLE connect.captures (
    id                     text        CONSTRAINT captures_pkey PRIMARY KEY,
    charge                 text        NOT NULL,
    amount                 bigint      NOT NULL CONSTRAINT captures_amount_not_negative CHECK (amount >= 0),
    -- 'capture' takes the money, 'void' releases the authorization
    kind                   text        NOT NULL CONSTRAINT captures_kind_known CHECK (kind IN ('capture', 'void')),
    status                 text        NOT NULL CONSTRAINT captures_status_known CHECK (status IN ('pending', 'succeeded', 'failed')),
    reason                 text        NOT NULL,
    terms                  jsonb       NOT NULL,
    -- a capture asked for on the charge is answered with it, one on the intent with the intent
    asked_on_charge        boolean     NOT NULL,
    claim                  bytea,
    created_at             timestamptz NOT NULL
);
-- one capture or void of a charge may be under way, and one may succeed
CREATE UNIQUE INDEX captures_once ON connect.captures (charge) WHERE status <> 'failed';
CREATE INDEX captures_pending ON connect.captures (created_at) WHERE status = 'pending';

CREATE TABLE connect.refunds (
    id                     text        CONSTRAINT refunds_pkey PRIMARY KEY,
    platform               text        NOT NULL,
    account                text        NOT NULL,
    livemode               boolean     NOT NULL,
    charge                 text        NOT NULL,
    payment_intent         text        NOT NULL,
    amount                 bigint      NOT NULL CONSTRAINT refunds_amount_positive CHECK (amount > 0),
    currency               text        NOT NULL,
    status                 text        NOT NULL CONSTRAINT refunds_status_known
                           CHECK (status IN ('pending', 'succeeded', 'failed', 'canceled')),
    -- pending until the ledger has booked it; a booked refund can still fail at the bank
    booked                 boolean     NOT NULL,
    -- booked, but the payer's bank still decides its end: the sweeper asks on
    unconfirmed            boolean     NOT NULL DEFAULT false,
    reason                 text,
    reverse_transfer       boolean     NOT NULL,
    refund_application_fee boolean     NOT NULL,
    balance_transaction    text        NOT NULL,
    failure_balance_transaction text   NOT NULL,
    failure_reason         text        NOT NULL,
    transfer_reversal      text        NOT NULL,
    metadata               jsonb       NOT NULL,
    claim                  bytea,
    created_at             timestamptz NOT NULL,
    -- by the machine's clock, also for sandbox charges: when the sweeper may ask
    begun_at               timestamptz NOT NULL,
    version                bigint      NOT NULL
);
CREATE INDEX refunds_by_account ON connect.refunds (account, livemode, id);
CREATE INDEX refunds_by_charge ON connect.refunds (charge, id);
CREATE INDEX refunds_pending ON connect.refunds (begun_at) WHERE NOT booked AND status = 'pending';
CREATE INDEX refunds_unconfirmed ON connect.refunds (id) WHERE unconfirmed;

-- Money moved from the platform's balance to a connected account's.
CREATE TABLE connect.transfers (
    id                     text        CONSTRAINT transfers_pkey PRIMARY KEY,
    platform               text        NOT NULL,
    livemode               boolean     NOT NULL,
    amount                 bigint      NOT NULL CONSTRAINT transfers_amount_positive CHECK (amount > 0),
    currency               text        NOT NULL,
    amount_reversed        bigint      NOT NULL,
    destination            text        NOT NULL,
    destination_payment    text        NOT NULL,
    source_transaction     text        NOT NULL,
    -- the leg of the charge's split this transfer is, or -1 for one made by hand
    leg                    integer     NOT NULL,
    transfer_group         text        NOT NULL,
    application_fee        text        NOT NULL,
    application_fee_amount bigint      NOT NULL,
    matures_on             date,
    balance_transaction    text        NOT NULL,
    destination_balance_transaction text NOT NULL,
    description            text,
    metadata               jsonb       NOT NULL,
    created_at             timestamptz NOT NULL,
    version                bigint      NOT NULL,
    CONSTRAINT transfers_reversed_within_amount CHECK (amount_reversed BETWEEN 0 AND amount)
) WITH (fillfactor = 70);
CREATE INDEX transfers_by_platform ON connect.transfers (platform, livemode, id);
CREATE INDEX transfers_by_destination ON connect.transfers (destination, id);
CREATE INDEX transfers_by_source ON connect.transfers (source_transaction) WHERE source_transaction <> '';
CREATE INDEX transfers_by_payment ON connect.transfers (destination_payment);

CREATE TABLE connect.transfer_reversals (
    id                     text        CONSTRAINT transfer_reversals_pkey PRIMARY KEY,
    transfer               text        NOT NULL,
    amount                 bigint      NOT NULL CONSTRAINT transfer_reversals_amount_positive CHECK (amount > 0),
    currency               text        NOT NULL,
    balance_transaction    text        NOT NULL,
    -- how the receiver of the transfer sees it: a refund pyr_… of its payment, with a line of its own
    destination_payment_refund text    NOT NULL,
    destination_balance_transaction text NOT NULL,
    source_refund          text        NOT NULL,
    metadata               jsonb       NOT NULL,
    created_at             timestamptz NOT NULL
);
CREATE INDEX transfer_reversals_by_transfer ON connect.transfer_reversals (transfer, id);
CREATE INDEX transfer_reversals_by_payment_refund ON connect.transfer_reversals (destination_payment_refund);

CREATE TABLE connect.application_fees (
    id                     text        CONSTRAINT application_fees_pkey PRIMARY KEY,
    platform               text        NOT NULL,
    livemode               boolean     NOT NULL,
    -- who paid the fee
    account                text        NOT NULL,
    amount                 bigint      NOT NULL CONSTRAINT application_fees_amount_positive CHECK (amount > 0),
    currency               text        NOT NULL,
    amount_refunded        bigint      NOT NULL,
    charge                 text        NOT NULL,
    originating_transaction text       NOT NULL,
    matures_on             date,
    balance_transaction    text        NOT NULL,
    created_at             timestamptz NOT NULL,
    version                bigint      NOT NULL,
    CONSTRAINT application_fees_refunded_within_amount CHECK (amount_refunded BETWEEN 0 AND amount)
) WITH (fillfactor = 70);
CREATE INDEX application_fees_by_platform ON connect.application_fees (platform, livemode, id);
CREATE INDEX application_fees_by_charge ON connect.application_fees (charge);

CREATE TABLE connect.application_fee_refunds (
    id                     text        CONSTRAINT application_fee_refunds_pkey PRIMARY KEY,
    fee                    text        NOT NULL,
    amount                 bigint      NOT NULL CONSTRAINT application_fee_refunds_amount_positive CHECK (amount > 0),
    currency               text        NOT NULL,
    balance_transaction    text        NOT NULL,
    metadata               jsonb       NOT NULL,
    created_at             timestamptz NOT NULL
);
CREATE INDEX application_fee_refunds_by_fee ON connect.application_fee_refunds (fee, id);
