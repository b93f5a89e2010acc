// Package broker is a Kafka-protocol broker inside our process, for `sluice
// dev` and tests. Production uses a real Kafka.
//
// Its files are disposable: they are readable only by this and the next
// version of the broker, and are not forced to disk, so a power cut may lose the end of them.
// PostgreSQL stays the source of truth; the relay can publish again.
package broker

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
)

// Config says where the broker keeps its files and listens.
type Config struct {
	Dir  string // "" keeps everything in memory: for tests only
	Port int    // on 127.0.0.1; 0 takes a free one, which clients cannot follow over a restart
}

// Broker is a running broker.
type Broker struct {
	cluster *kfake.Cluster
	addr    string
}

// Start starts the broker and loads what Dir holds. Its errors are sentences
// for the person who typed the command.
//
// Retention applies only to topics that set retention.ms or retention.bytes themselves.
func Start(cfg Config) (*Broker, error) {
	opts := []kfake.Opt{
		kfake.NumBrokers(1),
		kfake.Ports(cfg.Port),
		kfake.GroupMinSessionTimeout(time.Second), // fast takeover in tests
	}
	if cfg.Dir != "" {
		if err := os.MkdirAll(cfg.Dir, 0o755); err != nil {
			return nil, fmt.Errorf("cannot make %s: %w; choose another directory", cfg.Dir, err)
		}
		opts = append(opts, kfake.DataDir(cfg.Dir))
	}
	cluster, err := kfake.NewCluster(opts...)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("port %d for the broker is in use: free it or choose another", cfg.Port)
	}
	if err != nil {
		return nil, fmt.Errorf("start the broker in %s: %w; its files are disposable: remove them and start again", cfg.Dir, err)
	}
	return &Broker{cluster: cluster, addr: cluster.ListenAddrs()[0]}, nil
}

// Addr is host:port for clients.
func (b *Broker) Addr() string { return b.addr }

// Port is the port of Addr, for a restart under the same address.
func (b *Broker) Port() int {
	_, text, _ := net.SplitHostPort(b.addr) // we made it
	port, _ := strconv.Atoi(text)
	return port
}

// Cluster is the broker itself, for tests that make it answer errors.
func (b *Broker) Cluster() *kfake.Cluster { return b.cluster }

// Close writes the rest to disk and stops. Closing twice is closing once.
func (b *Broker) Close() { b.cluster.Close() }
