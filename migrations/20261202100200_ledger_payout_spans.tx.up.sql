-- A payout of everything takes a span of each of the purse's accounts: all lines
-- from where the payout before stopped up to its own. So it writes two narrow rows
-- instead of every line it consists of. A payout of a part goes on naming its lines
-- one by one, in balance_transactions.payout.
--
-- balance_transactions.payout is from here on
--   null   nobody has said anything: in the payout whose span the line lies in, or free
--   ''     released by a payout that failed: free, whatever span it lies in
--   po_…   in this payout.
-- What was written before keeps its meaning: no line is touched here.

-- The place of a line in its account: its day on a pending account, its entry on an
-- available one. Both only grow: money for a day that has matured is booked as
-- available, and entries are numbered under the account's lock. So what lies up to a
-- place is complete.
CREATE FUNCTION ledger.place_of(pending boolean, available_on timestamptz, entry_id bigint) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT CASE WHEN pending THEN ((available_on AT TIME ZONE 'UTC')::date - DATE '1970-01-01')::bigint ELSE entry_id END $$;

CREATE TABLE ledger.payout_spans (
    account_id bigint NOT NULL,
    after      bigint NOT NULL, -- the first place is behind this one
    through    bigint NOT NULL, -- the last place
    payout     text   NOT NULL CONSTRAINT payout_spans_payout_given CHECK (payout <> ''),
    CONSTRAINT payout_spans_pkey PRIMARY KEY (account_id, through),
    CONSTRAINT payout_spans_forward CHECK (after < through)
);
CREATE INDEX payout_spans_payout_idx ON ledger.payout_spans (payout); -- the lines of a payout

-- The lines of a span, and those a payout may take. It is as narrow as the index it
-- replaces: every charge writes here.
CREATE INDEX balance_transactions_place_idx ON ledger.balance_transactions
    (account_id, ledger.place_of(pending, available_on, entry_id)) WHERE payout IS NULL;
DROP INDEX ledger.balance_transactions_free_idx;
CREATE INDEX balance_transactions_released_idx ON ledger.balance_transactions (account_id) WHERE payout = '';

-- The lines that are in payouts, found by payout.
CREATE VIEW ledger.payout_lines AS
SELECT t.id, t.account_id, t.account, t.livemode, t.type, t.currency, t.amount, t.fee, t.net, t.fee_details,
    t.available_on, t.pending, t.source, t.description, t.payout, t.entry_id, t.created_at
FROM ledger.balance_transactions t WHERE t.payout IS NOT NULL AND t.payout <> ''
UNION ALL
SELECT t.id, t.account_id, t.account, t.livemode, t.type, t.currency, t.amount, t.fee, t.net, t.fee_details,
    t.available_on, t.pending, t.source, t.description, s.payout, t.entry_id, t.created_at
FROM ledger.payout_spans s JOIN ledger.balance_transactions t ON t.account_id = s.account_id AND t.payout IS NULL
    AND ledger.place_of(t.pending, t.available_on, t.entry_id) > s.after
    AND ledger.place_of(t.pending, t.available_on, t.entry_id) <= s.through;

-- All lines, each with the payout it is in, or null. Not for finding the lines of a payout.
CREATE VIEW ledger.statement_lines AS
SELECT t.id, t.account_id, t.account, t.livemode, t.type, t.currency, t.amount, t.fee, t.net, t.fee_details,
    t.available_on, t.pending, t.source, t.description,
    CASE WHEN t.payout IS NOT NULL THEN nullif(t.payout, '') ELSE (
        SELECT CASE WHEN s.after < ledger.place_of(t.pending, t.available_on, t.entry_id) THEN s.payout END
        FROM ledger.payout_spans s
        WHERE s.account_id = t.account_id AND s.through >= ledger.place_of(t.pending, t.available_on, t.entry_id)
        ORDER BY s.through LIMIT 1) END AS payout,
    t.entry_id, t.created_at
FROM ledger.balance_transactions t;

