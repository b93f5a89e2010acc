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
