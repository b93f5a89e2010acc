package bus_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/sluicepay/sluice/platform/bus"
	"github.com/sluicepay/sluice/platform/bus/bustest"
	"github.com/sluicepay/sluice/platform/dbtest"
)

// authority signs certificates.
type authority struct {
	t    *testing.T
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{t: t}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Test Authority"}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	a.cert, a.key = a.sign(template, nil)
	return a
}

func (a *authority) sign(template *x509.Certificate, parent *authority) (*x509.Certificate, *ecdsa.PrivateKey) {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	by, signer := template, key
	if parent != nil {
		by, signer = parent.cert, parent.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, by, &key.PublicKey, signer)
	if err != nil {
		a.t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		a.t.Fatal(err)
	}
	return cert, key
}

// issue is a certificate for an address, good for both sides.
func (a *authority) issue(ip string) tls.Certificate {
	a.t.Helper()
	cert, key := a.sign(&x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "broker"}, NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.ParseIP(ip)}, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}, a)
	return tls.Certificate{Certificate: [][]byte{cert.Raw}, PrivateKey: key}
}

func (a *authority) pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	return pool
}

func TestCheckSaysInWordsWhyThereIsNoWayToTheBrokers(t *testing.T) {
	ours, theirs := newAuthority(t), newAuthority(t)
	serving := &tls.Config{Certificates: []tls.Certificate{ours.issue("127.0.0.1")}}
	asking := &tls.Config{Certificates: serving.Certificates, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: ours.pool()}
	trusting := &tls.Config{RootCAs: ours.pool()}
	showing := &tls.Config{RootCAs: ours.pool(), Certificates: []tls.Certificate{ours.issue("127.0.0.1")}}
	login := func(mechanism, user, password string) bus.SASL {
		return bus.SASL{Mechanism: mechanism, User: user, Password: password}
	}
	sasl := func(mechanism string) []kfake.Opt {
		return []kfake.Opt{kfake.EnableSASL(), kfake.Superuser(mechanism, "sluice", "opensesame")}
	}
	for _, c := range []struct {
		name   string
		broker []kfake.Opt
		config bus.Config
		want   string // "" = a way
	}{
		{"plain", nil, bus.Config{}, ""},
		{"TLS", []kfake.Opt{kfake.TLS(serving)}, bus.Config{TLS: trusting}, ""},
		{"TLS, another authority", []kfake.Opt{kfake.TLS(serving)}, bus.Config{TLS: &tls.Config{RootCAs: theirs.pool()}},
			"certificate is not signed by an authority we trust"},
		{"TLS, a certificate for elsewhere", []kfake.Opt{kfake.TLS(&tls.Config{Certificates: []tls.Certificate{ours.issue("192.0.2.1")}})}, bus.Config{TLS: trusting},
			"certificate is for another name"},
		{"TLS to a plain broker", nil, bus.Config{TLS: trusting}, "speak TLS there?"},
		{"plain to a TLS broker", []kfake.Opt{kfake.TLS(serving)}, bus.Config{}, "close the connection"},
		{"TLS with a client certificate", []kfake.Opt{kfake.TLS(asking)}, bus.Config{TLS: showing}, ""},
		{"TLS without the client certificate", []kfake.Opt{kfake.TLS(asking)}, bus.Config{TLS: trusting}, "refuse our client certificate"},
		{"PLAIN", sasl("PLAIN"), bus.Config{SASL: login("PLAIN", "sluice", "opensesame")}, ""},
		{"PLAIN, wrong password", sasl("PLAIN"), bus.Config{SASL: login("PLAIN", "sluice", "hunter2")}, "refuse the login of sluice"},
		{"SCRAM-SHA-256", sasl("SCRAM-SHA-256"), bus.Config{SASL: login("SCRAM-SHA-256", "sluice", "opensesame")}, ""},
		{"SCRAM-SHA-256, wrong password", sasl("SCRAM-SHA-256"), bus.Config{SASL: login("SCRAM-SHA-256", "sluice", "hunter2")}, "refuse the login of sluice"},
		{"SCRAM-SHA-512", sasl("SCRAM-SHA-512"), bus.Config{SASL: login("SCRAM-SHA-512", "sluice", "opensesame")}, ""},
		{"SCRAM-SHA-512, wrong password", sasl("SCRAM-SHA-512"), bus.Config{SASL: login("SCRAM-SHA-512", "sluice", "hunter2")}, "refuse the login of sluice"},
		{"SCRAM-SHA-512, nobody", sasl("SCRAM-SHA-512"), bus.Config{SASL: login("SCRAM-SHA-512", "nobody", "hunter2")}, "refuse the login of nobody"},
		{"SCRAM-SHA-512 over TLS", append(sasl("SCRAM-SHA-512"), kfake.TLS(serving)), bus.Config{TLS: trusting, SASL: login("SCRAM-SHA-512", "sluice", "opensesame")}, ""},
		{"SCRAM-SHA-512 over TLS, wrong password", append(sasl("SCRAM-SHA-512"), kfake.TLS(serving)), bus.Config{TLS: trusting, SASL: login("SCRAM-SHA-512", "sluice", "hunter2")}, "refuse the login of sluice"},
		{"no login where one is asked", sasl("PLAIN"), bus.Config{}, "close the connection"},
	} {
		t.Run(c.name, func(t *testing.T) {
			cluster, err := kfake.NewCluster(append(c.broker, kfake.NumBrokers(1))...)
			if err != nil {
				t.Fatal(err)
			}
			defer cluster.Close()
			c.config.Brokers = cluster.ListenAddrs()
			b, err := bus.Open(c.config)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = b.Close() }()
			began := time.Now()
			err = b.Check(t.Context())
			t.Logf("%v after %s", err, time.Since(began).Round(time.Millisecond))
			switch {
			case c.want == "" && err != nil:
				t.Errorf("no way: %v", err)
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
				t.Errorf("got %v, want %q", err, c.want)
			case err != nil && (strings.Contains(err.Error(), "hunter2") || !strings.Contains(err.Error(), c.config.Brokers[0])):
				t.Errorf("the sentence shows the password or not the address: %v", err)
			}
		})
	}
	if _, err := bus.Open(bus.Config{Brokers: []string{"x:1"}, SASL: bus.SASL{Mechanism: "GSSAPI"}}); err == nil {
		t.Error("an unknown mechanism was taken")
	}
}

func TestEventsFlowOverTLSAndALogin(t *testing.T) {
	ours := newAuthority(t)
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.EnableSASL(), kfake.Superuser("SCRAM-SHA-256", "sluice", "opensesame"),
		kfake.TLS(&tls.Config{Certificates: []tls.Certificate{ours.issue("127.0.0.1")}}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	b, err := bus.Open(bus.Config{
		Brokers: cluster.ListenAddrs(), Pool: dbtest.New(t), TLS: &tls.Config{RootCAs: ours.pool()},
		SASL: bus.SASL{Mechanism: "SCRAM-SHA-256", User: "sluice", Password: "opensesame"},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	topic := bustest.Topic(t, b, 1)
	publish(t, b, topic, message("acct_1", 1))
	var got diary
	bustest.Subscribe(t, b, bus.Subscription{Group: bustest.Name("group"), Topic: topic, Effect: bustest.Each(got.note)})
	bustest.Eventually(t, "the message arrives", func() bool { return got.len() == 1 })
}
