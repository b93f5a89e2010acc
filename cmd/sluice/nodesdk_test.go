package main

import (
	"bufio"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
)

// nodeSDK is the official Node SDK in a process of its own; see e2e/node/drive.cjs.
type nodeSDK struct {
	t     testing.TB
	calls io.WriteCloser
	lines *bufio.Reader
}

// nodeError is what the SDK makes of an error.
type nodeError struct {
	Class, RawType, Code, Param, Message, RequestID, Charge string
	DeclineCode                                             string `json:"decline_code"`
	PaymentIntent                                           string `json:"payment_intent"`
	StatusCode                                              int
}

func (e *nodeError) Error() string { return fmt.Sprintf("%s %s: %s", e.Class, e.Code, e.Message) }

func (h *house) node() *nodeSDK {
	h.t.Helper()
	modules, err := nodeModules()
	if err != nil {
		h.t.Fatal(err)
	}
	cmd := exec.CommandContext(h.t.Context(), "node", "e2e/node/drive.cjs")
	cmd.Env = append(os.Environ(), "NODE_PATH="+modules, "SLUICE_BASE_URL="+h.url, "SLUICE_API_KEY="+h.key)
	cmd.Stderr = testWriter{h.t}
	calls, err := cmd.StdinPipe()
	if err != nil {
		h.t.Fatal(err)
	}
	answers, err := cmd.StdoutPipe()
	if err != nil {
		h.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() {
		_ = calls.Close() // the end of its input ends it
		_ = cmd.Wait()
	})
	return &nodeSDK{t: h.t, calls: calls, lines: bufio.NewReader(answers)}
}

// params are the parameters or options of a call.
type params = map[string]any

// call calls stripe.<resource>.<method>(args…) and reads the result into into, which may be nil.
func (n *nodeSDK) call(into any, path []string, args ...any) error {
	n.t.Helper()
	return n.ask("call", into, path, args)
}

// all reads a whole list with the SDK's iterator.
func (n *nodeSDK) all(into any, path []string, args ...any) error {
	n.t.Helper()
	return n.ask("all", into, path, args)
}

func (n *nodeSDK) ask(how string, into any, path []string, args []any) error {
	n.t.Helper()
	if args == nil {
		args = []any{}
	}
	line, err := json.Marshal(params{how: path, "args": args})
	if err != nil {
		n.t.Fatal(err)
	}
	if _, err := n.calls.Write(append(line, '\n')); err != nil {
		n.t.Fatal(err)
	}
	back, err := n.lines.ReadBytes('\n')
	if err != nil {
		n.t.Fatalf("the Node SDK did not answer %s: %v", line, err)
	}
	var answer struct {
		Result json.RawMessage
		Error  *nodeError
	}
	if err := json.Unmarshal(back, &answer); err != nil {
		n.t.Fatal(err)
	}
	if answer.Error != nil {
		return answer.Error
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(answer.Result, into)
}

// nodeModules is a folder with what e2e/node/package-lock.json names. It is
// installed once per lock file, into the user's cache; after that no network is needed.
var nodeModules = sync.OnceValues(func() (string, error) {
	const source = "e2e/node"
	lock, err := os.ReadFile(filepath.Join(source, "package-lock.json"))
	if err != nil {
		return "", err
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	home := filepath.Join(cache, "sluice-e2e-node", fmt.Sprintf("%x", sha256.Sum256(lock))[:16])
	modules := filepath.Join(home, "node_modules")
	if err := os.MkdirAll(home, 0o755); err != nil {
		return "", err
	}
	unlock, err := lockFolder(home)
	if err != nil {
		return "", err
	}
	defer unlock()
	done := filepath.Join(home, "installed")
	if _, err := os.Stat(done); err == nil {
		return modules, nil
	}
	for _, name := range []string{"package.json", "package-lock.json"} {
		raw, err := os.ReadFile(filepath.Join(source, name))
		if err != nil {
			return "", err
		}
		if err := os.WriteFile(filepath.Join(home, name), raw, 0o644); err != nil {
			return "", err
		}
	}
	install := exec.Command("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	install.Dir = home
	if out, err := install.CombinedOutput(); err != nil {
		return "", fmt.Errorf("install the Node SDK (needs node 20 or newer, npm and, once, a registry): %w\n%s", err, out)
	}
	return modules, os.WriteFile(done, nil, 0o644)
})

// lockFolder keeps other processes from installing at the same time.
func lockFolder(dir string) (unlock func(), err error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		_ = f.Close()
		return nil, err
	}
	return func() { _ = f.Close() }, nil
}
