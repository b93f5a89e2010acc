package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/sluicepay/sluice/payouts/calendar"
	"github.com/sluicepay/sluice/payouts/rail"
	"github.com/sluicepay/sluice/payouts/rail/banksim"
	"github.com/sluicepay/sluice/payouts/rail/csvfile"
	"github.com/sluicepay/sluice/payouts/rail/delivery"
	"github.com/sluicepay/sluice/payouts/rail/iso20022"
	"github.com/sluicepay/sluice/payouts/rail/nacha"
	"github.com/sluicepay/sluice/platform/money"
	"github.com/sluicepay/sluice/platform/secret"
)

// formats are what the files of rails can be, by the name that rails_file gives them.
// A maker is given the rail's profile as it stands in the file, or nothing.
var formats = map[string]func(profile json.RawMessage) (rail.Format, error){
	"nacha":    nacha.Parse,
	"csv":      csvfile.Make,
	"iso20022": iso20022.Make,
}

// fileRails are the rails that take files, by mode, in the order of rails_file.
type fileRails struct{ Live, Test []rail.File }

// railSpec is one rail as rails_file describes it. Secrets stand in files of their own.
type railSpec struct {
	Name    string          `json:"name"`
	Format  string          `json:"format"`
	Profile json.RawMessage `json:"profile"`

	Currencies []money.Currency         `json:"currencies"`
	Countries  []string                 `json:"countries"`
	Steps      map[money.Currency]int64 `json:"steps"`
	Most       map[money.Currency]int64 `json:"most"`
	Instant    bool                     `json:"instant"`
	Debits     bool                     `json:"debits"`
	Calendar   string                   `json:"calendar"`
	CutOff     string                   `json:"cut_off"` // 16:00, in the zone
	Zone       string                   `json:"zone"`

	BatchMost int    `json:"batch_most"`
	Gather    string `json:"gather"` // 10m

	Debtor   debtorSpec   `json:"debtor"`
	Delivery deliverySpec `json:"delivery"`
}

type debtorSpec struct {
	Name       string      `json:"name"`
	ID         string      `json:"id"`
	Routing    string      `json:"routing"`
	NumberFile string      `json:"number_file"`
	Address    addressSpec `json:"address"`
}

type addressSpec struct {
	Line1    string `json:"line1"`
	Line2    string `json:"line2"`
	Town     string `json:"town"`
	Postcode string `json:"postcode"`
	State    string `json:"state"`
	Country  string `json:"country"`
}

type deliverySpec struct {
	Dir     *dirSpec  `json:"dir"`
	SFTP    *sftpSpec `json:"sftp"`
	Sandbox bool      `json:"sandbox"` // to the sandbox's bank, which answers by the sandbox's clock; test mode only
}

// toSandbox stands for the desk of the sandbox's bank until that is there.
type toSandbox struct{ rail.Delivery }

type dirSpec struct {
	Out   string `json:"out"`
	In    string `json:"in"`
	Keeps bool   `json:"keeps"` // nobody takes files out of it
}

type sftpSpec struct {
	Addr         string `json:"addr"`
	User         string `json:"user"`
	HostKey      string `json:"host_key"`
	KeyFile      string `json:"key_file"`
	PasswordFile string `json:"password_file"`
	Out          string `json:"out"`
	In           string `json:"in"`
	Keeps        bool   `json:"keeps"`
}

// keyError is what is wrong with one key of rails_file.
type keyError struct {
	key string // live[0].debtor.number_file
	err error
}

func (e *keyError) Error() string { return e.key + ": " + e.err.Error() }
func (e *keyError) Unwrap() error { return e.err }

func wrongKey(key, format string, args ...any) error {
	return &keyError{key, fmt.Errorf(format, args...)}
}

