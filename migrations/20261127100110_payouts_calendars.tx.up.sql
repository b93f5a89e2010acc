-- What a platform says of single days of a rail's calendar: closed for a storm or a
-- holiday that the built-in data does not know, or open after all. The last word counts;
-- what was said before is kept.
CREATE TABLE payouts.closures (
    id         text        NOT NULL CONSTRAINT closures_pkey PRIMARY KEY,
    platform   text        NOT NULL,
    livemode   boolean     NOT NULL,
    calendar   text        NOT NULL,
    day        date        NOT NULL,
    closed     boolean     NOT NULL,
    reason     text        NOT NULL,
    actor      text        NOT NULL,
    created_at timestamptz NOT NULL,
    ended_at   timestamptz -- taken back, or said anew
);
CREATE UNIQUE INDEX closures_one_word ON payouts.closures (platform, livemode, calendar, day) WHERE ended_at IS NULL; -- what counts now
