-- Everything a batch writes, in one round trip. The rows of ledger.accounts
-- are locked by the caller, so the order in which they are updated is free.
WITH batch AS (
    INSERT INTO ledger.batches (id, first_entry, last_entry, digest)
    VALUES ($1::bigint, $2::bigint, $3::bigint, $4::bytea)
), entries AS (
    INSERT INTO ledger.entries (id, kind, source, occurred_at)
    SELECT * FROM unnest($5::bigint[], $6::text[], $7::text[], $8::timestamptz[])
), postings AS (
    INSERT INTO ledger.postings (entry_id, line, account_id, currency, amount)
    SELECT * FROM unnest($9::bigint[], $10::smallint[], $11::bigint[], $12::text[], $13::bigint[])
), lines AS (
    INSERT INTO ledger.balance_transactions (id, account_id, account, livemode, type, currency, amount, fee, net, fee_details,
        available_on, pending, source, description, entry_id, created_at)
    SELECT id, account_id, account, livemode, type, currency, amount, fee, amount - fee, fee_details::jsonb,
        available_on, pending, source, description, entry_id, created_at
    FROM unnest($14::text[], $15::bigint[], $16::text[], $17::boolean[], $18::text[], $19::text[], $20::bigint[], $21::bigint[],
        $22::text[], $23::timestamptz[], $24::boolean[], $25::text[], $26::text[], $27::bigint[], $28::timestamptz[])
        AS l (id, account_id, account, livemode, type, currency, amount, fee, fee_details,
            available_on, pending, source, description, entry_id, created_at)
), maturing AS (
    INSERT INTO ledger.maturities (account_id, day, amount)
    SELECT * FROM unnest($29::bigint[], $30::date[], $31::bigint[])
    ON CONFLICT ON CONSTRAINT maturities_pkey DO UPDATE SET amount = maturities.amount + excluded.amount
)
UPDATE ledger.accounts a
SET debits = a.debits + d.debits, credits = a.credits + d.credits, version = a.version + d.postings
FROM unnest($32::bigint[], $33::bigint[], $34::bigint[], $35::bigint[]) AS d (id, debits, credits, postings)
WHERE a.id = d.id
