-- A claim is 140 bytes and its answer, packed, some 300: a page a quarter full of claims has room for their answers, so that
-- saving one touches no index and the log says only what changed. For pages from here on; what is there stays as it is.
ALTER TABLE platform.idempotency_keys SET (fillfactor = 25);
