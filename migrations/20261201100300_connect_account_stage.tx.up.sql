-- What lists of accounts ask for, in a million of them: see connect/account_stage.go.
-- stage and owes repeat what the last event said of the standing; known_as is the
-- name in small letters. All three are written with the account.
ALTER TABLE connect.accounts
    ADD COLUMN stage    text    NOT NULL DEFAULT '',
    ADD COLUMN owes     boolean NOT NULL DEFAULT false,
    ADD COLUMN known_as text    NOT NULL DEFAULT '';

-- Accounts there are learn theirs from the job that tells of deadlines: it has them all to look at once.
UPDATE connect.accounts SET standing_due_at = created_at WHERE closed_at IS NULL AND id <> platform;

-- A platform's accounts of one stage, newest first.
CREATE INDEX accounts_by_stage ON connect.accounts (platform, livemode, stage, id) WHERE closed_at IS NULL AND access <> '';
-- Those that owe something. Most owe nothing.
CREATE INDEX accounts_that_owe ON connect.accounts (platform, livemode, id) WHERE owes AND closed_at IS NULL AND access <> '';
-- The beginning of a name or of an address.
CREATE INDEX accounts_by_name ON connect.accounts (platform, livemode, known_as text_pattern_ops)
    WHERE closed_at IS NULL AND access <> '' AND known_as <> '';
CREATE INDEX accounts_by_email ON connect.accounts (platform, livemode, lower(email) text_pattern_ops)
    WHERE closed_at IS NULL AND access <> '' AND email <> '';
