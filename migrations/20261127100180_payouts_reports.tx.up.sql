-- Reports of payouts: what was asked for, and the CSV that was made of it.
CREATE TABLE payouts.report_runs (
    id                 text        NOT NULL CONSTRAINT report_runs_pkey PRIMARY KEY,
    platform           text        NOT NULL,
    account            text        NOT NULL,
    livemode           boolean     NOT NULL,
    type               text        NOT NULL,
    -- what it covers
    interval_start     timestamptz,
    interval_end       timestamptz,
    payout             text        NOT NULL DEFAULT '',
    connected_account  text        NOT NULL DEFAULT '',
    currency           text        NOT NULL DEFAULT '',
    reporting_category text        NOT NULL DEFAULT '',
    timezone           text        NOT NULL DEFAULT '',
    columns            text[],
    -- what came of it
    status             text        NOT NULL CONSTRAINT report_runs_status_known CHECK (status IN ('pending', 'succeeded', 'failed')),
    error              text        NOT NULL DEFAULT '',
    file               text        NOT NULL DEFAULT '', -- file_…
    rows               bigint      NOT NULL DEFAULT 0,
    size               bigint      NOT NULL DEFAULT 0, -- bytes of the CSV
    tries              integer     NOT NULL DEFAULT 0, -- that failed
    created_at         timestamptz NOT NULL,
    succeeded_at       timestamptz,
    CONSTRAINT report_runs_file_of_success CHECK ((status = 'succeeded') = (file <> '') AND (status = 'succeeded') = (succeeded_at IS NOT NULL))
);
CREATE INDEX report_runs_by_account ON payouts.report_runs (account, livemode, id);          -- the list of runs
CREATE INDEX report_runs_waiting ON payouts.report_runs (id) WHERE status = 'pending';        -- the maker's work

-- The CSV in pieces, so that it is neither read nor written whole.
CREATE TABLE payouts.report_chunks (
    run     text    NOT NULL,
    place   integer NOT NULL,
    content bytea   NOT NULL,
    CONSTRAINT report_chunks_pkey PRIMARY KEY (run, place),
    CONSTRAINT report_chunks_of_run FOREIGN KEY (run) REFERENCES payouts.report_runs (id)
);

-- Payouts of all accounts of a platform by arrival, for reports and pages of the platform.
CREATE INDEX payouts_by_platform ON payouts.payouts (platform, livemode, arrival_date);
