-- Webhooks at full strength: what an endpoint may ask for, several live secrets,
-- its health, order per object, replays, and a log that can be searched.

ALTER TABLE connect.webhook_endpoints
    ADD COLUMN event_payload   text      NOT NULL DEFAULT 'snapshot',
    ADD COLUMN ordered         boolean   NOT NULL DEFAULT false, -- one object's events one after the other
    ADD COLUMN paused          boolean   NOT NULL DEFAULT false, -- deliveries wait, untried
    ADD COLUMN rate_limit      integer,                          -- events a second, over all processes
    ADD COLUMN max_concurrency integer,                          -- requests at a time, over all processes
    ADD COLUMN retry_schedule  integer[],                        -- seconds after each failed try; null is ours
    ADD COLUMN disabled_at     timestamptz,
    ADD COLUMN disabled_reason text      NOT NULL DEFAULT '',    -- gone, failing, or '' by its owner
    ADD COLUMN event_version   bigint    NOT NULL DEFAULT 0,     -- of its own webhook_endpoint.* events
    ADD COLUMN listener        text,                             -- the device that pulls through a socket; null is posted to
    ADD COLUMN listened_at     timestamptz,                      -- when the device was last there
    ADD CONSTRAINT webhook_endpoints_event_payload CHECK (event_payload IN ('snapshot', 'thin')),
    ADD CONSTRAINT webhook_endpoints_rate_limit CHECK (rate_limit BETWEEN 1 AND 10000),
    ADD CONSTRAINT webhook_endpoints_max_concurrency CHECK (max_concurrency BETWEEN 1 AND 1000),
    ADD CONSTRAINT webhook_endpoints_retry_schedule CHECK (cardinality(retry_schedule) BETWEEN 1 AND 30),
    ADD CONSTRAINT webhook_endpoints_disabled_reason CHECK (disabled_reason IN ('', 'gone', 'failing'));

-- One row for a device, an account, a mode, and own or connected accounts' events.
CREATE UNIQUE INDEX webhook_endpoints_listener_key ON connect.webhook_endpoints (account, livemode, connect, listener)
    WHERE listener IS NOT NULL AND deleted_at IS NULL;

-- An endpoint's signing secrets, sealed for connect.webhook_endpoints and the
-- endpoint's id. One has no end; those rolled out sign along until theirs.
CREATE TABLE connect.webhook_secrets (
    id            text        NOT NULL,
    endpoint      text        NOT NULL,
    sealed_secret text        NOT NULL,
    created_at    timestamptz NOT NULL,
    expires_at    timestamptz,
    CONSTRAINT webhook_secrets_pkey PRIMARY KEY (id),
    CONSTRAINT webhook_secrets_endpoint_fkey FOREIGN KEY (endpoint) REFERENCES connect.webhook_endpoints (id)
);

-- The live secrets of an endpoint, for every lease.
CREATE INDEX webhook_secrets_endpoint ON connect.webhook_secrets (endpoint);

-- The one secret that is current.
CREATE UNIQUE INDEX webhook_secrets_current_key ON connect.webhook_secrets (endpoint) WHERE expires_at IS NULL;

INSERT INTO connect.webhook_secrets (id, endpoint, sealed_secret, created_at)
SELECT 'whs_' || substr(id, 4), id, sealed_secret, created_at FROM connect.webhook_endpoints WHERE deleted_at IS NULL;

ALTER TABLE connect.webhook_endpoints DROP COLUMN sealed_secret;

-- How an endpoint does: the breaker, what led to it, who was warned; and the lock
-- under which a limited endpoint is leased. One row an endpoint, made with it.
CREATE TABLE connect.webhook_health (
    endpoint         text        NOT NULL,
    failures         integer     NOT NULL DEFAULT 0, -- in a row
    first_failure_at timestamptz,                    -- of that row
    last_failure_at  timestamptz,
    last_success_at  timestamptz,
    open_until       timestamptz,                    -- the breaker is open until then, afterwards half open; null is closed
    opened           integer     NOT NULL DEFAULT 0, -- how often in this row: the longer it opens
    warned           integer     NOT NULL DEFAULT 0, -- warnings sent about this row of failures
    paced_at         timestamptz,                    -- when the last send under the rate limit was due (GCRA)
    CONSTRAINT webhook_health_pkey PRIMARY KEY (endpoint),
    CONSTRAINT webhook_health_endpoint_fkey FOREIGN KEY (endpoint) REFERENCES connect.webhook_endpoints (id)
) WITH (fillfactor = 50);

