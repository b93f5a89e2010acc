-- Who has installed a client, newest first.
CREATE INDEX connections_client ON oauth.connections (client, id DESC);
