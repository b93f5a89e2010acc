package connect

import (
	"context"
	"regexp"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/tenant"
	"github.com/sluicepay/sluice/platform/wire"
)

// Files tells whether an uploaded file is there; package file has them.
type Files interface {
	// Exists reports whether scope's account, or its platform for it, has uploaded
	// file id for one of the purposes (separated by spaces).
	Exists(ctx context.Context, idb bun.IDB, scope tenant.Scope, id, purpose string) (bool, error)
}

// colour is how hosted pages want a colour: it goes into style sheets, where any
// other text could do harm.
var colour = regexp.MustCompile(`^#[0-9a-fA-F]{6}$`)

// checkBranding refuses files that are not there or not for this, and colours that are none.
func (s *Accounts) checkBranding(ctx context.Context, idb bun.IDB, a *Account, p *SettingsParams) error {
	if p == nil || p.Branding == nil {
		return nil
	}
	for _, image := range []struct {
		given          *string
		param, purpose string
	}{
		{p.Branding.Icon, "settings[branding][icon]", "business_icon"},
		{p.Branding.Logo, "settings[branding][logo]", "business_logo"},
	} {
		if image.given == nil || *image.given == "" || s.cfg.Files == nil {
			continue
		}
		known, err := s.cfg.Files.Exists(ctx, idb, a.Scope(), *image.given, image.purpose)
		if err != nil {
			return err
		}
		if !known {
			return fault.Invalidf("resource_missing", image.param, "No such file upload with purpose %s: '%s'", image.purpose, *image.given)
		}
	}
	for _, c := range []struct {
		given *string
		param string
	}{
		{p.Branding.PrimaryColor, "settings[branding][primary_color]"},
		{p.Branding.SecondaryColor, "settings[branding][secondary_color]"},
	} {
		if c.given != nil && *c.given != "" && !colour.MatchString(*c.given) {
			return fault.Invalidf("", c.param, "Invalid color: %s must be a color such as #1b6ac9.", c.param)
		}
	}
	return nil
}

// PlatformBranding is the look of a platform's hosted pages, for anybody who asks:
// they are shown to people who have no key. ok is false for everything else than an
// open platform account.
func (s *Accounts) PlatformBranding(ctx context.Context, idb bun.IDB, account string) (look wire.BrandingSettings, ok bool, err error) {
	a, err := s.loadAny(ctx, idb, summaryKey{account: account})
	switch {
	case fault.Is(err, fault.NotFound):
		return look, false, nil
	case err != nil || !a.IsPlatform() || !a.ClosedAt.IsZero():
		return look, false, err
	}
	return a.Settings.Branding, true, nil
}
