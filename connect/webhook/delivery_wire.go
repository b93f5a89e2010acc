package webhook

import (
	"encoding/base64"
	"time"
	"unicode/utf8"

	"github.com/sluicepay/sluice/platform/wire"
)

// Wire is the delivery as the API shows it.
func (d Delivery) Wire(livemode bool) wire.WebhookDelivery {
	w := wire.WebhookDelivery{
		ID: d.ID, Object: "webhook_delivery", AttemptCount: d.Attempts, Created: wire.Unix(d.CreatedAt),
		DeliveredAt: wire.NullableUnix(d.DeliveredAt), Event: d.Event, EventType: d.EventType, Livemode: livemode,
		Ordered: d.Ordered, RelatedObject: wire.Nullable(d.ObjectID), Status: string(d.Status),
		WebhookEndpoint: d.Endpoint, WebhookReplay: wire.Nullable(d.Replay),
	}
	if d.Status == Pending {
		w.NextAttempt = wire.NullableUnix(d.NextAttemptAt)
	}
	return w
}

// What every request says of itself.
const (
	contentType = "application/json; charset=utf-8"
	userAgent   = "Sluice/1.0 (webhooks)"
)

// notKept stands where a signature was: it is made for the moment of sending.
const notKept = "(not kept)"

// Wire is the attempt as the API shows it.
func (a LoggedAttempt) Wire(livemode bool) wire.WebhookAttempt {
	w := wire.WebhookAttempt{
		ID: a.ID, Object: "webhook_attempt", Created: wire.Unix(a.At), DurationMS: a.Duration.Milliseconds(),
		Event: a.Event, EventType: a.EventType, ExpungedAt: wire.NullableUnix(a.ExpungedAt), Failure: wire.Nullable(a.Failure),
		Livemode: livemode, Number: a.Number, RemoteIP: wire.Nullable(a.RemoteIP), RetryAt: wire.NullableUnix(a.RetryAt),
		Request: wire.WebhookAttemptRequest{Method: "POST", URL: a.URL, Headers: map[string]string{
			"Content-Type": contentType, "User-Agent": userAgent, "Webhook-Id": a.Event, "Webhook-Timestamp": a.unix(),
			"Webhook-Signature": notKept, "Stripe-Signature": notKept,
		}},
		Response: wire.WebhookAttemptResponse{Status: wire.Nullable(a.Status)},
		Timing:   a.Steps.wire(), WebhookDelivery: a.Delivery, WebhookEndpoint: a.Endpoint,
	}
	if utf8.Valid(a.Response) {
		w.Response.Body = string(a.Response)
	} else {
		w.Response.BodyBase64 = base64.StdEncoding.EncodeToString(a.Response)
	}
	return w
}

// wire turns when each step was done into how long it took.
func (t Steps) wire() wire.WebhookAttemptTiming {
	var out wire.WebhookAttemptTiming
	var before time.Duration
	for _, step := range []struct {
		done time.Duration
		took **int64
	}{{t.DNS, &out.DNS}, {t.Connect, &out.Connect}, {t.TLS, &out.TLS}, {t.FirstByte, &out.FirstByte}} {
		if step.done != 0 {
			ms := (step.done - before).Milliseconds()
			*step.took, before = &ms, step.done
		}
	}
	return out
}
