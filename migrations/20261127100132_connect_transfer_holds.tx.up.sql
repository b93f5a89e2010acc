-- A transfer may be put on hold: its money stays with the receiver, who cannot
-- spend it. held is how much of it lies on the ledger's held account.
ALTER TABLE connect.transfers
    ADD COLUMN held       bigint NOT NULL DEFAULT 0,
    ADD COLUMN held_until timestamptz, -- released then by itself; null: when somebody says so
    ADD CONSTRAINT transfers_held_of_what_is_left CHECK (held BETWEEN 0 AND amount - amount_reversed),
    ADD CONSTRAINT transfers_held_until_of_hold CHECK (held_until IS NULL OR held > 0);
-- What is due to be released; holds are few among transfers.
CREATE INDEX transfers_to_release ON connect.transfers (livemode, held_until) WHERE held_until IS NOT NULL;
