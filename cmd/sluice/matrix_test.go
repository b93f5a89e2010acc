package main

import (
	"bytes"
	"context"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stripe/stripe-go/v85"
	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/connect"
	"github.com/sluicepay/sluice/oauth/credential"
	"github.com/sluicepay/sluice/payouts"
	"github.com/sluicepay/sluice/payouts/rail"
	"github.com/sluicepay/sluice/payouts/reconcile"
	"github.com/sluicepay/sluice/platform/clock"
	"github.com/sluicepay/sluice/platform/db"
	"github.com/sluicepay/sluice/platform/rest"
)

// The matrix: every route, asked by everybody who might. Its rows are the mounted
// routes and its columns the callers; a route without a row, or a row without a
// route, fails the build.

// row is how a route is asked in earnest: for objects of Ada's that exist, with
// parameters that would be obeyed. $name stands for one of those objects.
type row struct {
	path, form string
	// ownerOnly routes answer an unrestricted key of the platform itself and nobody else.
	ownerOnly bool
	// echo routes show callers what they have asked themselves, the ids of others in it too.
	echo bool
	// platformOnly routes have nothing to say to a connected account.
	platformOnly bool
}

var matrix = map[string]row{
	"POST /v1/payment_intents":                              {form: "amount=1000&currency=hkd&customer=$customer"},
	"GET /v1/payment_intents":                               {},
	"GET /v1/payment_intents/{id}":                          {path: "/v1/payment_intents/$intent"},
	"POST /v1/payment_intents/{id}":                         {path: "/v1/payment_intents/$intent", form: "description=seen"},
	"POST /v1/payment_intents/{id}/confirm":                 {path: "/v1/payment_intents/$intent/confirm", form: "payment_method=pm_card_visa"},
	"POST /v1/payment_intents/{id}/capture":                 {path: "/v1/payment_intents/$intent/capture"},
	"POST /v1/payment_intents/{id}/cancel":                  {path: "/v1/payment_intents/$intent/cancel"},
	"POST /v1/charges":                                      {form: "amount=1000&currency=hkd&customer=$customer"},
	"GET /v1/charges":                                       {},
	"GET /v1/charges/totals":                                {},
	"GET /v1/charges/{id}":                                  {path: "/v1/charges/$charge"},
	"POST /v1/charges/{id}":                                 {path: "/v1/charges/$charge", form: "description=seen"},
	"POST /v1/charges/{id}/capture":                         {path: "/v1/charges/$charge/capture"},
	"POST /v1/charges/{id}/refunds":                         {path: "/v1/charges/$charge/refunds", form: "amount=1"},
	"GET /v1/charges/{id}/refunds":                          {path: "/v1/charges/$charge/refunds"},
	"GET /v1/charges/{id}/refunds/{refund}":                 {path: "/v1/charges/$charge/refunds/$refund"},
	"POST /v1/charges/{id}/refund":                          {path: "/v1/charges/$charge/refund", form: "amount=1"},
	"POST /v1/refunds/preview":                              {form: "charge=$charge&amount=1"},
	"POST /v1/splits/preview":                               {form: "amount=1000&currency=hkd&splits[0][destination]=$tutor&splits[0][percent]=50"},
	"POST /v1/checkout/sessions":                            {form: "mode=payment&line_items[0][quantity]=1&line_items[0][price_data][currency]=hkd&line_items[0][price_data][unit_amount]=1000&line_items[0][price_data][product_data][name]=Lesson&success_url=https://shop.example/paid"},
	"GET /v1/checkout/sessions":                             {},
	"GET /v1/checkout/sessions/{id}":                        {path: "/v1/checkout/sessions/$checkout"},
	"POST /v1/checkout/sessions/{id}/expire":                {path: "/v1/checkout/sessions/$checkout/expire"},
	"GET /v1/checkout/sessions/{id}/line_items":             {path: "/v1/checkout/sessions/$checkout/line_items"},
	"POST /v1/refunds":                                      {form: "charge=$charge&amount=1"},
	"GET /v1/refunds":                                       {},
	"GET /v1/refunds/{id}":                                  {path: "/v1/refunds/$refund"},
	"POST /v1/refunds/{id}":                                 {path: "/v1/refunds/$refund", form: "metadata[a]=b"},
	"POST /v1/refunds/{id}/cancel":                          {path: "/v1/refunds/$refund/cancel"},
	"POST /v1/transfers":                                    {form: "amount=100&currency=hkd&destination=$tutor", platformOnly: true},
	"GET /v1/transfers":                                     {},
	"GET /v1/transfers/totals":                              {},
	"GET /v1/transfers/{id}":                                {path: "/v1/transfers/$transfer", platformOnly: true},
	"POST /v1/transfers/{id}":                               {path: "/v1/transfers/$transfer", form: "metadata[a]=b", platformOnly: true},
	"POST /v1/transfers/{id}/reversals":                     {path: "/v1/transfers/$transfer/reversals", form: "amount=1", platformOnly: true},
	"GET /v1/transfers/{id}/reversals":                      {path: "/v1/transfers/$transfer/reversals", platformOnly: true},
	"GET /v1/transfers/{id}/reversals/{reversal}":           {path: "/v1/transfers/$transfer/reversals/$reversal", platformOnly: true},
	"POST /v1/transfers/{id}/reversals/{reversal}":          {path: "/v1/transfers/$transfer/reversals/$reversal", form: "metadata[a]=b", platformOnly: true},
	"GET /v1/pending_reversals":                             {},
	"GET /v1/pending_reversals/{id}":                        {path: "/v1/pending_reversals/$pendingReversal", platformOnly: true},
	"POST /v1/pending_reversals/{id}":                       {path: "/v1/pending_reversals/$pendingReversal", form: "metadata[a]=b", platformOnly: true},
	"POST /v1/pending_reversals/{id}/cancel":                {path: "/v1/pending_reversals/$pendingReversal/cancel", platformOnly: true},
	"GET /v1/negative_balances":                             {},
	"GET /v1/application_fees":                              {},
	"GET /v1/application_fees/{id}":                         {path: "/v1/application_fees/$fee", platformOnly: true},
	"POST /v1/application_fees/{id}/refund":                 {path: "/v1/application_fees/$fee/refund", form: "amount=1", platformOnly: true},
	"POST /v1/application_fees/{id}/refunds":                {path: "/v1/application_fees/$fee/refunds", form: "amount=1", platformOnly: true},
	"GET /v1/application_fees/{id}/refunds":                 {path: "/v1/application_fees/$fee/refunds", platformOnly: true},
	"GET /v1/application_fees/{id}/refunds/{refund}":        {path: "/v1/application_fees/$fee/refunds/$feeRefund", platformOnly: true},
	"POST /v1/application_fees/{id}/refunds/{refund}":       {path: "/v1/application_fees/$fee/refunds/$feeRefund", form: "metadata[a]=b", platformOnly: true},
	"GET /v1/account":                                       {},
	"POST /v1/accounts":                                     {form: "type=custom&country=HK", platformOnly: true},
	"GET /v1/accounts":                                      {platformOnly: true},
	"POST /v1/account_notes":                                {form: "account=$tutor&text=seen", platformOnly: true},
	"GET /v1/account_notes":                                 {path: "/v1/account_notes?account=$tutor", platformOnly: true},
	"DELETE /v1/account_notes/{id}":                         {path: "/v1/account_notes/$note", platformOnly: true},
	"POST /v1/account_reminders":                            {form: "accounts[]=$tutor&dry_run=true", platformOnly: true},
	"GET /v1/account_volumes":                               {path: "/v1/account_volumes?accounts[]=$tutor", platformOnly: true},
	"GET /v1/accounts/summary":                              {platformOnly: true},
	"GET /v1/accounts/{id}":                                 {path: "/v1/accounts/$tutor"},
	"POST /v1/accounts/{id}":                                {path: "/v1/accounts/$tutor", form: "metadata[a]=b"},
	"DELETE /v1/accounts/{id}":                              {path: "/v1/accounts/$leaver", platformOnly: true},
	"POST /v1/accounts/{id}/reject":                         {path: "/v1/accounts/$leaver/reject", form: "reason=other", platformOnly: true},
	"GET /v1/accounts/{id}/capabilities":                    {path: "/v1/accounts/$tutor/capabilities"},
	"GET /v1/accounts/{id}/capabilities/{capability}":       {path: "/v1/accounts/$tutor/capabilities/transfers"},
	"POST /v1/accounts/{id}/capabilities/{capability}":      {path: "/v1/accounts/$tutor/capabilities/transfers", form: "requested=true"},
	"POST /v1/accounts/{id}/external_accounts":              {path: "/v1/accounts/$tutor/external_accounts", form: "external_account=btok_us"},
	"GET /v1/accounts/{id}/external_accounts":               {path: "/v1/accounts/$tutor/external_accounts"},
	"GET /v1/accounts/{id}/external_accounts/{external}":    {path: "/v1/accounts/$tutor/external_accounts/$bank"},
	"POST /v1/accounts/{id}/external_accounts/{external}":   {path: "/v1/accounts/$tutor/external_accounts/$bank", form: "metadata[a]=b"},
	"DELETE /v1/accounts/{id}/external_accounts/{external}": {path: "/v1/accounts/$tutor/external_accounts/$bank"},
	"GET /v1/balance_settings":                              {},
	"POST /v1/balance_settings":                             {form: "payments[settlement_timing][delay_days_override]=3"},
	"POST /v1/tokens":                                       {form: "card[number]=4242424242424242&card[exp_month]=12&card[exp_year]=2040"},
	"GET /v1/tokens/{id}":                                   {path: "/v1/tokens/$token"},
	"POST /v1/payment_methods":                              {form: "type=card&card[token]=tok_visa"},
	"GET /v1/payment_methods":                               {path: "/v1/payment_methods?customer=$customer"},
	"GET /v1/payment_methods/{id}":                          {path: "/v1/payment_methods/$method"},
	"POST /v1/payment_methods/{id}":                         {path: "/v1/payment_methods/$method", form: "metadata[a]=b"},
	"POST /v1/payment_methods/{id}/attach":                  {path: "/v1/payment_methods/$method/attach", form: "customer=$customer"},
	"POST /v1/payment_methods/{id}/detach":                  {path: "/v1/payment_methods/$method/detach"},
	"GET /v1/customers/{id}/payment_methods":                {path: "/v1/customers/$customer/payment_methods"},
	"GET /v1/customers/{id}/payment_methods/{method}":       {path: "/v1/customers/$customer/payment_methods/$method"},
	"POST /v1/customers":                                    {form: "name=Lok"},
	"GET /v1/customers":                                     {},
	"GET /v1/customers/{id}":                                {path: "/v1/customers/$customer"},
	"POST /v1/customers/{id}":                               {path: "/v1/customers/$customer", form: "metadata[a]=b"},
	"DELETE /v1/customers/{id}":                             {path: "/v1/customers/$customer"},
	"GET /v1/balance":                                       {},
	"GET /v1/balance/daily":                                 {},
	"GET /v1/balance_transactions":                          {},
	"GET /v1/balance_transactions/running":                  {},
	"GET /v1/earnings":                                      {},
	"GET /v1/balance_transactions/{id}":                     {path: "/v1/balance_transactions/$line"},
	"GET /v1/balance/history":                               {},
	"GET /v1/balance/history/{id}":                          {path: "/v1/balance/history/$line"},
	"GET /v1/ledger/entries":                                {},
	"GET /v1/ledger/entries/{id}":                           {path: "/v1/ledger/entries/$entry"},
	"GET /v1/ledger/entries/{id}/proof":                     {path: "/v1/ledger/entries/$entry/proof"},
	"GET /v1/ledger/accounts":                               {},
	"GET /v1/ledger/accounts/{id}":                          {path: "/v1/ledger/accounts/$ledgerAccount"},
	"GET /v1/ledger/accounts/{id}/lines":                    {path: "/v1/ledger/accounts/$ledgerAccount/lines"},
	"POST /v1/ledger/verifications":                         {platformOnly: true},
	"GET /v1/ledger/verifications":                          {platformOnly: true},
	"GET /v1/ledger/verifications/{id}":                     {path: "/v1/ledger/verifications/$verification", platformOnly: true},
	"GET /v1/ledger/trial_balance":                          {},
	"POST /v1/payouts":                                      {form: "amount=100&currency=hkd&destination=$bank"},
	"GET /v1/payouts":                                       {},
	"GET /v1/payouts/next":                                  {},
	"GET /v1/payouts/{id}":                                  {path: "/v1/payouts/$payout"},
	"POST /v1/payouts/{id}":                                 {path: "/v1/payouts/$payout", form: "metadata[a]=b"},
	"GET /v1/payouts/totals":                                {},
	"GET /v1/payout_counts":                                 {platformOnly: true},
	"GET /v1/payouts/{id}/delivery":                         {path: "/v1/payouts/$payout/delivery"},
	"GET /v1/payouts/{id}/explanation":                      {path: "/v1/payouts/$payout/explanation"},
	"GET /v1/reporting/report_types":                        {},
	"GET /v1/reporting/report_types/{id}":                   {path: "/v1/reporting/report_types/payouts.itemized.3"},
	"POST /v1/reporting/report_runs":                        {form: "report_type=payout_reconciliation.by_id.itemized.4&parameters[payout]=$payout"},
	"GET /v1/reporting/report_runs":                         {},
	"GET /v1/reporting/report_runs/{id}":                    {path: "/v1/reporting/report_runs/$report"},
	"GET /v1/reporting/report_runs/{id}/result":             {path: "/v1/reporting/report_runs/$report/result"},
	"POST /v1/payouts/{id}/approve":                         {path: "/v1/payouts/$payout/approve"},
	"POST /v1/payouts/{id}/refuse":                          {path: "/v1/payouts/$payout/refuse", form: "reason=seen"},
	"GET /v1/payouts/{id}/approvals":                        {path: "/v1/payouts/$payout/approvals"},
	"GET /v1/payout_bank_changes":                           {},
	"GET /v1/payout_bank_changes/{id}":                      {path: "/v1/payout_bank_changes/$bankChange"},
	"POST /v1/payout_bank_changes/{id}/accept":              {path: "/v1/payout_bank_changes/$bankChange/accept"},
	"POST /v1/payout_bank_changes/{id}/refuse":              {path: "/v1/payout_bank_changes/$bankChange/refuse"},
	"POST /v1/payout_holds":                                 {form: "account=$leaver&reason=seen"},
	"GET /v1/payout_holds":                                  {},
	"GET /v1/payout_holds/{id}":                             {path: "/v1/payout_holds/$hold"},
	"POST /v1/payout_holds/{id}/release":                    {path: "/v1/payout_holds/$hold/release"},
	"GET /v1/payout_policy":                                 {},
	"POST /v1/payout_policy":                                {form: "minimum_payout[hkd]=1"},
	"POST /v1/payout_policy/approve":                        {},
	"POST /v1/payout_policy/refuse":                         {},
	"GET /v1/payout_policy/changes":                         {},
	"POST /v1/payouts/{id}/cancel":                          {path: "/v1/payouts/$payout/cancel"},
	"POST /v1/payouts/{id}/recall":                          {path: "/v1/payouts/$payout/recall"},
	"POST /v1/payouts/{id}/retry":                           {path: "/v1/payouts/$payout/retry"},
	"POST /v1/payouts/{id}/reverse":                         {path: "/v1/payouts/$payout/reverse"},
	"POST /v1/bank_statements":                              {form: "rail=banksim", platformOnly: true},
	"GET /v1/bank_statements":                               {platformOnly: true},
	"GET /v1/bank_statements/{id}":                          {path: "/v1/bank_statements/$statement", platformOnly: true},
	"POST /v1/bank_statements/{id}/retry":                   {path: "/v1/bank_statements/$statement/retry", platformOnly: true},
	"GET /v1/bank_statements/{id}/lines":                    {path: "/v1/bank_statements/$statement/lines", platformOnly: true},
	"GET /v1/payout_batches":                                {platformOnly: true},
	"GET /v1/payout_batches/{id}":                           {path: "/v1/payout_batches/$batch", platformOnly: true},
	"GET /v1/payout_batches/{id}/file":                      {path: "/v1/payout_batches/$batch/file", ownerOnly: true},
	"GET /v1/payout_batches/{id}/payouts":                   {path: "/v1/payout_batches/$batch/payouts", platformOnly: true},
	"POST /v1/payout_batches/{id}/resolve":                  {path: "/v1/payout_batches/$batch/resolve", form: "outcome=delivered", ownerOnly: true},
	"POST /v1/payout_runs/preview":                          {platformOnly: true},
	"POST /v1/payout_runs":                                  {platformOnly: true},
	"GET /v1/payout_runs":                                   {platformOnly: true},
	"GET /v1/payout_runs/{id}":                              {path: "/v1/payout_runs/$run", platformOnly: true},
	"GET /v1/payout_runs/{id}/payouts":                      {path: "/v1/payout_runs/$run/payouts", platformOnly: true},
	"POST /v1/payout_runs/{id}/approve":                     {path: "/v1/payout_runs/$run/approve", platformOnly: true},
	"GET /v1/payout_calendars":                              {platformOnly: true},
	"GET /v1/payout_calendars/{name}":                       {path: "/v1/payout_calendars/england?year=2027", platformOnly: true},
	"POST /v1/payout_calendars/{name}/closures":             {path: "/v1/payout_calendars/england/closures", form: "date=2027-03-03&reason=seen", platformOnly: true},
	"DELETE /v1/payout_calendars/{name}/closures/{date}":    {path: "/v1/payout_calendars/england/closures/2027-03-02", platformOnly: true},
	"GET /v1/events":                                        {},
	"GET /v1/events/{id}":                                   {path: "/v1/events/$event"},
	"GET /v1/request_logs":                                  {echo: true},
	"GET /v1/request_logs/errors":                           {},
	"GET /v1/request_logs/{id}":                             {path: "/v1/request_logs/$request"},
	"GET /v1/audit_log":                                     {echo: true},
	"GET /v1/audit_log/export":                              {echo: true},
	"GET /v1/audit_log/{id}":                                {path: "/v1/audit_log/$act"},
	"GET /v2/core/events/{id}":                              {path: "/v2/core/events/$event"},
	"POST /v1/events/{id}/retry":                            {path: "/v1/events/$event/retry", form: "webhook_endpoint=$endpoint", platformOnly: true},
	"POST /v1/webhook_endpoints":                            {form: "url=http://127.0.0.1:9/&enabled_events[]=*", platformOnly: true},
	"GET /v1/webhook_endpoints":                             {platformOnly: true},
	"GET /v1/webhook_endpoints/{id}":                        {path: "/v1/webhook_endpoints/$endpoint", platformOnly: true},
	"POST /v1/webhook_endpoints/{id}":                       {path: "/v1/webhook_endpoints/$endpoint", form: "description=seen", platformOnly: true},
	"POST /v1/webhook_endpoints/{id}/roll_secret":           {path: "/v1/webhook_endpoints/$endpoint/roll_secret", form: "overlap_seconds=60", platformOnly: true},
	"DELETE /v1/webhook_endpoints/{id}":                     {path: "/v1/webhook_endpoints/$endpoint", platformOnly: true},
	"POST /v1/webhook_endpoints/{id}/test":                  {path: "/v1/webhook_endpoints/$endpoint/test", form: "type=charge.succeeded", platformOnly: true},
	"GET /v1/webhook_endpoints/{id}/deliveries":             {path: "/v1/webhook_endpoints/$endpoint/deliveries", platformOnly: true},
	"GET /v1/webhook_deliveries":                            {platformOnly: true},
	"GET /v1/webhook_deliveries/{id}":                       {path: "/v1/webhook_deliveries/$delivery", platformOnly: true},
	"GET /v1/webhook_deliveries/{id}/attempts":              {path: "/v1/webhook_deliveries/$delivery/attempts", platformOnly: true},
	"POST /v1/webhook_deliveries/{id}/resend":               {path: "/v1/webhook_deliveries/$delivery/resend", platformOnly: true},
	"POST /v1/webhook_deliveries/{id}/expunge":              {path: "/v1/webhook_deliveries/$delivery/expunge", platformOnly: true},
	"GET /v1/webhook_attempts":                              {platformOnly: true},
	"POST /v1/webhook_replays":                              {form: "webhook_endpoint=$endpoint&status[]=delivered&status[]=failed", platformOnly: true},
	"GET /v1/webhook_replays":                               {platformOnly: true},
	"GET /v1/webhook_replays/{id}":                          {path: "/v1/webhook_replays/$replay", platformOnly: true},
	"POST /v1/webhook_replays/{id}/cancel":                  {path: "/v1/webhook_replays/$replay/cancel", platformOnly: true},
	"POST /v1/stripecli/sessions":                           {form: "device_name=laptop", platformOnly: true},
	"POST /v1/api_keys":                                     {form: "type=publishable", ownerOnly: true},
	"GET /v1/api_keys":                                      {ownerOnly: true},
	"GET /v1/api_keys/{id}":                                 {path: "/v1/api_keys/$key", ownerOnly: true},
	"POST /v1/api_keys/{id}":                                {path: "/v1/api_keys/$key", form: "name=seen", ownerOnly: true},
	"POST /v1/api_keys/{id}/roll":                           {path: "/v1/api_keys/$key/roll", ownerOnly: true},
	"POST /v1/api_keys/{id}/revoke":                         {path: "/v1/api_keys/$key/revoke", ownerOnly: true},
	"POST /v1/files":                                        {form: "purpose=business_logo"},
	"GET /v1/files":                                         {},
	"GET /v1/files/{id}":                                    {path: "/v1/files/$file"},
	"GET /v1/event_types":                                   {},
	"GET /v1/test_helpers/world_clock":                      {platformOnly: true},
	"POST /v1/test_helpers/world_clock/advance":             {form: "duration=1m", platformOnly: true},
}

