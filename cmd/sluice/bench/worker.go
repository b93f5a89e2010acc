package bench

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"

	"github.com/spf13/cobra"
)

// loadCommand is the process that makes the load. It is apart from server and
// bench so that what it costs can be told apart.
//
// It reads a Plan, warms up, says so, waits for a line, measures, and says what
// came of it: in between the bench reads its gauges while nothing moves.
func loadCommand() *cobra.Command {
	return &cobra.Command{
		Use: "load", Short: "Make the load of a bench", Hidden: true, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return makeLoad(cmd.InOrStdin(), cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
}

func makeLoad(in io.Reader, out, progress io.Writer) error {
	// One thread does the work. The second place is free for ever: without it the
	// runtime would take the only one away whenever that thread waits for an answer.
	runtime.GOMAXPROCS(2)
	orders := bufio.NewReader(in)
	raw, err := orders.ReadBytes('\n')
	if err != nil {
		return fmt.Errorf("read the plan: %w", err)
	}
	var plan Plan
	if err := json.Unmarshal(raw, &plan); err != nil {
		return fmt.Errorf("read the plan: %w", err)
	}
	d, err := newDriver(plan, progress)
	if err != nil {
		return err
	}
	defer d.close()
	say := json.NewEncoder(out)
	warm, err := d.run(plan.WarmUp)
	if err != nil {
		return err
	}
	if err := say.Encode(warm); err != nil {
		return err
	}
	if _, err := orders.ReadBytes('\n'); err != nil {
		return nil // the bench has gone
	}
	measured, err := d.run(plan.Duration)
	if err != nil {
		return err
	}
	return say.Encode(measured)
}

// errCold is what a server is told that answers nothing during the warm-up.
var errCold = errors.New("no request of the warm-up was answered as it should be")

// drive has another process of this program put the load on. between is called
// when it is warm and nothing is under way, after when it has ended.
func drive(ctx context.Context, plan Plan, progress io.Writer, between func() error, after func(Outcome) error) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, self, "bench", "load")
	cmd.Stderr = progress
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 2 * time.Second
	orders, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	answers, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start the load: %w", err)
	}
	told := converse(plan, orders, json.NewDecoder(answers), between, after)
	_ = orders.Close()
	ended := cmd.Wait()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return errors.Join(told, ended)
}

func converse(plan Plan, orders io.Writer, answers *json.Decoder, between func() error, after func(Outcome) error) error {
	if err := json.NewEncoder(orders).Encode(plan); err != nil {
		return fmt.Errorf("tell the load its plan: %w", err)
	}
	var o Outcome
	if err := answers.Decode(&o); err != nil {
		return fmt.Errorf("the load ended before it was warm: %w", err)
	}
	if o.Done == 0 {
		return fmt.Errorf("%w: %s", errCold, o.FirstError)
	}
	if err := between(); err != nil {
		return err
	}
	if _, err := io.WriteString(orders, "go\n"); err != nil {
		return fmt.Errorf("tell the load to go: %w", err)
	}
	o = Outcome{}
	if err := answers.Decode(&o); err != nil {
		return fmt.Errorf("the load ended before it was over: %w", err)
	}
	return after(o)
}
