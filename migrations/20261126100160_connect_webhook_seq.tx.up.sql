-- An endpoint's deliveries in their own order, for lists (newest first) and for
-- replays of what was delivered. It takes the place of the index by id: as many
-- entries, and smaller ones.
CREATE INDEX webhook_deliveries_endpoint_seq ON connect.webhook_deliveries (endpoint, seq DESC);

DROP INDEX connect.webhook_deliveries_endpoint;
