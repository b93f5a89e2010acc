-- What a list of payments is narrowed to and few payments are: without these, the
-- newest twenty of a rare kind are found by reading all. A charge that is none of
-- them has no row in any.
CREATE INDEX charges_failed ON connect.charges (account, livemode, id) WHERE status = 'failed';
CREATE INDEX charges_refunded ON connect.charges (account, livemode, id) WHERE amount_refunded > 0;
CREATE INDEX charges_uncaptured ON connect.charges (account, livemode, id) WHERE status = 'succeeded' AND NOT captured AND NOT canceled;
