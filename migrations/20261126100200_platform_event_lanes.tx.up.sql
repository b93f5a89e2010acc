-- The event log in sixteen lanes and in months.
--
-- Lanes let several relays publish side by side: an account's events are all in one lane, and order is kept within it.
-- Months let the log forget: a month that is published and old is dropped whole.

-- Rows are written anew once, for their lane, and writers wait for it: twelve seconds a million events.
LOCK TABLE platform.events, platform.relay_cursor IN ACCESS EXCLUSIVE MODE;

CREATE SEQUENCE platform.events_seq AS bigint;

ALTER TABLE platform.events RENAME TO events_before;
ALTER TABLE platform.events_before RENAME CONSTRAINT events_pkey TO events_before_pkey;
ALTER TABLE platform.events_before RENAME CONSTRAINT events_object_version_key TO events_before_object_version_key;
DROP INDEX platform.events_order_key;

CREATE TABLE platform.events (
    -- In byte order an id's text tells its time, so months are ranges of it: of the machine's time, as ids are.
    id              text        COLLATE "C" NOT NULL,
    type            text        NOT NULL,
    account         text        NOT NULL,
    platform        text        NOT NULL,
    livemode        boolean     NOT NULL,
    object_id       text        NOT NULL,
    object_version  bigint      NOT NULL,
    -- json, not jsonb, so that they come out byte for byte as they went in.
    object          json        NOT NULL,
    previous        json,
    request_id      text        NOT NULL DEFAULT '',
    idempotency_key text        NOT NULL DEFAULT '',
    created_at      timestamptz NOT NULL,
    -- Publishing order within a lane is (order_xid, seq). order_xid is the writing transaction or, if that is younger, the
    -- one of the object's version before: a transaction may get its number first and the object's row lock second.
    order_xid       bigint      NOT NULL,
    seq             bigint      NOT NULL DEFAULT nextval('platform.events_seq'), -- partitions cannot have identity columns before PostgreSQL 17
    -- Which of the sixteen lanes. Made here, so that a process of the version before writes into its lane without knowing of it.
    lane            smallint    GENERATED ALWAYS AS ((hashtextextended(account, 0) & 15)::smallint) STORED,
    -- Every reader names account and mode, so the key that lists newest first also finds one event.
    CONSTRAINT events_pkey PRIMARY KEY (account, livemode, id),
    CONSTRAINT events_object_version_positive CHECK (object_version > 0)
) PARTITION BY RANGE (id);

ALTER SEQUENCE platform.events_seq OWNED BY platform.events.seq;

-- What the relay reads by.
CREATE INDEX events_order_idx ON platform.events (lane, order_xid, seq);

-- A partition's unique key cannot span the others unless it names their bound, so (object_id, object_version) is unique in
-- each month, and the statement that appends looks into the months before. Object ids are in time order: it grows at its right edge.
CREATE TABLE platform.events_default PARTITION OF platform.events (
    CONSTRAINT events_default_object_version_key UNIQUE (object_id, object_version)
) DEFAULT;

-- The lowest event id of a moment, as id.Floor makes it: 48 bits of milliseconds and 80 zero bits, in base 62.
CREATE FUNCTION pg_temp.event_floor(at timestamptz) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    digits CONSTANT text := '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
    rest numeric := floor(extract(epoch FROM at) * 1000)::numeric * 1208925819614629174706176;
    body text := '';
BEGIN
    FOR place IN 1..22 LOOP
        body := substr(digits, (rest % 62)::int + 1, 1) || body;
        rest := div(rest, 62);
    END LOOP;
    RETURN 'evt_' || body;
END $$;

-- The log as it was becomes everything until the end of this month. Three months are made ahead of it; later ones are made
-- by `sluice migrate` and by a job.
DO $$
DECLARE
    this CONSTANT timestamp := date_trunc('month', now() AT TIME ZONE 'UTC');
    following CONSTANT text := pg_temp.event_floor((this + interval '1 month') AT TIME ZONE 'UTC');
    columns CONSTANT text := 'id, type, account, platform, livemode, object_id, object_version, object, previous, request_id, idempotency_key, created_at, order_xid, seq';
    month timestamp;
    name text;
