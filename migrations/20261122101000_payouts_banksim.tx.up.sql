-- The books of the sandbox bank: a world outside. Nothing of ours refers to it
-- and it refers to nothing of ours.
CREATE SCHEMA IF NOT EXISTS banksim;

-- What the bank was told to pay. fate is what will become of it: paid, returned,
-- stuck or a failure code; the account number itself is not kept.
CREATE TABLE banksim.instructions (
    reference   text        NOT NULL CONSTRAINT instructions_pkey PRIMARY KEY,
    amount      bigint      NOT NULL CONSTRAINT instructions_amount_positive CHECK (amount > 0),
    currency    text        NOT NULL,
    creditor    text        NOT NULL,
    last4       text        NOT NULL,
    fate        text        NOT NULL,
    state       text        NOT NULL CONSTRAINT instructions_state_known CHECK (state IN
        ('lost', 'accepted', 'paid', 'failed')),
    failure     text        NOT NULL DEFAULT '',
    execute_on  timestamptz NOT NULL,
    received_at timestamptz NOT NULL
);

-- The platform's bank account: what left it and what came back.
CREATE TABLE banksim.movements (
    reference text        NOT NULL,
    kind      text        NOT NULL CONSTRAINT movements_kind_known CHECK (kind IN ('debit', 'return')),
    amount    bigint      NOT NULL,
    currency  text        NOT NULL,
    booked_at timestamptz NOT NULL,
    CONSTRAINT movements_pkey PRIMARY KEY (reference, kind)
);
