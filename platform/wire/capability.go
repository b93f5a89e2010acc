package wire

// Capability is one thing an account may ask to be allowed.
type Capability struct {
	ID                 string       `json:"id"`     // its name: "transfers"
	Object             string       `json:"object"` // always "capability"
	Account            Ref          `json:"account"`
	FutureRequirements Requirements `json:"future_requirements"`
	Requested          bool         `json:"requested"`
	RequestedAt        *int64       `json:"requested_at"`
	Requirements       Requirements `json:"requirements"`
	Status             string       `json:"status"` // active, inactive, pending or unrequested
}