// readRails reads rails_file. Its errors name the key that is wrong, and no secret.
func readRails(path string) (fileRails, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return fileRails{}, err
	}
	var specs struct {
		Live []railSpec `json:"live"`
		Test []railSpec `json:"test"`
	}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&specs); err != nil {
		return fileRails{}, fmt.Errorf("%s: %w", path, err)
	}
	live, err := railsIn("live", specs.Live)
	if err != nil {
		return fileRails{}, fmt.Errorf("%s: %w", path, err)
	}
	test, err := railsIn("test", specs.Test)
	if err != nil {
		return fileRails{}, fmt.Errorf("%s: %w", path, err)
	}
	return fileRails{Live: live, Test: test}, nil
}

var railName = regexp.MustCompile(`^[a-z][a-z0-9_]{1,30}$`)

func railsIn(mode string, specs []railSpec) (rails []rail.File, err error) {
	taken := map[string]bool{"banksim": true} // the sandbox's bank
	for i, spec := range specs {
		key := fmt.Sprintf("%s[%d]", mode, i)
		switch {
		case !railName.MatchString(spec.Name):
			return nil, wrongKey(key+".name", "%q is not a name such as hsbc_fps: small letters, digits and _", spec.Name)
		case taken[spec.Name]:
			return nil, wrongKey(key+".name", "two rails are called %q", spec.Name)
		}
		taken[spec.Name] = true
		r, err := spec.rail(key)
		if err != nil {
			return nil, err
		}
		rails = append(rails, r)
	}
	return rails, nil
}

// rail builds the rail that a spec describes; key is where it stands.
func (s railSpec) rail(key string) (r rail.File, err error) {
	if r.Way, err = s.capabilities(key); err != nil {
		return r, err
	}
	if r.Agreement, err = s.terms(key); err != nil {
		return r, err
	}
	make, ok := formats[s.Format]
	if !ok {
		return r, wrongKey(key+".format", "there is no format %q; choose from %s", s.Format, strings.Join(slices.Sorted(maps.Keys(formats)), ", "))
	}
	if r.Format, err = make(s.Profile); err != nil {
		return r, wrongKey(key+".profile", "%w", err)
	}
	if bank, ok := r.Format.(interface{ Capabilities() rail.Capabilities }); ok {
		s.fill(&r.Way, bank.Capabilities())
	}
	if writer, ok := r.Format.(interface{ CheckDebtor(rail.Debtor) error }); ok {
		if err := writer.CheckDebtor(r.Agreement.Debtor); err != nil {
			return r, wrongKey(key+".debtor", "%w", err)
		}
	}
	r.Delivery, err = s.Delivery.delivery(key + ".delivery")
	return r, err
}

// fill takes from the format's profile what the spec leaves open: a payout that the
// profile refuses must go over another rail, and not fail.
func (s railSpec) fill(way *rail.Capabilities, of rail.Capabilities) {
	if s.Currencies == nil {
		way.Currencies = of.Currencies
	}
	if s.Countries == nil {
		way.Countries = of.Countries
	}
	if s.Steps == nil {
		way.Steps = of.Steps
	}
	if s.Most == nil {
		way.Most = of.Most
	}
	if s.Calendar == "" && s.CutOff == "" && s.Zone == "" {
		way.Calendar, way.CutOff, way.Zone = of.Calendar, of.CutOff, of.Zone
	}
	way.Instant = way.Instant || of.Instant
}

func calendarNames() string {
	var names []string
	for _, c := range calendar.All() {
		names = append(names, c.Name)
	}
	return strings.Join(names, ", ")
}