-- The lines that a payout of a purse may take: available, and in no payout.
CREATE VIEW ledger.free_lines AS
SELECT a.owner AS account, a.livemode, a.currency, t.id, t.type, t.net, t.source, t.available_on
FROM ledger.accounts a
LEFT JOIN LATERAL (SELECT s.through FROM ledger.payout_spans s WHERE s.account_id = a.id ORDER BY s.through DESC LIMIT 1) AS taken ON true
CROSS JOIN LATERAL (
    SELECT t.id, t.type, t.net, t.source, t.available_on FROM ledger.balance_transactions t
    WHERE t.account_id = a.id AND t.payout IS NULL
        AND ledger.place_of(t.pending, t.available_on, t.entry_id) > coalesce(taken.through, 0)
        AND ledger.place_of(t.pending, t.available_on, t.entry_id) <=
            CASE WHEN a.kind = 'available' THEN 9223372036854775807 ELSE a.matured_through - DATE '1970-01-01' END
    UNION ALL
    SELECT t.id, t.type, t.net, t.source, t.available_on FROM ledger.balance_transactions t
    WHERE t.account_id = a.id AND t.payout = ''
        AND (a.kind = 'available' OR (t.available_on AT TIME ZONE 'UTC')::date <= a.matured_through)
) AS t
WHERE a.kind IN ('pending', 'available');

-- Guards. They find rows by index whatever the statistics say: their plans are kept
-- while tables grow.

-- A line is born free: in no payout, and behind every span of its account.
DROP TRIGGER balance_transactions_born_free ON ledger.balance_transactions;
CREATE FUNCTION ledger.demand_free_line() RETURNS trigger LANGUAGE plpgsql
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
BEGIN
    IF EXISTS (
        SELECT FROM added a WHERE a.payout IS NOT NULL
            OR ledger.place_of(a.pending, a.available_on, a.entry_id) <=
                (SELECT s.through FROM ledger.payout_spans s WHERE s.account_id = a.account_id ORDER BY s.through DESC LIMIT 1)
    ) THEN
        RAISE EXCEPTION 'a new line would be in a payout that has been made'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = TG_NAME;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER balance_transactions_born_free AFTER INSERT ON ledger.balance_transactions
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION ledger.demand_free_line();

-- A line may be given to a payout while it is free, and is released only by
-- ledger.detach. It never forgets either.
DROP TRIGGER balance_transactions_immutable ON ledger.balance_transactions;
CREATE TRIGGER balance_transactions_immutable AFTER UPDATE ON ledger.balance_transactions FOR EACH ROW
    WHEN ((OLD.id, OLD.account_id, OLD.account, OLD.livemode, OLD.type, OLD.currency, OLD.amount, OLD.fee, OLD.net, OLD.fee_details,
           OLD.available_on, OLD.pending, OLD.source, OLD.description, OLD.entry_id, OLD.created_at)
        IS DISTINCT FROM
          (NEW.id, NEW.account_id, NEW.account, NEW.livemode, NEW.type, NEW.currency, NEW.amount, NEW.fee, NEW.net, NEW.fee_details,
           NEW.available_on, NEW.pending, NEW.source, NEW.description, NEW.entry_id, NEW.created_at)
        OR (OLD.payout IS NOT NULL AND NEW.payout IS NULL)
        OR (OLD.payout <> '' AND OLD.payout IS DISTINCT FROM NEW.payout
            AND OLD.payout IS DISTINCT FROM current_setting('ledger.detaching', true)))
    EXECUTE FUNCTION ledger.refuse();

-- The lines of a payout, its own negative line among them, sum to zero: what a
-- statement names or spans adds up to nothing, as 20261127100190 explains. Nor is a
-- line in two: spans of an account do not overlap, and no line in one is named.
CREATE OR REPLACE FUNCTION ledger.demand_payout_sum() RETURNS trigger LANGUAGE plpgsql
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
    wrong record;
