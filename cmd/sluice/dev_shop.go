package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"

	"github.com/sluicepay/sluice/cmd/sluice/marketplace"
	"github.com/sluicepay/sluice/platform/client"
	"github.com/sluicepay/sluice/platform/secret"
	"github.com/sluicepay/sluice/platform/ui"
)

// TutorHub's colours on pages that ask in its name.
const (
	shopPrimary   = "#5b3df5"
	shopSecondary = "#ffb020"
)

// openShop gives TutorHub its looks and an OAuth client, and opens its web site,
// the sample marketplace. All of it goes through the API, as it would for a
// customer; what is there already is left as it is.
func (p *private) openShop(ctx context.Context, c *client.Client) error {
	if err := dress(ctx, c, p.state.PlatformAccount); err != nil {
		return fmt.Errorf("TutorHub's branding: %w", err)
	}
	id, err := oauthClient(ctx, c, p.state.ClientID, p.base)
	if err != nil {
		return fmt.Errorf("TutorHub's OAuth client: %w", err)
	}
	if id != p.state.ClientID {
		p.state.ClientID = id
		if err := p.state.save(p.dir); err != nil {
			return err
		}
	}
	p.app.shop.Open(tutorHub(p.base, p.state.PlatformAccount, id, secret.New(p.state.SecretKey)))
	return nil
}

// tutorHub is the business of the sample marketplace.
func tutorHub(base, account, clientID string, key secret.Text) marketplace.Business {
	return marketplace.Business{
		BaseURL: base, SecretKey: key, ClientID: clientID,
		Brand: ui.Brand{Name: "TutorHub HK", LogoURL: "/brand/" + account + "/logo", Primary: shopPrimary, Secondary: shopSecondary},
	}
}

// dress uploads the logo and sets the colours of a platform that has no logo yet.
func dress(ctx context.Context, c *client.Client, account string) error {
	var a struct {
		Settings struct{ Branding struct{ Logo *string } }
	}
	if err := c.Get(ctx, "/v1/account", nil, &a); err != nil {
		return err
	}
	if a.Settings.Branding.Logo != nil {
		return nil
	}
	var file struct{ ID string }
	if err := c.Upload(ctx, "/v1/files", url.Values{"purpose": {"business_logo"}}, "tutorhub.png", marketplace.Logo, &file); err != nil {
		return err
	}
	return c.Post(ctx, "/v1/accounts/"+account, url.Values{
		"settings[branding][logo]":            {file.ID},
		"settings[branding][primary_color]":   {shopPrimary},
		"settings[branding][secondary_color]": {shopSecondary},
	}, nil)
}

// redirectURIs are where codes may go: the index page, which shows them to a
// developer who opened the connect link by hand, and the sample marketplace.
func redirectURIs(base string) []string {
	return []string{base + indexPath, base + marketplace.CallbackPath}
}

// oauthClient makes sure of the client: the server may have moved to another port
// since, and the database may be a new one.
func oauthClient(ctx context.Context, c *client.Client, id, base string) (string, error) {
	wanted := url.Values{"name": {"TutorHub HK"}, "redirect_uris[]": redirectURIs(base)}
	var have struct {
		ID           string
		RedirectURIs []string `json:"redirect_uris"`
	}
	if id != "" {
		err := c.Get(ctx, "/v1/oauth_clients/"+id, nil, &have)
		var refused *client.Error
		switch {
		case err == nil && slices.Equal(have.RedirectURIs, redirectURIs(base)):
			return id, nil
		case err == nil:
			return id, c.Post(ctx, "/v1/oauth_clients/"+id, wanted, nil)
		case !errors.As(err, &refused) || refused.Status != http.StatusNotFound:
			return "", err
		}
	}
	wanted["scopes[]"] = []string{"read_only", "read_write"}
	err := c.Post(ctx, "/v1/oauth_clients", wanted, &have)
	return have.ID, err
}
