-- Money of transfers on hold has a kind of its own, so that neither a payout nor
-- a transfer can take it. Postings of the new kind come only after this.
ALTER TABLE ledger.accounts DROP CONSTRAINT accounts_kind_known;
ALTER TABLE ledger.accounts ADD CONSTRAINT accounts_kind_known CHECK (kind IN
    ('pending', 'available', 'reserved', 'held', 'in_transit', 'processor_clearing', 'processor_fees', 'bank'));
