-- What an account's totals were after every thousandth or so of its postings, so that
-- its balance at any instant costs a look here and at a few postings. Derived and
-- written in the background; the auditor proves it.
CREATE TABLE ledger.checkpoints (
    account_id bigint      NOT NULL,
    entry_id   bigint      NOT NULL, -- the last entry that is counted
    postings   bigint      NOT NULL, -- totals from the account's first posting to here
    debits     bigint      NOT NULL,
    credits    bigint      NOT NULL,
    earliest   timestamptz NOT NULL, -- when the first of the entries since the checkpoint before occurred
    latest     timestamptz NOT NULL, -- nothing up to here occurred later
    CONSTRAINT checkpoints_pkey PRIMARY KEY (account_id, entry_id)
);
CREATE INDEX checkpoints_by_time ON ledger.checkpoints (account_id, latest, entry_id); -- from an instant to a place
CREATE TRIGGER checkpoints_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.checkpoints
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse();

-- When the whole ledger was proved, and what came of it.
CREATE TABLE ledger.verifications (
    id           text        NOT NULL CONSTRAINT verifications_pkey PRIMARY KEY, -- lver_…
    platform     text        NOT NULL, -- who asked
    livemode     boolean     NOT NULL,
    actor        text        NOT NULL, -- the key that asked
    status       text        NOT NULL CONSTRAINT verifications_status_known CHECK (status IN ('pending', 'running', 'passed', 'failed')),
    done         bigint      NOT NULL DEFAULT 0, -- batches read
    total        bigint      NOT NULL DEFAULT 0, -- of so many
    entries      bigint      NOT NULL DEFAULT 0,
    postings     bigint      NOT NULL DEFAULT 0,
    sealed       bigint      NOT NULL DEFAULT 0, -- links of the chain that were followed
    findings     jsonb       NOT NULL DEFAULT '[]',
    requested_at timestamptz NOT NULL,
    finished_at  timestamptz,
    CONSTRAINT verifications_finished CHECK ((status IN ('passed', 'failed')) = (finished_at IS NOT NULL))
);
CREATE INDEX verifications_by_platform ON ledger.verifications (platform, livemode, id);
-- One waits or runs at a time for a platform: who asks again gets that one.
CREATE UNIQUE INDEX verifications_unfinished_key ON ledger.verifications (platform, livemode) WHERE finished_at IS NULL;
