package webhook

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/id"
	"github.com/sluicepay/sluice/platform/secret"
	"github.com/sluicepay/sluice/platform/tenant"
)

const (
	// MaxOverlap is the longest that an old secret signs along.
	MaxOverlap = 7 * 24 * time.Hour
	// maxLive bounds an endpoint's live secrets, and so the headers of a request: rolling
	// once more ends the oldest at once.
	maxLive = 3
)

// RollSecret gives an endpoint another signing secret, which is returned here and
// never again. The one it had signs along for the overlap; secrets that were rolled
// out before keep their own end.
func (s *Endpoints) RollSecret(ctx context.Context, tx bun.Tx, at time.Time, scope tenant.Scope, endpointID string, overlap time.Duration) (secret.Text, error) {
	none := secret.Text{}
	if overlap < 0 || overlap > MaxOverlap {
		return none, BadOverlap()
	}
	e, err := lockEndpoint(ctx, tx, scope, endpointID)
	if err != nil {
		return none, err
	}
	key, err := newSigningSecret()
	if err != nil {
		return none, err
	}
	sealed, err := s.ring.Seal(key, sealedIn, e.ID)
	if err != nil {
		return none, err
	}
	if err := expireSecret(ctx, tx, e.ID, at.Add(overlap)); err != nil {
		return none, err
	}
	fresh := secretRow{ID: id.New("whs"), Endpoint: e.ID, SealedSecret: sealed, CreatedAt: at}
	if err := insertSecret(ctx, tx, fresh); err != nil {
		return none, err
	}
	live, err := liveSecretIDs(ctx, tx, e.ID, at)
	if err != nil {
		return none, err
	}
	return key, deleteSecretsBut(ctx, tx, e.ID, live[:min(len(live), maxLive)])
}

// SecretSince is since when an endpoint signs with its present secret; zero if it has none.
func (s *Endpoints) SecretSince(ctx context.Context, idb bun.IDB, endpointID string) (time.Time, error) {
	current, err := currentSecretIDs(ctx, idb, []string{endpointID})
	if err != nil {
		return time.Time{}, err
	}
	made, _ := id.Time(current[endpointID]) // ids tell when they were made
	return made, nil
}

// BadOverlap is the fault of an overlap that is negative or too long.
func BadOverlap() error {
	return fault.Invalidf("parameter_invalid", "overlap_seconds", "Invalid overlap_seconds: must be between 0 and %d.", int64(MaxOverlap/time.Second))
}

// SweepSecrets destroys secrets whose end has come, at most limit of them; it says how many.
func (s *Endpoints) SweepSecrets(ctx context.Context, idb bun.IDB, at time.Time, limit int64) (int64, error) {
	return deleteExpired(ctx, idb, at, limit)
}
