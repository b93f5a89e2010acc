-- Payouts that are divided among several bank accounts.
ALTER TABLE payouts.payouts
    ADD COLUMN share    bigint NOT NULL DEFAULT 0, -- parts per million of the whole; 0: not divided
    ADD COLUMN siblings text[];                    -- the other parts

-- What is in the balance of a purse for one of its bank accounts: its part of
-- earlier payouts that came back or could not go. Written under the purse's lock.
CREATE TABLE payouts.kept (
    account     text    NOT NULL,
    livemode    boolean NOT NULL,
    currency    text    NOT NULL,
    destination text    NOT NULL,
    amount      bigint  NOT NULL CONSTRAINT kept_amount_not_negative CHECK (amount >= 0), -- minor units
    CONSTRAINT kept_pkey PRIMARY KEY (account, livemode, currency, destination)
);
