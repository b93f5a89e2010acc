-- What the platform may do with the account: nothing ('', before an OAuth code is
-- exchanged and after a disconnect), read_only or read_write. Accounts that a
-- platform made itself are its own.
ALTER TABLE connect.accounts
    ADD COLUMN access text NOT NULL DEFAULT 'read_write',
    ADD COLUMN access_changed_at timestamptz,
    ADD COLUMN controller_type text NOT NULL DEFAULT 'application',
    ADD CONSTRAINT accounts_access CHECK (access IN ('', 'read_only', 'read_write')),
    ADD CONSTRAINT accounts_controller_type CHECK (controller_type IN ('application', 'account')),
    ADD CONSTRAINT accounts_platform_reaches_itself CHECK (id <> platform OR access = 'read_write');

-- Whose event a payload is, so that a retry asks again whether its receiver may still hear of it.
ALTER TABLE connect.webhook_payloads
    ADD COLUMN account text NOT NULL DEFAULT '';
