package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// One story of a term at TutorHub HK, told in three currencies through two
// official SDKs. After each step every balance and every new statement line must
// be those of testdata/money_<currency>.txt.
//
// Those tables are worked out from the rules, not from what the program prints:
// the sandbox keeps 3.4 % (half to even) and 235 cents of HKD, 30 yen or 90 fils;
// percentages are shared by largest remainder; what comes back with a refund is
// floor(part × refunded so far / charge) less what has come back before.

// prices are the amounts of the story in one currency, in minor units.
type prices struct {
	currency, bank               string
	direct, directFee            int64
	spared, sparedFee            int64
	lesson, lessonFee            int64
	trial, trialPart             int64
	course, courseChan, courseHo int64
	trio, trioWong               int64
	directRefunds                []int64
	lessonRefunds                []int64
	trioRefunds                  []int64
	bonus, bonusBack             int64
	payout                       int64
}

var priceLists = []prices{{
	currency: "hkd", bank: "btok_hk", direct: 60000, directFee: 9000, spared: 48000, sparedFee: 7200, lesson: 45250, lessonFee: 6788,
	trial: 38000, trialPart: 32300, course: 120000, courseChan: 50000, courseHo: 45000, trio: 99999, trioWong: 25000,
	directRefunds: []int64{20000, 40000}, lessonRefunds: []int64{15000, 15000, 15250}, trioRefunds: []int64{33333, 66666},
	bonus: 10001, bonusBack: 5000, payout: 40000,
}, {
	currency: "jpy", bank: "btok_jp", direct: 6000, directFee: 900, spared: 4800, sparedFee: 721, lesson: 4250, lessonFee: 638,
	trial: 3800, trialPart: 3230, course: 12000, courseChan: 5000, courseHo: 4500, trio: 9997, trioWong: 2500,
	directRefunds: []int64{1999, 4001}, lessonRefunds: []int64{1417, 1417, 1416}, trioRefunds: []int64{3333, 6664},
	bonus: 1001, bonusBack: 500, payout: 4000,
}, {
	currency: "kwd", bank: "btok_kw", direct: 25750, directFee: 3863, spared: 20250, sparedFee: 3001, lesson: 18750, lessonFee: 2813,
	trial: 15120, trialPart: 12853, course: 51000, courseChan: 22125, courseHo: 19500, trio: 40010, trioWong: 10000,
	directRefunds: []int64{8580, 17170}, lessonRefunds: []int64{6240, 6250, 6260}, trioRefunds: []int64{13330, 26680},
	bonus: 4001, bonusBack: 2000, payout: 17000,
}}

// sdk is what Ada does through an official SDK. An empty account is her own.
type sdk interface {
	connect(tutor string, bank string, platformPaysFees bool) (account string)
	pay(order) (charge string)
	charge(amount int64, currency, group string) (charge string)
	refund(refundOrder)
	transfer(transferOrder) (transfer string)
	reverse(transfer string, amount int64)
	payOut(account string, amount int64, currency string) (payout string)
	payoutStatus(account, payout string) string
	balance(account, currency string) (pending, available int64)
	lines(account, currency, payout string) []line // newest first
}

// order is a payment by card.
type order struct {
	account     string // whose charge it is
	amount      int64
	currency    string
	fee         int64  // application fee, 0 for none
	destination string // of a destination charge
	part        int64  // transfer_data[amount], 0 for all
	splits      []share
}

// share is one of splits[].
type share struct {
	destination, percent string
	amount               int64
	bearsFee             bool
}

type refundOrder struct {
	account, charge string
	amount          int64
	reverseTransfer bool
	returnFee       bool
}

type transferOrder struct {
	destination, currency, source string
	amount                        int64
}

// line is a balance transaction.
type line struct {
	kind             string
	amount, fee, net int64
}

func (l line) String() string {
	if l.fee == 0 {
		return fmt.Sprintf("%s %d", l.kind, l.amount)
	}
	return fmt.Sprintf("%s %d fee %d", l.kind, l.amount, l.fee)
}

func TestEveryCentOfATermIsWhereTheTableSaysInStripeGo(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	tellTerm(h, goSDK{t: t, stripe: h.stripe()})
}

func TestEveryCentOfATermIsWhereTheTableSaysInStripeNode(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	tellTerm(h, adaInNode{node: h.node()})
}

func tellTerm(h *house, ada sdk) {
	for _, p := range priceLists {
		table, err := os.ReadFile("testdata/money_" + p.currency + ".txt")
		if err != nil {
			h.t.Fatal(err)
		}
		story := &term{house: h, sdk: ada, prices: p, accounts: map[string]string{"ada": ""}, seen: map[string]int{}}
		story.tell()
		if diff := cmp.Diff(string(table), story.told.String()); diff != "" {
			h.t.Errorf("%s (-table +program):\n%s", p.currency, diff)
		}
	}
	h.closeBooks()
}

