-- What each account's statement did on each UTC day, by type of line: derived from
-- the lines, added up behind the chain of sealed batches, and kept small so that a
-- quarter of a marketplace is read in milliseconds. Two types are no lines:
-- 'processed' and 'processed_refund' are what a platform's processor took and gave
-- back, whichever account the payment lives on.
CREATE TABLE ledger.daily_totals (
    account  text    NOT NULL,
    livemode boolean NOT NULL,
    currency text    NOT NULL,
    day      date    NOT NULL,
    type     text    NOT NULL,
    count    bigint  NOT NULL,
    amount   bigint  NOT NULL,
    fee      bigint  NOT NULL,
    cost     bigint  NOT NULL, -- the part of fee that the processor keeps
    net      bigint  NOT NULL,
    CONSTRAINT daily_totals_pkey PRIMARY KEY (account, livemode, day, currency, type),
    CONSTRAINT daily_totals_net_exact CHECK (net = amount - fee)
) WITH (fillfactor = 70);

-- How far the chain is added up. One row; who adds up holds its lock.
CREATE TABLE ledger.daily_mark (
    single   boolean NOT NULL DEFAULT true CONSTRAINT daily_mark_pkey PRIMARY KEY,
    position bigint  NOT NULL,
    CONSTRAINT daily_mark_single CHECK (single)
);
INSERT INTO ledger.daily_mark (position) VALUES (0);

-- Whoever reads a few entries out of many reads what these have not summarized yet
-- row by row: a full range is summarized soon after it was filled.
ALTER INDEX ledger.postings_entry_idx SET (autosummarize = on);
ALTER INDEX ledger.balance_transactions_entry_idx SET (autosummarize = on);
