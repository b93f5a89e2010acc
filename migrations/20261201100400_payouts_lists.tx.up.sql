-- A platform lists the payouts of all its accounts, newest first, and those in one state.
CREATE INDEX payouts_of_platform ON payouts.payouts (platform, livemode, id);
CREATE INDEX payouts_by_status ON payouts.payouts (platform, livemode, status, id);
-- What a bank's statement names, looked for.
CREATE INDEX payouts_by_trace ON payouts.payouts (trace_id) WHERE trace_id <> '';
-- The line of a statement that paid a whole file.
CREATE INDEX statement_matches_by_batch ON payouts.statement_matches (batch) WHERE batch <> '';
