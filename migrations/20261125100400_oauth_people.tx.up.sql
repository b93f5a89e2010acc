-- People who sign in. Nothing here opens a door by itself: passwords are argon2id
-- of a keyed hash, cookies, codes, links and recovery codes are keyed hashes under
-- peppers that live outside the database, TOTP secrets are sealed.

CREATE TABLE oauth.users (
    id                  text        NOT NULL,
    email               text        NOT NULL,
    email_key           text        NOT NULL,
    name                text        NOT NULL,
    locale              text        NOT NULL,
    password_hash       text        NOT NULL,
    password_changed_at timestamptz NOT NULL,
    email_verified_at   timestamptz,
    disabled_at         timestamptz,
    totp_sealed         text,
    totp_pending        text,
    totp_step           bigint      NOT NULL DEFAULT 0,
    created_at          timestamptz NOT NULL,
    CONSTRAINT users_pkey PRIMARY KEY (id),
    -- email is as it was typed; email_key is what makes two of them the same.
    CONSTRAINT users_email_key UNIQUE (email_key),
    CONSTRAINT users_email_length CHECK (length(email) BETWEEN 3 AND 254),
    CONSTRAINT users_password_hash CHECK (password_hash = '' OR password_hash LIKE '$argon2id$%')
);

-- A sign-up whose address is not proven yet. The person becomes a user only with
-- the code from the mail, so nobody can take an address that is not theirs.
CREATE TABLE oauth.sign_ups (
    id            text        NOT NULL,
    hash          bytea       NOT NULL,
    email         text        NOT NULL,
    email_key     text        NOT NULL,
    name          text        NOT NULL,
    locale        text        NOT NULL,
    password_hash text        NOT NULL,
    next          text        NOT NULL,
    created_at    timestamptz NOT NULL,
    expires_at    timestamptz NOT NULL,
    CONSTRAINT sign_ups_pkey PRIMARY KEY (id),
    -- Found by the browser's cookie.
    CONSTRAINT sign_ups_hash_key UNIQUE (hash)
);
-- For the sweep of what was never finished.
CREATE INDEX sign_ups_expires ON oauth.sign_ups (expires_at);

-- The one living code of a sign-up (sup_…) or of a user (usr_…). A NULL hash is a
-- code that nobody was sent: it cannot be right.
CREATE TABLE oauth.email_codes (
    holder     text        NOT NULL,
    hash       bytea,
    tries_left integer     NOT NULL,
    sent_at    timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    CONSTRAINT email_codes_pkey PRIMARY KEY (holder),
    CONSTRAINT email_codes_tries CHECK (tries_left >= 0)
);

-- Links to choose a new password. A link without a user was asked for an address
-- that nobody has: it is kept so that both askings cost the same.
CREATE TABLE oauth.password_resets (
    hash       bytea       NOT NULL,
    user_id    text,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    CONSTRAINT password_resets_pkey PRIMARY KEY (hash),
    CONSTRAINT password_resets_user_fkey FOREIGN KEY (user_id) REFERENCES oauth.users (id)
);
-- A password that changes ends every link of its user.
CREATE INDEX password_resets_user ON oauth.password_resets (user_id) WHERE user_id IS NOT NULL;
-- For the sweep.
CREATE INDEX password_resets_expires ON oauth.password_resets (expires_at);

-- Browser sessions. stage 'half' has given a password and owes a second step.
CREATE TABLE oauth.sessions (
    id           text        NOT NULL,
    hash         bytea       NOT NULL,
    user_id      text        NOT NULL,
    stage        text        NOT NULL,
    proof        text        NOT NULL,
    ip           text        NOT NULL,
    user_agent   text        NOT NULL,
    created_at   timestamptz NOT NULL,
    seen_at      timestamptz NOT NULL,
    expires_at   timestamptz NOT NULL,
    fresh_until  timestamptz NOT NULL,
    shown_once   text,
    CONSTRAINT sessions_pkey PRIMARY KEY (id),
    -- Found by the cookie at every page.
    CONSTRAINT sessions_hash_key UNIQUE (hash),
    CONSTRAINT sessions_stage CHECK (stage IN ('half', 'full')),
    CONSTRAINT sessions_user_fkey FOREIGN KEY (user_id) REFERENCES oauth.users (id)
);
-- A person's own list, and ending all of them.
CREATE INDEX sessions_user ON oauth.sessions (user_id);
-- For the sweep.
CREATE INDEX sessions_expires ON oauth.sessions (expires_at);

