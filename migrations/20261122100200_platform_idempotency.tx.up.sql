CREATE SCHEMA IF NOT EXISTS platform;

-- One row per Idempotency-Key in use. Keys are not stored: hash is 16 bytes of
-- SHA-256 over (account, mode, key), kept as uuid because that is PostgreSQL's
-- compact 16-byte type. status is null while the first request is in progress.
-- Half-full pages leave room for the answer beside its claim, which keeps the
-- update from touching the index.
CREATE TABLE platform.idempotency_keys (
    hash        uuid        NOT NULL,
    fingerprint uuid        NOT NULL,
    request_id  text        NOT NULL,
    object      text        NOT NULL DEFAULT '',
    status      smallint,
    body        bytea,
    expires_at  timestamptz NOT NULL,
    answered_at timestamptz,
    CONSTRAINT idempotency_keys_pkey PRIMARY KEY (hash),
    CONSTRAINT idempotency_keys_answer_whole CHECK ((status IS NULL) = (body IS NULL))
) WITH (fillfactor = 50);

-- Rows arrive in the order of their expiry, so a few bytes per megabyte are enough
-- for the sweep to find the old end.
CREATE INDEX idempotency_keys_expires_at ON platform.idempotency_keys USING brin (expires_at);
