// Command readme does what README.md tells a reader to do, and fails when the
// page no longer tells the truth.
//
//	go run .ci/readme/main.go          run the marked blocks, compare shown output
//	go run .ci/readme/main.go suite    print the command that runs the tests
//
// A fenced block is marked in its info string, which readers do not see:
//
//	```sh ci=server   started in the background, like a second terminal; later blocks run
//	                  once .sluice/dev.json is there; Ctrl-C at the end
//	```sh ci=paste    text the server printed: found in its output, then run as it stands there
//	```sh ci=run      run; must exit 0
//	```sh ci=suite    the test command; .ci/run runs it after this
//	```text ci=output what the block before printed
//
// Output is compared loosely: shown lines must come in this order, other lines
// may stand between them; ids, keys, numbers and spaces may differ; … stands
// for anything.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	// compiling everything from empty caches on two cores is most of it
	serverDeadline = 5 * time.Minute
	blockDeadline  = 5 * time.Minute
	stopDeadline   = 5 * time.Second
	readyFile      = ".sluice/dev.json"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "readme:", err)
		os.Exit(1)
	}
}

func run() error {
	page, err := os.ReadFile("README.md")
	if err != nil {
		return err
	}
	blocks, err := marked(string(page))
	if err != nil {
		return err
	}
	if len(os.Args) > 1 && os.Args[1] == "suite" {
		return printSuite(blocks)
	}
	return follow(blocks)
}

func printSuite(blocks []block) error {
	for _, b := range blocks {
		if b.mark == "suite" {
			fmt.Print(b.text)
			return nil
		}
	}
	return errors.New("README.md has no block marked ci=suite")
}

// block is one marked fenced block; line is where its text begins.
type block struct {
	mark string
	line int
	text string
}

func (b block) String() string { return fmt.Sprintf("README.md:%d", b.line) }

var opening = regexp.MustCompile("^```(sh|text|json) ci=(server|paste|run|suite|output)$")

func marked(page string) ([]block, error) {
	var blocks []block
	var open *block
	for i, line := range strings.Split(page, "\n") {
		switch m := opening.FindStringSubmatch(line); {
		case open != nil && line == "```":
			blocks, open = append(blocks, *open), nil
		case open != nil:
			open.text += line + "\n"
		case m != nil:
			open = &block{mark: m[2], line: i + 2}
		case strings.HasPrefix(line, "```") && strings.Contains(line, "ci="):
			return nil, fmt.Errorf("README.md:%d: unknown mark %q", i+1, line)
		}
	}
	if open != nil {
		return nil, fmt.Errorf("%s: the block has no end", open)
	}
	if len(blocks) == 0 {
		return nil, errors.New("README.md has no marked block")
	}
	return blocks, nil
}

// follow does what the blocks say, in the page's order.
func follow(blocks []block) (err error) {
	var running *server
	defer func() {
		if running != nil {
			err = errors.Join(err, running.stop())
		}
	}()
	printed := ""
	for _, b := range blocks {
		switch b.mark {
		case "server":
			if running != nil {
				return fmt.Errorf("%s: a server is running already", b)
			}
			if running, err = start(b); err != nil {
				return err
			}
			printed = running.output()
		case "paste":
			if running == nil {
				return fmt.Errorf("%s: nothing to paste from: no server runs", b)
			}
			text, ok := find(b.text, running.output())
			if !ok {
				return fmt.Errorf("%s: the server did not print this; it printed:\n%s", b, running.output())
			}
			if printed, err = shell(b, text); err != nil {
				return err
			}
		case "run":
			if printed, err = shell(b, b.text); err != nil {
				return err
			}
		case "output":
			if missing, ok := shows(b.text, printed); !ok {
				return fmt.Errorf("%s: the page shows a line that was not printed:\n%s\nprinted was:\n%s", b, missing, printed)
			}
			fmt.Printf("   output is as shown (%s)\n", b)
		}
	}
	return nil
}

func shell(b block, text string) (string, error) {
	fmt.Printf("-> %s\n%s", b, text)
	ctx, cancel := context.WithTimeout(context.Background(), blockDeadline)
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", "-euo", "pipefail", "-c", text)
	cmd.WaitDelay = time.Second
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%s: %w; it printed:\n%s", b, err, out)
	}
	return string(out), nil
}

// server is a block that stays, with everything below it in one process group,
// as a terminal would hold it.
type server struct {
	block block
	cmd   *exec.Cmd
	ended chan struct{}

	mu  sync.Mutex
	out bytes.Buffer
}

