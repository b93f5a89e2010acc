package connect

import (
	"regexp"
	"strings"

	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/secret"
)

// Proxy is what stands for the number of an account at Hong Kong's Faster Payment
// System. Whoever has one may register it with another bank tomorrow, so payouts
// to it look the account up anew each time, and account numbers are to be preferred.
type Proxy string

// The proxies of the FPS, named as the parameters that give them.
const (
	NoProxy     Proxy = ""
	FPSIDProxy  Proxy = "fps_id"
	MobileProxy Proxy = "mobile"
	EmailProxy  Proxy = "email"
)

var (
	fpsIDForm  = regexp.MustCompile(`^(\d{7}|\d{9})$`)
	mobileForm = regexp.MustCompile(`^(\+?852)?([4-9]\d{7})$`)
	emailForm  = regexp.MustCompile(`^[a-z0-9.!#$%&'*+/=?^_{|}~-]{1,64}@[a-z0-9-]+(\.[a-z0-9-]+)+$`)
)

// maxProxyEmail is the longest e-mail address the FPS knows.
const maxProxyEmail = 254

// checkProxy is Check for details that name no account.
func (b BankParams) checkProxy(at func(string) string) (BankParams, error) {
	wrong := func() (BankParams, error) {
		return b, fault.Invalidf("account_number_invalid", at(string(b.Proxy)), "Invalid %s.", b.Proxy)
	}
	switch {
	case b.Country != "HK":
		return b, fault.Invalidf("", at(string(b.Proxy)), "Only banks in Hong Kong (country HK) are reached by %s.", b.Proxy)
	case b.Currency != "hkd" && b.Currency != "cny":
		return b, fault.Invalidf("currency_not_supported", at("currency"), "The Faster Payment System pays in hkd and cny.")
	case b.RoutingNumber != "":
		return b, fault.Invalidf("parameters_exclusive", at("routing_number"), "A %s is registered with a bank: leave the routing number out.", b.Proxy)
	}
	text := strings.TrimSpace(b.AccountNumber.Reveal())
	switch b.Proxy {
	case FPSIDProxy:
		if text = compact(text); !fpsIDForm.MatchString(text) {
			return wrong()
		}
	case MobileProxy:
		found := mobileForm.FindStringSubmatch(compact(text))
		if found == nil {
			return wrong()
		}
		text = "+852-" + found[2]
	case EmailProxy:
		if text = strings.ToLower(text); len(text) > maxProxyEmail || !emailForm.MatchString(text) {
			return wrong()
		}
	case NoProxy:
	}
	b.AccountNumber = secret.New(text)
	return b, nil
}

// masked is what may be shown of a proxy: the last four digits, or how an address begins.
func (p Proxy) masked(text string) string {
	if p == EmailProxy {
		return text[:min(1, len(text))] + "***"
	}
	return text[max(0, len(text)-4):]
}
