-- Balance settings are a view of an account's settings with events of their own,
-- whose versions are counted here.
ALTER TABLE connect.accounts ADD COLUMN settings_version bigint NOT NULL DEFAULT 0;
-- A delay other than the default was asked for; it is kept apart from what holds.
UPDATE connect.accounts
SET settings = jsonb_set(settings, '{payouts,schedule,delay_days_override}', settings #> '{payouts,schedule,delay_days}')
WHERE settings #>> '{payouts,schedule,delay_days}' <> '2';

ALTER TABLE connect.external_accounts
    -- Since when it is the default of its currency, or NULL: payouts cool off after it has changed.
    ADD COLUMN default_since timestamptz,
    -- What the sealed text is if it is not the number of an account: what stands for one at the FPS.
    ADD COLUMN proxy text NOT NULL DEFAULT '' CONSTRAINT external_accounts_proxy_known CHECK (proxy IN ('', 'fps_id', 'mobile', 'email'));
UPDATE connect.external_accounts SET default_since = created_at WHERE default_for_currency;

-- A transfer that is to be taken back from an account that does not have the money yet.
CREATE TABLE connect.pending_reversals (
    id                     text        CONSTRAINT pending_reversals_pkey PRIMARY KEY,
    platform               text        NOT NULL,
    livemode               boolean     NOT NULL,
    transfer               text        NOT NULL,
    destination            text        NOT NULL,
    amount                 bigint      NOT NULL CONSTRAINT pending_reversals_amount_positive CHECK (amount > 0),
    amount_recovered       bigint      NOT NULL DEFAULT 0,
    currency               text        NOT NULL,
    refund_application_fee boolean     NOT NULL,
    status                 text        NOT NULL CONSTRAINT pending_reversals_status_known
                           CHECK (status IN ('pending', 'partially_recovered', 'recovered', 'canceled')),
    metadata               jsonb       NOT NULL,
    created_at             timestamptz NOT NULL,
    closed_at              timestamptz, -- when it was recovered or canceled
    version                bigint      NOT NULL,
    CONSTRAINT pending_reversals_recovered_within_amount CHECK (amount_recovered BETWEEN 0 AND amount),
    CONSTRAINT pending_reversals_closed_at_end CHECK ((closed_at IS NULL) = (status IN ('pending', 'partially_recovered')))
) WITH (fillfactor = 70);
-- GET /v1/pending_reversals, newest first.
CREATE INDEX pending_reversals_by_platform ON connect.pending_reversals (platform, livemode, id);
-- What is still to be taken from a purse, first come first served; empty in good times.
CREATE INDEX pending_reversals_open ON connect.pending_reversals (destination, livemode, currency, id)
    WHERE status IN ('pending', 'partially_recovered');
-- What of a transfer is spoken for.
CREATE INDEX pending_reversals_open_of ON connect.pending_reversals (transfer)
    WHERE status IN ('pending', 'partially_recovered');

-- The reversals that a pending one has made.
ALTER TABLE connect.transfer_reversals ADD COLUMN pending_reversal text NOT NULL DEFAULT '';
CREATE INDEX transfer_reversals_by_pending ON connect.transfer_reversals (pending_reversal) WHERE pending_reversal <> '';
