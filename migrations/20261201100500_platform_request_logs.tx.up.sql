-- Requests of the API as their callers may look at them for some days: parameters and errors redacted before they
-- come here, never a key. A day is a partition, made ahead and dropped whole (platform/rest/requestlog); what no day
-- takes falls into the default one. Written in batches off the requests' way; a crash may lose the last second.
CREATE TABLE platform.request_logs (
    id              text        NOT NULL,
    account         text        NOT NULL, -- whose program asked
    livemode        boolean     NOT NULL,
    for_account     text        NOT NULL, -- on whose behalf
    key_id          text        NOT NULL,
    person          text        NOT NULL DEFAULT '',
    method          text        NOT NULL,
    path            text        NOT NULL,
    route           text        NOT NULL,
    status          smallint    NOT NULL,
    took_us         bigint      NOT NULL,
    idempotency_key text        NOT NULL DEFAULT '',
    replayed        boolean     NOT NULL DEFAULT false,
    object_id       text        NOT NULL DEFAULT '',
    api_version     text        NOT NULL DEFAULT '',
    ip              text        NOT NULL DEFAULT '',
    params          json,
    error_type      text        NOT NULL DEFAULT '',
    error_code      text        NOT NULL DEFAULT '',
    error_param     text        NOT NULL DEFAULT '',
    error           json,
    created_at      timestamptz NOT NULL,
    -- Every reader names account and mode; ids are in the order of time.
    CONSTRAINT request_logs_pkey PRIMARY KEY (account, livemode, id)
) PARTITION BY RANGE (id);

CREATE TABLE platform.request_logs_default PARTITION OF platform.request_logs DEFAULT;

-- What went wrong is looked for most and is rare: listed and counted without the rest.
CREATE INDEX request_logs_errors ON platform.request_logs (account, livemode, id) WHERE status >= 400;