func (s railSpec) capabilities(key string) (c rail.Capabilities, err error) {
	c = rail.Capabilities{
		Name: s.Name, Steps: s.Steps, Most: s.Most, Currencies: s.Currencies, Countries: s.Countries, Instant: s.Instant, Debits: s.Debits,
		Calendar: s.Calendar, Zone: s.Zone,
	}
	if c.CutOff, err = timeOfDay(s.CutOff); err != nil {
		return c, wrongKey(key+".cut_off", "%w", err)
	}
	if _, err := time.LoadLocation(s.Zone); err != nil {
		return c, wrongKey(key+".zone", "%q is not a time zone such as Asia/Hong_Kong", s.Zone)
	}
	if _, err := calendar.Joined(s.Calendar); err != nil {
		return c, wrongKey(key+".calendar", "%w; choose from %s, or join several by +", err, calendarNames())
	}
	for _, currency := range s.Currencies {
		if !currency.Known() {
			return c, wrongKey(key+".currencies", "%q is not a currency such as hkd", currency)
		}
	}
	for _, country := range s.Countries {
		if len(country) != 2 || strings.ToUpper(country) != country {
			return c, wrongKey(key+".countries", "%q is not a country such as HK", country)
		}
	}
	for name, amounts := range map[string]map[money.Currency]int64{".steps": s.Steps, ".most": s.Most} {
		for currency, amount := range amounts {
			if !currency.Known() || amount < 1 {
				return c, wrongKey(key+name, "%q: %d is not an amount in minor units of a currency such as hkd", currency, amount)
			}
		}
	}
	return c, nil
}

// timeOfDay reads 16:00; "" is none.
func timeOfDay(text string) (time.Duration, error) {
	if text == "" {
		return 0, nil
	}
	t, err := time.Parse("15:04", text)
	if err != nil {
		return 0, fmt.Errorf("%q is not a time such as 16:00", text)
	}
	return time.Duration(t.Hour())*time.Hour + time.Duration(t.Minute())*time.Minute, nil
}

const (
	defaultGather = 10 * time.Minute
	maxBatch      = 1_000_000
)

func (s railSpec) terms(key string) (t rail.Terms, err error) {
	t = rail.Terms{Gather: defaultGather, Most: s.BatchMost}
	if s.Gather != "" {
		if t.Gather, err = time.ParseDuration(s.Gather); err != nil || t.Gather < 0 || t.Gather > 24*time.Hour {
			return t, wrongKey(key+".gather", "%q is not a time from 0s to 24h", s.Gather)
		}
	}
	if s.BatchMost < 0 || s.BatchMost > maxBatch {
		return t, wrongKey(key+".batch_most", "%d is not a number from 1 to %d", s.BatchMost, maxBatch)
	}
	if s.Debtor.Name == "" {
		return t, wrongKey(key+".debtor.name", "whose bank account pays is not said")
	}
	number, err := secretFile(s.Debtor.NumberFile)
	if err != nil {
		return t, wrongKey(key+".debtor.number_file", "%w", err)
	}
	t.Debtor = rail.Debtor{
		Name: s.Debtor.Name, ID: s.Debtor.ID, Routing: s.Debtor.Routing, Number: number, Address: rail.Address(s.Debtor.Address),
	}
	return t, nil
}

// secretFile reads a file that holds one secret.
func secretFile(path string) (secret.Text, error) {
	if path == "" {
		return secret.Text{}, errors.New("no file is named")
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return secret.Text{}, err
	}
	text := strings.TrimSpace(string(raw))
	if text == "" {
		return secret.Text{}, fmt.Errorf("%s is empty", path)
	}
	return secret.New(text), nil
}

func (s deliverySpec) delivery(key string) (rail.Delivery, error) {
	ways := 0
	for _, said := range []bool{s.Dir != nil, s.SFTP != nil, s.Sandbox} {
		if said {
			ways++
		}
	}
	switch {
	case ways != 1:
		return nil, wrongKey(key, "say one of dir, sftp and sandbox")
	case s.Sandbox && strings.HasPrefix(key, "live"):
		return nil, wrongKey(key+".sandbox", "the sandbox's bank has no real money")
	case s.Sandbox:
		return toSandbox{}, nil
	case s.Dir != nil && s.Dir.Out == "":
		return nil, wrongKey(key+".dir.out", "where files are dropped is not said")
	case s.Dir != nil && s.Dir.In == s.Dir.Out:
		return nil, wrongKey(key+".dir.in", "the bank's files must come into another directory than ours go to")
	case s.Dir != nil:
		return delivery.Folder{Out: s.Dir.Out, In: s.Dir.In, Keeps: s.Dir.Keeps}, nil
	}
	return s.SFTP.delivery(key + ".sftp")
}