func (s *server) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.out.Write(p)
}

func (s *server) output() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.out.String()
}

func start(b block) (*server, error) {
	fmt.Printf("-> %s, in the background\n%s", b, b.text)
	if err := os.Remove(readyFile); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	s := &server{block: b, ended: make(chan struct{})}
	s.cmd = exec.Command("bash", "-euo", "pipefail", "-c", b.text)
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	s.cmd.Stdout, s.cmd.Stderr = s, s
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		s.cmd.Wait() // the exit code is make's, which Ctrl-C always makes non-zero
		close(s.ended)
	}()
	if err := s.ready(); err != nil {
		return nil, errors.Join(err, s.stop())
	}
	return s, nil
}

// ready waits until the server has written its ready file and its banner is whole.
func (s *server) ready() error {
	began, last := time.Now(), ""
	for time.Since(began) < serverDeadline {
		select {
		case <-s.ended:
			return fmt.Errorf("%s ended by itself; it printed:\n%s", s.block, s.output())
		case <-time.After(300 * time.Millisecond):
		}
		raw, err := os.ReadFile(readyFile)
		if err == nil && json.Valid(raw) && last != "" && last == s.output() {
			fmt.Printf("   ready after %.0f s\n", time.Since(began).Seconds())
			return nil
		}
		last = s.output()
	}
	return fmt.Errorf("%s was not ready after %s; it printed:\n%s", s.block, serverDeadline, s.output())
}

// stop is Ctrl-C. Whoever is still there at the deadline is killed, and that is a failure.
func (s *server) stop() error {
	group := -s.cmd.Process.Pid
	began := time.Now()
	syscall.Kill(group, syscall.SIGINT)
	for time.Since(began) < stopDeadline {
		if errors.Is(syscall.Kill(group, 0), syscall.ESRCH) {
			<-s.ended
			fmt.Printf("   stopped after %.1f s\n", time.Since(began).Seconds())
			return nil
		}
		time.Sleep(50 * time.Millisecond)
	}
	syscall.Kill(group, syscall.SIGKILL)
	return fmt.Errorf("%s: something still ran %s after Ctrl-C", s.block, stopDeadline)
}

// shows reports whether the shown lines come in this order in printed; if not, the first that does not.
func shows(shown, printed string) (missing string, ok bool) {
	lines := strings.Split(printed, "\n")
	for want := range strings.SplitSeq(shown, "\n") {
		pattern := loose(want)
		if pattern == nil {
			continue
		}
		at := -1
		for i, got := range lines {
			if pattern.MatchString(plain(got)) {
				at = i
				break
			}
		}
		if at < 0 {
			return want, false
		}
		lines = lines[at+1:]
	}
	return "", true
}

// find is the stretch of consecutive printed lines that looks like shown.
func find(shown, printed string) (string, bool) {
	want := strings.Split(strings.TrimSpace(shown), "\n")
	lines := strings.Split(printed, "\n")
	for i := 0; i+len(want) <= len(lines); i++ {
		stretch := strings.Join(lines[i:i+len(want)], "\n") + "\n"
		if _, ok := shows(shown, stretch); ok {
			return stretch, true
		}
	}
	return "", false
}

var (
	escapes = regexp.MustCompile("\x1b\\[[0-9;]*[A-Za-z]")
	ids     = regexp.MustCompile(`\b((?:[a-z]+_)+)[0-9A-Za-z]{8,}\b`)
	numbers = regexp.MustCompile(`[0-9][0-9.,:]*`)
	spaces  = regexp.MustCompile(`\s+`)
)

// plain is a line without what differs from run to run.
func plain(line string) string {
	line = escapes.ReplaceAllString(line, "")
	line = ids.ReplaceAllString(line, "${1}ID")
	line = numbers.ReplaceAllString(line, "N")
	return strings.TrimSpace(spaces.ReplaceAllString(line, " "))
}

// loose is the pattern for a shown line, or nil for one that says nothing.
func loose(line string) *regexp.Regexp {
	parts := strings.Split(plain(line), "…")
	if strings.Join(parts, "") == "" {
		return nil
	}
	for i := range parts {
		parts[i] = regexp.QuoteMeta(strings.TrimSpace(parts[i]))
	}
	return regexp.MustCompile("^" + strings.Join(parts, ".*") + "$")
}
