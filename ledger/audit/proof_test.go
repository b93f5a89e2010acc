package audit_test

import (
	"context"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/ledger"
	"github.com/sluicepay/sluice/ledger/audit"
	"github.com/sluicepay/sluice/platform/fault"
	"github.com/sluicepay/sluice/platform/page"
	"github.com/sluicepay/sluice/platform/tenant"
)

var ada = tenant.Scope{Platform: "acct_p", Account: "acct_p"}

func request(t *testing.T, pool *bun.DB, scope tenant.Scope) (v *audit.Verification) {
	t.Helper()
	in(t, pool, func(ctx context.Context, tx bun.Tx) (err error) {
		v, err = audit.Request(ctx, tx, scope, "key_1", noon)
		return err
	})
	return v
}

func at(t time.Time) func() time.Time { return func() time.Time { return t } }

func TestAnEntryIsProvedByItsBatchAndTheChain(t *testing.T) {
	pool := market(t)
	entry := int64(2 * ledger.MaxEntries)
	p, err := audit.ProofOf(t.Context(), pool, entry)
	if err != nil || p == nil || !p.Holds || !p.Follows || p.Position != 2 || p.FirstEntry > entry || p.LastEntry < entry {
		t.Fatalf("the proof is %+v: %v", p, err)
	}
	if none, err := audit.ProofOf(t.Context(), pool, entry+1000); none != nil || err != nil {
		t.Errorf("what is no entry is proved: %+v, %v", none, err)
	}
	in(t, pool, func(ctx context.Context, tx bun.Tx) error {
		if _, err := tx.ExecContext(ctx, `SET LOCAL session_replication_role = replica`); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `UPDATE ledger.postings SET amount = amount + 5 WHERE entry_id = ? AND line = 0`, entry)
		return err
	})
	if p, err := audit.ProofOf(t.Context(), pool, entry); err != nil || p.Holds || !p.Follows {
		t.Errorf("an edited entry is proved: %+v, %v", p, err)
	}
}

func TestAVerificationIsMadeOnceForAllWhoWait(t *testing.T) {
	pool := market(t)
	first, again := request(t, pool, ada), request(t, pool, ada)
	other := request(t, pool, tenant.Scope{Platform: "acct_q", Account: "acct_q"})
	if first.ID != again.ID || first.ID == other.ID || first.Status != audit.VerificationPending {
		t.Fatalf("asked %+v, again %+v, another %+v", first, again, other)
	}
	if n, err := audit.Work(t.Context(), pool, at(noon)); n != 2 || err != nil {
		t.Fatal(n, err)
	}
	done, err := audit.GetVerification(t.Context(), pool, ada, first.ID)
	if err != nil || done.Status != audit.VerificationPassed || done.Done != 12 || done.Total != 12 || done.Postings == 0 || done.Sealed != 12 || done.FinishedAt.IsZero() {
		t.Errorf("it is %+v: %v", done, err)
	}
	if _, err := audit.GetVerification(t.Context(), pool, ada, other.ID); !fault.Is(err, fault.NotFound) {
		t.Errorf("another platform's is shown: %v", err)
	}
	if next := request(t, pool, ada); next.ID == first.ID {
		t.Error("what is finished is asked again")
	}
	if list, err := audit.Verifications(t.Context(), pool, ada, page.Params{}); err != nil || len(list.Items) != 2 || list.Items[1].ID != first.ID {
		t.Errorf("listed %+v: %v", list, err)
	}
	if n, err := audit.Work(t.Context(), pool, at(noon)); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	if n, err := audit.Work(t.Context(), pool, at(noon)); n != 0 || err != nil {
		t.Error("worked for nobody", n, err)
	}
}

func TestAVerificationKeepsWhatItFound(t *testing.T) {
	pool := market(t)
	in(t, pool, func(ctx context.Context, tx bun.Tx) error {
		if _, err := tx.ExecContext(ctx, `SET LOCAL session_replication_role = replica`); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `UPDATE ledger.accounts SET credits = credits + 5 WHERE owner = 'acct_c' AND kind = 'available' AND currency = 'hkd'`)
		return err
	})
	asked := request(t, pool, ada)
	if _, err := audit.Work(t.Context(), pool, at(noon)); err != nil {
		t.Fatal(err)
	}
	done, err := audit.GetVerification(t.Context(), pool, ada, asked.ID)
	if err != nil || done.Status != audit.VerificationFailed || len(done.Findings) == 0 || done.Findings[0].Account != "acct_c/available/hkd" {
		t.Errorf("it is %+v: %v", done, err)
	}
}