// open is every route that asks for no key, and why it may be so.
var open = map[string]string{
	"GET /_sandbox/authenticate/{charge}":   "the payer's bank of the sandbox; test mode only, shows amount and result",
	"POST /_sandbox/authenticate/{charge}":  "the same",
	"GET /brand/{account}/logo":             "what a platform chose to be known by; browsers load it on hosted pages",
	"GET /brand/{account}/icon":             "the same",
	"GET /audit_log/jwks.json":              "the public key that exports of the audit log are signed with",
	"GET /webhook_endpoints/{id}/jwks.json": "public keys, for receivers of webhooks",
	"GET /livez":                            "says that the process answers",
	"GET /readyz":                           "says which parts answer",
	"GET /":                                 "development only: an index without data",
	"GET /go/{token}":                       "development only: signs in whoever holds a link of the terminal, for ten minutes",
	"GET /_dev/hooks":                       "development only: the inbox of webhooks sent to this machine",
	"POST /_dev/hooks":                      "the same",
	"GET /asyncapi.json":                    "describes the events of every installation alike; code is generated from it",
	"GET /event_schemas/{type}.json":        "the same",
	"GET /v1/stripecli/subscribe":           "the socket of a listener: the session in its header is the credential",
}

// caller is a column: somebody with a credential, and what the rule says of a row.
type caller struct {
	name    string
	key     func(resource string) string
	account string // Stripe-Account
	expects func(rest.Route, row) verdict
}

