-- How far each consumer group has come in each partition of a topic, moved in the transaction of the effects. Kafka's own
-- committed offset is only a hint. The row is updated with every batch, so there is room for it to stay where it is.
CREATE TABLE platform.consumer_offsets (
    consumer_group text        NOT NULL,
    topic          text        NOT NULL,
    partition      integer     NOT NULL,
    next_offset    bigint      NOT NULL,
    -- Who may move it: a random word that each new owner of the partition writes. One that was taken for dead and wakes up
    -- finds another word, and its transaction moves nothing.
    owner          text        NOT NULL,
    updated_at     timestamptz NOT NULL,
    CONSTRAINT consumer_offsets_pkey PRIMARY KEY (consumer_group, topic, partition),
    CONSTRAINT consumer_offsets_next_not_negative CHECK (next_offset >= 0)
) WITH (fillfactor = 20);

-- A consumer has one name everywhere: its group's. Processes of the version before must have stopped.
UPDATE platform.inbox SET consumer = 'sluice.' || consumer WHERE consumer IN ('webhooks', 'payouts');

-- Event ids are in time order only byte by byte: rows are forgotten by a range of ids.
ALTER TABLE platform.inbox ALTER COLUMN event_id TYPE text COLLATE "C";

-- An operator marks the first parked event of a key; a consumer of the group handles the line from there, and the mark moves
-- on with it. A failure takes the mark away and says why.
ALTER TABLE platform.parked_events
    ADD COLUMN attempts           integer     NOT NULL DEFAULT 0,  -- how often it was tried again on request
    ADD COLUMN last_error         text        NOT NULL DEFAULT '', -- of the last of these
    ADD COLUMN retry_requested_at timestamptz,
    ADD COLUMN retry_requested_by text        NOT NULL DEFAULT '';

-- The line of one key: its first event for a retry, its last for one that comes behind.
CREATE INDEX parked_events_line ON platform.parked_events (consumer, key, id);

-- What consumers look for every second; empty but for a moment.
CREATE INDEX parked_events_retry ON platform.parked_events (consumer, id) WHERE retry_requested_at IS NOT NULL;

-- Who asked for what was parked to be tried again, when, and what came of it. Only ever added to.
CREATE TABLE platform.parking_log (
    id        bigint      GENERATED ALWAYS AS IDENTITY,
    at        timestamptz NOT NULL,
    consumer  text        NOT NULL,
    key       text        NOT NULL,
    event_id  text        NOT NULL, -- the first of the line at that moment
    action    text        NOT NULL,
    by_whom   text        NOT NULL, -- user@host of an operator, or host:pid of a consumer
    CONSTRAINT parking_log_pkey PRIMARY KEY (id),
    CONSTRAINT parking_log_action_known CHECK (action IN ('retry_requested', 'retry_failed', 'freed'))
);

CREATE FUNCTION platform.refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% on platform.% is refused: it is only ever added to', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation', CONSTRAINT = TG_NAME;
END $$;

CREATE TRIGGER parking_log_immutable BEFORE UPDATE OR DELETE OR TRUNCATE ON platform.parking_log
    FOR EACH STATEMENT EXECUTE FUNCTION platform.refuse();
