-- Payouts that go to a bank in files: what was sealed, how often it was brought
-- there and with which outcome, who looked at it, and who decided where nobody knew.

-- The number of the last batch of a rail. Taken under its row lock in the
-- transaction that seals, so numbers have no gaps.
CREATE TABLE payouts.batch_numbers (
    rail     text    NOT NULL,
    livemode boolean NOT NULL,
    last     bigint  NOT NULL,
    CONSTRAINT batch_numbers_pkey PRIMARY KEY (rail, livemode)
);

-- One row per file. While it is open, items gather in it; sealing closes it in one
-- transaction, and from then on only its way to the bank changes. It is one
-- platform's, so that its file shows nobody's payees to somebody else.
CREATE TABLE payouts.batches (
    id           text        NOT NULL CONSTRAINT batches_pkey PRIMARY KEY,
    platform     text        NOT NULL,
    livemode     boolean     NOT NULL,
    rail         text        NOT NULL,
    currency     text        NOT NULL CONSTRAINT batches_currency_shape CHECK (currency ~ '^[a-z]{3}$'),
    debit        boolean     NOT NULL, -- takes money; else pays
    instant      boolean     NOT NULL,
    execute_on   timestamptz NOT NULL, -- midnight UTC of the bank's day
    status       text        NOT NULL CONSTRAINT batches_status_known CHECK (status IN
        ('open', 'sealed', 'unknown', 'delivered', 'acknowledged', 'done', 'refused')),
    number       bigint      NOT NULL DEFAULT 0,  -- of the rail in its mode, from 1
    debtor       text        NOT NULL DEFAULT '', -- whose bank account, as it was then; encrypted
    count        bigint      NOT NULL DEFAULT 0,
    total        bigint      NOT NULL DEFAULT 0,  -- minor units
    file         text        NOT NULL DEFAULT '', -- its name
    size         bigint      NOT NULL DEFAULT 0,  -- of the file, in bytes
    sha256       bytea,                           -- of the file; compared whenever it is written again
    try_at       timestamptz,                     -- when it is brought to the bank, or the bank is asked, next
    delivered_at timestamptz,
    created_at   timestamptz NOT NULL,
    sealed_at    timestamptz,
    CONSTRAINT batches_sealed_whole CHECK (status = 'open' OR
        (number > 0 AND count > 0 AND total > 0 AND file <> '' AND sha256 IS NOT NULL AND length(sha256) = 32 AND sealed_at IS NOT NULL))
);
CREATE UNIQUE INDEX batches_number_key ON payouts.batches (rail, livemode, number) WHERE number > 0; -- no number twice
CREATE UNIQUE INDEX batches_file_key ON payouts.batches (rail, livemode, file) WHERE file <> '';     -- no name twice
CREATE INDEX batches_by_platform ON payouts.batches (platform, livemode, id);                        -- GET /v1/payout_batches
CREATE INDEX batches_to_deliver ON payouts.batches (livemode, try_at) WHERE try_at IS NOT NULL;      -- the sender's work
CREATE INDEX batches_open ON payouts.batches (livemode) WHERE status = 'open';                       -- what a crash left behind

-- What the file says, instruction by instruction, as it was sealed. A payout is in
-- one batch at most, and never in a second one.
CREATE TABLE payouts.batch_items (
    -- The key keeps items from outliving an open batch that another sender has dropped.
    batch     text   NOT NULL CONSTRAINT batch_items_batch_fkey REFERENCES payouts.batches (id),
    n         bigint NOT NULL, -- place in the file, from 0
    payout    text   NOT NULL,
    amount    bigint NOT NULL CONSTRAINT batch_items_amount_positive CHECK (amount > 0),
    creditor  bytea  NOT NULL, -- who is paid where, encrypted
    statement text   NOT NULL,
    trace     text   NOT NULL DEFAULT '', -- Format.Trace: what the bank's answer may know it by
    CONSTRAINT batch_items_pkey PRIMARY KEY (batch, n),
    CONSTRAINT batch_items_payout_key UNIQUE (payout)
);
CREATE INDEX batch_items_by_trace ON payouts.batch_items (trace) WHERE trace <> ''; -- answers that know nothing else

-- A sealed batch is never edited: not its items, not what it says.
CREATE FUNCTION payouts.refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% on payouts.% is refused: it is sealed', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation', CONSTRAINT = TG_NAME;
END $$;