type verdict string

const (
	reaches   verdict = "reaches"                       // 200, or a refusal for another reason than who asks
	unknown   verdict = "is not known"                  // 401
	forbidden verdict = "is forbidden"                  // 403
	blind     verdict = "sees nothing of what is Ada's" // any answer, without an object of hers
)

func TestEveryRouteAnswersOnlyThoseWhoMayAsk(t *testing.T) {
	t.Parallel()
	h := newHouse(t, paperBank(t))
	ada := clerk{house: h}
	things := h.furnish(ada)
	things["batch"] = h.sealBatch(ada, things["ownBank"])
	connected := h.welcome()
	ended := ada.get("/v1/oauth_connections?account=" + connected["left"].account)
	things["endedConnection"] = ended["data"].([]any)[0].(map[string]any)["id"].(string)
	callers := h.callers(things, connected)
	before := h.eventsOf(h.platform)
	for _, c := range callers {
		for _, route := range h.app.routes() {
			if !route.Public {
				h.ask(c, route, things)
			}
		}
	}
	if caused := h.eventsOf(h.platform)[len(before):]; len(caused) > 0 {
		t.Errorf("strangers caused %v of Ada's", caused)
	}
	for _, c := range h.insiders(connected) {
		for _, method := range []string{"GET", "POST", "DELETE"} { // what takes things away comes last
			for _, route := range h.app.routes() {
				if !route.Public && route.Method == method {
					h.ask(c, route, things)
				}
			}
		}
	}
}

