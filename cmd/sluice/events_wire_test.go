package main

import (
	"context"
	"encoding/json"
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/uptrace/bun/dialect/pgdialect"

	"github.com/sluicepay/sluice/payouts"
	"github.com/sluicepay/sluice/platform/bus"
	"github.com/sluicepay/sluice/platform/bus/bustest"
	"github.com/sluicepay/sluice/platform/event/catalogue"
	"github.com/sluicepay/sluice/platform/wire"
)

// attributeName is how CloudEvents 1.0 lets attributes be named.
var attributeName = regexp.MustCompile(`^[a-z0-9]{1,20}$`)

// TestMessagesAreCloudEventsInBinaryMode reads what the relay has put on the broker
// with a client that is not ours, and holds it against the CloudEvents 1.0 Kafka
// protocol binding, https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/kafka-protocol-binding.md.
func TestMessagesAreCloudEventsInBinaryMode(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	tutor := h.send(http.StatusOK, letter{method: "POST", path: "/v1/accounts", form: "type=custom&country=HK&capabilities[transfers][requested]=true"}).at("id").(string)
	h.send(http.StatusOK, letter{method: "POST", path: "/v1/payment_intents",
		form: "amount=60000&currency=hkd&confirm=true&payment_method=pm_card_visa&transfer_data[destination]=" + tutor})
	seen := map[string]bool{}
	for _, record := range h.readTopic("payment_intent.succeeded", "payment.created", "account.updated") {
		headers := map[string]string{}
		for _, header := range record.Headers {
			if _, twice := headers[header.Key]; twice {
				t.Errorf("the header %s is there twice", header.Key)
			}
			headers[header.Key] = string(header.Value)
			if name, attribute := strings.CutPrefix(header.Key, "ce_"); attribute && (!attributeName.MatchString(name) || name == "data" || len(header.Value) == 0 || !utf8.Valid(header.Value)) {
				t.Errorf("%s: %q is no attribute of CloudEvents", header.Key, header.Value)
			}
		}
		for _, required := range []string{"ce_id", "ce_source", "ce_specversion", "ce_type", "ce_partitionkey", "ce_dataschema", "ce_subject", "ce_time"} {
			if headers[required] == "" {
				t.Errorf("%s is missing", required)
			}
		}
		var e wire.Event
		if err := json.Unmarshal(record.Value, &e); err != nil {
			t.Fatal(err)
		}
		kind, parameters, err := mime.ParseMediaType(headers["content-type"])
		if err != nil || kind != "application/json" || parameters["charset"] != "utf-8" {
			t.Errorf("content-type %q: in binary mode it is the data's own, and names no cloudevents", headers["content-type"])
		}
		when, err := time.Parse(time.RFC3339Nano, headers["ce_time"])
		if err != nil || when.Location() != time.UTC || when.Unix() != e.Created {
			t.Errorf("ce_time %q of an event of %d: %v", headers["ce_time"], e.Created, err)
		}
		if source, err := url.Parse(headers["ce_source"]); err != nil || source.Path == "" {
			t.Errorf("ce_source %q is no URI reference", headers["ce_source"])
		}
		if schema, err := url.Parse(headers["ce_dataschema"]); err != nil || !schema.IsAbs() {
			t.Errorf("ce_dataschema %q is no absolute URI", headers["ce_dataschema"])
		}
		if headers["ce_specversion"] != "1.0" || headers["ce_partitionkey"] != string(record.Key) || headers["ce_id"] != e.ID || headers["ce_type"] != e.Type {
			t.Errorf("headers %v of %s %s under the key %s", headers, e.ID, e.Type, record.Key)
		}
		if typ, known := catalogue.Find(e.Type); !known || typ.SchemaID() != headers["ce_dataschema"] {
			t.Errorf("%s has the schema %s", e.Type, headers["ce_dataschema"])
		}
		if id := headers["ce_source"] + " " + headers["ce_id"]; seen[id] {
			t.Errorf("%s stands for two messages", id)
		} else {
			seen[id] = true
		}
	}
}

