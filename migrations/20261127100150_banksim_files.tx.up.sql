-- The sandbox bank also takes files, takes money from accounts, and calls back.
ALTER TABLE banksim.instructions
    ADD COLUMN debit    boolean NOT NULL DEFAULT false, -- the money is taken from the account named
    ADD COLUMN instant  boolean NOT NULL DEFAULT false,
    ADD COLUMN told     int     NOT NULL DEFAULT 1,     -- how often the bank has read it, refused ones too
    ADD COLUMN recall   text    NOT NULL DEFAULT '' CONSTRAINT instructions_recall_known CHECK (recall IN ('', 'done', 'refused')),
    -- Of an instruction that came in a file.
    ADD COLUMN desk     text    NOT NULL DEFAULT '',
    ADD COLUMN file     text    NOT NULL DEFAULT '',
    ADD COLUMN message  text    NOT NULL DEFAULT '', -- what the file calls itself
    ADD COLUMN trace    text    NOT NULL DEFAULT '', -- the trace number of an ACH entry
    ADD COLUMN routing  text    NOT NULL DEFAULT '',
    ADD COLUMN reported text    NOT NULL DEFAULT ''; -- the state that the customer was last told
-- What a desk still has to carry out or to tell.
CREATE INDEX instructions_by_desk ON banksim.instructions (desk, reference);

ALTER TABLE banksim.movements DROP CONSTRAINT movements_kind_known;
ALTER TABLE banksim.movements
    -- Out and back; and of debits, in and back.
    ADD CONSTRAINT movements_kind_known CHECK (kind IN ('debit', 'return', 'credit', 'reversal')),
    ADD COLUMN desk text NOT NULL DEFAULT '';
-- The entries of a day's statement.
CREATE INDEX movements_by_day ON banksim.movements (desk, booked_at);

-- Files as they arrived. Their content is not kept: it names bank accounts.
CREATE TABLE banksim.files (
    desk        text        NOT NULL,
    name        text        NOT NULL,
    digest      bytea       NOT NULL, -- SHA-256
    message     text        NOT NULL DEFAULT '',
    refused     text        NOT NULL DEFAULT '', -- why, in ISO 20022's codes
    received_at timestamptz NOT NULL,
    CONSTRAINT files_pkey PRIMARY KEY (desk, name)
);

-- Files for the customer, kept until they are taken.
CREATE TABLE banksim.answers (
    desk    text        NOT NULL,
    id      bigint      NOT NULL GENERATED ALWAYS AS IDENTITY,
    name    text        NOT NULL,
    body    bytea       NOT NULL,
    made_at timestamptz NOT NULL,
    taken   boolean     NOT NULL DEFAULT false,
    CONSTRAINT answers_pkey PRIMARY KEY (desk, id),
    CONSTRAINT answers_name_unique UNIQUE (desk, name)
);

-- One statement per desk, currency and day with entries; each opens where the last one closed.
CREATE TABLE banksim.statements (
    desk     text   NOT NULL,
    currency text   NOT NULL,
    day      date   NOT NULL,
    number   bigint NOT NULL,
    opening  bigint NOT NULL,
    closing  bigint NOT NULL,
    CONSTRAINT statements_pkey PRIMARY KEY (desk, currency, day)
);
