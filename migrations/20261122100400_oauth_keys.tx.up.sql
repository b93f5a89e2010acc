CREATE SCHEMA IF NOT EXISTS oauth;

-- API keys. The key itself is never stored: hash is its HMAC-SHA-256 under a
-- pepper that lives outside the database.
CREATE TABLE oauth.api_keys (
    id           text        NOT NULL,
    account      text        NOT NULL,
    livemode     boolean     NOT NULL,
    kind         text        NOT NULL,
    hash         bytea       NOT NULL,
    prefix       text        NOT NULL,
    last4        text        NOT NULL,
    name         text        NOT NULL DEFAULT '',
    scopes       text[]      NOT NULL DEFAULT '{}',
    created_at   timestamptz NOT NULL,
    expires_at   timestamptz,
    revoked_at   timestamptz,
    replaced_by  text,
    last_used_at timestamptz,
    CONSTRAINT api_keys_pkey PRIMARY KEY (id),
    CONSTRAINT api_keys_hash_key UNIQUE (hash),
    CONSTRAINT api_keys_kind CHECK (kind IN ('sk', 'pk', 'rk')),
    CONSTRAINT api_keys_hash_length CHECK (octet_length(hash) = 32),
    CONSTRAINT api_keys_scopes CHECK ((kind = 'rk') = (cardinality(scopes) > 0)),
    CONSTRAINT api_keys_replaced_by_fkey FOREIGN KEY (replaced_by) REFERENCES oauth.api_keys (id)
);

-- An account's keys of one mode, newest first.
CREATE INDEX api_keys_account ON oauth.api_keys (account, livemode, id DESC);
