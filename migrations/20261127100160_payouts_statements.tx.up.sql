-- What banks say: their files, the statements in them, and every line.

-- One row per file. Its lines count from status 'imported' on, all of them at once.
-- Files that a rail's bank left for us have no platform: they may tell of anybody's payouts.
CREATE TABLE payouts.statement_files (
    id         text        NOT NULL CONSTRAINT statement_files_pkey PRIMARY KEY,
    platform   text        NOT NULL,
    livemode   boolean     NOT NULL,
    rail       text        NOT NULL, -- of the bank, or '': each line's payout tells it
    name       text        NOT NULL,
    format     text        NOT NULL,
    actor      text        NOT NULL, -- the key it was sent with, or ''
    size       bigint      NOT NULL DEFAULT 0,
    sha256     bytea, -- of the content
    status     text        NOT NULL CONSTRAINT statement_files_status_known CHECK (status IN
        ('receiving', 'kept', 'imported', 'quarantined')),
    reason     text        NOT NULL DEFAULT '', -- of the quarantine; never shows what stands in the file
    statements bigint      NOT NULL DEFAULT 0,
    lines      bigint      NOT NULL DEFAULT 0, -- new ones
    known      bigint      NOT NULL DEFAULT 0, -- lines that an earlier file had told
    applied    bigint      NOT NULL DEFAULT 0, -- the last line that payouts have heard of
    done       boolean     NOT NULL DEFAULT false, -- imported, and payouts have heard of every line
    created_at timestamptz NOT NULL,
    ended_at   timestamptz,
    CONSTRAINT statement_files_reason_told CHECK ((status = 'quarantined') = (reason <> '')),
    CONSTRAINT statement_files_hashed CHECK (status = 'receiving' OR (sha256 IS NOT NULL AND length(sha256) = 32))
);
CREATE UNIQUE INDEX statement_files_content_key ON payouts.statement_files (platform, livemode, sha256) WHERE status <> 'receiving'; -- a file counts once
CREATE INDEX statement_files_by_platform ON payouts.statement_files (platform, livemode, id);                                       -- GET /v1/bank_statements
CREATE INDEX statement_files_undone ON payouts.statement_files (created_at) WHERE NOT done AND status <> 'quarantined';             -- what a crash left behind

-- The content of a file in pieces, encrypted.
CREATE TABLE payouts.statement_contents (
    file    text    NOT NULL,
    n       integer NOT NULL,
    content bytea   NOT NULL,
    CONSTRAINT statement_contents_pkey PRIMARY KEY (file, n)
);
ALTER TABLE payouts.statement_contents ALTER COLUMN content SET STORAGE EXTERNAL; -- ciphertext does not compress

-- One row per statement of a file.
CREATE TABLE payouts.statements (
    file           text    NOT NULL,
    number         integer NOT NULL, -- in the file, from 1
    reference      text    NOT NULL, -- the bank's name for it
    kind           text    NOT NULL,
    account        text    NOT NULL, -- its number, encrypted
    account_hash   bytea   NOT NULL, -- the same number has the same
    last4          text    NOT NULL,
    currency       text    NOT NULL,
    first_day      date,
    last_day       date,
    opening        bigint,
    closing        bigint,
    checked        boolean NOT NULL, -- the balances add up
    lines          bigint  NOT NULL,
    pending        bigint  NOT NULL, -- entries that were only announced
    CONSTRAINT statements_pkey PRIMARY KEY (file, number)
);
CREATE INDEX statements_by_account ON payouts.statements (account_hash, currency, last_day); -- what stands before and after a new one

-- One row per line. It is never edited but for its match.
CREATE TABLE payouts.statement_lines (
    id         text    NOT NULL CONSTRAINT statement_lines_pkey PRIMARY KEY,
    file       text    NOT NULL,
    n          bigint  NOT NULL, -- in the file, from 1
    statement  integer NOT NULL, -- 0: a report on an instruction, not a line of an account
    entry      bigint  NOT NULL,
    part       bigint  NOT NULL, -- of an entry for many, from 1; else 0
    external   text    NOT NULL,
    booked     date,
    valued     date,
    amount     bigint  NOT NULL,
    currency   text    NOT NULL,
    end_to_end text    NOT NULL,
    batch      text    NOT NULL,
    trace      text    NOT NULL,
    bank       text    NOT NULL,
    code       text    NOT NULL,
    returned   boolean NOT NULL,
    bank_code  text    NOT NULL, -- of a return, in the bank's words
    remittance bytea   NOT NULL, -- encrypted
    key        bytea   NOT NULL, -- equal for lines that nothing tells apart
    nth        bigint  NOT NULL, -- among those of its file
    status     text    NOT NULL CONSTRAINT statement_lines_status_known CHECK (status IN ('open', 'matched', 'split')),
    reason     text    NOT NULL DEFAULT '', -- why it is open
    payout     text    NOT NULL DEFAULT '', -- what it is matched with
    CONSTRAINT statement_lines_match_told CHECK (status = 'matched' OR payout = '')
);
CREATE UNIQUE INDEX statement_lines_place_key ON payouts.statement_lines (file, n);                    -- a line stands once; the lines of a file in order
CREATE INDEX statement_lines_by_key ON payouts.statement_lines (key);                                  -- what an overlapping file has told before
CREATE INDEX statement_lines_by_payout ON payouts.statement_lines (payout, id) WHERE payout <> '';     -- the bank's side of a payout
CREATE INDEX statement_lines_open ON payouts.statement_lines (id) WHERE status = 'open';               -- what somebody must look at

-- What a line was matched with: once. A later view is a new line of the bank's.
CREATE TABLE payouts.statement_matches (
    line       text        NOT NULL CONSTRAINT statement_matches_pkey PRIMARY KEY,
    payout     text        NOT NULL, -- po_…, or ''
    batch      text        NOT NULL, -- bat_… of a line for a whole file, or ''
    state      text        NOT NULL CONSTRAINT statement_matches_state_known CHECK (state IN ('accepted', 'paid', 'failed')),
    created_at timestamptz NOT NULL,
    CONSTRAINT statement_matches_something CHECK ((payout = '') <> (batch = ''))
);
