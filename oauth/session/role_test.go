package session_test

import (
	"slices"
	"testing"

	"github.com/sluicepay/sluice/oauth/session"
)

func TestPermissionsOfRoles(t *testing.T) {
	resources := []string{"api_keys", "balance", "charges", "events", "oauth_clients", "payout_approvals", "payouts", "refunds", "transfers", "webhook_endpoints"}
	const none, read, write = "", "read", "write"
	columns := []session.Role{session.Developer, session.Finance, session.Support, session.Viewer}
	for resource, row := range map[string][4]string{
		"api_keys":          {write, none, none, none},
		"balance":           {read, read, read, read},
		"charges":           {read, write, read, read},
		"events":            {write, read, read, read},
		"oauth_clients":     {write, none, none, none},
		"payout_approvals":  {read, write, read, read},
		"payouts":           {read, write, read, read},
		"refunds":           {read, write, write, read},
		"transfers":         {read, write, read, read},
		"webhook_endpoints": {write, read, read, read},
	} {
		for i, role := range columns {
			got := none
			for _, access := range []string{read, write} {
				if slices.Contains(role.Permissions(resources, true), resource+":"+access) {
					got = access
				}
			}
			if got != row[i] {
				t.Errorf("%s may %q %s, want %q", role, got, resource, row[i])
			}
		}
	}
	if session.Owner.Permissions(resources, true) != nil {
		t.Error("an owner is held back")
	}
	if p := session.Role("janitor").Permissions(resources, false); p == nil || len(p) > 0 {
		t.Errorf("an unknown role may %v", p)
	}
}

func TestDevelopersRehearseInTestModeWhatTheyMayNotDoInEarnest(t *testing.T) {
	t.Parallel()
	resources := []string{"accounts", "charges", "payout_approvals", "payout_policy", "payouts", "transfers"}
	for resource, want := range map[string][2]bool{ // live, test
		"accounts": {false, true}, "charges": {false, true}, "payouts": {false, true}, "transfers": {false, true},
		"payout_approvals": {false, false}, "payout_policy": {false, false},
	} {
		for i, live := range []bool{true, false} {
			if got := slices.Contains(session.Developer.Permissions(resources, live), resource+":write"); got != want[i] {
				t.Errorf("a developer writes %s, live %t: %t", resource, live, got)
			}
		}
	}
	for _, role := range []session.Role{session.Finance, session.Support, session.Viewer} {
		if !slices.Equal(role.Permissions(resources, true), role.Permissions(resources, false)) {
			t.Errorf("%s may more in one mode", role)
		}
	}
}
