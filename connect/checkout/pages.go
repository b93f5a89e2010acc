package checkout

import (
	"context"
	"embed"
	"errors"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/sluicepay/sluice/connect"
	"github.com/sluicepay/sluice/connect/payment"
	"github.com/sluicepay/sluice/platform/event"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/money"
	"github.com/sluicepay/sluice/platform/rest"
	"github.com/sluicepay/sluice/platform/secret"
	"github.com/sluicepay/sluice/platform/tenant"
	"github.com/sluicepay/sluice/platform/ui"
)

//go:embed templates/* catalogues/*
var files embed.FS

// Files are the templates and catalogues.
func Files() (templates, catalogues fs.FS) { return below("templates"), below("catalogues") }

func below(dir string) fs.FS {
	f, err := fs.Sub(files, dir)
	if err != nil {
		panic("checkout: " + err.Error()) // only a malformed name does that
	}
	return f
}

// PagesConfig is what the pages stand on.
type PagesConfig struct {
	Sessions *Service
	Accounts *connect.Accounts
	Kit      *ui.Kit
}

// Pages serves the checkout page and the receipt.
type Pages struct {
	*Service
	accounts *connect.Accounts
	kit      *ui.Kit
	pages    *ui.Pages
}

// NewPages parses the pages; it fails only on a mistake in them.
func NewPages(cfg PagesConfig) (*Pages, error) {
	templates, catalogues := Files()
	pages, err := cfg.Kit.Pages(templates, catalogues)
	if err != nil {
		return nil, err
	}
	return &Pages{Service: cfg.Sessions, accounts: cfg.Accounts, kit: cfg.Kit, pages: pages}, nil
}

// Routes are the pages. Whoever has an address may open it: it carries a proof.
func (p *Pages) Routes() []rest.Route {
	session, receipt := p.kit.Guard(p.served(p.session)), p.kit.Guard(p.served(p.receipt))
	return []rest.Route{
		{Method: http.MethodGet, Path: Path + "/{token}", Public: true, Handler: session},
		{Method: http.MethodPost, Path: Path + "/{token}", Public: true, Handler: session},
		{Method: http.MethodGet, Path: ReceiptPath + "/{token}", Public: true, Handler: receipt},
	}
}

// served logs what goes wrong and shows the error page.
func (p *Pages) served(page func(http.ResponseWriter, *http.Request) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		request := w.Header().Get("Request-Id")
		r = r.WithContext(event.WithOrigin(r.Context(), event.Origin{RequestID: request}))
		if err := page(w, r); err != nil && r.Context().Err() == nil { // who has left needs no answer
			p.cfg.Log.ErrorContext(r.Context(), "checkout page", "request", request, "error", err.Error())
			p.pages.ErrorPage(w, r, http.StatusInternalServerError, "ui.error.internal", "", ui.View{})
		}
	})
}

// visit is one request for a session's page.
type visit struct {
	p       *Pages
	w       http.ResponseWriter
	r       *http.Request
	c       *Session
	intent  *payment.Intent
	brand   ui.Brand
	form    *ui.Form
	refused string // catalogue key: why the payment was not made, if no field is to blame
	address string // of this page, below this server
}

// What the query of the page says: the payer came back from the bank, or wants to
// pay with another card than the one that waits for the bank.
const (
	fromBank    = "returned"
	anotherCard = "another"
)

func (p *Pages) session(w http.ResponseWriter, r *http.Request) error {
	sessionID, ok := p.cfg.open(Path, path.Base(r.URL.Path))
	if !ok {
		p.pages.ErrorPage(w, r, http.StatusNotFound, "ui.error.not_found", "", ui.View{})
		return nil
	}
	c, intent, err := p.look(r.Context(), sessionID)
	if err != nil || c == nil {
		return err
	}
	v := &visit{p: p, w: w, r: inLanguage(r, c.Locale), c: c, intent: intent, form: ui.NewForm(nil), address: r.URL.Path}
	if v.brand, err = p.brandOf(r.Context(), c.Platform, c.Livemode); err != nil {
		return err
	}
	if r.Method == http.MethodPost {
		return v.pay()
	}
	return v.show()
}

