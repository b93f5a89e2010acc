package homepages

import (
	"slices"
	"strconv"

	"github.com/sluicepay/sluice/connect/dashboard"
	"github.com/sluicepay/sluice/platform/ui/chart"
	"github.com/sluicepay/sluice/platform/wire"
)

// Ends of legs that are no accounts.
const (
	fromPayer = "payer"
	processor = "processor"
	toPayer   = "refunded"
)

// leg is money of a payment on its way from one to another, with the posting in
// which it arrived.
type leg struct {
	From, To string // an account, or one of the ends above
	Amount   int64
	Posting  string // "le_1-2": the third posting of an entry
}

// share is what an entry took from somebody, or gave them, in sum.
type share struct {
	who     string
	amount  int64 // positive
	posting string
}

// legs turns the ledger entries of a payment into who gave how much to whom. Each
// entry is balanced, so what it takes and what it gives are equal; the refunds of one
// id are taken together, so that one that failed leaves nothing.
func legs(entries []wire.LedgerEntry) []leg {
	var found []leg
	for _, group := range bySource(entries) {
		gives, gets := shares(group)
		found = merged(found, match(gives, gets))
	}
	return netted(found)
}

// bySource puts entries that one object caused together, in the order of the first.
func bySource(entries []wire.LedgerEntry) [][]wire.LedgerEntry {
	var groups [][]wire.LedgerEntry
	for _, e := range entries {
		i := slices.IndexFunc(groups, func(g []wire.LedgerEntry) bool { return g[0].Source.ID == e.Source.ID })
		if i < 0 {
			groups = append(groups, nil)
			i = len(groups) - 1
		}
		groups[i] = append(groups[i], e)
	}
	return groups
}

// shares sums what entries did to each side. The payer pays through the processor's
// account and is paid back through it. What stays with one owner is no movement.
func shares(entries []wire.LedgerEntry) (gives, gets []share) {
	type sum struct {
		net, largest int64
		posting      string
	}
	sums, order := map[string]*sum{}, []string{}
	for _, e := range entries {
		for i, p := range e.Postings {
			who, net := p.Owner, p.Credit-p.Debit
			switch p.Account {
			case "processor_clearing":
				who = toPayer
			case "processor_fees":
				who = processor
			}
			s := sums[who]
			if s == nil {
				s = &sum{}
				sums[who] = s
				order = append(order, who)
			}
			if s.net += net; max(p.Credit, p.Debit) > s.largest || s.posting == "" {
				s.largest, s.posting = max(p.Credit, p.Debit), postingID(e.ID, i)
			}
		}
	}
	for _, who := range order {
		switch s := sums[who]; {
		case s.net > 0:
			gets = append(gets, share{who, s.net, s.posting})
		case s.net < 0 && who == toPayer:
			gives = append(gives, share{fromPayer, -s.net, s.posting})
		case s.net < 0:
			gives = append(gives, share{who, -s.net, s.posting})
		}
	}
	return gives, gets
}

// match pays what is got out of what is given. Who pays out of an own balance pays the
// processor first: that is what it was short of. The payer is paid back first.
func match(gives, gets []share) []leg {
	slices.SortStableFunc(gives, func(a, b share) int { return first(a.who != fromPayer) - first(b.who != fromPayer) })
	slices.SortStableFunc(gets, func(a, b share) int {
		return first(a.who == processor || a.who == toPayer) - first(b.who == processor || b.who == toPayer)
	})
	var found []leg
	for i, j := 0, 0; i < len(gives) && j < len(gets); {
		n := min(gives[i].amount, gets[j].amount)
		found = append(found, leg{gives[i].who, gets[j].who, n, gets[j].posting})
		if gives[i].amount -= n; gives[i].amount == 0 {
			i++
		}
		if gets[j].amount -= n; gets[j].amount == 0 {
			j++
		}
	}
	return found
}

func first(yes bool) int {
	if yes {
		return 0
	}
	return 1
}

// merged adds legs to others; what goes the same way becomes one.
func merged(all, more []leg) []leg {
	for _, l := range more {
		i := slices.IndexFunc(all, func(a leg) bool { return a.From == l.From && a.To == l.To })
		if i < 0 {
			all = append(all, l)
			continue
		}
		all[i].Amount += l.Amount
	}
	return all
}

// netted lets what went to and fro between two stand as what came of it.
func netted(all []leg) []leg {
	for i := range all {
		for j := range all {
			if a, b := &all[i], &all[j]; a.From == b.To && a.To == b.From && a.Amount >= b.Amount && i != j {
				a.Amount, b.Amount = a.Amount-b.Amount, 0
			}
		}
	}
	return slices.DeleteFunc(all, func(l leg) bool { return l.Amount == 0 })
}

func postingID(entry string, i int) string {
	return entry + "-" + strconv.Itoa(i)
}

// picture draws the legs.
func (p *paymentView) picture(v *dashboard.Visit) chart.Flow {
	f := chart.Flow{Title: string(v.Text("flow.title")), Desc: string(v.Text("flow.desc"))}
	in, out, posting := map[string]int64{}, map[string]int64{}, map[string]string{}
	var order []string
	for _, l := range p.Legs {
		out[l.From] += l.Amount
		in[l.To] += l.Amount
		for _, end := range []string{l.From, l.To} {
			if !slices.Contains(order, end) {
				order = append(order, end)
			}
		}
		if posting[l.To] == "" {
			posting[l.To] = l.Posting
		}
		f.Links = append(f.Links, chart.Link{From: l.From, To: l.To, Value: l.Amount, Text: p.amount(l.Amount)})
	}
	for _, id := range order {
		node := chart.Node{ID: id, Label: p.name(v, id), Text: p.amount(max(in[id], out[id])), Class: p.class(v, id)}
		if at := posting[id]; at != "" {
			node.Href = p.posting(v, at)
		}
		f.Nodes = append(f.Nodes, node)
	}
	return f
}

// posting is where a posting stands on the page's ledger tab.
func (p *paymentView) posting(v *dashboard.Visit, id string) string {
	return v.Here("tab", "ledger") + "#" + id
}

func (p *paymentView) amount(n int64) string { return shown(n, p.Charge.Currency) }

// name is what an end of a leg is called.
func (p *paymentView) name(v *dashboard.Visit, end string) string {
	switch end {
	case fromPayer, processor, toPayer:
		return string(v.Text("flow." + end))
	case v.Chair.Account:
		return string(v.Text("flow.platform"))
	}
	return called(p.Names, end)
}

func (p *paymentView) class(v *dashboard.Visit, end string) string {
	switch end {
	case fromPayer:
		return "charge"
	case processor:
		return "cost"
	case toPayer:
		return "refund"
	case v.Chair.Account:
		return "fee"
	}
	return "payee"
}
