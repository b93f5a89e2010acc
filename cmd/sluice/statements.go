package main

import (
	"context"
	"io"
	"os"

	"github.com/sluicepay/sluice/payouts/rail/iso20022"
	"github.com/sluicepay/sluice/payouts/rail/nacha"
	"github.com/sluicepay/sluice/payouts/reconcile"
	"github.com/sluicepay/sluice/payouts/statement"
)

// bankReaders read what banks report in files that are no statements.
var bankReaders = map[statement.Format]reconcile.Reader{
	statement.Pain002: iso20022.ReadStatus,
	statement.NACHA:   nacha.Returns,
}

// readBank takes a file that a rail's bank has left for us. One that cannot be read
// is kept too, in quarantine.
func (a *App) readBank(ctx context.Context, livemode bool, way, name string, file io.Reader) error {
	_, err := a.books.Import(ctx, reconcile.Source{Livemode: livemode, Rail: way, Name: name}, file)
	return err
}

func readBankProfiles(path string) ([]statement.Profile, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return statement.ParseProfiles(file)
}
