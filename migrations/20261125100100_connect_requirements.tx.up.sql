-- Persons behind accounts, what identifies them, what was verified about them and
-- who has to look again. Standing itself is never stored: it is derived.

CREATE TABLE connect.persons (
    id         text        NOT NULL,
    account    text        NOT NULL,
    livemode   boolean     NOT NULL,
    individual boolean     NOT NULL,
    person     jsonb       NOT NULL,
    created_at timestamptz NOT NULL,
    deleted_at timestamptz,
    version    bigint      NOT NULL,
    CONSTRAINT persons_pkey PRIMARY KEY (id),
    CONSTRAINT persons_account_fkey FOREIGN KEY (account) REFERENCES connect.accounts (id)
);
-- An account's persons, newest first.
CREATE INDEX persons_by_account ON connect.persons (account, id) WHERE deleted_at IS NULL;
-- An account has one individual.
CREATE UNIQUE INDEX persons_one_individual ON connect.persons (account) WHERE individual AND deleted_at IS NULL;

-- The individuals there are become persons. No event told of them: their first will be version 1.
INSERT INTO connect.persons (id, account, livemode, individual, person, created_at, version)
SELECT individual ->> 'id', id, COALESCE(livemode, false), true,
    individual || '{"relationship": {"representative": true}, "verification": {"status": "unverified"}}', created_at, 0
FROM connect.accounts WHERE individual <> 'null';
ALTER TABLE connect.accounts DROP COLUMN individual;

-- strict_requirements: hold a test account to the rules of live ones.
-- checks: how the verification of each subject stands, see connect/check.go.
-- standing_at: as of when the last event told the standing; standing_due_at: when it will change
-- although nobody does anything (a deadline); rules: the newest rules known at standing_at.
ALTER TABLE connect.accounts
    ADD COLUMN strict_requirements boolean     NOT NULL DEFAULT false,
    ADD COLUMN checks              jsonb       NOT NULL DEFAULT '{}',
    ADD COLUMN standing_at         timestamptz,
    ADD COLUMN standing_due_at     timestamptz,
    ADD COLUMN rules               text        NOT NULL DEFAULT '';
-- The job that tells of deadlines: the accounts whose time has come. Most have no deadline.
CREATE INDEX accounts_standing_due ON connect.accounts (standing_due_at) WHERE standing_due_at IS NOT NULL AND closed_at IS NULL;
-- The same job after new rules: accounts that have not heard of them. Only those bound by rules are asked for.
CREATE INDEX accounts_by_rules ON connect.accounts (rules, id)
    WHERE closed_at IS NULL AND (livemode OR strict_requirements);

-- Identity and registration numbers. sealed opens with the keyring, for the verifier alone, and is
-- erased when the subject was verified or the account closed; mark is a keyed hash that stays.
CREATE TABLE connect.identity_numbers (
    account  text    NOT NULL,
    subject  text    NOT NULL,
    kind     text    NOT NULL,
    platform text    NOT NULL,
    livemode boolean NOT NULL,
    mark     text    NOT NULL,
    sealed   text    NOT NULL DEFAULT '',
    CONSTRAINT identity_numbers_pkey PRIMARY KEY (account, subject, kind),
    CONSTRAINT identity_numbers_account_fkey FOREIGN KEY (account) REFERENCES connect.accounts (id)
);
-- Who else of this platform has the same number.
CREATE INDEX identity_numbers_by_mark ON connect.identity_numbers (platform, livemode, mark);
-- Which other accounts are paid to the same bank account.
CREATE INDEX external_accounts_by_fingerprint ON connect.external_accounts (fingerprint, livemode) WHERE deleted_at IS NULL;

-- One question to a verifier about one subject. digest is a keyed hash of what was asked about.
CREATE TABLE connect.verification_checks (
    id         text        NOT NULL,
    account    text        NOT NULL,
    platform   text        NOT NULL,
    livemode   boolean     NOT NULL,
    subject    text        NOT NULL,
    digest     text        NOT NULL,
    status     text        NOT NULL,
    provider   text        NOT NULL DEFAULT '',
    reference  text        NOT NULL DEFAULT '',
    revision   bigint      NOT NULL DEFAULT 0,
    attempts   integer     NOT NULL DEFAULT 0,
    next_at    timestamptz,
    created_at timestamptz NOT NULL,
    CONSTRAINT verification_checks_pkey PRIMARY KEY (id),
    CONSTRAINT verification_checks_account_fkey FOREIGN KEY (account) REFERENCES connect.accounts (id),
    CONSTRAINT verification_checks_status CHECK (status IN ('queued', 'pending', 'done', 'expired')),
    CONSTRAINT verification_checks_waits CHECK ((next_at IS NULL) = (status IN ('done', 'expired')))
);
-- The job that starts and polls: checks whose time has come. next_at is also the lease of a running one.
CREATE INDEX verification_checks_due ON connect.verification_checks (livemode, next_at) WHERE next_at IS NOT NULL;
-- A subject's checks, for superseding the open one.
CREATE INDEX verification_checks_by_account ON connect.verification_checks (account, subject, id);

-- What verifiers answered, word for word as far as it is no personal data. Never changed.
CREATE TABLE connect.verification_evidence (
    "check"     text        NOT NULL,
    revision    bigint      NOT NULL,
    provider    text        NOT NULL,
    version     text        NOT NULL,
    reference   text        NOT NULL,
    status      text        NOT NULL,
    outcomes    jsonb       NOT NULL,
    received_at timestamptz NOT NULL,
    CONSTRAINT verification_evidence_pkey PRIMARY KEY ("check", revision),
    CONSTRAINT verification_evidence_check_fkey FOREIGN KEY ("check") REFERENCES connect.verification_checks (id)
);
CREATE FUNCTION connect.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER verification_evidence_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON connect.verification_evidence
    FOR EACH STATEMENT EXECUTE FUNCTION connect.refuse_change();

-- What a human being has to look at. Approving needs two: requested_by and decided_by differ.
CREATE TABLE connect.verification_reviews (
    id           text        NOT NULL,
    account      text        NOT NULL,
    platform     text        NOT NULL,
    livemode     boolean     NOT NULL,
    subject      text        NOT NULL,
    kind         text        NOT NULL,
    mark         text        NOT NULL DEFAULT '',
    duplicates   jsonb       NOT NULL DEFAULT '[]',
    status       text        NOT NULL,
    requested_by text        NOT NULL DEFAULT '',
    request_note text        NOT NULL DEFAULT '',
    decided_by   text        NOT NULL DEFAULT '',
    reason       text        NOT NULL DEFAULT '',
    created_at   timestamptz NOT NULL,
    decided_at   timestamptz,
    CONSTRAINT verification_reviews_pkey PRIMARY KEY (id),
    CONSTRAINT verification_reviews_account_fkey FOREIGN KEY (account) REFERENCES connect.accounts (id),
    CONSTRAINT verification_reviews_status CHECK (status IN ('open', 'approval_requested', 'approved', 'rejected', 'canceled')),
    CONSTRAINT verification_reviews_four_eyes CHECK (status <> 'approved' OR requested_by <> '' AND requested_by <> decided_by),
    CONSTRAINT verification_reviews_decided CHECK ((decided_at IS NULL) = (status IN ('open', 'approval_requested')))
);
-- GET /v1/verification_reviews: a platform's reviews of one mode, newest first.
CREATE INDEX verification_reviews_by_platform ON connect.verification_reviews (platform, livemode, id);
-- A subject's earlier decisions.
CREATE INDEX verification_reviews_by_account ON connect.verification_reviews (account, subject, mark);
