-- What people may say of payouts before they leave: holds, the platform's policy,
-- and approvals by two of them.
ALTER TABLE payouts.payouts
    ADD COLUMN created_by text NOT NULL DEFAULT ''; -- who made a payout by hand: never one of those who approve it
-- What a platform has paid out today, for daily limits. Rows come in order of
-- time, so ranges of pages will do, and platforms without limits pay next to nothing.
CREATE INDEX payouts_made_at ON payouts.payouts USING brin (created_at);

CREATE TABLE payouts.holds (
    id          text        NOT NULL CONSTRAINT holds_pkey PRIMARY KEY,
    platform    text        NOT NULL,
    livemode    boolean     NOT NULL,
    account     text        NOT NULL, -- nothing of it leaves, or
    payout      text        NOT NULL, -- only this payout of it does not; '' is the whole account
    reason      text        NOT NULL CONSTRAINT holds_reason_given CHECK (reason <> ''),
    created_by  text        NOT NULL,
    created_at  timestamptz NOT NULL,
    expires_at  timestamptz,          -- null: until somebody releases it
    released_at timestamptz,
    released_by text        NOT NULL, -- '' while it stands
    version     bigint      NOT NULL,
    CONSTRAINT holds_released_by_somebody CHECK ((released_at IS NULL) = (released_by = ''))
);
CREATE INDEX holds_by_platform ON payouts.holds (platform, livemode, id);                       -- GET /v1/payout_holds
CREATE INDEX holds_standing ON payouts.holds (account, livemode) WHERE released_at IS NULL;    -- the scheduler's question
CREATE INDEX holds_expiring ON payouts.holds (livemode, id) WHERE released_at IS NULL AND expires_at IS NOT NULL;

-- One row per platform and mode, from the first time it says something. Whoever
-- makes payouts under a daily limit holds the row until commit, so that the sum
-- of the day is exact.
CREATE TABLE payouts.policies (
    platform          text        NOT NULL,
    livemode          boolean     NOT NULL,
    id                text        NOT NULL CONSTRAINT policies_id_key UNIQUE,
    rules             jsonb       NOT NULL,
    updated_at        timestamptz NOT NULL,
    version           bigint      NOT NULL,
    CONSTRAINT policies_pkey PRIMARY KEY (platform, livemode)
);

-- Every change of a policy, also those that wait for a second actor or were refused.
CREATE TABLE payouts.policy_changes (
    id           text        NOT NULL CONSTRAINT policy_changes_pkey PRIMARY KEY,
    platform     text        NOT NULL,
    livemode     boolean     NOT NULL,
    status       text        NOT NULL CONSTRAINT policy_changes_status_known CHECK (status IN ('applied', 'pending', 'refused', 'superseded')),
    patch        jsonb       NOT NULL, -- what was asked for
    before       jsonb       NOT NULL, -- the rules when it was asked, or when it was applied
    after        jsonb       NOT NULL,
    requested_by text        NOT NULL,
    requested_at timestamptz NOT NULL,
    decided_by   text        NOT NULL, -- '' while it waits
    decided_at   timestamptz,
    CONSTRAINT policy_changes_decided CHECK ((status = 'pending') = (decided_at IS NULL))
);
CREATE INDEX policy_changes_by_platform ON payouts.policy_changes (platform, livemode, id);
CREATE UNIQUE INDEX policy_changes_one_waits ON payouts.policy_changes (platform, livemode) WHERE status = 'pending';

-- What people said of payouts, and what they tried to say: refusal is why it does not count.
CREATE TABLE payouts.approvals (
    id       text        NOT NULL CONSTRAINT approvals_pkey PRIMARY KEY,
    payout   text        NOT NULL,
    platform text        NOT NULL,
    livemode boolean     NOT NULL,
    actor    text        NOT NULL CONSTRAINT approvals_actor_given CHECK (actor <> ''),
    decision text        NOT NULL CONSTRAINT approvals_decision_known CHECK (decision IN ('approve', 'refuse')),
    refusal  text        NOT NULL,
    reason   text        NOT NULL,
    at       timestamptz NOT NULL
);
CREATE INDEX approvals_by_payout ON payouts.approvals (payout, id);
-- One actor counts once, whatever runs at the same time.
CREATE UNIQUE INDEX approvals_once ON payouts.approvals (payout, actor) WHERE decision = 'approve' AND refusal = '';
