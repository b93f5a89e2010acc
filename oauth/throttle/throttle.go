package throttle

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/clock"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/secret"
)

// Policy says how patient we are with one kind of subject.
type Policy struct {
	Name   string
	Free   int           // failures without a wait
	Base   time.Duration // the wait after Free failures; doubles with each more
	Max    time.Duration // the longest wait
	Forget time.Duration // so long after the last failure everything is forgotten
}

// TooSoon is a refused attempt: nothing was tried.
type TooSoon struct{ Wait time.Duration }

func (e *TooSoon) Error() string { return fmt.Sprintf("try again in %s", e.Wait.Round(time.Second)) }

// Refused is TooSoon as a fault of kind RateLimited.
func Refused(wait time.Duration) error {
	return &fault.Error{
		Kind: fault.RateLimited, Code: "too_many_attempts", Message: "Too many attempts. Please wait and try again.", Err: &TooSoon{Wait: wait},
	}
}

// WaitOf is how long a refused attempt must wait; false for any other error.
func WaitOf(err error) (time.Duration, bool) {
	var refusal *TooSoon
	if errors.As(err, &refusal) {
		return refusal.Wait, true
	}
	return 0, false
}

// Network is whom an IP address counts as: itself, or the /64 that an IPv6
// household owns, which is one caller with as many addresses as it likes. What is
// no address stays as it is.
func Network(ip string) string {
	addr, err := netip.ParseAddr(ip)
	if err != nil || addr.Unmap().Is4() {
		return ip
	}
	prefix, err := addr.WithZone("").Prefix(64)
	if err != nil {
		return ip
	}
	return prefix.String()
}

// Throttle counts failures.
type Throttle struct {
	pool   *bun.DB
	pepper secret.Pepper
	clock  clock.Clock
}

// New counts in pool. clk is real time: people wait in it.
func New(pool *bun.DB, pepper secret.Pepper, clk clock.Clock) *Throttle {
	return &Throttle{pool: pool, pepper: pepper, clock: clk}
}

// Wait is how long the subject must wait before its next attempt; 0 is not at all.
func (t *Throttle) Wait(ctx context.Context, p Policy, subject string) (time.Duration, error) {
	now := t.clock.Now()
	openAt, err := t.openAt(ctx, p, subject, now)
	return max(0, openAt.Sub(now)), err
}

func (t *Throttle) openAt(ctx context.Context, p Policy, subject string, now time.Time) (openAt time.Time, err error) {
	err = t.pool.NewRaw("SELECT open_at FROM oauth.throttles WHERE hash = ? AND forget_at > ?", t.hash(p, subject), now).Scan(ctx, &openAt)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return now, nil
	case err != nil:
		return now, fmt.Errorf("ask the throttle: %w", err)
	}
	return openAt, nil
}

// countSQL adds a failure and sets the wait after it. Two attempts at once meet at
// the row's lock: the second sees what the first wrote, and the last condition
// then keeps it from counting, or lets it count all the same (forced).
const countSQL = `
INSERT INTO oauth.throttles AS t (hash, failures, open_at, forget_at)
VALUES (?0, 1, ?1::timestamptz + make_interval(secs => CASE WHEN 1 < ?3 THEN 0 ELSE least(?5, ?4) END), ?1::timestamptz + make_interval(secs => ?6))
ON CONFLICT (hash) DO UPDATE SET
	failures = CASE WHEN t.forget_at <= ?1 THEN 1 ELSE t.failures + 1 END,
	open_at = ?1::timestamptz + make_interval(secs => CASE
		WHEN t.forget_at <= ?1 THEN CASE WHEN 1 < ?3 THEN 0 ELSE least(?5, ?4) END
		WHEN t.failures + 1 < ?3 THEN 0
		ELSE least(?5, ?4 * power(2, least(t.failures + 1 - ?3, 40))) END),
	forget_at = ?1::timestamptz + make_interval(secs => ?6)
WHERE ?2 OR t.open_at <= ?1 OR t.forget_at <= ?1`

func (t *Throttle) count(ctx context.Context, p Policy, subject string, now time.Time, forced bool) (counted bool, err error) {
	result, err := t.pool.NewRaw(countSQL, t.hash(p, subject), now, forced, p.Free, p.Base.Seconds(), p.Max.Seconds(), p.Forget.Seconds()).Exec(ctx)
	if err != nil {
		return false, fmt.Errorf("count a failure: %w", err)
	}
	n, err := result.RowsAffected()
	return n > 0, err
}

// Take asks for one attempt. It is counted as a failure at once, so that attempts
// in parallel cannot share one opening; Forgive or Return takes it back. Fails
// with RateLimited (see WaitOf) when the subject has to wait: then nothing is counted.
func (t *Throttle) Take(ctx context.Context, p Policy, subject string) error {
	now := t.clock.Now()
	counted, err := t.count(ctx, p, subject, now, false)
	if err != nil || counted {
		return err
	}
	openAt, err := t.openAt(ctx, p, subject, now)
	if err != nil {
		return err
	}
	return Refused(max(time.Second, openAt.Sub(now)))
}

// Fail counts a failure that no Take has counted.
func (t *Throttle) Fail(ctx context.Context, p Policy, subject string) error {
	_, err := t.count(ctx, p, subject, t.clock.Now(), true)
	return err
}

// Forgive forgets everything about a subject that has proven itself.
func (t *Throttle) Forgive(ctx context.Context, p Policy, subject string) error {
	if _, err := t.pool.NewRaw("DELETE FROM oauth.throttles WHERE hash = ?", t.hash(p, subject)).Exec(ctx); err != nil {
		return fmt.Errorf("forgive failures: %w", err)
	}
	return nil
}

// Return takes back the one failure that Take counted. What others failed stays,
// and so does their wait.
func (t *Throttle) Return(ctx context.Context, p Policy, subject string) error {
	_, err := t.pool.NewRaw("UPDATE oauth.throttles SET failures = failures - 1, open_at = ? WHERE hash = ? AND failures > 0",
		t.clock.Now(), t.hash(p, subject)).Exec(ctx)
	if err != nil {
		return fmt.Errorf("take back a failure: %w", err)
	}
	return nil
}

// Sweep deletes up to limit forgotten rows and says how many.
func (t *Throttle) Sweep(ctx context.Context, limit int) (int, error) {
	result, err := t.pool.NewRaw(`DELETE FROM oauth.throttles WHERE hash IN (
		SELECT hash FROM oauth.throttles WHERE forget_at <= ? LIMIT ? FOR UPDATE SKIP LOCKED)`, t.clock.Now(), limit).Exec(ctx)
	if err != nil {
		return 0, fmt.Errorf("sweep throttles: %w", err)
	}
	n, err := result.RowsAffected()
	return int(n), err
}

func (t *Throttle) hash(p Policy, subject string) []byte {
	sum := t.pepper.Sum(secret.New(p.Name + "\x00" + subject))
	return sum[:]
}
