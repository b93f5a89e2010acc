-- When a purse is looked at next, in the account's own time zone, and from when on
-- its paydays have not been decided.
ALTER TABLE payouts.dues
    ADD COLUMN decide_at timestamptz,
    ADD COLUMN since     timestamptz;
UPDATE payouts.dues SET decide_at = decide_from::timestamp AT TIME ZONE 'UTC', since = decide_from::timestamp AT TIME ZONE 'UTC';
ALTER TABLE payouts.dues ALTER COLUMN decide_at SET NOT NULL, ALTER COLUMN since SET NOT NULL;
DROP INDEX payouts.dues_to_decide;
ALTER TABLE payouts.dues DROP COLUMN decide_from;
CREATE INDEX dues_to_decide ON payouts.dues (livemode, decide_at, account, currency); -- the scheduler's work
CREATE INDEX dues_by_platform ON payouts.dues (platform, livemode, account); -- previews, and runs by hand

-- The automatic payouts of a platform and a UTC day. Its id follows from platform, mode and day.
CREATE TABLE payouts.pay_runs (
    id         text        NOT NULL CONSTRAINT pay_runs_pkey PRIMARY KEY,
    platform   text        NOT NULL,
    livemode   boolean     NOT NULL,
    day        date        NOT NULL,
    created_at timestamptz NOT NULL,
    last_at    timestamptz NOT NULL, -- when something was added last
    CONSTRAINT pay_runs_day_key UNIQUE (platform, livemode, day)
);

-- What a run has made in a currency, and why it left purses out; reason '' is what was made.
CREATE TABLE payouts.pay_run_counts (
    run      text   NOT NULL,
    reason   text   NOT NULL,
    currency text   NOT NULL,
    count    bigint NOT NULL,
    amount   bigint NOT NULL, -- minor units
    CONSTRAINT pay_run_counts_pkey PRIMARY KEY (run, reason, currency),
    CONSTRAINT pay_run_counts_of_run FOREIGN KEY (run) REFERENCES payouts.pay_runs (id)
);
CREATE INDEX payouts_by_run ON payouts.payouts (run, id) WHERE run <> ''; -- the payouts of a run
