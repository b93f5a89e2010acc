package connecthttp_test

import (
	"context"
	"testing"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/connect"
	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/tenant"
)

// opened is an account that came through OAuth, with an access.
func (m *marketplace) opened(express bool, access tenant.Access) string {
	m.t.Helper()
	var a connect.Account
	err := db.InTx(m.t.Context(), m.pool, func(ctx context.Context, tx bun.Tx) (err error) {
		at := m.accounts.Clock(false).Now()
		a, err = m.accounts.OpenForOAuth(ctx, tx, at, connect.OpenParams{Platform: m.platform, Express: express, Email: "may@example.com"})
		if err != nil {
			return err
		}
		return m.accounts.SetAccess(ctx, tx, at, m.platform, a.ID, false, access)
	})
	if err != nil {
		m.t.Fatal(err)
	}
	return a.ID
}

func (m *marketplace) access(account string, access tenant.Access) {
	m.t.Helper()
	err := db.InTx(m.t.Context(), m.pool, func(ctx context.Context, tx bun.Tx) error {
		return m.accounts.SetAccess(ctx, tx, m.accounts.Clock(false).Now(), m.platform, account, false, access)
	})
	if err != nil {
		m.t.Fatal(err)
	}
}

// headed calls with a Stripe-Account header.
func (m *marketplace) headed(account, method, path string, want int, form ...string) object {
	m.t.Helper()
	m.header = account
	defer func() { m.header = "" }()
	return m.call(method, path, want, form...)
}

func TestWhatAPlatformMayDoWithAnAccount(t *testing.T) {
	m := open(t)
	const rename, note, remove = "business_profile[name]=Ms May", "metadata[crm]=7", "DELETE"
	for _, c := range []struct {
		rule          string
		express       bool
		access        tenant.Access
		read          int
		renames       int // POST /v1/accounts/{id}
		notes         int // only metadata
		removes       int
		code          string
		byHeader      int // reading with Stripe-Account
		writeByHeader int
	}{
		{rule: "before the code is exchanged", access: tenant.NoAccess, read: 403, renames: 403, notes: 403, removes: 403, code: "account_invalid", byHeader: 403, writeByHeader: 403},
		{rule: "express, before the code is exchanged", express: true, access: tenant.NoAccess, read: 403, renames: 403, notes: 403, removes: 403, code: "account_invalid", byHeader: 403, writeByHeader: 403},
		{rule: "read only", access: tenant.ReadOnly, read: 200, renames: 403, notes: 403, removes: 403, code: "account_read_only", byHeader: 200, writeByHeader: 403},
		{rule: "express, read only", express: true, access: tenant.ReadOnly, read: 200, renames: 403, notes: 403, removes: 403, code: "account_read_only", byHeader: 200, writeByHeader: 403},
		{rule: "self-controlled", access: tenant.ReadWrite, read: 200, renames: 403, notes: 200, removes: 403, code: "not_allowed_on_standard_account", byHeader: 200, writeByHeader: 403},
		{rule: "express", express: true, access: tenant.ReadWrite, read: 200, renames: 200, notes: 200, removes: 200, byHeader: 200, writeByHeader: 200},
	} {
		id := m.opened(c.express, c.access)
		path := "/v1/accounts/" + id
		m.call("GET", path, c.read)
		m.call("GET", path+"/capabilities", c.read)
		m.headed(id, "GET", "/v1/account", c.byHeader)
		m.headed(id, "POST", path, c.writeByHeader, rename)
		if e := m.call("POST", path, c.renames, rename).at("error"); c.renames == 403 && e["code"] != c.code {
			t.Errorf("%s: %v", c.rule, e)
		}
		m.call("POST", path, c.notes, note)
		for _, edit := range []string{"/external_accounts", "/capabilities/card_payments", "/reject"} {
			form := map[string]string{"/external_accounts": "external_account=btok_hk", "/capabilities/card_payments": "requested=false"}[edit]
			if edit == "/reject" {
				if c.renames == 403 {
					m.call("POST", path+edit, 403, "reason=other")
				}
				continue
			}
			m.call("POST", path+edit, c.renames, form)
		}
		listed := false
		for _, a := range m.call("GET", "/v1/accounts", 200, "limit=100")["data"].([]any) {
			listed = listed || a.(map[string]any)["id"] == id
		}
		if listed != (c.read == 200) {
			t.Errorf("%s: listed %v", c.rule, listed)
		}
		hub := tenant.Scope{Platform: m.platform, Account: m.platform}
		// The account has given nothing yet: with access the next rung of the ladder refuses it.
		refusal := map[tenant.Access]string{
			tenant.NoAccess: "resource_missing", tenant.ReadOnly: "account_read_only", tenant.ReadWrite: "insufficient_capabilities_for_transfer",
		}[c.access]
		if err := connect.CheckDestination(t.Context(), m.accounts, hub, id, "destination"); fault.As(err) == nil || fault.As(err).Code != refusal {
			t.Errorf("%s: as a destination: %v", c.rule, err)
		}
		m.call(remove, path, c.removes)
	}
}