func TestEveryRouteStandsInTheMatrix(t *testing.T) {
	t.Parallel()
	mounted := map[string]bool{}
	for _, route := range newHouse(t).app.routes() {
		name := route.Method + " " + route.Path
		mounted[name] = true
		if atDesk(route) { // who may see which page of a desk is told by TestADeskLetsInWhoBelongsThere
			continue
		}
		_, closed := matrix[name]
		_, isOpen := open[name]
		if closed == isOpen || isOpen != route.Public {
			t.Errorf("%s (public: %v) must stand in exactly one of matrix and open", name, route.Public)
		}
	}
	for name := range matrix {
		if !mounted[name] {
			t.Errorf("matrix has %s, which is not mounted", name)
		}
	}
	for name := range open {
		if !mounted[name] {
			t.Errorf("open has %s, which is not mounted", name)
		}
	}
}

// atDesk reports whether a route is a page of a desk: people open it, not keys.
func atDesk(route rest.Route) bool {
	return route.Public && (strings.HasPrefix(route.Path, "/dashboard") || strings.HasPrefix(route.Path, "/earnings"))
}

// callers are those who must come to nothing.
func (h *house) callers(things map[string]string, connected map[string]connection) []caller {
	constant := func(key string) func(string) string { return func(string) string { return key } }
	always := func(v verdict) func(rest.Route, row) verdict { return func(rest.Route, row) verdict { return v } }
	bob, bobsKey := h.moveInNextDoor()
	return append([]caller{
		{name: "nobody", key: constant(""), expects: always(unknown)},
		{name: "a made-up key", key: constant("sk_test_nobody"), expects: always(unknown)},
		{name: "another platform", key: constant(bobsKey), expects: always(blind)},
		{name: "another platform acting for Ada's tutor", key: constant(bobsKey), account: things["tutor"], expects: always(forbidden)},
		{name: "another platform acting for Ada", key: constant(bobsKey), account: h.platform, expects: always(forbidden)},
		{name: "Ada in live mode", key: constant(h.newKey(h.platform, true, credential.NewKey{Kind: credential.Secret})), expects: always(blind)},
		{name: "Ada in live mode acting for a test tutor", key: constant(h.newKey(h.platform, true, credential.NewKey{Kind: credential.Secret})),
			account: things["tutor"], expects: always(forbidden)},
		{name: "Ada's publishable key", key: constant(h.newKey(h.platform, false, credential.NewKey{Kind: credential.Publishable})),
			expects: func(r rest.Route, _ row) verdict {
				if r.Publishable {
					return blind // what it sees instead is TestPayersBrowserNeedsTheClientSecretAndSeesLittle
				}
				return unknown
			}},
		{name: "a restricted key for something else", key: func(resource string) string {
			other := "customers"
			if resource == other {
				other = "charges"
			}
			return h.restricted(other + ":write")
		}, expects: always(forbidden)},
		{name: "a restricted key that may only read", key: func(resource string) string { return h.restricted(resource + ":read") },
			expects: func(r rest.Route, _ row) verdict {
				if r.Method == http.MethodGet {
					return ""
				}
				return forbidden
			}},
	}, h.tokenCallers(connected, h.bobsToken(bob, bobsKey))...)
}

