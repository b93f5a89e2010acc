package bench

import (
	"fmt"
	"strconv"
)

// party is a platform that takes payments for its accounts.
type party struct {
	key      string
	accounts []string
}

// shape is what a load consists of.
type shape struct {
	name, short, long string
	made              string // the table with a row for each of what is counted
	unit              string // what is counted, in the table that is printed
	reads             bool   // needs a database with something in it
	calls             func(s stage) []share
}

// share is a call and how many of the turns it has.
type share struct {
	call
	turns int
}

// stage is what calls are made for.
type stage struct {
	parties []party
	run     string
	past    past
}

// shapes are the loads; reads has a file of its own.
var shapes = []shape{
	{
		name: "charges", made: "connect.charges", unit: "charges",
		short: "Measure charges per second, with one hot platform account or many",
		long: "Every connection posts destination charges with an application fee, each under a fresh idempotency key, and\n" +
			"waits for the answer: a charge counts once it is durable and its answer says \"succeeded\".",
		calls: func(s stage) []share { return []share{{s.charge(), 1}} },
	},
	{
		name: "payment_intents", made: "connect.charges", unit: "payment intents",
		short: "Measure payment intents per second, created and confirmed in one request",
		long:  "As charges, but through POST /v1/payment_intents with confirm=true, as the SDKs do it.",
		calls: func(s stage) []share { return []share{{s.intent(), 1}} },
	},
	{
		name: "transfers", made: "connect.transfers", unit: "transfers",
		short: "Measure transfers per second from a platform's balance",
		long:  "Each transfer moves one dollar from the platform's available balance, which is filled before: it has a floor, and\nevery transfer asks it.",
		calls: func(s stage) []share { return []share{{s.transfer(), 1}} },
	},
	{
		name: "mixed", made: "connect.charges", unit: "requests",
		short: "Measure a marketplace's day: mostly charges, some intents and transfers, and people who look",
		long:  "Of a hundred requests 60 are charges, 12 payment intents, 6 transfers, and 22 read: a charge, lists, balances.\nTimes are told for each kind.",
		calls: func(s stage) []share {
			return []share{{s.charge(), 30}, {s.intent(), 6}, {s.transfer(), 3}, {s.list("charges", "/v1/charges?limit=10"), 4},
				{s.balance("balance", ""), 3}, {s.balance("balance of an account", hole+"1"), 2},
				{s.list("balance transactions", "/v1/balance_transactions?limit=10"), 2}}
		},
	},
	readShape,
}

// rows are a key and an account each, so that two requests in a row are of two
// platforms and two accounts.
func (s stage) rows() (rows [][]string) {
	for i := 0; ; i++ {
		added := false
		for _, p := range s.parties {
			if i < len(p.accounts) {
				rows, added = append(rows, []string{p.key, p.accounts[i]}), true
			}
		}
		if !added {
			return rows
		}
	}
}

func (s stage) post(name, path, want string, form ...[2]string) call {
	return call{name: name, method: "POST", path: path, form: form, rows: s.rows(), run: s.run, want: want}
}

const (
	succeeded = `"status": "succeeded"`
	amount    = 60000
	fee       = 9000
)

func (s stage) charge() call {
	return s.post("charge", "/v1/charges", succeeded,
		[2]string{"amount", strconv.Itoa(amount)}, [2]string{"currency", "hkd"}, [2]string{"source", "tok_visa"},
		[2]string{"application_fee_amount", strconv.Itoa(fee)}, [2]string{"transfer_data[destination]", hole + "1"})
}

func (s stage) intent() call {
	return s.post("payment intent", "/v1/payment_intents", succeeded,
		[2]string{"amount", strconv.Itoa(amount)}, [2]string{"currency", "hkd"}, [2]string{"payment_method", "pm_card_visa"}, [2]string{"confirm", "true"},
		[2]string{"application_fee_amount", strconv.Itoa(fee)}, [2]string{"transfer_data[destination]", hole + "1"})
}

func (s stage) transfer() call {
	return s.post("transfer", "/v1/transfers", `"object": "transfer"`,
		[2]string{"amount", "100"}, [2]string{"currency", "hkd"}, [2]string{"destination", hole + "1"})
}

func (s stage) get(name, path, account, want string) call {
	return call{name: name, method: "GET", path: path, account: account, rows: s.rows(), want: want}
}

func (s stage) list(name, path string) call { return s.get(name, path, "", `"object": "list"`) }

func (s stage) balance(name, account string) call {
	return s.get(name, "/v1/balance", account, `"object": "balance"`)
}

// plan renders the load.
func (sh shape) plan(s stage, addresses []string, o options, connections int) (Plan, error) {
	p := Plan{Addresses: addresses, Connections: connections, Rate: o.rate, WarmUp: o.warmUp, Duration: o.duration}
	var shares []int
	for _, one := range sh.calls(s) {
		r, err := one.render(addresses[0])
		if err != nil {
			return p, fmt.Errorf("%s: %w", sh.name, err)
		}
		p.Requests, shares = append(p.Requests, r), append(shares, one.turns)
	}
	p.Turns = shuffle(shares)
	return p, nil
}