func TestAnAccountsOwnListIsEmpty(t *testing.T) {
	m := open(t)
	m.tutor()
	if list := m.headed(m.tutor()["id"].(string), "GET", "/v1/accounts", 200); len(list["data"].([]any)) != 0 {
		t.Errorf("an account sees its neighbours: %v", list)
	}
}

func TestWorkUnderWayGoesOnAfterADisconnect(t *testing.T) {
	m := open(t)
	id := m.tutor("external_account=btok_hk")["id"].(string)
	own := tenant.Scope{Platform: m.platform, Account: id}
	if access, err := m.accounts.Reach(t.Context(), m.platform, id, false); !access.Writes() || err != nil {
		t.Fatalf("before: %q %v", access, err)
	}
	m.access(id, tenant.NoAccess)
	if access, err := m.accounts.Reach(t.Context(), m.platform, id, false); access != tenant.NoAccess || err != nil {
		t.Fatalf("the node that disconnected still reaches it: %q %v", access, err)
	}
	// The payout, settlement and reserve jobs act with the account's own scope.
	a, err := m.accounts.Get(t.Context(), m.pool, own, id)
	if err != nil || len(a.ExternalAccounts) != 1 {
		t.Fatalf("payouts lose their destination: %v", err)
	}
	if sum, err := m.accounts.Lookup(t.Context(), own, id); err != nil || sum.DelayDays != 2 {
		t.Fatalf("settlement loses its terms: %v", err)
	}
	if platform, err := m.accounts.PlatformOf(t.Context(), m.pool, id, false); err != nil || platform != m.platform {
		t.Fatalf("maturity loses the platform: %q %v", platform, err)
	}
	err = db.InTx(t.Context(), m.pool, func(ctx context.Context, tx bun.Tx) error {
		return m.accounts.MarkErrored(ctx, tx, m.accounts.Clock(false).Now(), own, a.ExternalAccounts[0].ID)
	})
	if err != nil {
		t.Fatalf("a returned payout is not noted: %v", err)
	}
	if err := m.rename(m.accounts, id, "by the platform"); !fault.Is(err, fault.Forbidden) {
		t.Fatalf("the platform changes it: %v", err)
	}
	if err := m.rename(m.accounts.ForHolder(), id, "by its holder"); err != nil {
		t.Fatalf("its holder cannot change it: %v", err)
	}
	m.access(id, tenant.ReadOnly)
	if access, open, err := m.accounts.ReachNow(t.Context(), m.pool, m.platform, id, false); access != tenant.ReadOnly || !open || err != nil {
		t.Fatalf("connected again: %q %v %v", access, open, err)
	}
}

func (m *marketplace) rename(accounts *connect.Accounts, account, name string) error {
	return db.InTx(m.t.Context(), m.pool, func(ctx context.Context, tx bun.Tx) error {
		_, err := accounts.Update(ctx, tx, accounts.Clock(false).Now(), tenant.Scope{Platform: m.platform, Account: account}, account,
			connect.UpdateParams{BusinessProfile: &connect.BusinessProfileParams{Name: &name}})
		return err
	})
}

