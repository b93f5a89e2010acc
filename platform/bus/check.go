package bus

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"github.com/segmentio/kafka-go"
)

// Check asks the brokers for their names, so that a wrong address or login is
// told at the start and in words: brokers answer most mistakes by closing the
// connection, and kafka-go reports that as a mere end of file. Its error is an
// *Unreachable; it names the settings to look at and shows no password.
func (b *Bus) Check(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	_, err := b.client.Metadata(ctx, &kafka.MetadataRequest{})
	return b.inWords(err)
}

// Unreachable is why there is no way to the brokers.
type Unreachable struct {
	Brokers string // host:port,…
	Reason  string // what an operator can do about it
	Err     error
}

// Sentence is the error without what kafka-go says: the same for as long as the reason is.
func (u *Unreachable) Sentence() string {
	return fmt.Sprintf("no way to the Kafka brokers at %s: %s", u.Brokers, u.Reason)
}

func (u *Unreachable) Error() string { return u.Sentence() + ": " + u.Err.Error() }

func (u *Unreachable) Unwrap() error { return u.Err }

func (b *Bus) inWords(err error) error {
	if err == nil {
		return nil
	}
	return &Unreachable{Brokers: strings.Join(b.brokers, ","), Reason: b.reason(err), Err: err}
}

func (b *Bus) reason(err error) string {
	var authority x509.UnknownAuthorityError
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	var record tls.RecordHeaderError
	var lookup *net.DNSError
	var network net.Error
	closed := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
	switch {
	case errors.As(err, &authority):
		return "their certificate is not signed by an authority we trust; give theirs in kafka_tls_ca"
	case errors.As(err, &name):
		return "their certificate is for another name; use the name it was made for in kafka_brokers"
	case errors.As(err, &invalid):
		return "their certificate is not valid"
	case errors.As(err, &record):
		return "they do not speak TLS there; see kafka_tls"
	case strings.Contains(err.Error(), "remote error: tls:"): // an alert has no type of its own
		return "they refuse our client certificate; see kafka_tls_cert and kafka_tls_key"
	case errors.Is(err, kafka.UnsupportedSASLMechanism), errors.Is(err, kafka.IllegalSASLState):
		return "they do not take logins by " + b.login.Mechanism + "; see kafka_sasl_mechanism"
	case errors.Is(err, kafka.SASLAuthenticationFailed), b.sasl != nil && closed:
		return "they refuse the login of " + b.login.User + " by " + b.login.Mechanism + "; check kafka_sasl_user and its password" + b.orTLS()
	case closed && b.tls != nil:
		return "they close the connection; do they speak TLS there?"
	case closed:
		return "they close the connection; do they want TLS or a login?"
	case errors.As(err, &lookup):
		return "the name cannot be found"
	case b.tls != nil && errors.As(err, &network) && network.Timeout():
		return "no answer in time; are they running, and do they speak TLS there?"
	}
	return "are they running, and is the address right?"
}

// orTLS is the other reason for a closed connection.
func (b *Bus) orTLS() string {
	if b.tls != nil {
		return ""
	}
	return ", and whether they want TLS"
}
