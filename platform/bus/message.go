package bus

import (
	"crypto/sha256"
	"fmt"
	"slices"
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
	var b [512]byte
	all := b[:0] // the values, one after the other: one copy of them, not one each
	headers := make([]kafka.Header, 0, 12)
	var ends [12]int
	name := func(key string) {
		ends[len(headers)] = len(all)
		headers = append(headers, kafka.Header{Key: key})
	}
	all = append(all, "1.0"...)
	name("ce_specversion")
	all = append(all, m.EventID...)
	name("ce_id")
	all = append(append(all, "/sluice/accounts/"...), m.Key...)
	name("ce_source")
	all = append(all, m.Type...)
	name("ce_type")
	all = append(all, m.Subject...)
	name("ce_subject")
	all = m.Time.UTC().AppendFormat(all, time.RFC3339Nano)
	name("ce_time")
	all = append(all, catalogue.SchemaID(m.Type)...)
	name("ce_dataschema")
	all = append(all, m.Key...)
	name("ce_partitionkey")
	all = strconv.AppendInt(all, m.ObjectVersion, 10)
	name("ce_objectversion")
	all = append(all, m.Platform...)
	name("ce_platform")
	all = strconv.AppendBool(all, m.Livemode)
	name("ce_livemode")
	all = append(all, "application/json; charset=utf-8"...)
	name("content-type")
	values, begin := slices.Clone(all), 0
	for i, end := range ends {
		headers[i].Value, begin = values[begin:end:end], end
	}
	return headers
}

func (m Message) kafka(topic string) kafka.Message {
	return kafka.Message{Topic: topic, Key: []byte(m.Key), Value: m.Value, Headers: m.headers()}
}

// received reads a message back. What is not one of ours still gets an id, its
// place in the topic, and texts that PostgreSQL takes, so that it can be parked
// and talked about.
func received(k kafka.Message) Message {
	var m Message
	for _, h := range k.Headers {
		m.read(h.Key, h.Value)
	}
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
	if len(s) <= longest && ordinary(s) {
		return s
	}

	if len(s) > longest {
		return fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(s)))
	}
	return strings.ToValidUTF8(strings.ReplaceAll(s, "\x00", "\uFFFD"), "\uFFFD")
}

// ordinary reports whether s is all printable ASCII, as whatever we made is.
func ordinary(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// read takes a header in; the last one of a name counts. It ignores what it cannot
// read: the effect judges the message.
func (m *Message) read(header string, value []byte) {
	switch header {
	case "ce_id":
		m.EventID = storable(string(value))
	case "ce_type":
		m.Type = storable(string(value))
	case "ce_subject":
		m.Subject = storable(string(value))
	case "ce_platform":
		m.Platform = storable(string(value))
	case "ce_livemode":
		m.Livemode = string(value) == "true"
	case "ce_objectversion":
		m.ObjectVersion, _ = strconv.ParseInt(string(value), 10, 64)
	case "ce_time":
		m.Time, _ = time.Parse(time.RFC3339Nano, string(value))
	}
}

// typeOf is the type of a message as it came, without a look at the rest.
func typeOf(k kafka.Message) (kind string) {
	for _, h := range k.Headers {
		if h.Key == "ce_type" {
			kind = storable(string(h.Value))
		}
	}
	return kind
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
	var m Message
	for name, value := range p.Headers {
		m.read(name, []byte(value))
	}
	m.Key, m.EventID, m.Value = p.Key, p.EventID, p.Value
	return m
}