INSERT INTO connect.webhook_health (endpoint) SELECT id FROM connect.webhook_endpoints;

-- A request to send again what an endpoint missed, or all of a time.
CREATE TABLE connect.webhook_replays (
    id          text        NOT NULL,
    endpoint    text        NOT NULL,
    account     text        NOT NULL,
    livemode    boolean     NOT NULL,
    created_gte timestamptz, -- of the deliveries
    created_lte timestamptz,
    types       text[]      NOT NULL DEFAULT '{}',
    statuses    text[]      NOT NULL,
    rate_limit  integer,     -- deliveries made due a second; null is as fast as they go
    status      text        NOT NULL,
    total       bigint      NOT NULL, -- counted when it was made
    replayed    bigint      NOT NULL DEFAULT 0,
    up_to_seq   bigint      NOT NULL, -- deliveries up to here belong to it
    at_seq      bigint      NOT NULL DEFAULT 0, -- how far it is
    created_at  timestamptz NOT NULL,
    ended_at    timestamptz,
    CONSTRAINT webhook_replays_pkey PRIMARY KEY (id),
    CONSTRAINT webhook_replays_endpoint_fkey FOREIGN KEY (endpoint) REFERENCES connect.webhook_endpoints (id),
    CONSTRAINT webhook_replays_status CHECK (status IN ('running', 'done', 'canceled')),
    CONSTRAINT webhook_replays_ended CHECK ((status = 'running') = (ended_at IS NULL))
);

-- An account's replays, newest first.
CREATE INDEX webhook_replays_account ON connect.webhook_replays (account, livemode, id DESC);

-- Those with work left.
CREATE INDEX webhook_replays_running ON connect.webhook_replays (id) WHERE status = 'running';

ALTER TABLE connect.webhook_deliveries
    ADD COLUMN seq             bigint  GENERATED ALWAYS AS IDENTITY, -- the order of one endpoint's deliveries
    ADD COLUMN object_id       text    NOT NULL DEFAULT '',
    ADD COLUMN ordered         boolean NOT NULL DEFAULT false, -- waits for earlier ones of its object
    ADD COLUMN leased_until    timestamptz,                    -- somebody is sending it until then
    ADD COLUMN attempts_before integer NOT NULL DEFAULT 0,     -- those before its last replay: the schedule starts anew
    ADD COLUMN replay          text;                           -- the replay that sent it again

-- What stands before an ordered delivery.
CREATE INDEX webhook_deliveries_ordered ON connect.webhook_deliveries (endpoint, object_id, seq) WHERE status = 'pending';

-- What an endpoint missed, in order, for replays.
CREATE INDEX webhook_deliveries_missed ON connect.webhook_deliveries (endpoint, seq) WHERE status IN ('failed', 'undelivered');

ALTER TABLE connect.webhook_payloads
    ADD COLUMN pending integer NOT NULL DEFAULT 0; -- how many endpoints it was meant for

ALTER TABLE connect.webhook_attempts
    ADD COLUMN id            text,
    ADD COLUMN endpoint      text,
    ADD COLUMN dns_us        integer, -- microseconds until each step was done; null was not needed
    ADD COLUMN connect_us    integer,
    ADD COLUMN tls_us        integer,
    ADD COLUMN first_byte_us integer,
    ADD COLUMN expunged_at   timestamptz; -- the response was erased on request

UPDATE connect.webhook_attempts AS a SET id = 'wha_' || substr(a.delivery, 5) || lpad(a.number::text, 4, '0'), endpoint = d.endpoint
FROM connect.webhook_deliveries AS d WHERE d.id = a.delivery;

ALTER TABLE connect.webhook_attempts
    ALTER COLUMN id SET NOT NULL,
    ALTER COLUMN endpoint SET NOT NULL;

-- An endpoint's attempts, newest first.
CREATE UNIQUE INDEX webhook_attempts_endpoint_key ON connect.webhook_attempts (endpoint, id DESC);
