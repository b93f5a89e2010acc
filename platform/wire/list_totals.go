package wire

// ListTotals is how many objects a list has with the same filters, and what they come
// to in each currency. It counts the newest, and no more than CountedTo. Ours.
type ListTotals struct {
	Object    string        `json:"object"` // always "list_totals"
	Amounts   []ListTotal   `json:"amounts"`
	Count     int64         `json:"count"`
	CountedTo int64         `json:"counted_to"` // a count that reaches it ended there
	Livemode  bool          `json:"livemode"`
	Statuses  []StatusCount `json:"statuses,omitempty"` // of all objects, where the list can be narrowed to a status
}

// ListTotal is what the objects of one currency come to.
type ListTotal struct {
	Amount   int64  `json:"amount"`
	Count    int64  `json:"count"`
	Currency string `json:"currency"`
}

// StatusCount counts the objects of one status, up to a thousand.
type StatusCount struct {
	Status  string `json:"status"`
	Count   int64  `json:"count"`
	HasMore bool   `json:"has_more"` // there are more
}
