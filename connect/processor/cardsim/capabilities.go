package cardsim

import (
	"github.com/sluicepay/sluice/connect/processor"
	"github.com/sluicepay/sluice/platform/money"
)

var capabilities = processor.Capabilities{
	ManualCapture: true, PartialCapture: true,
	Refunds: true, PartialRefunds: true,
	ClosesUnseen: true,
	Steps:        map[money.Currency]int64{"bhd": 10, "jod": 10, "kwd": 10, "omr": 10, "tnd": 10},
}
