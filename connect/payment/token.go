package payment

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"github.com/sluicepay/sluice/connect"
	"github.com/sluicepay/sluice/connect/processor/cardsim"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/id"
	"github.com/sluicepay/sluice/platform/secret"
	"github.com/sluicepay/sluice/platform/tenant"
	"github.com/sluicepay/sluice/platform/wire"
)

// Token is a single-use stand-in for a card or a bank account.
type Token struct {
	ID        string // tok_… or btok_…
	Account   string
	Livemode  bool
	Card      *Method             // of a card token
	Bank      *connect.BankParams // of a bank token, without the number
	BankID    string              // ba_… that the token shows
	BankLast4 string
	ClientIP  string
	CreatedAt time.Time
	UsedAt    time.Time // zero: not used

	fingerprint string
	sealed      string
}

// TokenParams are the parameters of a new token: exactly one of them.
type TokenParams struct {
	Card        *CardParams         `form:"card"`
	BankAccount *connect.BankParams `form:"bank_account"`
}

// CardParams are raw card details. The number prints as a secret and is dropped
// as soon as the processor's handle is known.
type CardParams struct {
	Number         cardNumber `form:"number"`
	ExpMonth       *int64     `form:"exp_month"`
	ExpYear        *int64     `form:"exp_year"` // two or four digits
	CVC            cardNumber `form:"cvc"`
	Name           *string    `form:"name"`
	AddressCity    *string    `form:"address_city"`
	AddressCountry *string    `form:"address_country"`
	AddressLine1   *string    `form:"address_line1"`
	AddressLine2   *string    `form:"address_line2"`
	AddressState   *string    `form:"address_state"`
	AddressZip     *string    `form:"address_zip"`
	Currency       passedOver `form:"currency"`
}

// cardNumber is a parameter that never prints.
type cardNumber struct{ secret.Text }

// DecodeParam reads a string of digits.
func (c *cardNumber) DecodeParam(name string, v any) error {
	text, ok := v.(string)
	if !ok {
		return fault.Invalidf("", name, "Invalid string: %s", name)
	}
	c.Text = secret.New(text)
	return nil
}

// Tokens keeps tokens.
type Tokens struct{ methods *Methods }

// NewTokens keeps tokens beside methods.
func NewTokens(methods *Methods) *Tokens { return &Tokens{methods: methods} }

// sealedTokens names the place of sealed account numbers of tokens.
const sealedTokens = "connect.tokens"

// Create makes a token.
func (s *Tokens) Create(ctx context.Context, tx bun.Tx, at time.Time, scope tenant.Scope, clientIP string, p TokenParams) (Token, error) {
	t := Token{Account: scope.Account, Livemode: scope.Livemode, ClientIP: clientIP, CreatedAt: at}
	var err error
	switch {
	case p.Card != nil && p.BankAccount != nil:
		return Token{}, fault.Invalidf("parameters_exclusive", "card", "You may only specify one of these parameters: card, bank_account.")
	case p.Card != nil:
		err = s.tokenizeCard(scope, at, &t, *p.Card)
	case p.BankAccount != nil:
		err = s.tokenizeBank(&t, *p.BankAccount)
	default:
		err = fault.Missing("card")
	}
	if err != nil {
		return Token{}, err
	}
	return t, insertToken(ctx, tx, t)
}

func (s *Tokens) tokenizeCard(scope tenant.Scope, at time.Time, t *Token, p CardParams) error {
	method, err := s.methods.ofNumber(scope, at, "card", "card", p)
	if err != nil {
		return err
	}
	method.CreatedAt = at
	t.ID, t.Card = id.New("tok"), &method
	return nil
}

func (s *Tokens) tokenizeBank(t *Token, p connect.BankParams) error {
	bank, err := p.Check("bank_account")
	if err != nil {
		return err
	}
	t.ID, t.BankID, t.Bank, t.BankLast4 = id.New("btok"), id.New("ba"), &bank, bank.Last4()
	t.fingerprint = connect.BankFingerprint(s.methods.cfg.Pepper, bank)
	if t.sealed, err = s.methods.cfg.Keyring.Seal(bank.AccountNumber, sealedTokens, t.ID); err != nil {
		return fmt.Errorf("seal account number: %w", err)
	}
	return nil
}

// ofNumber is a fresh method of raw card details: test cards in test mode,
// nothing in live mode, where numbers belong to the processor alone.
func (m *Methods) ofNumber(scope tenant.Scope, at time.Time, prefix, param string, p CardParams) (Method, error) {
	switch {
	case scope.Livemode:
		return Method{}, fault.Invalidf("", param+"[number]", "Raw card numbers are not accepted in live mode. Use your processor's own form to make a token.")
	case p.Number.IsZero():
		return Method{}, fault.Missing(param + "[number]")
	case p.ExpMonth == nil:
		return Method{}, fault.Missing(param + "[exp_month]")
	case p.ExpYear == nil:
		return Method{}, fault.Missing(param + "[exp_year]")
	}
	card, err := cardsim.ByNumber(p.Number.Reveal())
	if err != nil {
		return Method{}, err
	}
	if err := card.CheckDetails(*p.ExpMonth, *p.ExpYear, p.CVC.Reveal(), at); err != nil {
		return Method{}, err
	}
	method := m.ofCard(scope, prefix, card)
	method.ExpMonth, method.ExpYear = int(*p.ExpMonth), int(*p.ExpYear)
	if method.ExpYear < 100 {
		method.ExpYear += 2000
	}
	if !p.CVC.IsZero() {
		method.CVCCheck = "unchecked"
	}
	method.Billing = wire.BillingDetails{Name: p.Name, Address: &wire.Address{
		City: p.AddressCity, Country: p.AddressCountry, Line1: p.AddressLine1, Line2: p.AddressLine2, PostalCode: p.AddressZip, State: p.AddressState,
	}}
	return method, nil
}

