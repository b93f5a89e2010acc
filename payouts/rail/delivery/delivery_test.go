package delivery_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"

	"github.com/sluicepay/sluice/payouts/rail"
	"github.com/sluicepay/sluice/payouts/rail/delivery"
	"github.com/sluicepay/sluice/payouts/rail/railtest"
	"github.com/sluicepay/sluice/platform/dbtest"
	"github.com/sluicepay/sluice/platform/secret"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func creditor(number string) rail.Creditor {
	return rail.Creditor{Name: "陳大文", Country: "HK", Routing: "110000", Number: secret.New(number)}
}

// subject is a rail of paper with a clerk behind its directories.
func subject(t *testing.T, by rail.Delivery, out, in string, traced bool) railtest.FiledSubject {
	clerk := &railtest.Clerk{Counter: out, Tray: in, Keeps: true, Fates: map[string]string{"1113": "account_closed", "1116": "no_account"}}
	misfit := creditor("000123456")
	misfit.Address.Line1 = "1 Queen's Road"
	return railtest.FiledSubject{
		Rail: rail.File{Way: rail.Capabilities{Name: "paper"}, Format: railtest.Paper{Traced: traced}, Delivery: by},
		Pool: dbtest.New(t), Now: noon, Currency: "hkd", Good: creditor("000123456"), Misfit: &misfit,
		Bad: map[string]rail.Creditor{"account_closed": creditor("000111111113"), "no_account": creditor("000111111116")},
		Work: func(at time.Time) {
			if err := clerk.Work(at); err != nil {
				t.Fatal(err)
			}
		},
		Read: func(_ string, file io.Reader) ([]rail.Report, error) { return railtest.ReadAnswer(file) },
		Debits: func(reference, trace string) int {
			if traced {
				reference = trace
			}
			debits, _ := clerk.Debits(reference)
			return debits
		},
		Copies: func(name string, file []byte) {
			if err := os.WriteFile(filepath.Join(out, name), file, 0o600); err != nil {
				t.Fatal(err)
			}
		},
	}
}

func TestADropFolderConforms(t *testing.T) {
	for name, traced := range map[string]bool{"with references": false, "with traces": true} {
		t.Run(name, func(t *testing.T) {
			railtest.RunFiled(t, func(t *testing.T) railtest.FiledSubject {
				out, in := t.TempDir(), t.TempDir()
				return subject(t, delivery.Folder{Out: out, In: in, Keeps: true}, out, in, traced)
			})
		})
	}
}

func TestSFTPConforms(t *testing.T) {
	railtest.RunFiled(t, func(t *testing.T) railtest.FiledSubject {
		s := serve(t)
		sub := subject(t, s.client(), filepath.Join(s.root, "out"), filepath.Join(s.root, "in"), false)
		sub.Lose = func(arrives bool) {
			how := "before"
			if arrives {
				how = "after"
			}
			s.hangUp.Store(how)
		}
		return sub
	})
}

func TestAFolderThatIsEmptiedSaysUnknownAndNeverAbsent(t *testing.T) {
	out := t.TempDir()
	f := delivery.Folder{Out: out}
	if got := f.Find(t.Context(), "1.paper"); got.State != rail.Unknown {
		t.Errorf("a file that is not there is %s", got.State)
	}
	s := serve(t)
	c := s.client()
	c.Keeps = false
	if got := c.Find(t.Context(), "1.paper"); got.State != rail.Unknown {
		t.Errorf("over SFTP it is %s", got.State)
	}
}

func TestPartsOfAFileAreNeverSeen(t *testing.T) {
	s := serve(t)
	dir := t.TempDir()
	for name, c := range map[string]struct {
		by  rail.Delivery
		out string
	}{"folder": {delivery.Folder{Out: dir, Keeps: true}, dir}, "sftp": {s.client(), filepath.Join(s.root, "out")}} {
		got := c.by.Deliver(t.Context(), "1.paper", func(w io.Writer) error {
			if _, err := w.Write(bytes.Repeat([]byte("x"), 100_000)); err != nil {
				return err
			}
			if _, err := os.Stat(filepath.Join(c.out, "1.paper")); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("%s: a part is there: %v", name, err)
			}
			return nil
		})
		if got.State != rail.Accepted {
			t.Errorf("%s: %s %v", name, got.State, got.Err)
		}
		left, err := os.ReadDir(c.out)
		if err != nil || len(left) != 1 || left[0].Name() != "1.paper" {
			t.Errorf("%s: %v is left, %v", name, left, err)
		}
	}
}

func TestNamesLeadNowhereElse(t *testing.T) {
	f := delivery.Folder{Out: t.TempDir(), Keeps: true}
	for _, name := range []string{"", ".", "..", "../1.paper", "a/b", `a\b`, ".hidden"} {
		got := f.Deliver(t.Context(), name, func(io.Writer) error { return nil })
		if got.State != rail.Failed {
			t.Errorf("%q was delivered: %s", name, got.State)
		}
	}
}

func TestAServerWithAnotherKeyGetsNothing(t *testing.T) {
	s := serve(t)
	c := s.client()
	c.HostKey = strings.TrimSpace(string(ssh.MarshalAuthorizedKey(newSigner(t).PublicKey())))
	got := c.Deliver(t.Context(), "1.paper", func(io.Writer) error { t.Error("the file was written"); return nil })
	if got.State != rail.Failed {
		t.Errorf("the receipt says %s", got.State)
	}
	if err := c.Check(t.Context()); err == nil || strings.Contains(err.Error(), c.Key.Reveal()) {
		t.Errorf("the check says %v", err)
	}
}

