package bus

import (
	"crypto/sha256"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/sluicepay/sluice/platform/event"
	"github.com/sluicepay/sluice/platform/event/catalogue"
)

// Message is one event on its way; Value is the envelope JSON.
type Message struct {
	Key           string // the account: one key's messages stay in order
	EventID       string // evt_…
	Type          string // "charge.succeeded"
	Subject       string // the object's id
	ObjectVersion int64
	Platform      string // the platform account behind Key
	Livemode      bool
	Time          time.Time
	Value         []byte

	Partition int   // of received messages
	Offset    int64 // of received messages
}

// Carry is an event of the log as a message.
func Carry(e event.Event) (Message, error) {
	value, err := e.Envelope()
	if err != nil {
		return Message{}, err
	}
	return Message{
		Key: e.Account, EventID: e.ID, Type: e.Type, Subject: e.ObjectID, ObjectVersion: e.ObjectVersion,
		Platform: e.Platform, Livemode: e.Livemode, Time: e.CreatedAt, Value: value,
	}, nil
}

// headers follow the CloudEvents 1.0 Kafka binding in binary mode: attributes
// are ce_ headers, the data is the value, and partitionkey names the key.
// Extensions of ours: objectversion, platform, livemode.
func (m Message) headers() []kafka.Header {
	text := func(key, value string) kafka.Header { return kafka.Header{Key: key, Value: []byte(value)} }
	return []kafka.Header{
		text("ce_specversion", "1.0"),
		text("ce_id", m.EventID),
		text("ce_source", "/sluice/accounts/"+m.Key),
		text("ce_type", m.Type),
		text("ce_subject", m.Subject),
		text("ce_time", m.Time.UTC().Format(time.RFC3339Nano)),
		text("ce_dataschema", catalogue.SchemaID(m.Type)),
		text("ce_partitionkey", m.Key),
		text("ce_objectversion", strconv.FormatInt(m.ObjectVersion, 10)),
		text("ce_platform", m.Platform),
		text("ce_livemode", strconv.FormatBool(m.Livemode)),
		text("content-type", "application/json; charset=utf-8"),
	}
}

func (m Message) kafka(topic string) kafka.Message {
	return kafka.Message{Topic: topic, Key: []byte(m.Key), Value: m.Value, Headers: m.headers()}
}

// received reads a message back. What is not one of ours still gets an id, its
// place in the topic, and texts that PostgreSQL takes, so that it can be parked
// and talked about.
func received(k kafka.Message) Message {
	headers := make(map[string]string, len(k.Headers))
	for _, h := range k.Headers {
		headers[h.Key] = storable(string(h.Value))
	}
	m := fromHeaders(headers)
	m.Key, m.Value, m.Partition, m.Offset = storable(string(k.Key)), k.Value, k.Partition, k.Offset
	if m.Value == nil {
		m.Value = []byte{} // a tombstone; NULL would be something else
	}
	if m.EventID == "" {
		m.EventID = fmt.Sprintf("%s/%d/%d", k.Topic, k.Partition, k.Offset)
	}
	return m
}

// longest is more than any text of ours takes, and fits into an index.
const longest = 255

func storable(s string) string {
	if len(s) > longest {
		return fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(s)))
	}
	return strings.ToValidUTF8(strings.ReplaceAll(s, "\x00", "\uFFFD"), "\uFFFD")
}

// fromHeaders ignores what it cannot read: the effect judges the message.
func fromHeaders(h map[string]string) Message {
	m := Message{EventID: h["ce_id"], Type: h["ce_type"], Subject: h["ce_subject"], Platform: h["ce_platform"], Livemode: h["ce_livemode"] == "true"}
	m.ObjectVersion, _ = strconv.ParseInt(h["ce_objectversion"], 10, 64)
	m.Time, _ = time.Parse(time.RFC3339Nano, h["ce_time"])
	return m
}

func (m Message) parked(consumer, reason string) event.Parked {
	headers := make(map[string]string)
	for _, h := range m.headers() {
		headers[h.Key] = string(h.Value)
	}
	return event.Parked{
		Consumer: consumer, Key: m.Key, EventID: m.EventID, Type: m.Type, Headers: headers, Value: m.Value, Reason: reason,
	}
}

// fromParked is the message as it came, without its place in the topic.
func fromParked(p event.Parked) Message {
	m := fromHeaders(p.Headers)
	m.Key, m.EventID, m.Value = p.Key, p.EventID, p.Value
	return m
}
