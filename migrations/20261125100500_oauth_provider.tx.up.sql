-- The OAuth server: clients of platforms, requests for consent, connections of
-- accounts, and what was issued for them. Codes, tokens and secrets stand here
-- as HMAC-SHA-256 under a pepper that lives outside the database, never in plain.

-- The platform behind a key that belongs to a connected account; '' for a platform's own keys.
ALTER TABLE oauth.api_keys ADD COLUMN platform text NOT NULL DEFAULT '';

-- The publishable key that an account's OAuth answers show. It is public, but
-- must be shown again and again: so it is sealed here, beside its hash in api_keys.
CREATE TABLE oauth.published_keys (
    account  text    NOT NULL,
    livemode boolean NOT NULL,
    key_id   text    NOT NULL,
    sealed   text    NOT NULL,
    CONSTRAINT published_keys_pkey PRIMARY KEY (account, livemode),
    CONSTRAINT published_keys_key_fkey FOREIGN KEY (key_id) REFERENCES oauth.api_keys (id)
);

CREATE TABLE oauth.clients (
    id            text        NOT NULL,
    platform      text        NOT NULL,
    livemode      boolean     NOT NULL,
    name          text        NOT NULL,
    public        boolean     NOT NULL,
    redirect_uris text[]      NOT NULL,
    scopes        text[]      NOT NULL,
    require_par   boolean     NOT NULL,
    created_at    timestamptz NOT NULL,
    disabled_at   timestamptz,
    CONSTRAINT clients_pkey PRIMARY KEY (id),
    CONSTRAINT clients_scopes CHECK (cardinality(scopes) > 0 AND scopes <@ ARRAY ['read_only', 'read_write'])
);

-- A platform's clients of one mode, newest first.
CREATE INDEX clients_platform ON oauth.clients (platform, livemode, id DESC);

CREATE TABLE oauth.client_secrets (
    id         text        NOT NULL,
    client     text        NOT NULL,
    hash       bytea       NOT NULL,
    prefix     text        NOT NULL,
    last4      text        NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT client_secrets_pkey PRIMARY KEY (id),
    CONSTRAINT client_secrets_client_fkey FOREIGN KEY (client) REFERENCES oauth.clients (id),
    CONSTRAINT client_secrets_hash_length CHECK (octet_length(hash) = 32)
);

-- The one or two secrets of a client, at every request it authenticates.
CREATE INDEX client_secrets_client ON oauth.client_secrets (client);

-- A client's reach into one account. The row is made by the first consent and
-- stays for good: a later consent after an end makes it active again.
CREATE TABLE oauth.connections (
    id            text        NOT NULL,
    client        text        NOT NULL,
    platform      text        NOT NULL,
    account       text        NOT NULL,
    livemode      boolean     NOT NULL,
    status        text        NOT NULL,
    scope         text        NOT NULL,
    approved_by   text        NOT NULL,
    version       bigint      NOT NULL DEFAULT 0, -- of its events
    created_at    timestamptz NOT NULL,
    authorized_at timestamptz,
    ended_at      timestamptz,
    ended_by      text,
    last_used_at  timestamptz,
    CONSTRAINT connections_pkey PRIMARY KEY (id),
    CONSTRAINT connections_client_account_key UNIQUE (client, account),
    CONSTRAINT connections_client_fkey FOREIGN KEY (client) REFERENCES oauth.clients (id),
    CONSTRAINT connections_status CHECK (status IN ('pending', 'active', 'ended')),
    CONSTRAINT connections_scope CHECK (CASE status WHEN 'active' THEN scope IN ('read_only', 'read_write') ELSE scope = '' END)
);

-- Who is connected to an account; also the order in which its connections are locked.
CREATE INDEX connections_account ON oauth.connections (account, livemode, id);
-- A platform's connections, newest first.
CREATE INDEX connections_platform ON oauth.connections (platform, livemode, id DESC);

-- A visit to /oauth/authorize on its way to a yes or no.
CREATE TABLE oauth.authorize_requests (
    id         text        NOT NULL,
    client     text        NOT NULL,
    livemode   boolean     NOT NULL,
    express    boolean     NOT NULL,
    status     text        NOT NULL,
    browser    bytea       NOT NULL, -- keyed hash of the cookie that began it
    parameters jsonb       NOT NULL,
    state      bytea       NOT NULL, -- echoed byte for byte
    user_id    text        NOT NULL DEFAULT '', -- whom the consent page was shown to
    account    text        NOT NULL DEFAULT '',
    granted    text        NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    CONSTRAINT authorize_requests_pkey PRIMARY KEY (id),
    CONSTRAINT authorize_requests_client_fkey FOREIGN KEY (client) REFERENCES oauth.clients (id),
    CONSTRAINT authorize_requests_status CHECK (status IN ('pending', 'consented', 'issued', 'denied')),
    CONSTRAINT authorize_requests_consent CHECK (status NOT IN ('consented', 'issued') OR (user_id <> '' AND account <> '' AND granted <> ''))
);

