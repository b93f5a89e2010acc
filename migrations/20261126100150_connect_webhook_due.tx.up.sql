-- What is due, endpoint by endpoint. "attempts >= 0" is always true: only a query
-- that says so is given this index. Before, the planner took it for the order per
-- object too, whenever its statistics were older than a backlog, and read the
-- whole backlog once for each row of it.
DROP INDEX connect.webhook_deliveries_due;

CREATE INDEX webhook_deliveries_due ON connect.webhook_deliveries (endpoint, next_attempt_at) WHERE status = 'pending' AND attempts >= 0;
