package delivery

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"path"
	"slices"
	"time"

	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"

	"github.com/sluicepay/sluice/payouts/rail"
	"github.com/sluicepay/sluice/platform/secret"
)

// SFTP is a pair of directories of a bank's server. Each call has a connection of
// its own: files go a few times a day, and a connection kept open would be dead by then.
type SFTP struct {
	Addr string // host:port
	User string
	// HostKey is the one key that the server may have, as in known_hosts: "ssh-ed25519 AAAA…".
	HostKey string
	// Key is our private key in PEM, or else Password is asked for.
	Key      secret.Text
	Password secret.Text
	Out      string // directories as the server calls them
	In       string // "" if the bank's files come another way
	Keeps    bool   // files stay in Out: one that is not there has not arrived
}

// patience bounds a call that is stuck.
const (
	dialPatience = 10 * time.Second
	callPatience = 10 * time.Minute
)

// config is how we introduce ourselves; its errors never show a key.
func (s SFTP) config() (*ssh.ClientConfig, error) {
	pinned, _, _, _, err := ssh.ParseAuthorizedKey([]byte(s.HostKey))
	if err != nil {
		return nil, errors.New("the host key is not a public key such as ssh-ed25519 AAAA…")
	}
	c := &ssh.ClientConfig{
		User: s.User, Timeout: dialPatience, HostKeyAlgorithms: algorithms(pinned.Type()),
		HostKeyCallback: func(_ string, _ net.Addr, key ssh.PublicKey) error {
			if subtle.ConstantTimeCompare(key.Marshal(), pinned.Marshal()) != 1 {
				return errors.New("the server has another key than the one agreed on")
			}
			return nil
		},
	}
	if s.Key.IsZero() {
		c.Auth = []ssh.AuthMethod{ssh.Password(s.Password.Reveal())}
		return c, nil
	}
	signer, err := ssh.ParsePrivateKey([]byte(s.Key.Reveal()))
	if err != nil {
		return nil, errors.New("the key is not a private key in PEM without a passphrase")
	}
	c.Auth = []ssh.AuthMethod{ssh.PublicKeys(signer)}
	return c, nil
}

// algorithms are those that a server with a key of a type signs with.
func algorithms(keyType string) []string {
	if keyType == ssh.KeyAlgoRSA {
		return []string{ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256}
	}
	return []string{keyType}
}

// Valid reports what is wrong with the settings; it asks nobody.
func (s SFTP) Valid() error {
	if _, _, err := net.SplitHostPort(s.Addr); err != nil {
		return fmt.Errorf("the address %q is not host:port", s.Addr)
	}
	_, err := s.config()
	return err
}

// session is a connection that ends with its context.
type session struct {
	*sftp.Client
	conn *ssh.Client
	stop func() bool
}

func (s SFTP) dial(ctx context.Context) (*session, error) {
	if err := outside(ctx); err != nil {
		return nil, err
	}
	config, err := s.config()
	if err != nil {
		return nil, err
	}
	dialer := net.Dialer{Timeout: dialPatience}
	raw, err := dialer.DialContext(ctx, "tcp", s.Addr)
	if err != nil {
		return nil, err
	}
	if err := raw.SetDeadline(time.Now().Add(callPatience)); err != nil {
		_ = raw.Close()
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { _ = raw.Close() })
	conn, channels, requests, err := ssh.NewClientConn(raw, s.Addr, config)
	if err != nil {
		stop()
		_ = raw.Close()
		return nil, err
	}
	client := ssh.NewClient(conn, channels, requests)
	files, err := sftp.NewClient(client, sftp.UseConcurrentWrites(true))
	if err != nil {
		stop()
		_ = client.Close()
		return nil, err
	}
	return &session{Client: files, conn: client, stop: stop}, nil
}

func (s *session) close() {
	s.stop()
	_ = s.Client.Close()
	_ = s.conn.Close()
}

// Check logs in and looks at the directories; it changes nothing.
func (s SFTP) Check(ctx context.Context) error {
	c, err := s.dial(ctx)
	if err != nil {
		return err
	}
	defer c.close()
	for _, dir := range []string{s.Out, s.In} {
		if dir == "" {
			continue
		}
		info, err := c.Stat(dir)
		if err != nil {
			return fmt.Errorf("%s: %w", dir, err)
		}
		if !info.IsDir() {
			return fmt.Errorf("%s is not a directory", dir)
		}
	}
	return nil
}