// Get is a token of scope's account.
func (s *Tokens) Get(ctx context.Context, idb bun.IDB, scope tenant.Scope, token string) (Token, error) {
	t, found, err := findToken(ctx, idb, scope, token)
	if err == nil && !found {
		err = fault.NoSuch("token", token)
	}
	return t, err
}

// RedeemBank uses up a bank token of scope's account or its platform and hands out the details.
func (s *Tokens) RedeemBank(ctx context.Context, tx bun.Tx, at time.Time, scope tenant.Scope, token string) (connect.BankParams, error) {
	const param = "external_account"
	t, found, err := findToken(ctx, tx, scope, token)
	if err == nil && !found {
		t, found, err = findToken(ctx, tx, scope.For(scope.Platform), token)
	}
	switch {
	case err != nil:
		return connect.BankParams{}, err
	case !found || t.Bank == nil:
		return connect.BankParams{}, missingRef(param, "token", token)
	case !t.UsedAt.IsZero():
		return connect.BankParams{}, alreadyUsed(param, token)
	}
	number, err := s.methods.cfg.Keyring.Open(t.sealed, sealedTokens, t.ID)
	if err != nil {
		return connect.BankParams{}, fmt.Errorf("open account number: %w", err)
	}
	bank := *t.Bank
	bank.AccountNumber = number
	return bank, useTokens(ctx, tx, at, []string{token})
}

// Wire is the token as the API shows it.
func (t Token) Wire() wire.Token {
	w := wire.Token{
		ID: t.ID, Object: "token", ClientIP: wire.Nullable(t.ClientIP), Created: wire.Unix(t.CreatedAt), Livemode: t.Livemode,
		Type: "card", Used: !t.UsedAt.IsZero(),
	}
	if t.Card != nil {
		card := t.Card.CardWire()
		w.Card = &card
	}
	if t.Bank != nil {
		w.Type = "bank_account"
		bank := connect.ExternalAccount{
			ID: t.BankID, Country: t.Bank.Country, Currency: t.Bank.Currency, HolderName: t.Bank.AccountHolderName,
			HolderType: t.Bank.AccountHolderType, AccountType: t.Bank.AccountType, RoutingNumber: t.Bank.RoutingNumber,
			Last4: t.BankLast4, Fingerprint: t.fingerprint, Status: connect.ExternalNew, Proxy: t.Bank.Proxy, Metadata: map[string]string{},
		}.Wire()
		w.BankAccount = &bank
	}
	return w
}

// tokenDetails is what a token's row keeps in JSON: never a number.
type tokenDetails struct {
	Card        *Method             `json:"card,omitempty"`
	Bank        *connect.BankParams `json:"bank,omitempty"`
	BankID      string              `json:"bank_id,omitempty"`
	Last4       string              `json:"last4,omitempty"`
	Fingerprint string              `json:"fingerprint,omitempty"`
}

func insertToken(ctx context.Context, tx bun.Tx, t Token) error {
	kind := "card"
	if t.Bank != nil {
		kind = "bank_account"
	}
	details, err := json.Marshal(tokenDetails{Card: t.Card, Bank: t.Bank, BankID: t.BankID, Last4: t.BankLast4, Fingerprint: t.fingerprint})
	if err != nil {
		return fmt.Errorf("encode token: %w", err)
	}
	row := tokenRow{ID: t.ID, Account: t.Account, Livemode: t.Livemode, Type: kind, Details: details, Sealed: t.sealed, ClientIP: t.ClientIP, CreatedAt: t.CreatedAt}
	if _, err := tx.NewInsert().Model(&row).Exec(ctx); err != nil {
		return fmt.Errorf("insert token: %w", err)
	}
	return nil
}

func findToken(ctx context.Context, idb bun.IDB, scope tenant.Scope, token string) (Token, bool, error) {
	var row tokenRow
	err := idb.NewSelect().Model(&row).Where("t.id = ? AND t.account = ? AND t.livemode = ?", token, scope.Account, scope.Livemode).Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return Token{}, false, nil
	}
	if err != nil {
		return Token{}, false, fmt.Errorf("load token: %w", err)
	}
	var d tokenDetails
	if err := json.Unmarshal(row.Details, &d); err != nil {
		return Token{}, false, fmt.Errorf("decode token: %w", err)
	}
	return Token{
		ID: row.ID, Account: row.Account, Livemode: row.Livemode, Card: d.Card, Bank: d.Bank, BankID: d.BankID, BankLast4: d.Last4,
		ClientIP: row.ClientIP, CreatedAt: row.CreatedAt, UsedAt: row.UsedAt.Time, fingerprint: d.Fingerprint, sealed: row.Sealed,
	}, true, nil
}

// useTokens marks tokens used and forgets what they sealed. Each can be used
// once: it fails with token_already_used if one of them was used meanwhile, and
// also when two of the batch are the same.
func useTokens(ctx context.Context, tx bun.Tx, at time.Time, tokens []string) error {
	if len(tokens) == 0 {
		return nil
	}
	result, err := tx.NewUpdate().Model((*tokenRow)(nil)).Set("used_at = ?, sealed = ''", at).
		Where("id = ANY(?) AND used_at IS NULL", pgdialect.Array(tokens)).Exec(ctx)
	if err != nil {
		return fmt.Errorf("use tokens: %w", err)
	}
	if n, err := result.RowsAffected(); err != nil || n != int64(len(tokens)) {
		return alreadyUsed("source", tokens[0])
	}
	return nil
}
