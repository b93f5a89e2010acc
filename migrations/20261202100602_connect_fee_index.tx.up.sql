-- The list of fees by charge asked for "charge or originating transaction", which an index on one of them cannot answer. It
-- goes by the charge's and the payment's own keys now, and fees need not be written into an index that nothing reads.
DROP INDEX connect.application_fees_by_charge;
