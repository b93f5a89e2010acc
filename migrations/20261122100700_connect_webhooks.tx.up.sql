CREATE SCHEMA IF NOT EXISTS connect;

-- Where an account wants its events posted. A deleted endpoint keeps its row,
-- without its secret, so that its deliveries can still be explained.
CREATE TABLE connect.webhook_endpoints (
    id             text        NOT NULL,
    account        text        NOT NULL,
    livemode       boolean     NOT NULL,
    connect        boolean     NOT NULL,
    url            text        NOT NULL,
    enabled_events text[]      NOT NULL,
    api_version    text,
    description    text,
    metadata       jsonb       NOT NULL DEFAULT '{}',
    sealed_secret  text        NOT NULL,
    disabled       boolean     NOT NULL DEFAULT false,
    created_at     timestamptz NOT NULL,
    deleted_at     timestamptz,
    CONSTRAINT webhook_endpoints_pkey PRIMARY KEY (id),
    CONSTRAINT webhook_endpoints_enabled_events CHECK (cardinality(enabled_events) > 0)
);

-- Lists an account's endpoints and matches its events.
CREATE INDEX webhook_endpoints_account ON connect.webhook_endpoints (account, livemode, id DESC) WHERE deleted_at IS NULL;

-- The bytes of an event that at least one endpoint gets, once for all of them.
CREATE TABLE connect.webhook_payloads (
    event      text        NOT NULL,
    body       bytea       NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT webhook_payloads_pkey PRIMARY KEY (event)
);

-- One event on its way to one endpoint.
CREATE TABLE connect.webhook_deliveries (
    id              text        NOT NULL,
    endpoint        text        NOT NULL,
    event           text        NOT NULL,
    event_type      text        NOT NULL,
    status          text        NOT NULL,
    attempts        integer     NOT NULL DEFAULT 0,
    next_attempt_at timestamptz NOT NULL,
    created_at      timestamptz NOT NULL,
    delivered_at    timestamptz,
    CONSTRAINT webhook_deliveries_pkey PRIMARY KEY (id),
    CONSTRAINT webhook_deliveries_event_endpoint_key UNIQUE (event, endpoint),
    CONSTRAINT webhook_deliveries_endpoint_fkey FOREIGN KEY (endpoint) REFERENCES connect.webhook_endpoints (id),
    CONSTRAINT webhook_deliveries_event_fkey FOREIGN KEY (event) REFERENCES connect.webhook_payloads (event),
    CONSTRAINT webhook_deliveries_status CHECK (status IN ('pending', 'delivered', 'failed', 'undelivered')),
    CONSTRAINT webhook_deliveries_delivered CHECK ((status = 'delivered') = (delivered_at IS NOT NULL))
);

-- What is due, endpoint by endpoint: the dispatcher takes a few of each.
CREATE INDEX webhook_deliveries_due ON connect.webhook_deliveries (endpoint, next_attempt_at) WHERE status = 'pending';

-- An endpoint's deliveries, newest first.
CREATE INDEX webhook_deliveries_endpoint ON connect.webhook_deliveries (endpoint, id DESC);

-- What happened each time we tried.
CREATE TABLE connect.webhook_attempts (
    delivery    text        NOT NULL,
    number      integer     NOT NULL,
    at          timestamptz NOT NULL,
    duration_ms bigint      NOT NULL,
    remote_ip   text        NOT NULL DEFAULT '',
    status      integer     NOT NULL DEFAULT 0,
    failure     text        NOT NULL DEFAULT '',
    response    bytea       NOT NULL DEFAULT '',
    CONSTRAINT webhook_attempts_pkey PRIMARY KEY (delivery, number),
    CONSTRAINT webhook_attempts_delivery_fkey FOREIGN KEY (delivery) REFERENCES connect.webhook_deliveries (id),
    CONSTRAINT webhook_attempts_response CHECK (octet_length(response) <= 16384)
);
