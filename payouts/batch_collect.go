package payouts

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/sluicepay/sluice/payouts/rail"
)

// Reader keeps a file of a bank and reads it. When it returns nil, the file is kept:
// it need not be offered again, whatever its contents are worth.
type Reader func(ctx context.Context, livemode bool, rail, name string, file io.Reader) error

// Collect fetches the banks' files of a mode and hands each to the Reader; it
// returns how many were kept. One that cannot be kept stays at the bank and does not
// hold up the others.
func (s *Service) Collect(ctx context.Context, livemode bool) (kept int, err error) {
	_, filed := s.rails(livemode)
	if s.cfg.Reader == nil || len(filed) == 0 {
		return 0, nil
	}
	var errs []error
	for _, way := range filed {
		name := way.Capabilities().Name
		answers, err := way.Collect(ctx)
		if err != nil {
			errs = append(errs, fmt.Errorf("collect the files of %s: %w", name, err))
		}
		for _, answer := range answers {
			if err := s.keep(ctx, livemode, name, answer); err != nil {
				errs = append(errs, fmt.Errorf("keep %s of %s: %w", answer.Name, name, err))
				continue
			}
			kept++
		}
		if ctx.Err() != nil {
			break
		}
	}
	return kept, errors.Join(errs...)
}

func (s *Service) keep(ctx context.Context, livemode bool, name string, answer rail.Answer) (err error) {
	file, err := answer.Open(ctx)
	if err != nil {
		return err
	}
	err = s.cfg.Reader(ctx, livemode, name, answer.Name, file)
	if err = errors.Join(err, file.Close()); err != nil {
		return err
	}
	s.cfg.After(Kept)
	return answer.Taken(ctx)
}
