-- The lines of a payout, its own negative line among them, sum to zero. Lines are
-- born free, no net ever changes, no line is ever deleted, and a payout starts
-- without lines: its sum is zero as long as every statement takes away from it as
-- much as it gives. So what a statement has touched is enough to refuse it, and
-- nothing is read again: that was most of the time of paying out. `ledger verify`
-- reads all lines.
CREATE OR REPLACE FUNCTION ledger.demand_payout_sum() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    wrong record;
BEGIN
    SELECT payout, sum(net) AS sum INTO wrong
    FROM (SELECT payout, net FROM after UNION ALL SELECT payout, -net FROM before) AS touched
    WHERE payout IS NOT NULL
    GROUP BY payout HAVING sum(net) <> 0 LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'the lines of payout % sum to % instead of zero', wrong.payout, wrong.sum
            USING ERRCODE = 'check_violation', CONSTRAINT = TG_NAME;
    END IF;
    RETURN NULL;
END $$;

-- The guard of a line looks after the row was written instead of before. It refuses
-- the same; but a trigger before an update first locks the row, which writes it once
-- more, and a payout attaches thousands of lines that nothing is wrong with.
DROP TRIGGER balance_transactions_immutable ON ledger.balance_transactions;
CREATE TRIGGER balance_transactions_immutable AFTER UPDATE ON ledger.balance_transactions FOR EACH ROW
    WHEN ((OLD.id, OLD.account_id, OLD.account, OLD.livemode, OLD.type, OLD.currency, OLD.amount, OLD.fee, OLD.net, OLD.fee_details,
           OLD.available_on, OLD.pending, OLD.source, OLD.description, OLD.entry_id, OLD.created_at)
        IS DISTINCT FROM
          (NEW.id, NEW.account_id, NEW.account, NEW.livemode, NEW.type, NEW.currency, NEW.amount, NEW.fee, NEW.net, NEW.fee_details,
           NEW.available_on, NEW.pending, NEW.source, NEW.description, NEW.entry_id, NEW.created_at)
        OR (OLD.payout IS NOT NULL AND OLD.payout IS DISTINCT FROM NEW.payout
            AND OLD.payout IS DISTINCT FROM current_setting('ledger.detaching', true)))
    EXECUTE FUNCTION ledger.refuse();
