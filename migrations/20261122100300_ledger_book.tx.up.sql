-- The ledger: accounts with their totals, entries and postings that are never
-- edited, the lines of account statements, and the digests that prove it.
CREATE SCHEMA IF NOT EXISTS ledger;

-- One row per owner, mode, kind and currency. Totals only grow; the balance is
-- their difference. Half-filled pages keep the updates in place (HOT), so no
-- changing column may be indexed.
CREATE TABLE ledger.accounts (
    id              bigint  GENERATED ALWAYS AS IDENTITY CONSTRAINT accounts_pkey PRIMARY KEY,
    owner           text    NOT NULL CONSTRAINT accounts_owner_given CHECK (owner <> ''),
    livemode        boolean NOT NULL,
    kind            text    NOT NULL CONSTRAINT accounts_kind_known CHECK (kind IN
        ('pending', 'available', 'reserved', 'in_transit', 'processor_clearing', 'processor_fees', 'bank')),
    currency        text    NOT NULL CONSTRAINT accounts_currency_shape CHECK (currency ~ '^[a-z]{3}$'),
    debits          bigint  NOT NULL DEFAULT 0 CONSTRAINT accounts_debits_not_negative CHECK (debits >= 0),
    credits         bigint  NOT NULL DEFAULT 0 CONSTRAINT accounts_credits_not_negative CHECK (credits >= 0),
    version         bigint  NOT NULL DEFAULT 0, -- number of postings
    matured_through date,                       -- pending accounts: days up to this one have matured
    CONSTRAINT accounts_owner_key UNIQUE (owner, livemode, currency, kind)
) WITH (fillfactor = 50);

-- Batches number entries: entry id = batch id * 1024 + index in the batch.
CREATE SEQUENCE ledger.batch_numbers;

CREATE TABLE ledger.batches (
    id          bigint NOT NULL CONSTRAINT batches_pkey PRIMARY KEY,
    first_entry bigint NOT NULL,
    last_entry  bigint NOT NULL,
    digest      bytea  NOT NULL CONSTRAINT batches_digest_sha256 CHECK (length(digest) = 32),
    position    bigint CONSTRAINT batches_position_key UNIQUE, -- place in the chain, once sealed
    link        bytea  CONSTRAINT batches_link_sha256 CHECK (length(link) = 32),
    CONSTRAINT batches_entries_inside CHECK (first_entry = id * 1024 AND last_entry BETWEEN first_entry AND first_entry + 1023),
    CONSTRAINT batches_sealed_whole CHECK ((position IS NULL) = (link IS NULL))
);
CREATE INDEX batches_unsealed_idx ON ledger.batches (id) WHERE position IS NULL; -- what Seal has yet to chain

CREATE TABLE ledger.entries (
    id          bigint      NOT NULL CONSTRAINT entries_pkey PRIMARY KEY,
    kind        text        NOT NULL,
    source      text        NOT NULL,
    occurred_at timestamptz NOT NULL,
    CONSTRAINT entries_source_kind_key UNIQUE (source, kind) -- one event is booked once
);

-- Debits are positive, credits negative. No foreign keys: on this path they
-- cost more than the rows; the auditor proves what they would.
CREATE TABLE ledger.postings (
    entry_id   bigint   NOT NULL,
    line       smallint NOT NULL,
    account_id bigint   NOT NULL,
    currency   text     NOT NULL,
    amount     bigint   NOT NULL,
    CONSTRAINT postings_account_key UNIQUE (account_id, entry_id, line)
);
CREATE INDEX postings_entry_idx ON ledger.postings USING brin (entry_id) WITH (pages_per_range = 16);

-- What is pending, by the day on which it matures. Derived, small, mutable:
-- rows vanish when their day has come. Written under the account's row lock.
CREATE TABLE ledger.maturities (
    account_id bigint NOT NULL,
    day        date   NOT NULL,
    amount     bigint NOT NULL,
    CONSTRAINT maturities_pkey PRIMARY KEY (account_id, day)
) WITH (fillfactor = 50);
CREATE INDEX maturities_day_idx ON ledger.maturities (day); -- who is due

-- The lines of account statements.
CREATE TABLE ledger.balance_transactions (
    id           text        NOT NULL CONSTRAINT balance_transactions_pkey PRIMARY KEY,
    account_id   bigint      NOT NULL, -- the pending or available account it was booked on
    account      text        NOT NULL, -- its owner
    livemode     boolean     NOT NULL,
    type         text        NOT NULL,
    currency     text        NOT NULL,
    amount       bigint      NOT NULL,
    fee          bigint      NOT NULL,
    net          bigint      NOT NULL,
    fee_details  jsonb       NOT NULL DEFAULT '[]',
    available_on timestamptz NOT NULL,
    pending      boolean     NOT NULL, -- booked as pending; available once its day has matured
    source       text        NOT NULL,
    description  text        NOT NULL,
    payout       text,
    entry_id     bigint      NOT NULL,
    created_at   timestamptz NOT NULL,
    CONSTRAINT balance_transactions_net_exact CHECK (net = amount - fee)
);
CREATE INDEX balance_transactions_account_idx ON ledger.balance_transactions (account, livemode, id);
CREATE INDEX balance_transactions_source_idx ON ledger.balance_transactions (source);
CREATE INDEX balance_transactions_payout_idx ON ledger.balance_transactions (payout) WHERE payout IS NOT NULL;
-- The lines a payout may take. Two numbers and not the FIFO order itself: every
-- charge writes here, and text keys cost four times as much.
CREATE INDEX balance_transactions_free_idx ON ledger.balance_transactions (account_id, entry_id) WHERE payout IS NULL;
CREATE INDEX balance_transactions_entry_idx ON ledger.balance_transactions USING brin (entry_id) WITH (pages_per_range = 16);

