package uitest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"
)

// Chromium is the one browser of this test process.
type Chromium struct{ ctx context.Context }

var start = sync.OnceValues(startChromium)

// Browser starts Chromium, or is the one that runs already. Without one installed the
// test fails: a page nobody looked at is not tested.
func Browser(t testing.TB) *Chromium {
	t.Helper()
	b, err := start()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

const chromiumEnv = "SLUICE_TEST_CHROMIUM"

func chromiumPath() (string, error) {
	if path := os.Getenv(chromiumEnv); path != "" {
		return path, nil
	}
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("no Chromium here: apt-get install -y --no-install-recommends chromium fonts-noto-cjk, or name one by %s", chromiumEnv)
}

func startChromium() (*Chromium, error) {
	path, err := chromiumPath()
	if err != nil {
		return nil, err
	}
	home, err := profile()
	if err != nil {
		return nil, err
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.UserDataDir(home), chromedp.WSURLReadTimeout(time.Minute),
		chromedp.Flag("headless", "new"), chromedp.Flag("no-sandbox", true), chromedp.Flag("disable-dev-shm-usage", true),
		chromedp.Flag("disable-gpu", true), chromedp.Flag("hide-scrollbars", true), chromedp.Flag("lang", "en-US"),
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE *.localhost, EXCLUDE 127.0.0.1"),
		// "Save password?" would lie over the page.
		chromedp.Flag("disable-features", "site-per-process,PasswordManagerOnboarding,AutofillServerCommunication,Translate,MediaRouter,OptimizationHints"),
	)
	// Never cancelled: the kernel ends the browser with this process (see chromedp's allocator).
	allocator, _ := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, _ := chromedp.NewContext(allocator, quiet...)
	if err := chromedp.Run(ctx); err != nil {
		return nil, fmt.Errorf("start %s: %w", path, err)
	}
	return &Chromium{ctx}, nil
}

// visitor is a window with cookies of its own. (Today's headless mode opens tabs only in
// windows, which chromedp's own way to a new browser context does not ask for.)
func (b *Chromium) visitor() (cdp.BrowserContextID, target.ID, error) {
	executor := cdp.WithExecutor(b.ctx, chromedp.FromContext(b.ctx).Browser)
	visitor, err := target.CreateBrowserContext().WithDisposeOnDetach(true).Do(executor)
	if err != nil {
		return "", "", err
	}
	id, err := target.CreateTarget("about:blank").WithBrowserContextID(visitor).WithNewWindow(true).Do(executor)
	return visitor, id, err
}

// forget drops a visitor's cookies and storage.
func (b *Chromium) forget(visitor cdp.BrowserContextID) {
	_ = target.DisposeBrowserContext(visitor).Do(cdp.WithExecutor(b.ctx, chromedp.FromContext(b.ctx).Browser))
}

// quiet: what chromedp says of events it does not know helps nobody.
var quiet = []chromedp.ContextOption{
	chromedp.WithLogf(func(string, ...any) {}), chromedp.WithErrorf(func(string, ...any) {}),
}

const profilePrefix = "sluice-chromium-"

// profile is a fresh folder for the browser, and the end of those whose process is
// gone: this process cannot remove its own while it ends.
func profile() (string, error) {
	old, err := filepath.Glob(filepath.Join(os.TempDir(), profilePrefix+"*"))
	if err != nil {
		return "", err
	}
	for _, dir := range old {
		owner, _, _ := strings.Cut(strings.TrimPrefix(filepath.Base(dir), profilePrefix), "-")
		if pid, err := strconv.Atoi(owner); err == nil && syscall.Kill(pid, 0) == syscall.ESRCH {
			_ = os.RemoveAll(dir)
		}
	}
	return os.MkdirTemp("", fmt.Sprintf("%s%d-", profilePrefix, os.Getpid()))
}
