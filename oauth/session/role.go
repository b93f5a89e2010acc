package session

import "slices"

// Role is what a person is for an account.
type Role string

// The roles, strongest first.
const (
	Owner     Role = "owner"
	Developer Role = "developer"
	Finance   Role = "finance"
	Support   Role = "support"
	Viewer    Role = "viewer"
)

// Roles in the order in which pages offer them.
var Roles = []Role{Owner, Developer, Finance, Support, Viewer}

// Action is something a role may or may not do with its account.
type Action string

// The actions.
const (
	Connect     Action = "connect"      // let a platform act for the account
	Disconnect  Action = "disconnect"   // end that
	EditAccount Action = "edit_account" // answer onboarding questions, change details
	EditBank    Action = "edit_bank"    // say where payouts go; needs a fresh session too
	ManageTeam  Action = "manage_team"  // invite, change roles, remove
	Read        Action = "read"         // see it
)

// Actions in the order of the table.
var Actions = []Action{Connect, Disconnect, EditAccount, EditBank, ManageTeam, Read}

// may is the whole of what roles mean. Who may send money elsewhere (EditBank)
// may not bring in others, except the owner; who writes the integration
// (developer) chooses whom the account is connected to, but not where money goes.
// Support differs from viewer by what later rooms add: refunds and disputes.
var may = map[Role]map[Action]bool{
	Owner:     {Connect: true, Disconnect: true, EditAccount: true, EditBank: true, ManageTeam: true, Read: true},
	Developer: {Connect: true, Disconnect: true, Read: true},
	Finance:   {EditAccount: true, EditBank: true, Read: true},
	Support:   {Read: true},
	Viewer:    {Read: true},
}

// May reports whether the role allows the action. An unknown role allows nothing.
func (r Role) May(a Action) bool { return may[r][a] }

// Known reports whether r is a role at all.
func (r Role) Known() bool { _, known := may[r]; return known }

// permitted is what a role may do through the public API, beyond reading: resources
// that it may write. Developers build and debug, and move no money. Finance moves and
// explains money. Support gives money back to those who paid. All three
// leave notes about accounts for one another.
var permitted = map[Role][]string{
	Developer: {"account_notes", "api_keys", "events", "oauth_clients", "test_helpers", "webhook_endpoints"},
	Finance: {
		"account_notes", "balance_settings", "bank_statements", "charges", "payment_intents", "payout_approvals", "payout_calendars", "payout_holds",
		"payout_policy", "payout_runs", "payouts", "refunds", "reporting", "transfers", "application_fees", "checkout_sessions",
	},
	Support: {"account_notes", "refunds"},
	Viewer:  nil,
}

// rehearsed are what developers write besides in test mode, where no money is real: who
// builds an integration makes payments, accounts and payouts to see what becomes of them.
var rehearsed = []string{
	"accounts", "application_fees", "charges", "checkout_sessions", "customers", "payment_intents", "payment_methods", "payouts", "refunds", "tokens", "transfers",
}

// secrets are resources that only who may write them may read.
var secrets = []string{"api_keys", "oauth_clients"}

// Permissions are what the role may do through the public API, "charges:read", of
// these resources in a mode; nil is everything. They are the same at a page and at the API:
// pages have no other way. An unknown role may do nothing.
func (r Role) Permissions(resources []string, livemode bool) []string {
	if r == Owner {
		return nil
	}
	permissions := []string{}
	if !r.Known() {
		return permissions
	}
	for _, resource := range resources {
		switch {
		case slices.Contains(permitted[r], resource), r == Developer && !livemode && slices.Contains(rehearsed, resource):
			permissions = append(permissions, resource+":write")
		case !slices.Contains(secrets, resource):
			permissions = append(permissions, resource+":read")
		}
	}
	return permissions
}