func TestAPasswordOpensTheServerToo(t *testing.T) {
	s := serve(t)
	c := s.client()
	c.Key, c.Password = secret.Text{}, secret.New("open sesame")
	if err := c.Check(t.Context()); err != nil {
		t.Error(err)
	}
	c.Password = secret.New("wrong")
	if err := c.Check(t.Context()); err == nil {
		t.Error("a wrong password opens it")
	}
}

func TestWrongSettingsAreToldWithoutSecrets(t *testing.T) {
	good := delivery.SFTP{Addr: "bank.example:22", HostKey: strings.TrimSpace(string(ssh.MarshalAuthorizedKey(newSigner(t).PublicKey()))), Password: secret.New("hunter2")}
	if err := good.Valid(); err != nil {
		t.Error(err)
	}
	for says, change := range map[string]func(*delivery.SFTP){
		"host:port":   func(s *delivery.SFTP) { s.Addr = "bank.example" },
		"host key":    func(s *delivery.SFTP) { s.HostKey = "hunter2" },
		"private key": func(s *delivery.SFTP) { s.Key = secret.New("hunter2") },
	} {
		wrong := good
		change(&wrong)
		if err := wrong.Valid(); err == nil || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("want %q, got %v", says, err)
		}
	}
}

// server is an SFTP server on a directory.
type server struct {
	*testing.T
	root   string
	addr   string
	host   ssh.Signer
	key    []byte       // the client's private one
	hangUp atomic.Value // "before" or "after": what it does at the next rename, and ends the connection
}

func newSigner(t *testing.T) ssh.Signer {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return signer
}

func serve(t *testing.T) *server {
	s := &server{T: t, root: t.TempDir(), host: newSigner(t)}
	s.hangUp.Store("")
	for _, dir := range []string{"out", "in"} {
		if err := os.Mkdir(filepath.Join(s.root, dir), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKey(private, "")
	if err != nil {
		t.Fatal(err)
	}
	s.key = pem.EncodeToMemory(block)
	theirs, err := ssh.NewPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	config := &ssh.ServerConfig{
		PublicKeyCallback: func(_ ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
			if !bytes.Equal(key.Marshal(), theirs.Marshal()) {
				return nil, errors.New("not the client's key")
			}
			return nil, nil
		},
		PasswordCallback: func(_ ssh.ConnMetadata, password []byte) (*ssh.Permissions, error) {
			if string(password) != "open sesame" {
				return nil, errors.New("not the password")
			}
			return nil, nil
		},
	}
	config.AddHostKey(s.host)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.addr = listener.Addr().String()
	var visits sync.WaitGroup
	visits.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			visits.Go(func() { s.visit(conn, config) })
		}
	})
	t.Cleanup(func() { _ = listener.Close(); visits.Wait() })
	return s
}

func (s *server) visit(raw net.Conn, config *ssh.ServerConfig) {
	defer raw.Close()
	conn, channels, requests, err := ssh.NewServerConn(raw, config)
	if err != nil {
		return
	}
	defer conn.Close()
	go ssh.DiscardRequests(requests)
	offered, ok := <-channels
	if !ok {
		return
	}
	channel, asked, err := offered.Accept()
	if err != nil {
		return
	}
	go func() {
		for r := range asked {
			_ = r.Reply(r.Type == "subsystem", nil)
		}
	}()
	files := handlers{s, raw}
	_ = sftp.NewRequestServer(channel, sftp.Handlers{FileGet: files, FilePut: files, FileCmd: files, FileList: files}).Serve()
}

func (s *server) client() delivery.SFTP {
	return delivery.SFTP{
		Addr: s.addr, User: "sluice", HostKey: strings.TrimSpace(string(ssh.MarshalAuthorizedKey(s.host.PublicKey()))),
		Key: secret.New(string(s.key)), Out: "/out", In: "/in", Keeps: true,
	}
}

// handlers work on the server's directory, over one connection.
type handlers struct {
	s    *server
	conn net.Conn
}

func (h handlers) at(path string) string { return filepath.Join(h.s.root, filepath.FromSlash(path)) }

func (h handlers) Fileread(r *sftp.Request) (io.ReaderAt, error) { return os.Open(h.at(r.Filepath)) }

func (h handlers) Filewrite(r *sftp.Request) (io.WriterAt, error) {
	return os.OpenFile(h.at(r.Filepath), os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
}

func (h handlers) PosixRename(r *sftp.Request) error { return h.rename(r) }

func (h handlers) rename(r *sftp.Request) error {
	how := h.s.hangUp.Swap("")
	if how != "before" {
		if err := os.Rename(h.at(r.Filepath), h.at(r.Target)); err != nil {
			return err
		}
	}
	if how != "" {
		_ = h.conn.Close()
	}
	return nil
}

func (h handlers) Filecmd(r *sftp.Request) error {
	switch r.Method {
	case "Rename":
		return h.rename(r)
	case "Remove":
		return os.Remove(h.at(r.Filepath))
	case "Mkdir":
		return os.Mkdir(h.at(r.Filepath), 0o700)
	case "Setstat":
		return nil
	}
	return fmt.Errorf("no %s here", r.Method)
}

func (h handlers) Filelist(r *sftp.Request) (sftp.ListerAt, error) {
	if r.Method == "Stat" {
		info, err := os.Stat(h.at(r.Filepath))
		return listing{info}, err
	}
	entries, err := os.ReadDir(h.at(r.Filepath))
	if err != nil {
		return nil, err
	}
	var all listing
	for _, e := range entries {
		if info, err := e.Info(); err == nil {
			all = append(all, info)
		}
	}
	return all, nil
}

type listing []os.FileInfo

func (l listing) ListAt(into []os.FileInfo, from int64) (int, error) {
	if from >= int64(len(l)) {
		return 0, io.EOF
	}
	n := copy(into, l[from:])
	if n < len(into) {
		return n, io.EOF
	}
	return n, nil
}
