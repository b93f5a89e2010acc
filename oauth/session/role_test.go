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
				if slices.Contains(role.Permissions(resources), resource+":"+access) {
					got = access
				}
			}
			if got != row[i] {
				t.Errorf("%s may %q %s, want %q", role, got, resource, row[i])
			}
		}
	}
	if session.Owner.Permissions(resources) != nil {
		t.Error("an owner is held back")
	}
	if p := session.Role("janitor").Permissions(resources); p == nil || len(p) > 0 {
		t.Errorf("an unknown role may %v", p)
	}
}
