-- What a platform's people write about an account, for themselves: the account's holder never sees it.
CREATE TABLE connect.account_notes (
    id         text        NOT NULL,
    platform   text        NOT NULL,
    account    text        NOT NULL,
    livemode   boolean     NOT NULL,
    author     text        NOT NULL, -- usr_… or the id of a key
    text       text        NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT account_notes_pkey PRIMARY KEY (platform, livemode, account, id),
    CONSTRAINT account_notes_text_length CHECK (char_length(text) BETWEEN 1 AND 2000)
);

-- When an account's holder was last reminded of what is due.
CREATE TABLE connect.account_reminders (
    account     text        NOT NULL,
    livemode    boolean     NOT NULL,
    reminded_at timestamptz NOT NULL,
    CONSTRAINT account_reminders_pkey PRIMARY KEY (account, livemode)
);