BEGIN
    ALTER TABLE platform.events_before
        ALTER COLUMN seq DROP IDENTITY,
        ALTER COLUMN seq SET DEFAULT nextval('platform.events_seq'),
        ALTER COLUMN id TYPE text COLLATE "C",
        ADD COLUMN lane smallint GENERATED ALWAYS AS ((hashtextextended(account, 0) & 15)::smallint) STORED;
    PERFORM setval('platform.events_seq', max(seq)) FROM platform.events_before HAVING max(seq) IS NOT NULL;
    -- What names a later time than this month's is not ours to understand: it stays readable, in the default partition.
    EXECUTE format('WITH later AS (DELETE FROM platform.events_before WHERE id >= %L RETURNING %s) INSERT INTO platform.events (%2$s) SELECT %2$s FROM later', following, columns);
    FOR ahead IN 0..3 LOOP
        month := this + ahead * interval '1 month';
        name := 'events_' || to_char(month, 'YYYY_MM');
        IF ahead = 0 THEN
            EXECUTE format('ALTER TABLE platform.events_before RENAME TO %I', name);
            EXECUTE format('ALTER TABLE platform.%I RENAME CONSTRAINT events_before_pkey TO %I', name, name || '_pkey');
            EXECUTE format('ALTER TABLE platform.%I RENAME CONSTRAINT events_before_object_version_key TO %I', name, name || '_object_version_key');
            EXECUTE format('ALTER TABLE platform.events ATTACH PARTITION platform.%I FOR VALUES FROM (MINVALUE) TO (%L)', name, following);
        ELSE
            EXECUTE format('CREATE TABLE platform.%I PARTITION OF platform.events (CONSTRAINT %I UNIQUE (object_id, object_version)) FOR VALUES FROM (%L) TO (%L)',
                name, name || '_object_version_key', pg_temp.event_floor(month AT TIME ZONE 'UTC'), pg_temp.event_floor((month + interval '1 month') AT TIME ZONE 'UTC'));
        END IF;
    END LOOP;
END $$;

-- How far each lane is published, and who publishes it: '' is nobody. Every lane has its row, always.
CREATE TABLE platform.relay_lanes (
    lane         smallint    NOT NULL,
    order_xid    bigint      NOT NULL,
    seq          bigint      NOT NULL,
    holder       text        NOT NULL DEFAULT '',
    leased_until timestamptz NOT NULL DEFAULT '-infinity',
    CONSTRAINT relay_lanes_pkey PRIMARY KEY (lane),
    CONSTRAINT relay_lanes_sixteen CHECK (lane BETWEEN 0 AND 15)
) WITH (fillfactor = 20);

INSERT INTO platform.relay_lanes (lane, order_xid, seq)
SELECT lane, COALESCE(c.order_xid, 0), COALESCE(c.seq, 0)
FROM generate_series(0, 15) lane LEFT JOIN platform.relay_cursor c ON true;

DROP TABLE platform.relay_cursor;

-- The relays that run, also those without a lane: each takes its share by their number.
CREATE TABLE platform.relays (
    name       text        NOT NULL,
    alive_until timestamptz NOT NULL,
    CONSTRAINT relays_pkey PRIMARY KEY (name)
) WITH (fillfactor = 20);

-- The months that the log has forgotten.
CREATE TABLE platform.event_archives (
    id          bigint      GENERATED ALWAYS AS IDENTITY,
    month       text        NOT NULL, -- 2026-08; the first one holds everything before it too
    until_id    text        COLLATE "C" NOT NULL, -- every event of it is below: objects from before may go on from any version
    rows        bigint      NOT NULL,
    file        text        NOT NULL, -- in the archive directory; '' = not kept
    sha256      text        NOT NULL, -- of the file; '' = not kept
    archived_at timestamptz NOT NULL,
    CONSTRAINT event_archives_pkey PRIMARY KEY (id)
);
