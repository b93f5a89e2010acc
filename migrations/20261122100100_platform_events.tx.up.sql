CREATE SCHEMA IF NOT EXISTS platform;

-- The event log, which is also the outbox: one row feeds GET /v1/events, Kafka, webhooks and payouts.
-- object and previous are json, not jsonb, so that they come out byte for byte as they went in.
CREATE TABLE platform.events (
    id              text        NOT NULL,
    type            text        NOT NULL,
    account         text        NOT NULL,
    platform        text        NOT NULL,
    livemode        boolean     NOT NULL,
    object_id       text        NOT NULL,
    object_version  bigint      NOT NULL,
    object          json        NOT NULL,
    previous        json,
    request_id      text        NOT NULL DEFAULT '',
    idempotency_key text        NOT NULL DEFAULT '',
    created_at      timestamptz NOT NULL,
    -- Publishing order is (order_xid, seq). order_xid is the writing transaction or, if that is younger, the one of the
    -- object's version before: a transaction may get its number first and the object's row lock second.
    order_xid       bigint      NOT NULL,
    seq             bigint      GENERATED ALWAYS AS IDENTITY,
    -- Every reader names account and mode, so the key that lists newest first also finds one event.
    CONSTRAINT events_pkey PRIMARY KEY (account, livemode, id),
    -- With the look-up of the version before, which uses it, this is the guard of "versions 1..n without gap".
    -- Object ids are in time order, so it grows at its right edge.
    CONSTRAINT events_object_version_key UNIQUE (object_id, object_version),
    CONSTRAINT events_object_version_positive CHECK (object_version > 0)
);

CREATE UNIQUE INDEX events_order_key ON platform.events (order_xid, seq);

-- How far the log is published, and who publishes. One row.
CREATE TABLE platform.relay_cursor (
    only_row     boolean     NOT NULL DEFAULT true,
    order_xid    bigint      NOT NULL,
    seq          bigint      NOT NULL,
    holder       text        NOT NULL,
    leased_until timestamptz NOT NULL,
    CONSTRAINT relay_cursor_pkey PRIMARY KEY (only_row),
    CONSTRAINT relay_cursor_one_row CHECK (only_row)
) WITH (fillfactor = 20);

-- What each consumer has had its effect for. Event ids are in time order, so old rows are found by id.
CREATE TABLE platform.inbox (
    consumer text NOT NULL,
    event_id text NOT NULL,
    CONSTRAINT inbox_pkey PRIMARY KEY (consumer, event_id)
);

-- Events a consumer could not handle, and those of the same key that came after them, in order of id.
CREATE TABLE platform.parked_events (
    id        bigint      GENERATED ALWAYS AS IDENTITY,
    consumer  text        NOT NULL,
    key       text        NOT NULL,
    event_id  text        NOT NULL,
    type      text        NOT NULL,
    headers   json        NOT NULL,
    value     bytea       NOT NULL,
    reason    text        NOT NULL,
    parked_at timestamptz NOT NULL,
    CONSTRAINT parked_events_pkey PRIMARY KEY (id),
    CONSTRAINT parked_events_event_key UNIQUE (consumer, key, event_id)
);
