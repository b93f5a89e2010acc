package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"log/slog"
	"math/big"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/sluicepay/sluice/cmd/sluice/cli"
	"github.com/sluicepay/sluice/platform/bus"
	"github.com/sluicepay/sluice/platform/bus/bustest"
)

// pair is a certificate and its key as files.
func pair(t *testing.T) (cert, key string) {
	t.Helper()
	secret, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	public, err := x509.CreateCertificate(rand.Reader, template, template, &secret.PublicKey, secret)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalECPrivateKey(secret)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for path, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: public}, key: {Type: "EC PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}

func TestKafkaIsSetUpByFilesAndNumbers(t *testing.T) {
	cert, key := pair(t)
	_, cfg, err := chosenFrom(t, nil, nil, fmt.Sprintf("kafka_tls_ca=%s\nkafka_tls_cert=%s\nkafka_tls_key=%s\nkafka_partitions=12\nkafka_retention=3d12h", cert, cert, key))
	if err != nil {
		t.Fatal(err)
	}
	if cfg.Kafka.TLS == nil || cfg.Kafka.TLS.RootCAs == nil || cfg.Topic.Partitions != 12 || cfg.Topic.Retention != 84*time.Hour {
		t.Errorf("configured %+v, %+v", cfg.Kafka, cfg.Topic)
	}
	if shown, err := cfg.Kafka.TLS.GetClientCertificate(nil); err != nil || len(shown.Certificate) != 1 {
		t.Errorf("our certificate is %v, %v", shown, err)
	}
	for file, says := range map[string]string{
		"kafka_tls_ca=/nowhere":                                  "kafka_tls_ca (file ",
		"kafka_tls_ca=" + key:                                    "holds no certificate",
		"kafka_tls_key=" + key:                                   "kafka_tls_cert is not set",
		"kafka_tls_cert=" + key + "\nkafka_tls_key=" + key:       "kafka_tls_key (file ",
		"kafka_partitions=0":                                     "from 1 to 1000",
		"kafka_retention=31d":                                    "from 1h to 30d",
		"kafka_retention=soon":                                   "from 1h to 30d",
		"kafka_retention=1m":                                     "from 1h to 30d",
		"kafka_partitions=many\nkafka_retention=7d\n# comment\n": "kafka_partitions (file ",
	} {
		if _, _, err := chosenFrom(t, nil, nil, file); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: got %v, want it to say %q", file, err, says)
		}
	}
	_, cfg, err = chosenFrom(t, nil, nil, "kafka_tls_cert="+cert)
	if err != nil {
		t.Fatal(err)
	}
	whole := Config{DatabaseURL: cfg.DatabaseURL, kafkaCert: cfg.kafkaCert}
	if err := whole.complete(); err == nil || cli.ExitCode(err) != cli.ExitUsage {
		t.Errorf("a certificate without a key: %v", err)
	}
}

// lines is a log to look into.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) count(what string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.text.String(), what)
}

func TestAServerSaysOnceThatKafkaRefusesItAndGoesOnTrying(t *testing.T) {
	strict, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.EnableSASL(), kfake.Superuser("SCRAM-SHA-512", "sluice", "opensesame"))
	if err != nil {
		t.Fatal(err)
	}
	defer strict.Close()
	var log lines
	app := newApplicationLogging(t, Roles{RoleRelay, RoleWebhooks, RolePayouts}, slog.NewTextHandler(&log, nil), func(cfg *Config) {
		cfg.Kafka = bus.Config{Brokers: strict.ListenAddrs(), SASL: bus.SASL{Mechanism: "SCRAM-SHA-512", User: "sluice", Password: "hunter2"}}
	})
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- app.Run(ctx) }()
	const sentence = "they refuse the login of sluice by SCRAM-SHA-512; check kafka_sasl_user and its password"
	tries := strict.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.SASLHandshake}, TopLevel: true, Observe: true, Count: -1})
	bustest.Eventually(t, "it is said", func() bool { return log.count(sentence) > 0 })
	began := tries.Hits()
	bustest.Eventually(t, "it is tried again", func() bool { return tries.Hits() > began })
	if n := log.count(sentence); n != 1 {
		t.Errorf("said %d times", n)
	}
	if log.count("hunter2") > 0 {
		t.Error("the password is in the log")
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestDoctorTellsWhetherThereIsAWayToKafka(t *testing.T) {
	kafka := bustest.Start(t)
	look := func(address string) string {
		t.Chdir(t.TempDir())
		t.Setenv("SLUICE_KAFKA_BROKERS", address)
		var out, errout bytes.Buffer
		cli.Execute(t.Context(), newRoot(), []string{"doctor"}, &out, &errout)
		return out.String()
	}
	if out := look(kafka.Addr()); !strings.Contains(out, "✓ Kafka") || !strings.Contains(out, "answers at "+kafka.Addr()) {
		t.Errorf("it is there:\n%s", out)
	}
	kafka.Stop()
	if out := look(kafka.Addr()); !strings.Contains(out, "✗ Kafka") || !strings.Contains(out, "no way to the Kafka brokers at "+kafka.Addr()+": are they running") {
		t.Errorf("it is not there:\n%s", out)
	}
	if out := look(""); !strings.Contains(out, "kafka_brokers is not set") {
		t.Errorf("it is not set:\n%s", out)
	}
}

func TestConsumersShowHowFarTheyAreBehind(t *testing.T) {
	app := newApplication(t, Roles{RoleRelay, RoleWebhooks, RolePayouts}, slog.LevelError, func(cfg *Config) { cfg.MetricsAddr = "127.0.0.1:0"; cfg.Topic.Partitions = 2 })
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- app.Run(ctx) }()
	bustest.Eventually(t, "the gauges are there", func() bool {
		page := httptest.NewRecorder()
		app.metrics.Handler().ServeHTTP(page, httptest.NewRequest("GET", "/metrics", nil))
		for _, line := range []string{
			`sluice_bus_consumer_lag_messages{group="sluice.webhooks",partition="1"} 0`,
			`sluice_bus_consumer_lag_seconds{group="sluice.payouts",partition="0"} 0`,
			`sluice_bus_parked_events{group="sluice.webhooks"} 0`,
			`sluice_bus_consumer_generations{group="sluice.payouts"} `,
		} {
			if !strings.Contains(page.Body.String(), line) {
				return false
			}
		}
		return !strings.Contains(page.Body.String(), `partition="2"`)
	})
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
