-- Where a try went: the endpoint may have another URL since. NULL is a try from before
-- this column, of which only where the endpoint is now is known, and one by a socket.
ALTER TABLE connect.webhook_attempts ADD COLUMN url text;
