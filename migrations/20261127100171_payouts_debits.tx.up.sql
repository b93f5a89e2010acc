-- What an account owes is taken from its bank account once a day at most.
CREATE TABLE payouts.debits (
    account  text    NOT NULL,
    livemode boolean NOT NULL,
    currency text    NOT NULL,
    day      date    NOT NULL, -- UTC
    payout   text    NOT NULL, -- the one with the negative amount
    CONSTRAINT debits_pkey PRIMARY KEY (account, livemode, currency, day)
);
-- What became of the last debit of a purse.
CREATE INDEX payouts_debits_of ON payouts.payouts (account, livemode, currency, id) WHERE amount < 0;