func (s sftpSpec) delivery(key string) (rail.Delivery, error) {
	d := delivery.SFTP{Addr: s.Addr, User: s.User, HostKey: s.HostKey, Out: s.Out, In: s.In, Keeps: s.Keeps}
	var err error
	switch {
	case s.User == "":
		return nil, wrongKey(key+".user", "who logs in is not said")
	case s.Out == "":
		return nil, wrongKey(key+".out", "where files are put is not said")
	case s.In == s.Out:
		return nil, wrongKey(key+".in", "the bank's files must come into another directory than ours go to")
	case (s.KeyFile == "") == (s.PasswordFile == ""):
		return nil, wrongKey(key, "say either key_file or password_file")
	case s.KeyFile != "":
		if d.Key, err = secretFile(s.KeyFile); err != nil {
			return nil, wrongKey(key+".key_file", "%w", err)
		}
	default:
		if d.Password, err = secretFile(s.PasswordFile); err != nil {
			return nil, wrongKey(key+".password_file", "%w", err)
		}
	}
	if err := d.Valid(); err != nil {
		return nil, wrongKey(key, "%w", err)
	}
	return d, nil
}

// set is the rails of a mode: those of rails_file come first, in their order.
func set(files []rail.File, others ...rail.Rail) rail.Set {
	var all rail.Set
	for _, f := range files {
		all = append(all, f)
	}
	return append(all, others...)
}

// sandboxRails are the rails of test mode: those of rails_file, some of them to the
// desks of the sandbox's bank, and the bank itself.
func (a *App) sandboxRails() rail.Set {
	bank := banksim.New(a.pool)
	files := slices.Clone(a.cfg.Rails.Test)
	for i, f := range files {
		if _, ok := f.Delivery.(toSandbox); !ok {
			continue
		}
		debtor := f.Agreement.Debtor
		files[i].Delivery = bank.Desk(banksim.DeskConfig{
			Name: f.Way.Name, Clock: a.clocks.Test,
			Account: banksim.Account{Name: debtor.Name, Number: debtor.Number, BIC: debtor.Routing},
		})
	}
	return set(files, bank)
}

// fileLevels reads how files stand on their way to banks, if this process brings any.
func (a *App) fileLevels() func(context.Context) {
	if !a.cfg.Roles.Has(RolePayouts) {
		return func(context.Context) {}
	}
	waiting := a.metrics.Gauge("payouts", "waiting", "batches", "Sealed files that are not at their bank yet, in the installation.").WithLabelValues()
	unknown := a.metrics.Gauge("payouts", "unknown", "batches", "Files of which nobody knows whether they arrived, in the installation.").WithLabelValues()
	return func(ctx context.Context) {
		backlog, err := a.payouts.Backlog(ctx)
		if err != nil {
			return // the database is away: the last levels stand, and everything else says so
		}
		waiting.Set(float64(backlog.Waiting))
		unknown.Set(float64(backlog.Unknown))
	}
}

// lookForBanks tries the way to each bank; it delivers nothing.
func lookForBanks(ctx context.Context, cfg Config) (string, error) {
	all := slices.Concat(cfg.Rails.Live, cfg.Rails.Test)
	if len(all) == 0 {
		return "rails_file names none; test mode has the sandbox's bank", nil
	}
	var found []string
	var errs []error
	for _, r := range all {
		if way, ok := r.Delivery.(interface{ Check(context.Context) error }); ok {
			if err := way.Check(ctx); err != nil {
				errs = append(errs, fmt.Errorf("%s: %w", r.Way.Name, err))
			}
		}
		found = append(found, fmt.Sprintf("%s (%s)", r.Way.Name, where(r.Delivery)))
	}
	return strings.Join(found, ", "), errors.Join(errs...)
}

// where tells where files go, without who logs in and how.
func where(d rail.Delivery) string {
	switch d := d.(type) {
	case delivery.Folder:
		return d.Out
	case delivery.SFTP:
		return "sftp://" + d.Addr + "/" + strings.TrimPrefix(d.Out, "/")
	}
	return "elsewhere"
}
