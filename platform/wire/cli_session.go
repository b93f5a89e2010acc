package wire

// CLISession lets a command line connect and listen to events, as Stripe's own does.
type CLISession struct {
	DefaultVersion              string `json:"default_version"`
	DisplayConnectFilterWarning bool   `json:"display_connect_filter_warning"` // false: own and connected accounts' events both come
	LatestVersion               string `json:"latest_version"`
	ReconnectDelay              int64  `json:"reconnect_delay"`  // seconds a connection should last
	Secret                      string `json:"secret,omitempty"` // whsec_…
	WebSocketAuthorizedFeature  string `json:"websocket_authorized_feature"`
	WebSocketID                 string `json:"websocket_id,omitempty"` // to be sent as Websocket-Id
	WebSocketURL                string `json:"websocket_url"`
}