// readTopic is the topic from its beginning until each of these types was there.
func (h *house) readTopic(types ...string) []*kgo.Record {
	h.t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(h.app.cfg.Kafka.Brokers...), kgo.ConsumeTopics(bus.Events),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		h.t.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(h.t.Context(), time.Minute)
	defer cancel()
	missing := map[string]bool{}
	for _, typ := range types {
		missing[typ] = true
	}
	var records []*kgo.Record
	for len(missing) > 0 {
		fetched := client.PollFetches(ctx)
		if err := fetched.Err(); err != nil {
			h.t.Fatalf("%v did not come: %v", missing, err)
		}
		for _, record := range fetched.Records() {
			records = append(records, record)
			for _, header := range record.Headers {
				if header.Key == "ce_type" {
					delete(missing, string(header.Value))
				}
			}
		}
	}
	return records
}

// TestOurConsumersReadEventsOfThePast puts the stored samples on the topic, as an
// older process would: the webhooks deliver each to an endpoint, where Stripe's own
// library reads it, the payouts take in what concerns them, and nothing is parked.
func TestOurConsumersReadEventsOfThePast(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	tutor := h.tutor("Chan May")
	own, connected := listen(h, false, "*"), listen(h, true, "*")
	awaited, concerns := map[string]string{}, []string{}
	var records []*kgo.Record
	for _, typ := range catalogue.Types() {
		var e wire.Event
		if err := json.Unmarshal(typ.Example(), &e); err != nil {
			t.Fatal(err)
		}
		account := h.platform
		if e.Account != "" {
			account = tutor
		}
		awaited[e.ID] = typ.Name
		if slices.Contains(payouts.IntakeTypes, typ.Name) {
			concerns = append(concerns, e.ID)
		}
		records = append(records, past(h.platform, account, e, typ.Example()))
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(h.app.cfg.Kafka.Brokers...), kgo.DefaultProduceTopic(bus.Events))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if err := client.ProduceSync(t.Context(), records...).FirstErr(); err != nil {
		t.Fatal(err)
	}
	for late := time.After(time.Minute); len(awaited) > 0; {
		select {
		case e := <-own.events:
			delete(awaited, e.ID)
		case e := <-connected.events:
			delete(awaited, e.ID)
		case <-late:
			t.Fatalf("not delivered: %v", awaited)
		}
	}
	bustest.Eventually(t, "the payouts have taken in what concerns them", func() bool {
		var taken int
		err := h.app.pool.NewRaw(`SELECT count(DISTINCT event_id) FROM platform.inbox WHERE consumer LIKE '%payouts' AND event_id = ANY(?)`, pgdialect.Array(concerns)).Scan(t.Context(), &taken)
		return err == nil && taken == len(concerns)
	})
	var parked []string
	if err := h.app.pool.NewRaw(`SELECT type || ': ' || reason FROM platform.parked_events`).Scan(t.Context(), &parked); err != nil || len(parked) > 0 {
		t.Errorf("parked: %v, %v", parked, err)
	}
}

// past is a sample as a message.
func past(platform, account string, e wire.Event, envelope []byte) *kgo.Record {
	record := &kgo.Record{Key: []byte(account), Value: envelope}
	for name, value := range map[string]string{
		"ce_specversion": "1.0", "ce_id": e.ID, "ce_source": "/sluice/accounts/" + account, "ce_type": e.Type,
		"ce_time": time.Unix(e.Created, 0).UTC().Format(time.RFC3339Nano), "ce_partitionkey": account,
		"ce_objectversion": strconv.FormatInt(e.ObjectVersion, 10), "ce_platform": platform, "ce_livemode": "false",
		"content-type": "application/json; charset=utf-8",
	} {
		record.Headers = append(record.Headers, kgo.RecordHeader{Key: name, Value: []byte(value)})
	}
	return record
}
