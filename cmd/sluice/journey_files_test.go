package main

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"image"
	"image/png"
	"net/http"
	"strings"
	"testing"

	"github.com/stripe/stripe-go/v85"
)

// testLogo is a picture of a logo's measures.
func testLogo(t testing.TB, width, height int) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := png.Encode(&out, image.NewGray(image.Rect(0, 0, width, height))); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// TestAdaBrandsHerPagesAndPassesOnADocument uploads with both official SDKs: Ada her
// logo and icon, which everybody then sees, and a tutor's passport, which nobody does.
func TestAdaBrandsHerPagesAndPassesOnADocument(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	sdk := h.stripe()
	logo := testLogo(t, 320, 160)
	uploaded, err := sdk.V1Files.Create(t.Context(), &stripe.FileCreateParams{
		FileReader: bytes.NewReader(logo), Filename: stripe.String("/home/ada/logo.png"), Purpose: stripe.String("business_logo"),
		FileLinkData: &stripe.FileCreateFileLinkDataParams{Create: stripe.Bool(true)},
	})
	if err != nil {
		t.Fatal(err)
	}
	if uploaded.Filename != "logo.png" || uploaded.Type != "png" || uploaded.Size != int64(len(logo)) || uploaded.Purpose != stripe.FilePurposeBusinessLogo {
		t.Errorf("stripe-go uploaded %+v", uploaded)
	}
	node := h.node()
	var icon struct {
		ID, Filename, Type, Purpose string
		Size                        int64
	}
	err = node.call(&icon, []string{"files", "create"}, params{"purpose": "business_icon", "file": params{
		"data": params{"$bytes": base64.StdEncoding.EncodeToString(testLogo(t, 128, 128))}, "name": `Ada's "icon".png`, "type": "application/octet-stream",
	}})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasSuffix(icon.Filename, ".png") || icon.Type != "png" || icon.Purpose != "business_icon" {
		t.Errorf("stripe-node uploaded %+v", icon)
	}

	form := "settings[branding][logo]=" + uploaded.ID + "&settings[branding][icon]=" + icon.ID + "&settings[branding][primary_color]=%231b6ac9"
	h.send(http.StatusOK, letter{method: "POST", path: "/v1/accounts/" + h.platform, form: form})
	for picture, want := range map[string][2]int{"logo": {320, 160}, "icon": {128, 128}} {
		r := h.send(http.StatusOK, letter{method: "GET", path: "/brand/" + h.platform + "/" + picture})
		got, kind, err := image.DecodeConfig(bytes.NewReader(r.raw))
		if err != nil || kind != "png" || r.header.Get("Content-Type") != "image/png" || got.Width != want[0] || got.Height != want[1] {
			t.Errorf("%s: %s %v, %v", picture, kind, got, err)
		}
	}

	tutor := goSDK{t, sdk}.connect("Mei", "btok_hk", false)
	document, err := sdk.V1Files.Create(t.Context(), &stripe.FileCreateParams{
		Params: stripe.Params{StripeAccount: &tutor}, FileReader: strings.NewReader("%PDF-1.7\n%%EOF\n"),
		Filename: stripe.String("passport.pdf"), Purpose: stripe.String("identity_document"),
	})
	if err != nil {
		t.Fatal(err)
	}
	if document.URL != "" || document.ExpiresAt == 0 {
		t.Errorf("the document is %+v", document)
	}
	var failure *stripe.Error
	if _, err := sdk.V1Files.Retrieve(t.Context(), document.ID, nil); !errors.As(err, &failure) || failure.HTTPStatusCode != http.StatusNotFound {
		t.Errorf("the tutor's file, asked for as the platform: %v", err)
	}
	if got, err := sdk.V1Files.Retrieve(t.Context(), document.ID, &stripe.FileRetrieveParams{Params: stripe.Params{StripeAccount: &tutor}}); err != nil || got.ID != document.ID {
		t.Errorf("asked for as the tutor: %v", err)
	}
	var listed []string
	for f, err := range sdk.V1Files.List(t.Context(), &stripe.FileListParams{ListParams: stripe.ListParams{Limit: stripe.Int64(1)}}).All(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		listed = append(listed, f.ID)
	}
	if fmt.Sprint(listed) != fmt.Sprint([]string{icon.ID, uploaded.ID}) {
		t.Errorf("listed %v", listed)
	}

	// A year later the document is gone, and the logo is not.
	h.days("366d")
	if err := h.app.eraseDocuments(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := h.app.files.Open(t.Context(), document.ID); err == nil {
		t.Error("the document can still be opened")
	}
	h.send(http.StatusOK, letter{method: "GET", path: "/brand/" + h.platform + "/logo"})
}

func TestBothSDKsUnderstandARefusedUpload(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	page := "<!doctype html>"
	var failure *stripe.Error
	_, err := h.stripe().V1Files.Create(t.Context(), &stripe.FileCreateParams{
		FileReader: strings.NewReader(page), Filename: stripe.String("logo.png"), Purpose: stripe.String("business_logo"),
	})
	if !errors.As(err, &failure) || failure.HTTPStatusCode != http.StatusBadRequest || failure.Param != "file" || failure.Type != stripe.ErrorTypeInvalidRequest {
		t.Errorf("stripe-go: %v", err)
	}
	big := strings.NewReader("%PDF-" + strings.Repeat("x", 12<<20))
	_, err = h.stripe().V1Files.Create(t.Context(), &stripe.FileCreateParams{
		FileReader: big, Filename: stripe.String("p.pdf"), Purpose: stripe.String("identity_document"),
	})
	if !errors.As(err, &failure) || failure.HTTPStatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("stripe-go, too large: %v", err)
	}
	var inNode *nodeError
	err = h.node().call(nil, []string{"files", "create"}, params{"purpose": "business_logo", "file": params{
		"data": params{"$bytes": base64.StdEncoding.EncodeToString([]byte(page))}, "name": "logo.png", "type": "image/png",
	}})
	if !errors.As(err, &inNode) || inNode.Class != "StripeInvalidRequestError" || inNode.Param != "file" {
		t.Errorf("stripe-node: %v", err)
	}
}
