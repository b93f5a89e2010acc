-- Events keep their object and previous attributes packed (platform/jsonpack), a fifth of the JSON that they were. What was
-- written before stays as it is and readable: such a row has object and no content, a new one content and no object.
ALTER TABLE platform.events ADD COLUMN content bytea;
ALTER TABLE platform.events ALTER COLUMN object DROP NOT NULL;