// inLanguage makes the page speak what the session asks for, unless the buyer chose.
func inLanguage(r *http.Request, locale string) *http.Request {
	if _, known := ui.ParseLocale(locale); !known {
		return r
	}
	r = r.Clone(r.Context())
	r.Header.Set("Accept-Language", locale)
	return r
}

// show is the page as it is opened.
func (v *visit) show() error {
	query := v.r.URL.Query()
	if query.Has("payment_intent") { // the bank sends payers back with more than an address bar should show
		if err := v.p.back(v.r.Context(), v.c); err != nil {
			return err
		}
		http.Redirect(v.w, v.r, v.address+"?"+fromBank+"=1", http.StatusSeeOther)
		return nil
	}
	returned := query.Has(fromBank)
	if v.c.Status != Open || v.intent == nil {
		return v.state(returned)
	}
	switch v.intent.Status {
	case payment.RequiresAction:
		if query.Has(anotherCard) {
			return v.ask()
		}
		return v.state(returned)
	case payment.RequiresPaymentMethod:
		if failed := v.intent.LastPaymentError; returned && failed != nil {
			v.declined(failed.Code, failed.DeclineCode)
		}
		return v.ask()
	case payment.RequiresConfirmation, payment.Processing, payment.RequiresCapture, payment.Succeeded, payment.Canceled:
	}
	return v.state(returned)
}

// pay takes the form. Whatever became of it is seen in the session and its intent:
// a second click finds what the first one did.
func (v *visit) pay() error {
	v.form = ui.PostedForm(v.r)
	if v.c.Status != Open {
		return v.goOn()
	}
	b, ok := v.buyer()
	if !ok {
		return v.ask()
	}
	ctx := v.r.Context()
	err := v.p.Service.pay(ctx, v.c, b)
	switch f := fault.As(err); {
	case err == nil, errors.Is(err, errEnded), underWay(err), f != nil && f.Code == "idempotency_key_in_use":
	case errors.Is(err, errTooMany):
		v.refused = "checkout.too_many"
	case fault.Is(err, fault.Declined):
		v.declined(f.Code, f.Decline)
	case fault.Is(err, fault.Invalid), fault.Is(err, fault.Unavailable):
		// The seller's side: a receiver that cannot receive any more, a processor that is away.
		v.p.cfg.Log.WarnContext(ctx, "checkout payment refused", "session", v.c.ID, "code", f.Code, "error", f.Message)
		v.refused = "checkout.not_possible"
	default:
		return err
	}
	if v.c, v.intent, err = v.p.look(ctx, v.c.ID); err != nil {
		return err
	}
	if v.c.Status == Open && (v.refused != "" || !v.form.OK()) {
		return v.ask()
	}
	return v.goOn()
}

// goOn leads from the pay button to what comes next.
func (v *visit) goOn() error {
	to := v.address
	switch {
	case v.c.Status == Complete:
		to = v.c.success()
	case v.c.Status == Open && v.intent != nil && v.intent.Status == payment.RequiresAction:
		if bank := v.bank(); bank != "" {
			to = bank
		}
	}
	http.Redirect(v.w, v.r, to, http.StatusSeeOther)
	return nil
}

// bank is the page where the payer authenticates, "" if nobody waits for that.
func (v *visit) bank() string {
	if v.intent == nil || v.intent.Status != payment.RequiresAction || v.intent.NextAction == nil ||
		v.intent.NextAction.RedirectToURL == nil || v.intent.NextAction.RedirectToURL.URL == nil {
		return ""
	}
	return *v.intent.NextAction.RedirectToURL.URL
}

// buyer reads the form; false if something in it is wrong, which the form then tells.
func (v *visit) buyer() (buyer, bool) {
	b := buyer{name: v.form.Value("name"), email: v.form.Value("email"), ip: rest.PeerIP(v.r)}
	if known := v.c.CustomerEmail; known != nil && *known != "" {
		b.email = *known
	}
	if !plausibleEmail(b.email) {
		v.form.Fail("email", "checkout.email.wrong")
	}
	number := v.form.Value("number")
	if strings.Trim(number, "0123456789 -") != "" || len(number) < 12 {
		v.form.Fail("number", "checkout.number.wrong")
	}
	month, year, ok := expiryIn(v.form.Value("expiry"))
	if !ok {
		v.form.Fail("expiry", "checkout.expiry.wrong")
	}
	if cvc := v.form.Value("cvc"); len(cvc) < 3 || len(cvc) > 4 || strings.Trim(cvc, "0123456789") != "" {
		v.form.Fail("cvc", "checkout.cvc.wrong")
	}
	if b.name == "" || len([]rune(b.name)) > maxName {
		v.form.Fail("name", "checkout.name.wrong")
	}
	b.card = payment.CardParams{ExpMonth: &month, ExpYear: &year, Name: &b.name}
	b.card.Number.Text, b.card.CVC.Text = secret.New(number), secret.New(v.form.Value("cvc"))
	return b, v.form.OK()
}

