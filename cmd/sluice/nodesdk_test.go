package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"testing"

	"github.com/sluicepay/sluice/platform/dev/npm"
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
	modules, err := npm.Modules("e2e/node")
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
