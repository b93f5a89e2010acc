package cli_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/sluicepay/sluice/cmd/sluice/cli"
)

func TestListenSaysWhatIsWrongWithItsFlags(t *testing.T) {
	asked := answering(t, http.StatusOK, `{}`)
	for _, c := range []struct{ args, says string }{
		{"--forward-to ftp://x", "--forward-to"},
		{"--forward-to 3000 --forward-connect-to gopher://x", "--forward-connect-to"},
		{"--headers nonsense", "--headers"},
		{"--since yesterday", "--since"},
		{"-o xml", "--output"},
		{"more", "unknown command"},
	} {
		code, _, errout := run(t, append([]string{"listen"}, strings.Fields(c.args)...)...)
		if code != cli.ExitUsage || !strings.Contains(errout, c.says) {
			t.Errorf("%s: exit %d %s", c.args, code, errout)
		}
	}
	if len(*asked) > 0 {
		t.Errorf("%d requests were made", len(*asked))
	}
}

func TestListenAsksForASessionOfItsDevice(t *testing.T) {
	asked := answering(t, http.StatusOK, `{"secret": "whsec_1"}`)
	code, out, errout := run(t, "listen", "--print-secret", "--device", "bench", "--events", "charge.*,payout.paid", "--since", "2d")
	if code != 0 || out != "whsec_1\n" {
		t.Fatalf("exit %d %s %s", code, out, errout)
	}
	got := (*asked)[0]
	want := "device_name=bench&enabled_events%5B%5D=charge.%2A&enabled_events%5B%5D=payout.paid&since_seconds=172800&websocket_features%5B%5D=webhooks"
	if got.URL.Path != "/v1/stripecli/sessions" || got.PostForm.Encode() != want {
		t.Errorf("%s %s", got.URL.Path, got.PostForm.Encode())
	}
}

func TestListenEndsWhenTheServerRefuses(t *testing.T) {
	answering(t, http.StatusForbidden, refusing("no"))
	if code, _, _ := run(t, "listen"); code != cli.ExitAuth {
		t.Errorf("exit %d", code)
	}
	t.Setenv("SLUICE_BASE_URL", "http://127.0.0.1:1")
	if code, _, _ := run(t, "listen"); code != cli.ExitUnreachable {
		t.Errorf("exit %d", code)
	}
}

func TestTailEndsWhenTheServerRefuses(t *testing.T) {
	answering(t, http.StatusForbidden, refusing("no"))
	for _, args := range [][]string{{"events", "tail"}, {"events", "tail", "--since", "evt_1"}, {"events", "tail", "--connected"}} {
		if code, _, _ := run(t, args...); code != cli.ExitAuth {
			t.Errorf("%v: exit %d", args, code)
		}
	}
	if code, _, _ := run(t, "events", "tail", "--connected", "--account", "acct_1"); code != cli.ExitUsage {
		t.Errorf("exit %d", code)
	}
	if code, _, _ := run(t, "events", "resend", "evt_1"); code != cli.ExitUsage {
		t.Errorf("exit %d", code)
	}
}