// expiryIn reads 12/34, 12 / 2034 and 1234.
func expiryIn(text string) (month, year int64, ok bool) {
	text = strings.ReplaceAll(text, " ", "")
	m, y, cut := strings.Cut(text, "/")
	if !cut && len(text) == 4 {
		m, y = text[:2], text[2:]
	}
	month, badMonth := strconv.ParseInt(m, 10, 64)
	year, badYear := strconv.ParseInt(y, 10, 64)
	return month, year, badMonth == nil && badYear == nil && month >= 1 && month <= 12 && (len(y) == 2 || len(y) == 4)
}

// declined tells the buyer what a refusal means and what to do.
func (v *visit) declined(code, decline string) {
	for _, reason := range []string{decline, code} {
		told, known := refusals[reason]
		switch {
		case !known:
			continue
		case told.field == "":
			v.refused = told.key
		default:
			v.form.Fail(told.field, told.key)
		}
		return
	}
	v.refused = "checkout.decline"
}

// refusals are what banks and we say of a card: beside which field, and how.
var refusals = map[string]struct{ field, key string }{
	"incorrect_number":                      {"number", "checkout.number.wrong"},
	"invalid_number":                        {"number", "checkout.number.wrong"},
	"test_mode_live_card":                   {"number", "checkout.number.real"},
	"invalid_expiry_month":                  {"expiry", "checkout.expiry.wrong"},
	"invalid_expiry_year":                   {"expiry", "checkout.expiry.wrong"},
	"expired_card":                          {"expiry", "checkout.expiry.over"},
	"incorrect_cvc":                         {"cvc", "checkout.cvc.mismatch"},
	"invalid_cvc":                           {"cvc", "checkout.cvc.wrong"},
	"insufficient_funds":                    {"", "checkout.decline.funds"},
	"processing_error":                      {"", "checkout.decline.error"},
	"payment_intent_authentication_failure": {"", "checkout.decline.bank"},
	"authentication_required":               {"", "checkout.decline.bank"},
	"card_velocity_exceeded":                {"", "checkout.decline.often"},
}

// line is one item as the pages show it.
type line struct {
	Name, Description string
	Quantity          int64
	Unit, Total       money.Amount
}

// order is what the pages show of a session.
type order struct {
	Lines      []line
	Total      money.Amount
	Seller     string // who is paid
	Payee      string // who gets the money, if it is one other account
	EmailKnown bool
	Reserve    bool   // the money is taken later
	Refused    string // catalogue key
	State      string // what the page says instead of asking, and its kind
	StateKind  string
	Testmode   bool
	// Where the buttons lead.
	Cancel, Bank, Another, Receipt, Success string
}

func (c *Session) lines() []line {
	lines := make([]line, len(c.LineItems))
	for i, item := range c.LineItems {
		lines[i] = line{
			Name: item.Name, Description: item.Description, Quantity: item.Quantity,
			Unit: money.New(item.UnitAmount, c.Currency), Total: money.New(item.UnitAmount*item.Quantity, c.Currency),
		}
	}
	return lines
}

func (v *visit) order() (order, error) {
	o := order{
		Lines: v.c.lines(), Total: v.c.Total(), Seller: v.brand.Name, Cancel: v.c.CancelURL, Testmode: !v.c.Livemode,
		EmailKnown: v.c.CustomerEmail != nil && *v.c.CustomerEmail != "", Reserve: v.c.IntentData.CaptureMethod == "manual",
		Bank: v.bank(), Another: v.address + "?" + anotherCard + "=1", Success: v.c.success(),
	}
	var err error
	if v.c.Account != v.c.Platform {
		o.Seller, err = v.p.nameOf(v.r.Context(), v.c.Scope(), v.c.Account)
	} else if payee := v.c.payee(); payee != "" {
		o.Payee, err = v.p.nameOf(v.r.Context(), v.c.Scope(), payee)
	}
	return o, err
}

