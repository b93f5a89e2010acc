package wire

// WorldClock is the sandbox's time; Sluice's own extension.
type WorldClock struct {
	Object       string `json:"object"` // "world_clock"
	Now          int64  `json:"now"`    // unix seconds
	AheadSeconds int64  `json:"ahead_seconds"`
}