func TestPlatformsHearOnlyOfAccountsConnectedToThem(t *testing.T) {
	m := open(t)
	lost, closed := m.tutor()["id"].(string), m.tutor()["id"].(string)
	m.call("DELETE", "/v1/accounts/"+closed, 200)
	other := m.bootstrap("Other")
	hears := func(platform, account string, livemode bool) bool {
		t.Helper()
		ok, err := m.accounts.Hears(t.Context(), m.pool, platform, account, livemode)
		if err != nil {
			t.Fatal(err)
		}
		return ok
	}
	m.call("GET", "/v1/accounts/"+lost, 200)
	if !hears(m.platform, lost, false) || !hears(m.platform, closed, false) {
		t.Error("a platform hears nothing of its accounts")
	}
	if hears(other, lost, false) || hears(m.platform, lost, true) {
		t.Error("somebody else hears of them")
	}
	m.access(lost, tenant.NoAccess)
	if hears(m.platform, lost, false) {
		t.Error("it hears of an account it has lost")
	}
	m.access(lost, tenant.ReadOnly)
	if !hears(m.platform, lost, false) {
		t.Error("connected again, it hears nothing")
	}
}

func TestPrefillIsASuggestion(t *testing.T) {
	m := open(t)
	open := func(prefill map[string]string) (a connect.Account) {
		t.Helper()
		err := db.InTx(t.Context(), m.pool, func(ctx context.Context, tx bun.Tx) (err error) {
			a, err = m.accounts.OpenForOAuth(ctx, tx, m.accounts.Clock(false).Now(), connect.OpenParams{
				Platform: m.platform, Email: "may@example.com", Prefill: prefill, Capabilities: []string{"transfers", "flying"},
			})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	a := open(map[string]string{
		"country": "US", "currency": "nonsense", "business_type": "sole_prop", "first_name": "May", "last_name": "Wong",
		"dob_day": "1", "dob_month": "2", "dob_year": "1990", "street_address": "1 Main St", "city": "Austin", "zip": "78701", "state": "TX",
		"email": "may@example.com", "phone_number": "not a number at all", "url": "https://may.example", "product_description": "Piano lessons",
	})
	if a.Country != "US" || a.DefaultCurrency != "usd" || a.BusinessType != "individual" || *a.Wire().Individual.FirstName != "May" || *a.Wire().Individual.DOB.Year != 1990 ||
		*a.Wire().Individual.Address.City != "Austin" || *a.BusinessProfile.ProductDescription != "Piano lessons" {
		t.Errorf("individual: %+v", a)
	}
	if a.Wire().Controller.Type != "account" || a.Wire().Controller.IsController != nil || a.Access != tenant.NoAccess {
		t.Errorf("controller: %+v, access %q", a.Wire().Controller, a.Access)
	}
	if len(a.Capabilities) != 1 || a.Capabilities[0].Name != "transfers" {
		t.Errorf("capabilities: %v", a.Capabilities)
	}
	if a = open(map[string]string{"country": "XX", "business_type": "llc", "business_name": "May Ltd"}); a.Country != "HK" || a.BusinessType != "company" || *a.Company.Name != "May Ltd" {
		t.Errorf("company: %+v", a)
	}
	if a = open(nil); a.BusinessType != "" || a.Country != "HK" {
		t.Errorf("nothing prefilled: %+v", a)
	}
}

func TestReviewsOfAccountsThatAreNotConnectedAreNotSeen(t *testing.T) {
	m := open(t)
	id := m.tutor()["id"].(string)
	hub := tenant.Scope{Platform: m.platform, Account: m.platform}
	var review connect.Review
	err := db.InTx(t.Context(), m.pool, func(ctx context.Context, tx bun.Tx) (err error) {
		review, err = m.accounts.RequestReview(ctx, tx, m.accounts.Clock(false).Now(), hub, id, connect.ExternalAccountDue, "key_1", "")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	seen := func() int {
		t.Helper()
		found, err := m.accounts.Reviews(t.Context(), m.pool, hub, connect.ReviewFilter{})
		if err != nil {
			t.Fatal(err)
		}
		return len(found.Items)
	}
	if n := seen(); n != 1 {
		t.Fatalf("connected: %d reviews", n)
	}
	m.access(id, tenant.NoAccess)
	if _, err := m.accounts.Review(t.Context(), m.pool, hub, review.ID); seen() != 0 || !fault.Is(err, fault.NotFound) {
		t.Errorf("disconnected: %d reviews, %v", seen(), err)
	}
}