-- Guards. Everything below only refuses.

CREATE FUNCTION ledger.refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% on ledger.% is refused: history is never edited', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation', CONSTRAINT = TG_NAME,
              HINT = 'Post an entry that reverses the wrong one.';
END $$;

CREATE FUNCTION ledger.demand_zero_sum() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    wrong record;
BEGIN
    SELECT entry_id, currency, sum(amount) AS sum INTO wrong
    FROM added GROUP BY entry_id, currency HAVING sum(amount) <> 0 LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'entry % sums to % % instead of zero', wrong.entry_id, wrong.sum, wrong.currency
            USING ERRCODE = 'check_violation', CONSTRAINT = TG_NAME;
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER postings_zero_sum AFTER INSERT ON ledger.postings
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION ledger.demand_zero_sum();

CREATE TRIGGER postings_immutable BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.postings
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse();
CREATE TRIGGER entries_immutable BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.entries
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse();
CREATE TRIGGER accounts_kept BEFORE DELETE OR TRUNCATE ON ledger.accounts
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse();
CREATE TRIGGER batches_kept BEFORE DELETE OR TRUNCATE ON ledger.batches
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse();
CREATE TRIGGER balance_transactions_kept BEFORE DELETE OR TRUNCATE ON ledger.balance_transactions
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse();

CREATE TRIGGER accounts_only_grow BEFORE UPDATE ON ledger.accounts FOR EACH ROW
    WHEN (NEW.debits < OLD.debits OR NEW.credits < OLD.credits OR NEW.version < OLD.version
        OR NEW.matured_through < OLD.matured_through
        OR (OLD.matured_through IS NOT NULL AND NEW.matured_through IS NULL)
        OR (OLD.id, OLD.owner, OLD.livemode, OLD.kind, OLD.currency)
            IS DISTINCT FROM (NEW.id, NEW.owner, NEW.livemode, NEW.kind, NEW.currency))
    EXECUTE FUNCTION ledger.refuse();

CREATE TRIGGER batches_sealed_once BEFORE UPDATE ON ledger.batches FOR EACH ROW
    WHEN (OLD.position IS NOT NULL
        OR (OLD.id, OLD.first_entry, OLD.last_entry, OLD.digest)
            IS DISTINCT FROM (NEW.id, NEW.first_entry, NEW.last_entry, NEW.digest))
    EXECUTE FUNCTION ledger.refuse();

-- Of a statement line only the payout may change: once from none to one, and
-- back to none through ledger.detach.
CREATE TRIGGER balance_transactions_born_free BEFORE INSERT ON ledger.balance_transactions FOR EACH ROW
    WHEN (NEW.payout IS NOT NULL) EXECUTE FUNCTION ledger.refuse();
CREATE TRIGGER balance_transactions_immutable BEFORE UPDATE ON ledger.balance_transactions FOR EACH ROW
    WHEN ((OLD.id, OLD.account_id, OLD.account, OLD.livemode, OLD.type, OLD.currency, OLD.amount, OLD.fee, OLD.net, OLD.fee_details,
           OLD.available_on, OLD.pending, OLD.source, OLD.description, OLD.entry_id, OLD.created_at)
        IS DISTINCT FROM
          (NEW.id, NEW.account_id, NEW.account, NEW.livemode, NEW.type, NEW.currency, NEW.amount, NEW.fee, NEW.net, NEW.fee_details,
           NEW.available_on, NEW.pending, NEW.source, NEW.description, NEW.entry_id, NEW.created_at)
        OR (OLD.payout IS NOT NULL AND OLD.payout IS DISTINCT FROM NEW.payout
            AND OLD.payout IS DISTINCT FROM current_setting('ledger.detaching', true)))
    EXECUTE FUNCTION ledger.refuse();

-- The lines of a payout, its own negative line among them, sum to zero.
CREATE FUNCTION ledger.demand_payout_sum() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    wrong record;
BEGIN
    SELECT payout, sum(net) AS sum INTO wrong
    FROM ledger.balance_transactions
    WHERE payout IN (SELECT payout FROM before UNION SELECT payout FROM after)
    GROUP BY payout HAVING sum(net) <> 0 LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'the lines of payout % sum to % instead of zero', wrong.payout, wrong.sum
            USING ERRCODE = 'check_violation', CONSTRAINT = TG_NAME;
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER balance_transactions_payout_sum AFTER UPDATE ON ledger.balance_transactions
    REFERENCING OLD TABLE AS before NEW TABLE AS after
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.demand_payout_sum();

-- detach frees the lines of a payout that failed or was canceled. What stays
-- with it is its own line and the one that gave the money back.
CREATE FUNCTION ledger.detach(failed text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    changed bigint;
BEGIN
    PERFORM set_config('ledger.detaching', failed, true);
    UPDATE ledger.balance_transactions
    SET payout = CASE WHEN source = failed AND type IN ('payout', 'payout_failure', 'payout_cancel') THEN failed END
    WHERE payout = failed
       OR (source = failed AND payout IS NULL AND type IN ('payout_failure', 'payout_cancel'));
    GET DIAGNOSTICS changed = ROW_COUNT;
    PERFORM set_config('ledger.detaching', '', true);
    RETURN changed;
END $$;
