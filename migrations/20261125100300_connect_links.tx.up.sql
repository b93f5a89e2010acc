-- Links to the hosted pages that were handed out. Only a keyed hash of the link is
-- here: who has the table cannot open one. Rows live an hour longer than the link,
-- so that a link opened too late still leads to where a new one is made.
CREATE TABLE connect.onboarding_links (
    hash        bytea       NOT NULL,
    account     text        NOT NULL,
    platform    text        NOT NULL,
    livemode    boolean     NOT NULL,
    kind        text        NOT NULL,
    eventually  boolean     NOT NULL,
    future      boolean     NOT NULL,
    refresh_url text        NOT NULL,
    return_url  text        NOT NULL,
    created_at  timestamptz NOT NULL,
    expires_at  timestamptz NOT NULL,
    used_at     timestamptz,
    CONSTRAINT onboarding_links_pkey PRIMARY KEY (hash),
    CONSTRAINT onboarding_links_account_fkey FOREIGN KEY (account) REFERENCES connect.accounts (id),
    CONSTRAINT onboarding_links_kind CHECK (kind IN ('account_onboarding', 'account_update', 'login')),
    CONSTRAINT onboarding_links_short CHECK (expires_at <= created_at + interval '5 minutes')
);
-- The hourly sweep.
CREATE INDEX onboarding_links_expires ON connect.onboarding_links (expires_at);

-- A browser that opened such a link, by the keyed hash of its cookie. asked is what
-- the visit has been asked for so far, so that the way back stays the same way.
CREATE TABLE connect.onboarding_visits (
    hash        bytea       NOT NULL,
    link        bytea       NOT NULL,
    account     text        NOT NULL,
    platform    text        NOT NULL,
    livemode    boolean     NOT NULL,
    kind        text        NOT NULL,
    eventually  boolean     NOT NULL,
    future      boolean     NOT NULL,
    refresh_url text        NOT NULL,
    return_url  text        NOT NULL,
    asked       text[]      NOT NULL DEFAULT '{}',
    started_at  timestamptz NOT NULL,
    ends_at     timestamptz NOT NULL,
    CONSTRAINT onboarding_visits_pkey PRIMARY KEY (hash),
    CONSTRAINT onboarding_visits_account_fkey FOREIGN KEY (account) REFERENCES connect.accounts (id)
);
-- The hourly sweep.
CREATE INDEX onboarding_visits_ends ON connect.onboarding_visits (ends_at);