// insiders are those for whom the rows are made.
func (h *house) insiders(connected map[string]connection) []caller {
	return []caller{
		{name: "a restricted key that may read", key: func(resource string) string { return h.restricted(resource + ":read") },
			expects: func(r rest.Route, line row) verdict {
				switch {
				case r.Method != http.MethodGet:
					return ""
				case line.ownerOnly:
					return forbidden
				}
				return reaches
			}},
		{name: "a token that may act", key: func(string) string { return connected["acts"].token.AccessToken },
			expects: func(r rest.Route, _ row) verdict { // on its own account, that is
				if slices.Contains(tokenResources(), r.Resource) {
					return blind
				}
				return forbidden
			}},
		{name: "Ada", key: func(string) string { return h.key }, expects: func(rest.Route, row) verdict { return reaches }},
	}
}

var placeholder = regexp.MustCompile(`\$[a-zA-Z]+`)

// ask sends a row's request as a caller and holds the answer against the rule.
func (h *house) ask(c caller, route rest.Route, things map[string]string) {
	h.t.Helper()
	name := route.Method + " " + route.Path
	line := matrix[name]
	want := c.expects(route, line)
	if want == "" {
		return
	}
	fill := func(text string) string {
		return placeholder.ReplaceAllStringFunc(text, func(s string) string {
			id, known := things[s[1:]]
			if !known {
				h.t.Fatalf("%s: there is no %s", name, s)
			}
			return id
		})
	}
	path := route.Path
	if line.path != "" {
		path = line.path
	}
	path, form := fill(path), fill(line.form)
	status, body := clerk{h, c.account}.answer(route.Method, path, form, c.key(route.Resource))
	complain := func(why string) {
		h.t.Helper()
		h.t.Errorf("%s: %s asked and got %d, but %s\n%.300s", name, c.name, status, why, body)
	}
	if status >= 500 {
		complain("nothing may fail like this")
	}
	switch want {
	case reaches:
		if status == 401 || status == 403 || status == 404 || route.Method == http.MethodGet && status != 200 {
			complain("may ask this")
		}
	case unknown:
		if status != 401 {
			complain("has no key that counts")
		}
	case forbidden:
		if status != 403 {
			complain("must not get this far")
		}
	}
	if want == reaches || line.echo {
		return
	}
	for thing, id := range things {
		if strings.Contains(body, id) && id != c.account && !strings.Contains(path, id) && !strings.Contains(form, id) {
			complain("the answer shows Ada's " + thing)
		}
	}
	if strings.Contains(body, canary) {
		complain("the answer shows what stands on an object of Ada's")
	}
}

