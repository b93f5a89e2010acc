package broker_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/sluicepay/sluice/platform/dev/broker"
)

func client(t *testing.T, addr string, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	c, err := kgo.NewClient(append(opts, kgo.SeedBrokers(addr))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func TestRecordsSurviveARestartUnderTheSameAddress(t *testing.T) {
	cfg := broker.Config{Dir: t.TempDir()}
	b, err := broker.Start(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	writer := client(t, b.Addr(), kgo.DefaultProduceTopic("kept"))
	create := kmsg.NewPtrCreateTopicsRequest()
	create.TimeoutMillis = 5000
	create.Topics = []kmsg.CreateTopicsRequestTopic{{Topic: "kept", NumPartitions: 1, ReplicationFactor: 1}}
	if _, err := create.RequestWith(ctx, writer); err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		if err := writer.ProduceSync(ctx, kgo.StringRecord(fmt.Sprint(i))).FirstErr(); err != nil {
			t.Fatal(err)
		}
		addr := b.Addr()
		b.Close()
		cfg.Port = b.Port()
		if b, err = broker.Start(cfg); err != nil {
			t.Fatal(err)
		}
		if b.Addr() != addr {
			t.Fatalf("address %s became %s", addr, b.Addr())
		}
	}
	reader := client(t, b.Addr(), kgo.ConsumeTopics("kept"))
	var got []string
	for len(got) < 3 && ctx.Err() == nil {
		reader.PollFetches(ctx).EachRecord(func(r *kgo.Record) { got = append(got, string(r.Value)) })
	}
	if len(got) != 3 {
		t.Errorf("got %v", got)
	}
}

func TestTakenPortIsASentence(t *testing.T) {
	b, err := broker.Start(broker.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if _, err := broker.Start(broker.Config{Port: b.Port()}); err == nil || !strings.Contains(err.Error(), "is in use") {
		t.Errorf("got %v", err)
	}
}
