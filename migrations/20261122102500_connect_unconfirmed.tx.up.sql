-- A booked refund whose end the payer's bank still decides: pending, or succeeded
-- but provisional. The sweeper asks on; the index is empty in quiet times.
ALTER TABLE connect.refunds ADD COLUMN unconfirmed boolean NOT NULL DEFAULT false;
UPDATE connect.refunds SET unconfirmed = true WHERE booked AND status = 'pending';
DROP INDEX connect.refunds_waiting;
CREATE INDEX refunds_unconfirmed ON connect.refunds (id) WHERE unconfirmed;
