-- How the receiver of a transfer sees its reversal: a refund pyr_… of its payment
-- py_…, with a statement line of its own.
ALTER TABLE connect.transfer_reversals ADD COLUMN destination_balance_transaction text NOT NULL DEFAULT '';
CREATE INDEX transfer_reversals_by_payment_refund ON connect.transfer_reversals (destination_payment_refund);

-- A booked refund whose end the payer's bank still decides: pending, or succeeded
-- but provisional. The sweeper asks on; the index is empty in quiet times.
ALTER TABLE connect.refunds ADD COLUMN unconfirmed boolean NOT NULL DEFAULT false;
UPDATE connect.refunds SET unconfirmed = true WHERE booked AND status = 'pending';
DROP INDEX connect.refunds_waiting;
CREATE INDEX refunds_unconfirmed ON connect.refunds (id) WHERE unconfirmed;
