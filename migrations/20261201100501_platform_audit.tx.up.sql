-- Who changed what: an act before it is tried, and how it ended. Both append-only. An act without an outcome was cut
-- short by a crash: what became of it, the objects say.
CREATE TABLE platform.audit_acts (
    id          text        NOT NULL,
    account     text        NOT NULL, -- who keeps this record: whose program or person it was
    livemode    boolean     NOT NULL,
    for_account text        NOT NULL, -- on whose behalf
    actor       text        NOT NULL, -- usr_… or the id of a key or token
    action      text        NOT NULL, -- api_keys.roll
    method      text        NOT NULL,
    path        text        NOT NULL,
    object_id   text        NOT NULL DEFAULT '',
    params      json,
    reason      text        NOT NULL DEFAULT '',
    ip          text        NOT NULL DEFAULT '',
    request_id  text        NOT NULL,
    created_at  timestamptz NOT NULL,
    -- Every reader names account and mode; ids are in the order of time.
    CONSTRAINT audit_acts_pkey PRIMARY KEY (account, livemode, id)
);

CREATE TABLE platform.audit_outcomes (
    act_id     text        NOT NULL,
    status     smallint    NOT NULL,
    object_id  text        NOT NULL DEFAULT '',
    error_code text        NOT NULL DEFAULT '',
    ended_at   timestamptz NOT NULL,
    CONSTRAINT audit_outcomes_pkey PRIMARY KEY (act_id)
);

CREATE TRIGGER audit_acts_immutable BEFORE UPDATE OR DELETE OR TRUNCATE ON platform.audit_acts
    FOR EACH STATEMENT EXECUTE FUNCTION platform.refuse();
CREATE TRIGGER audit_outcomes_immutable BEFORE UPDATE OR DELETE OR TRUNCATE ON platform.audit_outcomes
    FOR EACH STATEMENT EXECUTE FUNCTION platform.refuse();
