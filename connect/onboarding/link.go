package onboarding

import (
	"net/url"
	"strings"
	"time"

	"github.com/sluicepay/sluice/platform/fault"
)

const (
	linkLife  = 5 * time.Minute
	visitLife = 2 * time.Hour
	// keptAfter is how long a link that expired is still known, to lead to a new one.
	keptAfter = time.Hour
	maxURL    = 2048
)

// Kind is what a link was made for.
type Kind string

// The kinds of links.
const (
	Onboarding Kind = "account_onboarding" // give what is due
	Update     Kind = "account_update"     // change what was given, too
	Login      Kind = "login"              // look at the account; from there, update it
)

// Link opens the hosted pages of one account, once.
type Link struct {
	Account    string
	Platform   string
	Livemode   bool
	Kind       Kind
	Eventually bool   // ask for what is only eventually due, too
	Future     bool   // ask for what an announced change will add, too
	RefreshURL string // where the person gets a new link; "" for logins
	ReturnURL  string // where the person goes in the end; "" for logins
	CreatedAt  time.Time
	ExpiresAt  time.Time
}

// LinkParams are the parameters of a new account link.
type LinkParams struct {
	Account           string `form:"account,required"`
	Type              string `form:"type,required"`
	RefreshURL        string `form:"refresh_url"`
	ReturnURL         string `form:"return_url"`
	Collect           string `form:"collect"` // the older form of collection_options[fields]
	CollectionOptions *struct {
		Fields             string `form:"fields"`
		FutureRequirements string `form:"future_requirements"`
	} `form:"collection_options"`
}

// link checks the parameters.
func (p LinkParams) link(livemode bool) (Link, error) {
	l := Link{Account: p.Account, Livemode: livemode, Kind: Kind(p.Type), RefreshURL: p.RefreshURL, ReturnURL: p.ReturnURL}
	if l.Kind != Onboarding && l.Kind != Update {
		return Link{}, fault.Invalidf("", "type", "Invalid type: must be one of account_onboarding, account_update")
	}
	for _, address := range []struct{ param, value string }{{"refresh_url", p.RefreshURL}, {"return_url", p.ReturnURL}} {
		if address.value == "" {
			return Link{}, fault.Missing(address.param)
		}
		if err := checkURL(address.param, address.value, livemode); err != nil {
			return Link{}, err
		}
	}
	fields, param, future := p.Collect, "collect", ""
	if p.CollectionOptions != nil {
		if p.Collect != "" {
			return Link{}, fault.Invalidf("parameters_exclusive", "collect", "You may only specify one of these parameters: collect, collection_options.")
		}
		fields, param, future = p.CollectionOptions.Fields, "collection_options[fields]", p.CollectionOptions.FutureRequirements
	}
	switch fields {
	case "", "currently_due":
	case "eventually_due":
		l.Eventually = true
	default:
		return Link{}, fault.Invalidf("", param, "Invalid %s: must be one of currently_due, eventually_due", param)
	}
	switch future {
	case "", "omit":
	case "include":
		l.Future = true
	default:
		return Link{}, fault.Invalidf("", "collection_options[future_requirements]", "Invalid collection_options[future_requirements]: must be one of include, omit")
	}
	return l, nil
}

// checkURL wants an address that a browser can be sent to: https in live mode.
func checkURL(param, value string, livemode bool) error {
	u, err := url.Parse(value)
	switch {
	case err != nil || u.Host == "" || u.User != nil || len(value) > maxURL || strings.ContainsFunc(value, unprintable):
	case u.Scheme == "https" || u.Scheme == "http" && !livemode:
		return nil
	case u.Scheme == "http":
		return fault.Invalidf("url_invalid", param, "Livemode requests must always be redirected via HTTPS: %s", param)
	}
	return fault.Invalidf("url_invalid", param, "Not a valid URL: %s", param)
}

func unprintable(c rune) bool { return c <= ' ' || c == '\\' || c == 0x7f }