CREATE TABLE oauth.recovery_codes (
    user_id text        NOT NULL,
    hash    bytea       NOT NULL,
    used_at timestamptz,
    CONSTRAINT recovery_codes_pkey PRIMARY KEY (user_id, hash),
    CONSTRAINT recovery_codes_user_fkey FOREIGN KEY (user_id) REFERENCES oauth.users (id)
);

-- Passkeys: public keys only.
CREATE TABLE oauth.passkeys (
    id           text        NOT NULL,
    user_id      text        NOT NULL,
    credential   bytea       NOT NULL,
    record       jsonb       NOT NULL,
    name         text        NOT NULL,
    created_at   timestamptz NOT NULL,
    last_used_at timestamptz,
    CONSTRAINT passkeys_pkey PRIMARY KEY (id),
    -- A credential belongs to one person.
    CONSTRAINT passkeys_credential_key UNIQUE (credential),
    CONSTRAINT passkeys_user_fkey FOREIGN KEY (user_id) REFERENCES oauth.users (id)
);
CREATE INDEX passkeys_user ON oauth.passkeys (user_id);

-- Passkey ceremonies between question and answer; deleted by the answer, right or wrong.
CREATE TABLE oauth.passkey_ceremonies (
    hash       bytea       NOT NULL,
    purpose    text        NOT NULL,
    session    text        NOT NULL,
    data       jsonb       NOT NULL,
    expires_at timestamptz NOT NULL,
    CONSTRAINT passkey_ceremonies_pkey PRIMARY KEY (hash)
);
-- For the sweep.
CREATE INDEX passkey_ceremonies_expires ON oauth.passkey_ceremonies (expires_at);

-- Who may act for an account, in one mode.
CREATE TABLE oauth.memberships (
    account    text        NOT NULL,
    livemode   boolean     NOT NULL,
    user_id    text        NOT NULL,
    role       text        NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT memberships_pkey PRIMARY KEY (account, livemode, user_id),
    CONSTRAINT memberships_role CHECK (role IN ('owner', 'developer', 'finance', 'support', 'viewer')),
    CONSTRAINT memberships_user_fkey FOREIGN KEY (user_id) REFERENCES oauth.users (id)
);
-- The accounts of a person.
CREATE INDEX memberships_user ON oauth.memberships (user_id);

CREATE TABLE oauth.invitations (
    id          text        NOT NULL,
    hash        bytea       NOT NULL,
    account     text        NOT NULL,
    livemode    boolean     NOT NULL,
    email       text        NOT NULL,
    email_key   text        NOT NULL,
    role        text        NOT NULL,
    invited_by  text        NOT NULL,
    created_at  timestamptz NOT NULL,
    expires_at  timestamptz NOT NULL,
    CONSTRAINT invitations_pkey PRIMARY KEY (id),
    CONSTRAINT invitations_hash_key UNIQUE (hash),
    -- One open invitation for an address; a newer one takes its place. The index also lists a team's.
    CONSTRAINT invitations_one_each UNIQUE (account, livemode, email_key),
    CONSTRAINT invitations_role CHECK (role IN ('owner', 'developer', 'finance', 'support', 'viewer')),
    CONSTRAINT invitations_invited_by_fkey FOREIGN KEY (invited_by) REFERENCES oauth.users (id)
);

-- What happened to a person's sign-in: append-only, never a secret. user_id is
-- NULL for an attempt on an address that nobody has.
CREATE TABLE oauth.security_events (
    id         text        NOT NULL,
    user_id    text,
    kind       text        NOT NULL,
    detail     text        NOT NULL,
    ip         text        NOT NULL,
    user_agent text        NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT security_events_pkey PRIMARY KEY (id)
);
-- The recent activity of a person.
CREATE INDEX security_events_user ON oauth.security_events (user_id, id DESC) WHERE user_id IS NOT NULL;

CREATE FUNCTION oauth.refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% on oauth.% is refused: history is never edited', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation', CONSTRAINT = TG_NAME;
END $$;
CREATE TRIGGER security_events_immutable BEFORE UPDATE OR DELETE OR TRUNCATE ON oauth.security_events
    FOR EACH STATEMENT EXECUTE FUNCTION oauth.refuse();

-- Failures of things that can be guessed. hash is a keyed hash of policy and subject.
CREATE TABLE oauth.throttles (
    hash      bytea       NOT NULL,
    failures  integer     NOT NULL,
    open_at   timestamptz NOT NULL,
    forget_at timestamptz NOT NULL,
    CONSTRAINT throttles_pkey PRIMARY KEY (hash)
);
-- For the sweep.
CREATE INDEX throttles_forget ON oauth.throttles (forget_at);