-- Sweeping.
CREATE INDEX authorize_requests_expires ON oauth.authorize_requests (expires_at);

-- What clients pushed ahead (RFC 9126), until it is used once.
CREATE TABLE oauth.pushed_requests (
    hash       bytea       NOT NULL,
    client     text        NOT NULL,
    form       jsonb       NOT NULL,
    expires_at timestamptz NOT NULL,
    CONSTRAINT pushed_requests_pkey PRIMARY KEY (hash),
    CONSTRAINT pushed_requests_client_fkey FOREIGN KEY (client) REFERENCES oauth.clients (id),
    CONSTRAINT pushed_requests_hash_length CHECK (octet_length(hash) = 32)
);

-- Sweeping.
CREATE INDEX pushed_requests_expires ON oauth.pushed_requests (expires_at);

-- Authorization codes. A spent code stays for a while, so that its replay is recognized.
CREATE TABLE oauth.codes (
    hash         bytea       NOT NULL,
    family       text        NOT NULL, -- of the tokens it is exchanged for
    client       text        NOT NULL,
    connection   text        NOT NULL,
    scope        text        NOT NULL,
    redirect_uri text        NOT NULL,
    challenge    text        NOT NULL, -- '' without PKCE
    created_at   timestamptz NOT NULL,
    expires_at   timestamptz NOT NULL,
    spent_at     timestamptz,
    spent_for    text,
    keep_until   timestamptz NOT NULL,
    CONSTRAINT codes_pkey PRIMARY KEY (hash),
    CONSTRAINT codes_connection_fkey FOREIGN KEY (connection) REFERENCES oauth.connections (id),
    CONSTRAINT codes_hash_length CHECK (octet_length(hash) = 32),
    CONSTRAINT codes_spent CHECK ((spent_at IS NULL) = (spent_for IS NULL)),
    CONSTRAINT codes_spent_for CHECK (spent_for IN ('exchange', 'failure', 'revocation')),
    CONSTRAINT codes_scope CHECK (scope IN ('read_only', 'read_write'))
);

-- Ending a connection spends its codes.
CREATE INDEX codes_connection ON oauth.codes (connection) WHERE spent_at IS NULL;
-- Sweeping.
CREATE INDEX codes_keep_until ON oauth.codes (keep_until);

-- Access and refresh tokens. A used refresh token stays for a while (keep_until),
-- so that using it again is recognized.
CREATE TABLE oauth.tokens (
    hash          bytea       NOT NULL,
    kind          text        NOT NULL,
    family        text        NOT NULL,
    client        text        NOT NULL,
    connection    text,                 -- null: the token acts for the platform itself
    platform      text        NOT NULL,
    account       text        NOT NULL,
    livemode      boolean     NOT NULL,
    scope         text        NOT NULL,
    created_at    timestamptz NOT NULL,
    expires_at    timestamptz NOT NULL,
    revoked_at    timestamptz,
    rotated_at    timestamptz,          -- refresh tokens: when it was used
    rotated_salt  bytea,                -- with the token itself and a pepper: its successors
    rotated_scope text,
    keep_until    timestamptz NOT NULL,
    CONSTRAINT tokens_pkey PRIMARY KEY (hash),
    CONSTRAINT tokens_connection_fkey FOREIGN KEY (connection) REFERENCES oauth.connections (id),
    CONSTRAINT tokens_hash_length CHECK (octet_length(hash) = 32),
    CONSTRAINT tokens_kind CHECK (kind IN ('access', 'refresh')),
    CONSTRAINT tokens_scope CHECK (scope IN ('read_only', 'read_write')),
    CONSTRAINT tokens_owner CHECK ((connection IS NULL) = (account = platform)),
    CONSTRAINT tokens_rotated CHECK ((rotated_at IS NULL) = (rotated_salt IS NULL) AND (rotated_at IS NULL) = (rotated_scope IS NULL) AND (rotated_at IS NULL OR kind = 'refresh'))
);

-- Revoking a family, and finding its live refresh token.
CREATE INDEX tokens_family ON oauth.tokens (family);
-- Ending a connection revokes its tokens.
CREATE INDEX tokens_connection ON oauth.tokens (connection) WHERE connection IS NOT NULL AND revoked_at IS NULL;
-- Sweeping.
CREATE INDEX tokens_keep_until ON oauth.tokens (keep_until);

-- What should not have happened: replays, reuse, attempts with another client's credentials.
CREATE TABLE oauth.incidents (
    id         text        NOT NULL,
    kind       text        NOT NULL,
    client     text        NOT NULL, -- whose credential it was
    by_client  text        NOT NULL, -- who presented it
    connection text        NOT NULL,
    family     text        NOT NULL,
    request_id text        NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT incidents_pkey PRIMARY KEY (id)
);

-- A client's incidents, newest first.
CREATE INDEX incidents_client ON oauth.incidents (client, id DESC);