// canary stands on every object that furnish makes.
const canary = "only-for-ada-7c1f"

// furnish makes one object of each kind, and returns their ids by name.
func (h *house) furnish(ada clerk) map[string]string {
	h.t.Helper()
	things := map[string]string{}
	tutor, leaver := ada.tutor(), ada.tutor()
	things["tutor"], things["leaver"] = tutor, leaver
	for _, payee := range []string{h.platform, tutor} { // or the payouts job may take what a later row needs
		ada.post("/v1/accounts/"+payee, "settings[payouts][schedule][interval]=manual")
	}
	things["bank"] = idsOf(ada.get("/v1/accounts/" + tutor + "/external_accounts"))[0]
	const mark = "&metadata[mark]=" + canary
	made := func(name, path, form string) map[string]any {
		object := ada.post(path, form+mark)
		things[name] = object["id"].(string)
		return object
	}
	made("customer", "/v1/customers", "source=tok_visa&email="+canary+"@example.com")
	things["method"] = ada.post("/v1/payment_methods", "type=card&card[token]=tok_visa"+mark)["id"].(string)
	ada.post("/v1/payment_methods/"+things["method"]+"/attach", "customer="+things["customer"])
	made("intent", "/v1/payment_intents", "amount=1000&currency=hkd")
	made("checkout", "/v1/checkout/sessions", matrix["POST /v1/checkout/sessions"].form)
	things["token"] = ada.post("/v1/tokens", "card[number]=4242424242424242&card[exp_month]=12&card[exp_year]=2040")["id"].(string)
	charge := made("charge", "/v1/charges", "amount=100000&currency=hkd&source=tok_bypassPending&application_fee_amount=1000&transfer_data[destination]="+tutor)
	things["fee"], things["line"] = charge["application_fee"].(string), charge["balance_transaction"].(string)
	made("refund", "/v1/refunds", "amount=1000&charge="+things["charge"])
	made("plain", "/v1/charges", "amount=500000&currency=hkd&source=tok_bypassPending")
	made("transfer", "/v1/transfers", "amount=10000&currency=hkd&destination="+tutor)
	made("reversal", "/v1/transfers/"+things["transfer"]+"/reversals", "amount=1000")
	things["penniless"] = ada.tutor()
	ada.post("/v1/accounts/"+things["penniless"], "settings[payouts][schedule][interval]=manual")
	spent := made("spent", "/v1/charges", "amount=1000&currency=hkd&source=tok_bypassPending&application_fee_amount=900&transfer_data[destination]="+things["penniless"])
	made("pendingReversal", "/v1/transfers/"+spent["transfer"].(string)+"/reversals", "when_insufficient=pending")
	made("feeRefund", "/v1/application_fees/"+things["fee"]+"/refunds", "amount=10")
	things["ownBank"] = ada.post("/v1/accounts/"+h.platform+"/external_accounts", "external_account=btok_hk")["id"].(string)
	made("payout", "/v1/payouts", "amount=1000&currency=hkd&destination="+things["ownBank"])
	sent := made("sent", "/v1/payouts", "amount=100&currency=hkd&method=instant&destination="+things["ownBank"])
	ada.until("/v1/payouts/"+sent["id"].(string), "the payout has gone", func(p map[string]any) bool { return p["status"] == "paid" })
	must[payouts.Applied](h.t)(h.app.payouts.Apply(h.t.Context(), false, sent["rail"].(string),
		[]rail.Report{{Reference: sent["id"].(string), Reason: "C04", Change: &rail.Change{Code: "C04", Holder: canary}}}, h.app.clocks.For(false).Now()))
	things["bankChange"] = idsOf(ada.get("/v1/payout_bank_changes"))[0]
	things["report"] = ada.post("/v1/reporting/report_runs", "report_type=payout_reconciliation.by_id.itemized.4&parameters[payout]="+things["payout"])["id"].(string)
	things["hold"] = ada.post("/v1/payout_holds", "account="+leaver+"&reason="+canary)["id"].(string)
	things["run"] = ada.post("/v1/payout_runs", "")["id"].(string)
	things["entry"] = idsOf(ada.get("/v1/ledger/entries?limit=1"))[0]
	things["ledgerAccount"] = idsOf(ada.get("/v1/ledger/accounts?limit=1"))[0]
	things["verification"] = ada.post("/v1/ledger/verifications", "")["id"].(string)
	things["closure"] = ada.post("/v1/payout_calendars/england/closures", "date=2027-03-02&reason="+canary)["id"].(string)
	things["event"] = idsOf(ada.get("/v1/events?limit=1"))[0]
	things["statement"] = must[reconcile.File](h.t)(h.app.books.Import(h.t.Context(), reconcile.Source{Platform: h.platform, Name: canary},
		strings.NewReader(":20:X\n:25:1\n:28C:1\n:60F:C261124HKD1,00\n:61:2611241124C2,00NTRFNONREF//"+canary+"\n:62F:C261124HKD3,00\n-\n"))).ID
	made("endpoint", "/v1/webhook_endpoints", "url=http://127.0.0.1:9/&enabled_events[]=charge.succeeded")
	things["delivery"] = ada.post("/v1/webhook_endpoints/"+things["endpoint"]+"/test", "")["id"].(string)
	things["replay"] = ada.post("/v1/webhook_replays", "webhook_endpoint="+things["endpoint"])["id"].(string)
	file := must[*stripe.File](h.t)(h.stripe().V1Files.Create(h.t.Context(), &stripe.FileCreateParams{
		FileReader: bytes.NewReader(testLogo(h.t, 128, 128)), Filename: stripe.String(canary + ".png"), Purpose: stripe.String("business_logo"),
	}))
	things["file"] = file.ID
	things["company"] = ada.post("/v1/accounts", "type=custom&country=HK&business_type=company&sluice[requirements]=enforced"+mark)["id"].(string)
	made("person", "/v1/accounts/"+things["company"]+"/persons", "first_name=May&relationship[director]=true")
	made("director", "/v1/accounts/"+things["company"]+"/persons", "first_name=Lok&relationship[director]=true")
	things["express"] = ada.post("/v1/accounts", "type=express&country=HK")["id"].(string)
	app := ada.post("/v1/oauth_clients", "name="+canary+"&redirect_uris[]=https://shop.example/cb")
	things["client"] = app["id"].(string)
	things["clientSecret"] = app["secrets"].([]any)[0].(map[string]any)["id"].(string)
	second := h.newKey(h.platform, false, credential.NewKey{Kind: credential.Secret}) // four eyes: who asks cannot decide
	_, review := ada.raw("POST", "/v1/verification_reviews", "account="+things["company"]+"&subject="+things["person"]+"&reason=x", second)
	things["review"] = review["id"].(string)
	things["key"] = ada.post("/v1/api_keys", "type=secret&name="+canary)["id"].(string)
	if err := h.app.requests.Flush(h.t.Context()); err != nil {
		h.t.Fatal(err)
	}
	things["note"] = ada.post("/v1/account_notes", "account="+things["tutor"]+"&text="+canary)["id"].(string)
	things["request"] = idsOf(ada.get("/v1/request_logs?limit=1"))[0]
	things["act"] = idsOf(ada.get("/v1/audit_log?limit=1"))[0]
	return things
}

