package webhook

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/egress"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/id"
	"github.com/sluicepay/sluice/platform/metadata"
	"github.com/sluicepay/sluice/platform/page"
	"github.com/sluicepay/sluice/platform/secret"
	"github.com/sluicepay/sluice/platform/tenant"
)

// sealedIn is the table name that signing secrets are sealed for.
const sealedIn = "connect.webhook_endpoints"

// Endpoints is the register of endpoints.
type Endpoints struct {
	ring   *secret.Keyring
	signer *Signer
	policy egress.Policy
}

// NewEndpoints seals signing secrets with ring, publishes the public keys of signer,
// and accepts URLs that policy does.
func NewEndpoints(ring *secret.Keyring, signer *Signer, policy egress.Policy) *Endpoints {
	return &Endpoints{ring: ring, signer: signer, policy: policy}
}

// NewEndpoint says what endpoint to make.
type NewEndpoint struct {
	URL           string
	EnabledEvents []string
	Connect       bool
	APIVersion    string
	Description   string
	Metadata      metadata.Patch
	Terms
}

// Create registers an endpoint of scope.Account. The signing secret is returned here and never again.
func (s *Endpoints) Create(ctx context.Context, tx bun.Tx, at time.Time, scope tenant.Scope, want NewEndpoint) (Endpoint, secret.Text, error) {
	none := secret.Text{}
	e := Endpoint{
		ID: id.New("we"), Account: scope.Account, Livemode: scope.Livemode, Connect: want.Connect, URL: want.URL,
		EnabledEvents: want.EnabledEvents, APIVersion: want.APIVersion, Description: want.Description, CreatedAt: at, Payload: Snapshot,
	}
	if err := want.apply(&e); err != nil {
		return Endpoint{}, none, err
	}
	if err := checkVersion(e.APIVersion); err != nil {
		return Endpoint{}, none, err
	}
	if err := s.check(e); err != nil {
		return Endpoint{}, none, err
	}
	var err error
	if e.Metadata, err = want.Metadata.Apply(nil); err != nil {
		return Endpoint{}, none, err
	}
	count, err := countEndpoints(ctx, tx, scope)
	if err != nil {
		return Endpoint{}, none, err
	}
	if count >= maxEndpoints {
		return Endpoint{}, none, fault.Invalidf("webhook_endpoint_limit", "", "You have reached the maximum of %d webhook endpoints.", maxEndpoints)
	}
	key, err := newSigningSecret()
	if err != nil {
		return Endpoint{}, none, err
	}
	sealed, err := s.ring.Seal(key, sealedIn, e.ID)
	if err != nil {
		return Endpoint{}, none, err
	}
	if err := insertEndpoint(ctx, tx, e); err != nil {
		return Endpoint{}, none, err
	}
	return e, key, insertSecret(ctx, tx, secretRow{ID: id.New("whs"), Endpoint: e.ID, SealedSecret: sealed, CreatedAt: at})
}

func (s *Endpoints) check(e Endpoint) error {
	if err := s.policy.CheckURL(e.URL); err != nil {
		return err
	}
	if err := checkPatterns(e.EnabledEvents); err != nil {
		return err
	}
	return checkDescription(e.Description)
}

// EndpointPatch says what to change; nil fields stay.
type EndpointPatch struct {
	URL           *string
	EnabledEvents []string
	Description   *string
	Disabled      *bool
	LeaveMissed   bool // on enabling: do not send what was missed
	Metadata      metadata.Patch
	Terms
}

// Update changes an endpoint. Disabling it keeps its pending deliveries as
// undelivered. Enabling it again sends what it missed, in order, then what comes;
// its failures are forgiven.
func (s *Endpoints) Update(ctx context.Context, tx bun.Tx, at time.Time, scope tenant.Scope, endpointID string, patch EndpointPatch) (Endpoint, error) {
	e, err := lockEndpoint(ctx, tx, scope, endpointID)
	if err != nil {
		return Endpoint{}, err
	}
	was := e
	if e, err = patch.apply(e); err != nil {
		return Endpoint{}, err
	}
	if err := s.check(e); err != nil {
		return Endpoint{}, err
	}
	switch {
	case e.Disabled && !was.Disabled:
		e.DisabledAt, e.DisabledReason = at, ""
		err = holdDeliveries(ctx, tx, e.ID)
	case was.Disabled && !e.Disabled:
		e.DisabledAt, e.DisabledReason = time.Time{}, ""
		err = resume(ctx, tx, at, e.ID, !patch.LeaveMissed)
	case patch.URL != nil && e.URL != was.URL:
		err = forgiveHealth(ctx, tx, e.ID) // what failed was another place
	}
	if err != nil {
		return Endpoint{}, err
	}
	return e, updateEndpoint(ctx, tx, e)
}

// resume lets an endpoint start anew, with what it missed if that is wanted. Deliveries
// are locked before the health, as whoever records a send does it.
func resume(ctx context.Context, tx bun.Tx, at time.Time, endpointID string, missed bool) error {
	if missed {
		if _, err := resumeMissed(ctx, tx, endpointID, at); err != nil {
			return err
		}
	}
	return forgiveHealth(ctx, tx, endpointID)
}

func (p EndpointPatch) apply(e Endpoint) (Endpoint, error) {
	if p.URL != nil {
		e.URL = *p.URL
	}
	if p.EnabledEvents != nil {
		e.EnabledEvents = p.EnabledEvents
	}
	if p.Description != nil {
		e.Description = *p.Description
	}
	if p.Disabled != nil {
		e.Disabled = *p.Disabled
	}
	err := p.Terms.apply(&e)
	if err != nil {
		return e, err
	}
	e.Metadata, err = p.Metadata.Apply(e.Metadata)
	return e, err
}

// Delete ends an endpoint: no further event is matched, its secret is destroyed,
// and pending deliveries are kept as undelivered.
func (s *Endpoints) Delete(ctx context.Context, tx bun.Tx, at time.Time, scope tenant.Scope, endpointID string) error {
	e, err := lockEndpoint(ctx, tx, scope, endpointID)
	if err != nil {
		return err
	}
	if err := deleteEndpoint(ctx, tx, e.ID, at); err != nil {
		return err
	}
	return holdDeliveries(ctx, tx, e.ID)
}

// Get is one endpoint of the scope's account. Fails with NotFound.
func (s *Endpoints) Get(ctx context.Context, idb bun.IDB, scope tenant.Scope, endpointID string) (Endpoint, error) {
	return getEndpoint(ctx, idb, scope, endpointID)
}

// List is a page of the scope's endpoints, newest first.
func (s *Endpoints) List(ctx context.Context, idb bun.IDB, scope tenant.Scope, p page.Params) (page.Of[Endpoint], error) {
	return listEndpoints(ctx, idb, scope, p)
}
