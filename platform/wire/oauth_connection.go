package wire

// OAuthConnection is a client's reach into one account: an install. An extension of Sluice.
type OAuthConnection struct {
	ID           string `json:"id"`
	Object       string `json:"object"` // "oauth_connection"
	Account      string `json:"account"`
	Client       string `json:"client"`
	ClientName   string `json:"client_name"`
	Created      int64  `json:"created"`
	AuthorizedAt *int64 `json:"authorized_at"`
	EndedAt      *int64 `json:"ended_at"`
	LastUsedAt   *int64 `json:"last_used_at"`
	Livemode     bool   `json:"livemode"`
	Scope        string `json:"scope"`  // read_only, read_write; "" unless active
	Status       string `json:"status"` // pending, active, ended
}

// OAuthIncident is something that should not have happened to a client's codes and
// tokens: a failed authorisation, with its reason. An extension of Sluice.
type OAuthIncident struct {
	ID         string  `json:"id"`
	Object     string  `json:"object"` // "oauth_incident"
	Client     string  `json:"client"`
	ByClient   string  `json:"by_client"` // who presented it
	Connection *string `json:"connection"`
	Created    int64   `json:"created"`
	Kind       string  `json:"kind"`   // code_replayed, code_proof_failed, refresh_reused, foreign_code, foreign_refresh
	Reason     string  `json:"reason"` // the kind in words
	RequestID  *string `json:"request"`
}