// moveInNextDoor makes another platform account with a key.
func (h *house) moveInNextDoor() (platform, key string) {
	h.t.Helper()
	if err := db.InTx(h.t.Context(), h.app.pool, func(ctx context.Context, tx bun.Tx) error {
		a, err := h.app.accounts.CreatePlatform(ctx, tx, clock.System{}.Now(), connect.PlatformParams{Country: "HK", Name: "Bob's"})
		platform = a.ID
		return err
	}); err != nil {
		h.t.Fatal(err)
	}
	return platform, h.newKey(platform, false, credential.NewKey{Kind: credential.Secret})
}

func (h *house) newKey(account string, livemode bool, want credential.NewKey) string {
	h.t.Helper()
	var plain string
	if err := db.InTx(h.t.Context(), h.app.pool, func(ctx context.Context, tx bun.Tx) error {
		_, text, err := h.app.keys.Create(ctx, tx, clock.System{}.Now(), credential.Owner{Account: account, Livemode: livemode}, want)
		plain = text.Reveal()
		return err
	}); err != nil {
		h.t.Fatal(err)
	}
	return plain
}

func (h *house) restricted(scope string) string {
	return h.newKey(h.platform, false, credential.NewKey{Kind: credential.Restricted, Scopes: []string{scope}})
}

// eventsOf is what requests did to a platform and its accounts in test mode.
func (h *house) eventsOf(platform string) (types []string) {
	h.t.Helper()
	if err := h.app.pool.NewRaw("SELECT type || ' of ' || object_id FROM platform.events WHERE platform = ? AND NOT livemode AND request_id <> '' ORDER BY seq",
		platform).Scan(h.t.Context(), &types); err != nil {
		h.t.Fatal(err)
	}
	return types
}

// answer is raw for answers of any form.
func (c clerk) answer(method, path, form, key string) (int, string) {
	c.t.Helper()
	header := map[string]string{}
	if c.as != "" {
		header["Stripe-Account"] = c.as
	}
	header["Authorization"] = "Bearer " + key
	r := c.exchange(letter{method: method, path: path, form: form, header: header})
	return r.status, string(r.raw)
}
