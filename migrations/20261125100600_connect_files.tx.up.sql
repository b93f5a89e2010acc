-- Files that accounts upload. What they contain stands apart, so that lists read slim rows only.
CREATE TABLE connect.files (
    id         text        NOT NULL,
    account    text        NOT NULL,
    livemode   boolean     NOT NULL,
    purpose    text        NOT NULL,
    filename   text        NOT NULL,
    type       text        NOT NULL,
    size       bigint      NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz,
    erased_at  timestamptz,
    CONSTRAINT files_pkey PRIMARY KEY (id),
    CONSTRAINT files_account_fkey FOREIGN KEY (account) REFERENCES connect.accounts (id),
    CONSTRAINT files_size_positive CHECK (size > 0),
    CONSTRAINT files_erased_forgets CHECK (erased_at IS NULL OR filename = '')
);
-- GET /v1/files: an account's files of one mode, newest first.
CREATE INDEX files_by_account ON connect.files (account, livemode, id);
-- The sweep's work list: files with a date that are not erased yet.
CREATE INDEX files_to_erase ON connect.files (livemode, expires_at) WHERE expires_at IS NOT NULL AND erased_at IS NULL;

-- content is an image that anybody may see, or what the keyring sealed. The row goes when the file is erased.
CREATE TABLE connect.file_contents (
    file    text    NOT NULL,
    sealed  boolean NOT NULL,
    content bytea   NOT NULL,
    CONSTRAINT file_contents_pkey PRIMARY KEY (file),
    CONSTRAINT file_contents_file_fkey FOREIGN KEY (file) REFERENCES connect.files (id),
    CONSTRAINT file_contents_sealed_looks_sealed CHECK (NOT sealed OR substring(content FROM 1 FOR 3) = 'v1:'::bytea)
);
-- Images and ciphertext do not compress: trying costs time and gains nothing.
ALTER TABLE connect.file_contents ALTER COLUMN content SET STORAGE EXTERNAL;
