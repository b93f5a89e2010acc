package statement_test

import (
	"fmt"
	"io"
	"runtime"
	"testing"

	"github.com/sluicepay/sluice/payouts/statement"
	"github.com/sluicepay/sluice/platform/money"
)

// longCamt writes a camt.053 of n entries as it is read; it never stands in memory.
type longCamt struct {
	n, at int
	rest  []byte
	done  bool
}

func (l *longCamt) Read(p []byte) (int, error) {
	for len(l.rest) == 0 {
		switch {
		case l.done:
			return 0, io.EOF
		case l.at == 0:
			l.rest = fmt.Appendf(l.rest[:0], `<?xml version="1.0" encoding="UTF-8"?><Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"><BkToCstmrStmt><GrpHdr><MsgId>M</MsgId></GrpHdr><Stmt>%s%s%s`,
				camtHead, camtBalance("OPBD", "CRDT", "0"), camtBalance("CLBD", "DBIT", money.New(int64(l.n), "eur").Decimal()))
		case l.at > l.n:
			l.rest, l.done = append(l.rest[:0], "</Stmt></BkToCstmrStmt></Document>"...), true
		default:
			l.rest = fmt.Appendf(l.rest[:0], `<Ntry><Amt Ccy="EUR">0.01</Amt><CdtDbtInd>DBIT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts><BookgDt><Dt>2026-11-24</Dt></BookgDt><ValDt><Dt>2026-11-24</Dt></ValDt><NtryDtls><TxDtls><Refs><EndToEndId>po_%022d</EndToEndId></Refs><RmtInf><Ustrd>Lesson %d</Ustrd></RmtInf></TxDtls></NtryDtls></Ntry>`+"\n", l.at, l.at)
		}
		l.at++
	}
	n := copy(p, l.rest)
	l.rest = l.rest[n:]
	return n, nil
}

// peaking counts lines and looks at the heap now and then.
type peaking struct {
	lines int
	peak  uint64
}

func (p *peaking) Begin(statement.Statement) error { return nil }
func (p *peaking) End(statement.Statement) error   { return nil }
func (p *peaking) Line(statement.Line) error {
	if p.lines++; p.lines%20_000 == 0 {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		p.peak = max(p.peak, m.HeapInuse)
	}
	return nil
}

// A million entries take the memory of one: the peak is the same for a tenth of them.
func BenchmarkCamt053(b *testing.B) {
	for _, n := range []int{100_000, 1_000_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			var peak uint64
			for b.Loop() {
				runtime.GC()
				p := &peaking{}
				if err := statement.ReadCamt(&longCamt{n: n}, p); err != nil || p.lines != n {
					b.Fatalf("%d lines: %v", p.lines, err)
				}
				peak = max(peak, p.peak)
			}
			b.ReportMetric(float64(peak)/(1<<20), "MiB-peak-heap")
			b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "entries/s")
		})
	}
}
