-- Payouts go over several rails, one by one or in files; they may be asked for
-- twice, taken back, held and approved.
ALTER TABLE payouts.payouts
    -- The rail is chosen when the payout is made: its calendar and cut-off set the arrival.
    ADD COLUMN rail            text NOT NULL DEFAULT 'banksim',
    ADD COLUMN method          text NOT NULL DEFAULT 'standard' CONSTRAINT payouts_method_known CHECK (method IN ('standard', 'instant')),
    ADD COLUMN batch           text NOT NULL DEFAULT '', -- the sealed file it went with, bat_…
    ADD COLUMN run             text NOT NULL DEFAULT '', -- the run that made it, prun_…
    -- Of a payout that takes an earlier one back, and of the one it takes back.
    ADD COLUMN original_payout text NOT NULL DEFAULT '',
    ADD COLUMN reversed_by     text NOT NULL DEFAULT '',
    -- Of a payout that tries a failed one again, and of the one it tries again.
    ADD COLUMN retry_of        text NOT NULL DEFAULT '',
    ADD COLUMN retried_by      text NOT NULL DEFAULT '',
    ADD COLUMN approval        text NOT NULL DEFAULT '' CONSTRAINT payouts_approval_known CHECK (approval IN ('', 'required', 'approved', 'refused')),
    ADD COLUMN held            boolean NOT NULL DEFAULT false, -- payouts.holds has a hold on it
    ADD COLUMN recall          text NOT NULL DEFAULT '' CONSTRAINT payouts_recall_known CHECK (recall IN ('', 'requested', 'done', 'refused'));
ALTER TABLE payouts.payouts ALTER COLUMN rail DROP DEFAULT;

-- A negative amount is taken from the bank account, for what the account owes or to take a payout back.
ALTER TABLE payouts.payouts DROP CONSTRAINT payouts_amount_positive;
ALTER TABLE payouts.payouts ADD CONSTRAINT payouts_amount_moves CHECK (amount <> 0);

-- The sender's work: what is held or not approved is not handed over.
DROP INDEX payouts.payouts_to_send;
CREATE INDEX payouts_to_send ON payouts.payouts (livemode, id)
    WHERE status = 'pending' AND NOT held AND approval IN ('', 'approved');
