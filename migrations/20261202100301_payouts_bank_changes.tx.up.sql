-- What banks say is out of date in bank accounts, until two people have decided.
CREATE TABLE payouts.bank_changes (
    id          text        NOT NULL CONSTRAINT bank_changes_pkey PRIMARY KEY,
    platform    text        NOT NULL,
    account     text        NOT NULL,
    livemode    boolean     NOT NULL,
    payout      text        NOT NULL, -- that the bank spoke of
    destination text        NOT NULL,
    code        text        NOT NULL, -- the bank's
    details     bytea       NOT NULL, -- encrypted
    status      text        NOT NULL CONSTRAINT bank_changes_status_known CHECK (status IN ('pending', 'accepted', 'refused', 'obsolete')),
    first_by    text        NOT NULL, -- '' while nobody has accepted it
    decided_by  text        NOT NULL, -- '' while it waits
    decided_at  timestamptz,
    replacement text        NOT NULL,
    said_at     date        NOT NULL,
    apply_by    date        NOT NULL,
    created_at  timestamptz NOT NULL,
    version     bigint      NOT NULL,
    CONSTRAINT bank_changes_decided CHECK ((status = 'pending') = (decided_at IS NULL)),
    CONSTRAINT bank_changes_by_two CHECK (status <> 'accepted' OR first_by <> '' AND decided_by <> first_by)
);
CREATE INDEX bank_changes_by_platform ON payouts.bank_changes (platform, livemode, id);
CREATE INDEX bank_changes_waiting ON payouts.bank_changes (account, livemode, destination) WHERE status = 'pending';

-- What people said of them, and what they tried to say: refusal is why it does not count.
CREATE TABLE payouts.bank_change_opinions (
    id       text        NOT NULL CONSTRAINT bank_change_opinions_pkey PRIMARY KEY,
    change   text        NOT NULL,
    platform text        NOT NULL,
    actor    text        NOT NULL CONSTRAINT bank_change_opinions_actor_given CHECK (actor <> ''),
    decision text        NOT NULL CONSTRAINT bank_change_opinions_decision_known CHECK (decision IN ('approve', 'refuse')),
    refusal  text        NOT NULL,
    at       timestamptz NOT NULL
);
CREATE INDEX bank_change_opinions_by_change ON payouts.bank_change_opinions (change, id);

-- The line of a file that brought one moves no payout. Rows that are there are of the old kinds.
ALTER TABLE payouts.statement_matches DROP CONSTRAINT statement_matches_state_known;
ALTER TABLE payouts.statement_matches ADD CONSTRAINT statement_matches_state_known
    CHECK (state IN ('accepted', 'paid', 'failed', 'noticed')) NOT VALID;