// term is the story while it is told.
type term struct {
	*house
	sdk
	prices
	accounts map[string]string // by actor
	seen     map[string]int    // statement lines shown so far
	told     strings.Builder
}

var actors = []string{"ada", "chan", "wong", "ho"}

func (s *term) tell() {
	may, wong, ho := s.connect("Chan May", s.bank, false), s.connect("Wong Siu Ming", s.bank, false), s.connect("Ho Mei Ling", s.bank, true)
	s.accounts["chan"], s.accounts["wong"], s.accounts["ho"] = may, wong, ho

	direct := s.pay(order{account: may, amount: s.direct, currency: s.currency, fee: s.directFee})
	s.then("Ms Chan takes a payment herself; Ada keeps a fee")
	s.pay(order{account: ho, amount: s.spared, currency: s.currency, fee: s.sparedFee})
	s.then("Mrs Ho does too, but Ada pays the card fee")

	lesson := s.pay(order{amount: s.lesson, currency: s.currency, destination: wong, fee: s.lessonFee})
	s.then("a lesson of Mr Wong is paid through Ada, who keeps a fee")
	s.pay(order{amount: s.trial, currency: s.currency, destination: wong, part: s.trialPart})
	s.then("of another lesson Mr Wong gets a fixed part")

	course := s.charge(s.course, s.currency, "term_"+s.currency)
	s.then("a course is paid to Ada")
	s.transfer(transferOrder{destination: may, amount: s.courseChan, currency: s.currency, source: course})
	shareOfHo := s.transfer(transferOrder{destination: ho, amount: s.courseHo, currency: s.currency, source: course})
	s.then("Ada gives Ms Chan and Mrs Ho their parts of it")

	trio := s.pay(order{amount: s.trio, currency: s.currency, splits: []share{
		{destination: may, percent: "33.33", bearsFee: true}, {destination: wong, amount: s.trioWong}, {destination: ho, percent: "12.5"},
	}})
	s.then("a trio is split as it is paid")

	s.refunds(refundOrder{account: may, charge: direct, returnFee: true}, s.directRefunds,
		"Ms Chan refunds a part, and Ada her part of the fee", "Ms Chan refunds the rest")
	s.refunds(refundOrder{charge: lesson, reverseTransfer: true, returnFee: true}, s.lessonRefunds,
		"a third of Mr Wong's lesson is refunded by those who had it", "another third", "the rest of it")
	s.refunds(refundOrder{charge: trio, reverseTransfer: true}, s.trioRefunds,
		"a third of the trio is refunded", "the rest of the trio")

	s.days("2d")
	s.then("two days pass")
	bonus := s.transfer(transferOrder{destination: wong, amount: s.bonus, currency: s.currency})
	s.then("Ada gives Mr Wong a bonus")
	s.reverse(bonus, s.bonusBack)
	s.then("and takes half of it back")
	s.reverse(shareOfHo, s.courseHo)
	s.then("Mrs Ho gives her part of the course back")
	s.payOutPart(may)
}

func (s *term) refunds(o refundOrder, amounts []int64, steps ...string) {
	s.t.Helper()
	for i, amount := range amounts {
		o.amount = amount
		s.refund(o)
		s.then(steps[i])
	}
}

// payOutPart pays a part of an account's money out, by hand, and explains it to the cent.
func (s *term) payOutPart(account string) {
	s.t.Helper()
	id := s.payOut(account, s.payout, s.currency)
	s.then("Ms Chan has money paid out")
	s.days("1d")
	s.then("the bank has paid")
	if status := s.payoutStatus(account, id); status != "paid" {
		s.t.Errorf("the payout is %s", status)
	}
	var net int64
	lines := s.lines(account, s.currency, id)
	for _, l := range lines {
		net += l.net
	}
	if len(lines) != 3 || net != 0 {
		s.t.Errorf("the payout's lines net %d: %v", net, lines)
	}
}

// then writes down what everybody has now and what is new on their statements.
func (s *term) then(step string) {
	s.t.Helper()
	fmt.Fprintf(&s.told, "# %s\n", step)
	for _, actor := range actors {
		account := s.accounts[actor]
		pending, available := s.balance(account, s.currency)
		lines := s.lines(account, s.currency, "")
		var news []string
		for _, l := range lines[:len(lines)-s.seen[actor]] {
			news = append(news, l.String())
		}
		slices.Sort(news)
		s.seen[actor] = len(lines)
		row := fmt.Sprintf("%-6s%9d%9d   %s", actor, pending, available, strings.Join(news, ", "))
		fmt.Fprintln(&s.told, strings.TrimRight(row, " "))
	}
	fmt.Fprintln(&s.told)
}
