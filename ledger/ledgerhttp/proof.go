package ledgerhttp

import (
	"context"
	"encoding/hex"
	"net/http"
	"strings"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/ledger/audit"
	"github.com/sluicepay/sluice/platform/clock"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/page"
	"github.com/sluicepay/sluice/platform/rest"
	"github.com/sluicepay/sluice/platform/wire"
)

// proof reads the batch of an entry again and compares.
func (d door) proof(ctx context.Context, r *rest.Request) (any, error) {
	if err := r.Decode(&struct{}{}); err != nil {
		return nil, err
	}
	number, shown, err := d.seen(ctx, r.Scope, r.Path("id"))
	if err != nil {
		return nil, err
	}
	p, err := audit.ProofOf(ctx, d.pool, number)
	if err != nil {
		return nil, err
	}
	if p == nil {
		return nil, fault.NoSuch("ledger entry", shown.ID)
	}
	w := wire.LedgerProof{
		Object: "ledger_proof", Batch: p.Batch, Digest: hex.EncodeToString(p.Digest), DigestHolds: p.Holds, Entry: shown.ID,
		FirstEntry: entryID(p.FirstEntry), LastEntry: entryID(p.LastEntry), Livemode: r.Scope.Livemode,
	}
	if p.Position > 0 {
		link, previous := hex.EncodeToString(p.Link), hex.EncodeToString(p.Previous)
		w.Position, w.Link, w.PreviousLink, w.ChainHolds = &p.Position, &link, &previous, &p.Follows
	}
	return w, nil
}

// VerificationRoutes are proofs of the whole ledger that a platform asks for. They are
// made in the background, with real time.
func VerificationRoutes(s *rest.Server, pool *bun.DB, accounts Accounts, clk clock.Clock) []rest.Route {
	d := verificationDoor{door: door{pool: pool, accounts: accounts}, clock: clk}
	const all, one, resource = "/v1/ledger/verifications", "/v1/ledger/verifications/{id}", "ledger"
	return []rest.Route{
		{Method: http.MethodPost, Path: all, Resource: resource, Handler: s.Write(d.create), Returns: wire.LedgerVerification{}},
		{Method: http.MethodGet, Path: all, Resource: resource, Handler: s.Read(d.list), Returns: wire.List[wire.LedgerVerification]{}},
		{Method: http.MethodGet, Path: one, Resource: resource, Handler: s.Read(d.get), Returns: wire.LedgerVerification{}},
	}
}

type verificationDoor struct {
	door
	clock clock.Clock
}

// byPlatform refuses connected accounts: the whole ledger is not theirs to prove.
func byPlatform(r *rest.Request) error {
	if r.Scope.Connected() || r.Principal.Platform != "" {
		return &fault.Error{Kind: fault.Forbidden, Code: "platform_account_required",
			Message: "The ledger is verified for the platform: ask without the Stripe-Account header, with the platform's own key."}
	}
	return nil
}

func (d verificationDoor) create(ctx context.Context, tx bun.Tx, r *rest.Request) (any, error) {
	if err := r.Decode(&struct{}{}); err != nil {
		return nil, err
	}
	if err := byPlatform(r); err != nil {
		return nil, err
	}
	v, err := audit.Request(ctx, tx, r.Scope, r.Principal.KeyID, d.clock.Now())
	if err != nil {
		return nil, err
	}
	return d.show(ctx, r, v)
}

func (d verificationDoor) list(ctx context.Context, r *rest.Request) (any, error) {
	var p page.Params
	if err := r.Decode(&p); err != nil {
		return nil, err
	}
	if err := byPlatform(r); err != nil {
		return nil, err
	}
	found, err := audit.Verifications(ctx, d.pool, r.Scope, p)
	if err != nil {
		return nil, err
	}
	shown := make([]wire.LedgerVerification, len(found.Items))
	for i, v := range found.Items {
		if shown[i], err = d.show(ctx, r, v); err != nil {
			return nil, err
		}
	}
	return wire.ListOf("/v1/ledger/verifications", found.HasMore, shown), nil
}

func (d verificationDoor) get(ctx context.Context, r *rest.Request) (any, error) {
	if err := r.Decode(&struct{}{}); err != nil {
		return nil, err
	}
	if err := byPlatform(r); err != nil {
		return nil, err
	}
	v, err := audit.GetVerification(ctx, d.pool, r.Scope, r.Path("id"))
	if err != nil {
		return nil, err
	}
	return d.show(ctx, r, v)
}

func (d verificationDoor) show(ctx context.Context, r *rest.Request, v *audit.Verification) (wire.LedgerVerification, error) {
	w := wire.LedgerVerification{
		ID: v.ID, Object: "ledger_verification", BatchesDone: v.Done, BatchesAll: v.Total, Created: wire.Unix(v.RequestedAt), CreatedBy: v.Actor,
		Entries: v.Entries, Findings: []wire.LedgerVerificationFinding{}, Finished: wire.NullableUnix(v.FinishedAt), Livemode: v.Livemode,
		Postings: v.Postings, Sealed: v.Sealed, Status: string(v.Status),
	}
	for _, f := range v.Findings {
		shown := wire.LedgerVerificationFinding{Check: f.Check}
		mine, err := d.concerns(ctx, r, f)
		if err != nil {
			return w, err
		}
		if mine {
			shown.Account, shown.Detail, shown.Payout = wire.Nullable(f.Account), wire.Nullable(f.Detail), wire.Nullable(f.Payout)
			if f.Entry != 0 {
				entry := entryID(f.Entry)
				shown.Entry = &entry
			}
		}
		w.Findings = append(w.Findings, shown)
	}
	return w, nil
}

// concerns reports whether a finding names what the platform may see: one of its
// accounts, or an entry with postings on them.
func (d verificationDoor) concerns(ctx context.Context, r *rest.Request, f audit.Finding) (bool, error) {
	var err error
	switch {
	case f.Account != "":
		owner, _, _ := strings.Cut(f.Account, "/")
		_, err = d.ownerOf(ctx, r.Scope, owner)
	case f.Entry != 0:
		_, _, err = d.seen(ctx, r.Scope, entryID(f.Entry))
	default:
		return false, nil
	}
	if fault.Is(err, fault.Invalid) || fault.Is(err, fault.NotFound) {
		return false, nil
	}
	return err == nil, err
}
