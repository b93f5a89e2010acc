-- How the receiver of a transfer sees its reversal: a refund pyr_… of its payment
-- py_…, with a statement line of its own.
ALTER TABLE connect.transfer_reversals ADD COLUMN destination_balance_transaction text NOT NULL DEFAULT '';
CREATE INDEX transfer_reversals_by_payment_refund ON connect.transfer_reversals (destination_payment_refund);