// Deliver uploads beside and renames. Before the rename is asked for, a failure has
// left no file that the bank would read; from then on one without an answer is unknown.
func (s SFTP) Deliver(ctx context.Context, name string, write func(io.Writer) error) rail.Receipt {
	if err := plain(name); err != nil {
		return failed(err)
	}
	c, err := s.dial(ctx)
	if err != nil {
		return failed(err)
	}
	defer c.close()
	beside, whole := path.Join(s.Out, temporary(name)), path.Join(s.Out, name)
	bytes, err := c.upload(beside, write)
	if err != nil {
		_ = c.Remove(beside)
		return failed(err)
	}
	switch _, err := c.Stat(whole); {
	case err == nil:
		_ = c.Remove(beside)
		return c.same(whole, bytes)
	case !errors.Is(err, fs.ErrNotExist):
		_ = c.Remove(beside)
		return failed(err)
	}
	return c.name(beside, whole)
}

func (s *session) upload(beside string, write func(io.Writer) error) (*measured, error) {
	file, err := s.Create(beside)
	if err != nil {
		return nil, err
	}
	bytes := measure(file)
	err = write(bytes)
	if err == nil {
		if _, can := s.HasExtension("fsync@openssh.com"); can {
			err = file.Sync()
		}
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return nil, err
	}
	info, err := s.Stat(beside)
	if err == nil && info.Size() != bytes.size {
		err = fmt.Errorf("the server has %d bytes of %d", info.Size(), bytes.size)
	}
	return bytes, err
}

// name gives an uploaded file its name. The plain rename of SFTP refuses a name that
// is taken. Servers whose plain rename is not atomic offer the POSIX one instead;
// it would replace, so the name was looked up before, and only we give such names.
func (s *session) name(beside, whole string) rail.Receipt {
	rename := s.Rename
	if _, can := s.HasExtension("posix-rename@openssh.com"); can {
		rename = s.PosixRename
	}
	err := rename(beside, whole)
	if err == nil {
		return rail.Receipt{State: rail.Accepted, Note: whole}
	}
	if status := (*sftp.StatusError)(nil); errors.As(err, &status) || errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		_ = s.Remove(beside)
		return failed(err) // the server has answered, and said no
	}
	return unknown(err)
}

func (s *session) same(whole string, bytes *measured) rail.Receipt {
	file, err := s.Open(whole)
	if err != nil {
		return unknown(err)
	}
	defer file.Close()
	same, err := bytes.equals(file)
	switch {
	case err != nil:
		return unknown(err)
	case !same:
		return failed(errOther)
	}
	return rail.Receipt{State: rail.Accepted, Note: whole}
}

// Find looks for a file that was uploaded.
func (s SFTP) Find(ctx context.Context, name string) rail.Receipt {
	if err := plain(name); err != nil {
		return unknown(err)
	}
	c, err := s.dial(ctx)
	if err != nil {
		return unknown(err)
	}
	defer c.close()
	whole := path.Join(s.Out, name)
	switch _, err := c.Stat(whole); {
	case err == nil:
		return rail.Receipt{State: rail.Accepted, Note: whole}
	case errors.Is(err, fs.ErrNotExist) && s.Keeps:
		return rail.Receipt{State: rail.Absent}
	default:
		return unknown(err)
	}
}

// Collect lists the files in In, oldest first. One that is taken moves to a directory
// beside; where the server allows no directory of ours, it is deleted.
func (s SFTP) Collect(ctx context.Context) ([]rail.Answer, error) {
	if s.In == "" {
		return nil, outside(ctx)
	}
	c, err := s.dial(ctx)
	if err != nil {
		return nil, err
	}
	defer c.close()
	entries, err := c.ReadDirContext(ctx, s.In)
	if err != nil {
		return nil, err
	}
	files := slices.DeleteFunc(entries, func(info fs.FileInfo) bool { return !info.Mode().IsRegular() || !offered(info.Name()) })
	slices.SortFunc(files, older)
	answers := make([]rail.Answer, len(files))
	for i, info := range files {
		answers[i] = s.answer(info.Name())
	}
	return answers, nil
}

func (s SFTP) answer(name string) rail.Answer {
	return rail.Answer{
		Name: name,
		Open: func(ctx context.Context) (io.ReadCloser, error) {
			c, err := s.dial(ctx)
			if err != nil {
				return nil, err
			}
			file, err := c.Open(path.Join(s.In, name))
			if err != nil {
				c.close()
				return nil, err
			}
			return download{file, c}, nil
		},
		Taken: func(ctx context.Context) error {
			c, err := s.dial(ctx)
			if err != nil {
				return err
			}
			defer c.close()
			return c.take(s.In, name)
		},
	}
}

func (s *session) take(dir, name string) error {
	from := path.Join(dir, name)
	if err := s.MkdirAll(path.Join(dir, taken)); err == nil {
		if err = s.PosixRename(from, path.Join(dir, taken, name)); err == nil || errors.Is(err, fs.ErrNotExist) {
			return nil
		}
	}
	if err := s.Remove(from); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// download is a file being read, with the connection it comes over.
type download struct {
	*sftp.File
	over *session
}

func (d download) Close() error {
	err := d.File.Close()
	d.over.close()
	return err
}
