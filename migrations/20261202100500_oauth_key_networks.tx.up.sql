-- Addresses that a key is good from, in canonical form (203.0.113.0/24); none: from everywhere. A constant default
-- touches no row.
ALTER TABLE oauth.api_keys ADD COLUMN networks text[] NOT NULL DEFAULT '{}';
