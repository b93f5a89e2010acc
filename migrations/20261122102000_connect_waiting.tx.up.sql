-- Attempts that wait for their payer, and refunds that wait for the payer's bank: what the
-- sweeper asks the processor about although no request of ours is open.
CREATE INDEX charges_waiting ON connect.charges (begun_at) WHERE status = 'requires_action' AND NOT canceled;
CREATE INDEX refunds_waiting ON connect.refunds (begun_at) WHERE booked AND status = 'pending';
