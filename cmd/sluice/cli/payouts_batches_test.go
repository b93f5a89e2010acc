package cli_test

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
)

const aBatch = `{"id": "bat_1", "object": "payout_batch", "amount": 7000, "count": 2, "created": 1795348800, "currency": "hkd", "execution_date": 1795305600,
	"file": {"name": "000007-bat_1.xml", "sha256": %q, "size": 5}, "method": "standard", "number": 7, "rail": "hsbc", "status": "unknown",
	"uploads": [{"id": "upl_1", "begun_at": 1795348800, "ended_at": 1795348800, "error": "no answer", "outcome": "unknown"}],
	"resolutions": [{"api_key": "key_1", "created": 1795348800, "outcome": "delivered"}]}`

func TestBatchesAreShownWithTheirAttempts(t *testing.T) {
	answering(t, 200, fmt.Sprintf(aBatch, "00"))
	code, out, errout := run(t, "payouts", "batches", "show", "bat_1")
	for _, want := range []string{"bat_1", "hsbc", "70.00 HKD", "unknown", "no answer", "key_1", "delivered", "2026-11-22"} {
		if code != 0 || !strings.Contains(out, want) {
			t.Errorf("exit %d, want %q in\n%s%s", code, want, out, errout)
		}
	}
}

func TestResolvingSaysWhatBecameOfTheFile(t *testing.T) {
	asked := answering(t, 200, fmt.Sprintf(aBatch, "00"))
	if code, _, _ := run(t, "payouts", "batches", "resolve", "bat_1"); code != 2 || len(*asked) != 0 {
		t.Errorf("exit %d without an outcome", code)
	}
	code, _, errout := run(t, "payouts", "batches", "resolve", "bat_1", "--outcome", "delivered")
	if r := (*asked)[0]; code != 0 || r.URL.Path != "/v1/payout_batches/bat_1/resolve" || r.Form.Get("outcome") != "delivered" {
		t.Errorf("exit %d, asked %s %v\n%s", code, r.URL.Path, r.Form, errout)
	}
}

func TestAFileIsSavedForItsOwnerAloneAndOnlyAsItWasSealed(t *testing.T) {
	content := "hello"
	sum := sha256.Sum256([]byte(content))
	digest := hex.EncodeToString(sum[:])
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/file") {
			fmt.Fprint(w, content)
			return
		}
		fmt.Fprintf(w, aBatch, digest)
	}))
	t.Cleanup(server.Close)
	t.Setenv("SLUICE_BASE_URL", server.URL)
	t.Setenv("SLUICE_API_KEY", "sk_test_1")
	t.Chdir(t.TempDir())

	code, out, errout := run(t, "payouts", "batches", "file", "bat_1")
	info, err := os.Stat("000007-bat_1.xml")
	if code != 0 || err != nil || info.Mode().Perm() != 0o600 || !strings.Contains(out, digest) {
		t.Fatalf("exit %d, %v %v\n%s%s", code, info, err, out, errout)
	}
	if code, _, _ := run(t, "payouts", "batches", "file", "bat_1"); code == 0 {
		t.Error("a file was overwritten")
	}
	content = "other"
	code, _, errout = run(t, "payouts", "batches", "file", "bat_1", "--to", "copy")
	if _, err := os.Stat("copy"); code == 0 || !errors.Is(err, os.ErrNotExist) || !strings.Contains(errout, "sealed") {
		t.Errorf("exit %d, %v\n%s", code, err, errout)
	}
}
