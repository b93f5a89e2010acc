package onboarding_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sluicepay/sluice/connect/onboarding"
	"github.com/sluicepay/sluice/platform/mail"
	"github.com/sluicepay/sluice/platform/tenant"
)

// pillarBox takes mails, or is full.
type pillarBox struct {
	mails []mail.Message
	full  bool
	real  bool // nobody reads the mails of test mode
}

func (p *pillarBox) Post(m mail.Message) bool {
	if p.full {
		return false
	}
	p.mails = append(p.mails, m)
	return true
}

func (p *pillarBox) Ready() bool { return true }
func (p *pillarBox) Test() bool  { return !p.real }

func (w *town) remind(post onboarding.Post, dry bool, accounts ...string) onboarding.Reminder {
	w.t.Helper()
	done, err := w.links.Remind(w.t.Context(), tenant.Scope{Platform: w.platform, Account: w.platform}, accounts, post, dry)
	if err != nil {
		w.t.Fatal(err)
	}
	return done
}

func TestAnAccountThatOwesIsRemindedOnceADay(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	may, lok := w.express("email=may@example.com"), w.express()
	var box pillarBox
	if would := w.remind(&box, true, may, lok); !slices.Equal(would.Sent, []string{may}) || would.Skipped[lok] != onboarding.NoEmail || len(box.mails) != 0 {
		t.Fatalf("a dry run: %+v, %d mails", would, len(box.mails))
	}
	if did := w.remind(&box, false, may, may, lok); !slices.Equal(did.Sent, []string{may}) || len(box.mails) != 1 || box.mails[0].To != "may@example.com" {
		t.Fatalf("%+v, mails %v", did, box.mails)
	}
	for _, dry := range []bool{true, false} {
		if again := w.remind(&box, dry, may); len(again.Sent) != 0 || again.Skipped[may] != onboarding.Reminded || len(box.mails) != 1 {
			t.Errorf("the same day: %+v, %d mails", again, len(box.mails))
		}
	}
	w.now.Set(w.now.Now().Add(25 * time.Hour))
	if next := w.remind(&box, false, may); len(next.Sent) != 1 || len(box.mails) != 2 {
		t.Errorf("the next day: %+v, %d mails", next, len(box.mails))
	}
}

func TestAReminderLeadsToSignInAndOpensNothingByItself(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	may := w.express("email=may@example.com")
	var box pillarBox
	w.remind(&box, false, may)
	m := box.mails[0]
	if !strings.Contains(m.Text, w.url+"/earnings/"+may+"/test\n") || !strings.Contains(m.Subject, "需要補充資料") || strings.Contains(m.Text, onboarding.Path+"/") {
		t.Errorf("the mail: %+v", m)
	}
}

func TestWhoIsNotRemindedStaysFreeToBe(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	may := w.express("email=may@example.com")
	for name, post := range map[string]*pillarBox{"a full post": {full: true}, "test mode without a page for mails": {real: true}} {
		if did := w.remind(post, false, may); len(did.Sent) != 0 || did.Skipped[may] != onboarding.NoMail {
			t.Errorf("%s: %+v", name, did)
		}
	}
	var box pillarBox
	if did := w.remind(&box, false, may); len(did.Sent) != 1 {
		t.Errorf("afterwards: %+v", did)
	}
	if _, err := w.links.Remind(t.Context(), tenant.Scope{Platform: w.platform, Account: may}, []string{may}, &box, false); err == nil {
		t.Error("an account reminds itself")
	}
}
