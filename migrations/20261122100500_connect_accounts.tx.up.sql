CREATE SCHEMA IF NOT EXISTS connect;

-- Platform accounts (id = platform) exist in both modes, so they have no mode of their own.
CREATE TABLE connect.accounts (
    id                     text        NOT NULL,
    platform               text        NOT NULL,
    livemode               boolean,
    type                   text        NOT NULL,
    fees_payer             text        NOT NULL,
    losses_payments        text        NOT NULL,
    requirement_collection text        NOT NULL,
    dashboard              text        NOT NULL,
    country                text        NOT NULL,
    default_currency       text        NOT NULL,
    email                  text        NOT NULL DEFAULT '',
    business_type          text        NOT NULL DEFAULT '',
    business_profile       jsonb       NOT NULL DEFAULT '{}',
    company                jsonb       NOT NULL DEFAULT 'null',
    individual             jsonb       NOT NULL DEFAULT 'null',
    settings               jsonb       NOT NULL DEFAULT '{}',
    tos_acceptance         jsonb       NOT NULL DEFAULT '{}',
    metadata               jsonb       NOT NULL DEFAULT '{}',
    rejected               text        NOT NULL DEFAULT '',
    payouts_paused         boolean     NOT NULL DEFAULT false,
    created_at             timestamptz NOT NULL,
    closed_at              timestamptz,
    version                bigint      NOT NULL,
    CONSTRAINT accounts_pkey PRIMARY KEY (id),
    CONSTRAINT accounts_mode_belongs_to_connected CHECK ((id = platform) = (livemode IS NULL)),
    CONSTRAINT accounts_version_positive CHECK (version > 0)
);
-- GET /v1/accounts: a platform's connected accounts of one mode, newest first.
CREATE INDEX accounts_by_platform ON connect.accounts (platform, livemode, id);

CREATE TABLE connect.capabilities (
    account      text        NOT NULL,
    name         text        NOT NULL,
    requested    boolean     NOT NULL,
    requested_at timestamptz,
    version      bigint      NOT NULL,
    CONSTRAINT capabilities_pkey PRIMARY KEY (account, name),
    CONSTRAINT capabilities_account_fkey FOREIGN KEY (account) REFERENCES connect.accounts (id)
);

-- Only last4 is readable. sealed opens with the keyring; fingerprint is a keyed hash of country, routing and number.
CREATE TABLE connect.external_accounts (
    id                   text        NOT NULL,
    account              text        NOT NULL,
    livemode             boolean     NOT NULL,
    country              text        NOT NULL,
    currency             text        NOT NULL,
    account_holder_name  text        NOT NULL DEFAULT '',
    account_holder_type  text        NOT NULL DEFAULT '',
    account_type         text        NOT NULL DEFAULT '',
    bank_name            text        NOT NULL DEFAULT '',
    routing_number       text        NOT NULL DEFAULT '',
    last4                text        NOT NULL,
    fingerprint          text        NOT NULL,
    sealed               text        NOT NULL,
    status               text        NOT NULL,
    default_for_currency boolean     NOT NULL,
    metadata             jsonb       NOT NULL DEFAULT '{}',
    created_at           timestamptz NOT NULL,
    deleted_at           timestamptz,
    version              bigint      NOT NULL,
    CONSTRAINT external_accounts_pkey PRIMARY KEY (id),
    CONSTRAINT external_accounts_account_fkey FOREIGN KEY (account) REFERENCES connect.accounts (id),
    CONSTRAINT external_accounts_deleted_forgets CHECK (deleted_at IS NULL OR sealed = '')
);
CREATE UNIQUE INDEX external_accounts_one_default ON connect.external_accounts (account, livemode, currency)
    WHERE default_for_currency AND deleted_at IS NULL;
CREATE INDEX external_accounts_by_account ON connect.external_accounts (account, id);

CREATE TABLE connect.tokens (
    id          text        NOT NULL,
    account     text        NOT NULL,
    livemode    boolean     NOT NULL,
    type        text        NOT NULL,
    details     jsonb       NOT NULL,
    sealed      text        NOT NULL DEFAULT '',
    client_ip   text        NOT NULL DEFAULT '',
    created_at  timestamptz NOT NULL,
    used_at     timestamptz,
    CONSTRAINT tokens_pkey PRIMARY KEY (id),
    CONSTRAINT tokens_used_forgets CHECK (used_at IS NULL OR sealed = '')
);

-- Ids are pm_… or, for what came as a source, card_…. handle is the processor's name of the instrument.
CREATE TABLE connect.payment_methods (
    id              text        NOT NULL,
    account         text        NOT NULL,
    livemode        boolean     NOT NULL,
    handle          text        NOT NULL,
    brand           text        NOT NULL,
    last4           text        NOT NULL,
    exp_month       smallint    NOT NULL,
    exp_year        smallint    NOT NULL,
    country         text        NOT NULL,
    funding         text        NOT NULL,
    fingerprint     text        NOT NULL,
    cvc_check       text        NOT NULL DEFAULT '',
    billing_details jsonb       NOT NULL DEFAULT '{}',
    allow_redisplay text        NOT NULL DEFAULT 'unspecified',
    customer        text,
    metadata        jsonb       NOT NULL DEFAULT '{}',
    created_at      timestamptz NOT NULL,
    version         bigint      NOT NULL,
    CONSTRAINT payment_methods_pkey PRIMARY KEY (id)
);
-- A customer's methods; methods of nobody are not listed and not indexed.
CREATE INDEX payment_methods_by_customer ON connect.payment_methods (customer, id) WHERE customer IS NOT NULL;

CREATE TABLE connect.customers (
    id                     text        NOT NULL,
    account                text        NOT NULL,
    livemode               boolean     NOT NULL,
    email                  text        NOT NULL DEFAULT '',
    name                   text        NOT NULL DEFAULT '',
    phone                  text        NOT NULL DEFAULT '',
    description            text        NOT NULL DEFAULT '',
    address                jsonb       NOT NULL DEFAULT 'null',
    shipping               jsonb       NOT NULL DEFAULT 'null',
    preferred_locales      jsonb       NOT NULL DEFAULT '[]',
    tax_exempt             text        NOT NULL DEFAULT 'none',
    invoice_prefix         text        NOT NULL,
    footer                 text        NOT NULL DEFAULT '',
    default_payment_method text        NOT NULL DEFAULT '',
    default_source         text        NOT NULL DEFAULT '',
    metadata               jsonb       NOT NULL DEFAULT '{}',
    created_at             timestamptz NOT NULL,
    deleted_at             timestamptz,
    version                bigint      NOT NULL,
    CONSTRAINT customers_pkey PRIMARY KEY (id)
);
-- GET /v1/customers, also narrowed by email.
CREATE INDEX customers_by_account ON connect.customers (account, livemode, id) WHERE deleted_at IS NULL;
CREATE INDEX customers_by_email ON connect.customers (account, livemode, email, id) WHERE deleted_at IS NULL AND email <> '';
