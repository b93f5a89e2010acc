package webhook

import "time"

// Status is how far a delivery is.
type Status string

// The states of a delivery; doc.go tells how they follow each other.
const (
	Pending     Status = "pending"
	Delivered   Status = "delivered"
	Failed      Status = "failed"
	Undelivered Status = "undelivered"
)

// Delivery is one event on its way to one endpoint.
type Delivery struct {
	ID            string // whd_…
	Endpoint      string
	Event         string
	EventType     string
	Status        Status
	Attempts      int
	NextAttemptAt time.Time // of a pending one
	CreatedAt     time.Time
	DeliveredAt   time.Time // zero unless delivered

	Seq            int64     // the order of one endpoint's deliveries
	ObjectID       string    // what the event is about
	Ordered        bool      // waits while an earlier one of its object is pending
	LeasedUntil    time.Time // zero unless somebody is sending it
	AttemptsBefore int       // attempts before its last replay: the schedule began anew
	Replay         string    // the replay that sent it again, or ""
}

// Attempt is one try of a delivery.
type Attempt struct {
	Delivery string
	Endpoint string
	Number   int // from 1; numbers lost to a crash are missing
	At       time.Time
	URL      string // where it went
	Answer
}