// ask is the page with the card's form.
func (v *visit) ask() error {
	o, err := v.order()
	if err != nil {
		return err
	}
	if email := v.c.email(); !v.form.Has("email") || o.EmailKnown {
		v.form.Set("email", email)
	}
	if !v.form.Has("name") {
		v.form.Set("name", v.c.BuyerName)
	}
	view := v.view("checkout.title", o)
	if o.Refused = v.refused; o.Refused != "" {
		view.Status = http.StatusPaymentRequired
	}
	view.Data = o
	v.p.pages.Render(v.w, v.r, "pay", view)
	return nil
}

// state is the page of a session that is not to be paid now. With onwards a buyer
// whose payment is complete is taken to where the seller waits.
func (v *visit) state(onwards bool) error {
	if v.c.Status == Open && v.intent == nil {
		return v.ask()
	}
	o, err := v.order()
	if err != nil {
		return err
	}
	status := http.StatusOK
	switch {
	case v.c.Status == Complete:
		o.State, o.StateKind = "paid", "success"
		if o.Receipt, err = v.receiptOf(); err != nil {
			return err
		}
		if onwards {
			v.w.Header().Set("Refresh", "0; url="+o.Success)
		}
	case v.c.Status == Expired:
		o.State, o.StateKind, status = "expired", "wait", http.StatusGone
	case v.intent.Status == payment.RequiresAction:
		o.State, o.StateKind = "action", "info"
	default:
		o.State, o.StateKind = "processing", "wait"
		v.w.Header().Set("Refresh", "5; url="+v.address+"?"+fromBank+"=1")
	}
	view := v.view("checkout.state."+o.State+".title", o)
	view.Status = status
	v.p.pages.Render(v.w, v.r, "state", view)
	return nil
}

// receiptOf is the address of the payment's receipt, below this server.
func (v *visit) receiptOf() (string, error) {
	if v.intent == nil {
		return "", nil
	}
	charge, paid, err := v.p.cfg.Payments.PaidCharge(v.r.Context(), v.intent.LatestCharge)
	if err != nil || !paid || charge.ReceiptURL == nil {
		return "", err
	}
	return strings.TrimPrefix(*charge.ReceiptURL, v.p.cfg.BaseURL), nil
}

func (v *visit) view(title string, o order) ui.View {
	return ui.View{
		Title: title, Brand: v.brand, Testmode: !v.c.Livemode, Layout: ui.FlowWide, Data: o, Form: v.form,
		// The pay button is answered with a redirect to the seller, or to the bank's page.
		FormAction: []string{v.c.success(), v.p.cfg.BaseURL},
	}
}

// nameOf is what people call an account, "" if it cannot be told any more.
func (p *Pages) nameOf(ctx context.Context, scope tenant.Scope, account string) (string, error) {
	a, err := p.accounts.Get(ctx, p.cfg.Pool, scope, account)
	if fault.Is(err, fault.Forbidden) || fault.Is(err, fault.NotFound) {
		return "", nil // the platform has lost it
	}
	return a.Name(), err
}

// brandOf is how a platform presents itself.
func (p *Pages) brandOf(ctx context.Context, platform string, livemode bool) (ui.Brand, error) {
	a, err := p.accounts.Get(ctx, p.cfg.Pool, tenant.Scope{Platform: platform, Account: platform, Livemode: livemode}, platform)
	if err != nil {
		return ui.Brand{}, err
	}
	look := a.Settings.Branding
	b := ui.Brand{Name: text(a.Settings.Dashboard.DisplayName), Primary: text(look.PrimaryColor), Secondary: text(look.SecondaryColor)}
	if b.Name == "" {
		b.Name = a.Name()
	}
	if text(look.Logo) != "" || text(look.Icon) != "" {
		b.LogoURL = "/brand/" + a.ID + "/logo"
	}
	return b, nil
}

// zoneOf is where the account keeps its time.
func zoneOf(a connect.Account) *time.Location {
	zone, err := time.LoadLocation(text(a.Settings.Dashboard.Timezone))
	if err != nil {
		return time.UTC
	}
	return zone
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
