CREATE SCHEMA IF NOT EXISTS platform;

-- Who does a periodic job now, and when it is next due. One row per job, made
-- at its first run. Lease times come from the database's clock: it is the one
-- clock that all processes share.
CREATE TABLE platform.leases (
    name       text        NOT NULL,
    holder     text        NOT NULL,
    expires_at timestamptz NOT NULL,
    due_at     timestamptz NOT NULL,
    CONSTRAINT leases_pkey PRIMARY KEY (name)
) WITH (fillfactor = 50);

-- How far the sandbox is ahead of the machine. One row; it only grows.
CREATE TABLE platform.world_clock (
    id            smallint NOT NULL,
    offset_micros bigint   NOT NULL,
    CONSTRAINT world_clock_pkey PRIMARY KEY (id),
    CONSTRAINT world_clock_single CHECK (id = 1),
    CONSTRAINT world_clock_forward CHECK (offset_micros >= 0)
);

INSERT INTO platform.world_clock (id, offset_micros) VALUES (1, 0);
