package main

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"

	"github.com/sluicepay/sluice/connect/payment"
	"github.com/sluicepay/sluice/platform/mail"
	"github.com/sluicepay/sluice/platform/money"
	"github.com/sluicepay/sluice/platform/ui"
)

// mailReceipt mails whoever paid the link to their receipt. Which language they read
// is not known, so it is said in both. Should the transaction around it fail, the
// mail tells nothing wrong: the receipt is there.
func (a *App) mailReceipt(ctx context.Context, tx bun.Tx, c *payment.Charge, to string) {
	if c.ReceiptURL == nil {
		return
	}
	from, err := a.accounts.Get(ctx, tx, c.Scope(), c.Account)
	if err != nil {
		a.log.WarnContext(ctx, "no receipt was mailed", "charge", c.ID, "error", err.Error())
		return
	}
	name, amount := from.Name(), ui.FormatMoney(money.New(c.Amount, c.Currency))
	sent := a.mails.Post(mail.Message{
		To: to, Subject: fmt.Sprintf("Your receipt from %s · 收據", name),
		Text: fmt.Sprintf("Your receipt for %s, paid to %s:\n%s\n\n您向 %[2]s 支付 %[1]s 的收據：\n%[3]s\n", amount, name, *c.ReceiptURL),
	})
	if !sent {
		a.log.WarnContext(ctx, "no receipt was mailed: there is no mail server, or too many mails wait", "charge", c.ID)
	}
}