BEGIN
    PERFORM FROM ledger.accounts WHERE id IN (SELECT account_id FROM before) ORDER BY id FOR NO KEY UPDATE; -- against new spans
    SELECT payout, sum(net) AS sum INTO wrong
    FROM (SELECT payout, net FROM after UNION ALL SELECT payout, -net FROM before) AS touched
    WHERE payout <> ''
    GROUP BY payout HAVING sum(net) <> 0 LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'the lines of payout % sum to % instead of zero', wrong.payout, wrong.sum
            USING ERRCODE = 'check_violation', CONSTRAINT = TG_NAME;
    END IF;
    SELECT s.payout INTO wrong
    FROM before b CROSS JOIN LATERAL (
        SELECT s.after, s.payout FROM ledger.payout_spans s
        WHERE s.account_id = b.account_id AND s.through >= ledger.place_of(b.pending, b.available_on, b.entry_id)
        ORDER BY s.through LIMIT 1
    ) AS s
    WHERE b.payout IS NULL AND s.after < ledger.place_of(b.pending, b.available_on, b.entry_id)
        AND s.payout IS DISTINCT FROM current_setting('ledger.detaching', true) LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'a line is in payout % already', wrong.payout
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'balance_transactions_in_one_payout';
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION ledger.demand_span() RETURNS trigger LANGUAGE plpgsql
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
    wrong record;
BEGIN
    PERFORM FROM ledger.accounts WHERE id IN (SELECT account_id FROM added) ORDER BY id FOR NO KEY UPDATE; -- against other spans
    SELECT n.payout, s.payout AS other INTO wrong
    FROM added n JOIN ledger.payout_spans s ON s.account_id = n.account_id AND s.through > n.after
    WHERE s.through <> n.through AND s.after < n.through LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'payouts % and % would share lines', wrong.payout, wrong.other
            USING ERRCODE = 'exclusion_violation', CONSTRAINT = 'payout_spans_apart';
    END IF;
    SELECT s.payout, sum(t.net) AS sum INTO wrong
    FROM added s JOIN ledger.balance_transactions t ON t.account_id = s.account_id AND t.payout IS NULL
        AND ledger.place_of(t.pending, t.available_on, t.entry_id) > s.after
        AND ledger.place_of(t.pending, t.available_on, t.entry_id) <= s.through
    GROUP BY s.payout HAVING sum(t.net) <> 0 LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'the lines of payout % sum to % instead of zero', wrong.payout, wrong.sum
            USING ERRCODE = 'check_violation', CONSTRAINT = TG_NAME;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER payout_spans_sum AFTER INSERT ON ledger.payout_spans
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION ledger.demand_span();
CREATE TRIGGER payout_spans_immutable BEFORE UPDATE OR TRUNCATE ON ledger.payout_spans
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse();
CREATE TRIGGER payout_spans_kept BEFORE DELETE ON ledger.payout_spans FOR EACH ROW
    WHEN (OLD.payout IS DISTINCT FROM current_setting('ledger.detaching', true)) EXECUTE FUNCTION ledger.refuse();

-- detach frees the lines of a payout that failed or was canceled: by name, so that
-- they stay free in whatever span they lie. What stays with the payout is its own
-- line and the one that gave the money back.
CREATE OR REPLACE FUNCTION ledger.detach(failed text) RETURNS bigint LANGUAGE plpgsql
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
    changed bigint;
BEGIN
    PERFORM set_config('ledger.detaching', failed, true);
    UPDATE ledger.balance_transactions
    SET payout = CASE WHEN source = failed AND type IN ('payout', 'payout_failure', 'payout_cancel') THEN failed ELSE '' END
    WHERE id IN (
        SELECT id FROM ledger.payout_lines WHERE payout = failed
        UNION ALL
        SELECT id FROM ledger.balance_transactions
        WHERE source = failed AND payout IS NULL AND type IN ('payout_failure', 'payout_cancel'));
    GET DIAGNOSTICS changed = ROW_COUNT;
    DELETE FROM ledger.payout_spans WHERE payout = failed;
    PERFORM set_config('ledger.detaching', '', true);
    RETURN changed;
END $$;