CREATE FUNCTION payouts.demand_open() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM payouts.batches b WHERE b.status <> 'open' AND b.id IN (SELECT batch FROM changed)) THEN
        RAISE EXCEPTION '% on payouts.batch_items is refused: the batch is sealed', TG_OP
            USING ERRCODE = 'restrict_violation', CONSTRAINT = TG_NAME;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER batch_items_sealed_insert AFTER INSERT ON payouts.batch_items
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION payouts.demand_open();
CREATE TRIGGER batch_items_sealed_update AFTER UPDATE ON payouts.batch_items
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION payouts.demand_open();
CREATE TRIGGER batch_items_sealed_delete AFTER DELETE ON payouts.batch_items
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION payouts.demand_open();
CREATE TRIGGER batches_sealed_update BEFORE UPDATE ON payouts.batches FOR EACH ROW
    WHEN (OLD.status <> 'open' AND
        (OLD.id, OLD.platform, OLD.livemode, OLD.rail, OLD.currency, OLD.debit, OLD.instant, OLD.execute_on, OLD.number, OLD.debtor,
         OLD.count, OLD.total, OLD.file, OLD.size, OLD.sha256, OLD.created_at, OLD.sealed_at)
        IS DISTINCT FROM
        (NEW.id, NEW.platform, NEW.livemode, NEW.rail, NEW.currency, NEW.debit, NEW.instant, NEW.execute_on, NEW.number, NEW.debtor,
         NEW.count, NEW.total, NEW.file, NEW.size, NEW.sha256, NEW.created_at, NEW.sealed_at)
        OR OLD.status <> 'open' AND NEW.status = 'open')
    EXECUTE FUNCTION payouts.refuse();
CREATE TRIGGER batches_sealed_delete BEFORE DELETE ON payouts.batches FOR EACH ROW
    WHEN (OLD.status <> 'open') EXECUTE FUNCTION payouts.refuse();

-- Every attempt to bring a file to its bank. An attempt is written down before it
-- is made; 'begun' after a crash means that nobody knows.
CREATE TABLE payouts.uploads (
    id       text        NOT NULL CONSTRAINT uploads_pkey PRIMARY KEY, -- upl_…
    batch    text        NOT NULL,
    outcome  text        NOT NULL CONSTRAINT uploads_outcome_known CHECK (outcome IN
        ('begun', 'accepted', 'failed', 'unknown', 'absent')),
    note     text        NOT NULL DEFAULT '', -- the receiver's own reference
    error    text        NOT NULL DEFAULT '', -- what went wrong; never bank details
    found_by text        NOT NULL DEFAULT '' CONSTRAINT uploads_found_by_known CHECK (found_by IN ('', 'lookup', 'report', 'people')),
    begun_at timestamptz NOT NULL,
    ended_at timestamptz,
    CONSTRAINT uploads_ended CHECK ((outcome = 'begun') = (ended_at IS NULL))
);
CREATE INDEX uploads_by_batch ON payouts.uploads (batch, id); -- the journal of a batch, its last attempt first

-- What people say became of an attempt that nobody knows the outcome of. Two have to agree.
CREATE TABLE payouts.upload_votes (
    upload   text        NOT NULL,
    actor    text        NOT NULL, -- the API key
    outcome  text        NOT NULL CONSTRAINT upload_votes_outcome_known CHECK (outcome IN ('delivered', 'not_delivered')),
    voted_at timestamptz NOT NULL,
    CONSTRAINT upload_votes_pkey PRIMARY KEY (upload, actor)
);

-- Who has seen a file: it holds account numbers.
CREATE TABLE payouts.downloads (
    id         text        NOT NULL CONSTRAINT downloads_pkey PRIMARY KEY, -- dwl_…
    batch      text        NOT NULL,
    actor      text        NOT NULL, -- the API key
    request    text        NOT NULL, -- req_…
    created_at timestamptz NOT NULL
);
CREATE INDEX downloads_by_batch ON payouts.downloads (batch, id); -- the audit of a batch

-- Wishes to call a payout back that the bank has.
CREATE TABLE payouts.recalls (
    payout       text        NOT NULL CONSTRAINT recalls_pkey PRIMARY KEY,
    livemode     boolean     NOT NULL,
    actor        text        NOT NULL, -- the API key
    requested_at timestamptz NOT NULL,
    sent_at      timestamptz, -- the bank has heard
    try_at       timestamptz  -- when to tell it next; null: it has heard
);
CREATE INDEX recalls_to_send ON payouts.recalls (livemode, try_at) WHERE try_at IS NOT NULL; -- the sender's work

-- Payouts that wait for their file, in the order in which they are taken.
CREATE INDEX payouts_to_seal ON payouts.payouts (livemode, rail, id)
    WHERE status = 'pending' AND handed_over_at IS NULL AND NOT held AND approval IN ('', 'approved');
-- What a report about a whole batch, or its page in the API, lists.
CREATE INDEX payouts_by_batch ON payouts.payouts (batch, id) WHERE batch <> '';
