package reconcile

import (
	"encoding/json"
	"fmt"

	"github.com/sluicepay/sluice/payouts/rail"
	"github.com/sluicepay/sluice/platform/secret"
)

// A notice of a bank (rail.Change) is a line like any report; what it says is
// encrypted in the place of a remittance.
const (
	noticeCode = "notice_of_change"
	noticed    = "noticed" // the state of its match: no payout moves
)

type sealedNotice struct {
	rail.Change
	Number string // the number in plain, which the type itself never shows
}

func (b *Books) sealNotice(said rail.Change, line string) ([]byte, error) {
	plain, err := json.Marshal(sealedNotice{said, said.Number.Reveal()})
	if err == nil {
		plain, err = b.cfg.Keyring.SealBytes(plain, lineTable, line)
	}
	if err != nil {
		return nil, fmt.Errorf("seal the notice of a bank: %w", err)
	}
	return plain, nil
}

func (b *Books) openNotice(l Line) (*rail.Change, error) {
	var said sealedNotice
	plain, err := b.cfg.Keyring.OpenBytes(l.Remittance, lineTable, l.ID)
	if err == nil {
		err = json.Unmarshal([]byte(plain.Reveal()), &said)
	}
	if err != nil {
		return nil, fmt.Errorf("open the notice %s: %w", l.ID, err)
	}
	said.Change.Number = secret.New(said.Number)
	return &said.Change, nil
}
