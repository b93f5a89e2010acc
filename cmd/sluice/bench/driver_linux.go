package bench

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// driver sends the requests of a plan over connections of its own from one
// thread, with one request under way on each. It neither speaks net/http nor has
// a goroutine for each connection: a client that costs more than the server it
// measures would measure itself.
type driver struct {
	plan     Plan
	progress io.Writer
	poll     int // epoll
	timer    int // timerfd, for the open loop
	conns    []*conn
	free     []*conn // without a request under way
	sent     int     // requests over all runs: the counter of idempotency keys, and whose turn it is
	rows     []int   // of each request, how often it was sent
	tally    tally
}

// conn is one connection and its request under way.
type conn struct {
	address string
	file    *os.File // owns fd
	fd      int
	in      []byte // what was received; its length grows with the answers
	n       int
	head    int // length of status line and headers, 0 until they are complete
	body    int // length of the body; chunked = its end is found by reading on
	kind    int
	due     time.Time
	out     []byte
	broken  bool // could not be opened again: it stays out
}

const (
	chunked    = -1
	firstRoom  = 16 << 10
	maxAnswer  = 16 << 20
	lastAnswer = 30 * time.Second // how long answers may take after the last request
)

// newDriver opens all connections.
func newDriver(plan Plan, progress io.Writer) (d *driver, err error) {
	d = &driver{plan: plan, progress: progress, poll: -1, timer: -1, rows: make([]int, len(plan.Requests))}
	defer func() {
		if err != nil {
			d.close()
		}
	}()
	if d.poll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return d, err
	}
	if d.timer, err = unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC); err != nil {
		return d, err
	}
	if err := unix.EpollCtl(d.poll, unix.EPOLL_CTL_ADD, d.timer, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: -1}); err != nil {
		return d, err
	}
	for i := range plan.Connections {
		c := &conn{address: plan.Addresses[i%len(plan.Addresses)], in: make([]byte, firstRoom)}
		d.conns = append(d.conns, c)
		if err := d.connect(c, i); err != nil {
			return d, fmt.Errorf("connect to %s: %w", c.address, err)
		}
		d.free = append(d.free, c)
	}
	return d, nil
}

// connect opens a connection and has the poll name it by its place.
func (d *driver) connect(c *conn, place int) error {
	dialled, err := net.DialTimeout("tcp", c.address, 5*time.Second)
	if err != nil {
		return err
	}
	defer dialled.Close() // the file is a duplicate
	if c.file, err = dialled.(*net.TCPConn).File(); err != nil {
		return err
	}
	c.fd = int(c.file.Fd()) // blocking from here on
	if err := unix.SetNonblock(c.fd, true); err != nil {
		return err
	}
	return unix.EpollCtl(d.poll, unix.EPOLL_CTL_ADD, c.fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(place)})
}

func (d *driver) close() {
	for _, c := range d.conns {
		if c.file != nil {
			_ = c.file.Close()
		}
	}
	for _, fd := range []int{d.poll, d.timer} {
		if fd >= 0 {
			_ = unix.Close(fd)
		}
	}
}

// run puts the plan's load on for a while and waits for the last answers.
func (d *driver) run(duration time.Duration) (Outcome, error) {
	began, cpu := time.Now(), ownCPU()
	end := began.Add(duration)
	d.tally = newTally(d.plan.Requests, began)
	dues := 0 // of the open loop: requests whose time has come and that were sent
	interval := time.Duration(0)
	if d.plan.Rate > 0 {
		interval = time.Second / time.Duration(d.plan.Rate)
	}
	due := func() time.Time { return began.Add(time.Duration(dues) * interval) }
	told := began
	events := make([]unix.EpollEvent, 256)
	for {
		now := time.Now()
		for len(d.free) > 0 && now.Before(end) {
			at := now
			if interval > 0 {
				if at = due(); at.After(now) {
					break
				}
				dues++
			}
			d.send(d.takeFree(), at)
			now = time.Now()
		}
		if !now.Before(end) && d.idle() || now.After(end.Add(lastAnswer)) {
			break
		}
		if now.Sub(told) >= time.Second {
			told = now
			d.tally.tell(d.progress, now)
		}
		wait := min(time.Second, max(time.Until(end), 10*time.Millisecond))
		if interval > 0 && len(d.free) > 0 && now.Before(end) {
			wait = min(wait, due().Sub(now))
		}
		if err := d.await(events, wait); err != nil {
			return Outcome{}, err
		}
	}
	for place, c := range d.conns {
		if !c.broken && c.busy() {
			d.tally.fail(c.kind, "no answer within "+lastAnswer.String())
			d.reconnect(place)
			d.free = append(d.free, c)
		}
	}
	took := time.Since(began)
	o := d.tally.outcome(took)
	o.CPUSeconds = (ownCPU() - cpu).Seconds()
	if interval > 0 {
		o.Unsent = max(0, int(duration/interval)-dues)
	}
	return o, nil
}

func (c *conn) busy() bool { return !c.due.IsZero() }

// idle reports whether no request is under way.
func (d *driver) idle() bool {
	for _, c := range d.conns {
		if c.busy() {
			return false
		}
	}
	return true
}

// takeFree takes a connection without a request under way.
func (d *driver) takeFree() *conn {
	c := d.free[len(d.free)-1]
	d.free = d.free[:len(d.free)-1]
	return c
}

// await sleeps until something can be read or the time is over, and reads it.
func (d *driver) await(events []unix.EpollEvent, wait time.Duration) error {
	// epoll counts milliseconds, which is too coarse for an open loop.
	if wait < 20*time.Millisecond {
		spec := unix.ItimerSpec{Value: unix.NsecToTimespec(max(int64(wait), 1))}
		if err := unix.TimerfdSettime(d.timer, 0, &spec, nil); err != nil {
			return err
		}
		wait = time.Second
	}
	n, err := unix.EpollWait(d.poll, events, int(wait.Milliseconds()))
	if errors.Is(err, unix.EINTR) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("wait for answers: %w", err)
	}
	for _, e := range events[:n] {
		if e.Fd < 0 {
			var expirations [8]byte
			_, _ = unix.Read(d.timer, expirations[:]) // EAGAIN if it was set anew in between
			continue
		}
		d.receive(int(e.Fd))
	}
	return nil
}

// send writes the next request on a free connection. due is when it should have
// been sent: what waits in line here waits in line for the user too.
func (d *driver) send(c *conn, due time.Time) {
	p := &d.plan
	c.kind = p.Turns[d.sent%len(p.Turns)]
	r := &p.Requests[c.kind]
	c.out = append(c.out[:0], r.Text...)
	row := r.Rows[d.rows[c.kind]%len(r.Rows)]
	d.rows[c.kind]++
	for i, at := range r.Holes {
		copy(c.out[at:], row[i])
	}
	if r.Key > 0 {
		for at, n := r.Key+counted-1, d.sent; n > 0; at, n = at-1, n/10 {
			c.out[at] = byte('0' + n%10)
		}
	}
	d.sent++
	c.due, c.n, c.head = due, 0, 0
	// One request fits into the empty buffer of a socket, always. That the connection
	// is broken is what reading from it will say.
	_, _ = unix.Write(c.fd, c.out)
}

// receive reads what has come on a connection and ends its request if it is whole.
func (d *driver) receive(place int) {
	c := d.conns[place]
	if c.n == len(c.in) {
		if len(c.in) >= maxAnswer {
			d.lose(place, "an answer of more than 16 MiB")
			return
		}
		c.in = append(c.in, make([]byte, len(c.in))...)
	}
	n, err := unix.Read(c.fd, c.in[c.n:])
	switch {
	case errors.Is(err, unix.EAGAIN), errors.Is(err, unix.EINTR):
		return
	case err != nil:
		d.lose(place, "receive: "+err.Error())
		return
	case n <= 0:
		d.lose(place, "the server closed the connection")
		return
	}
	c.n += n
	status, body, whole, err := c.answer()
	if err != nil {
		d.lose(place, err.Error())
		return
	}
	if !whole {
		return
	}
	d.tally.take(c.kind, status, body, time.Now(), c.due)
	c.due = time.Time{}
	if closes(c.in[:c.head]) && !d.reconnect(place) {
		return
	}
	d.free = append(d.free, c)
}

// lose counts the request under way as failed and opens the connection again.
func (d *driver) lose(place int, why string) {
	c := d.conns[place]
	if c.busy() {
		d.tally.fail(c.kind, why)
		c.due = time.Time{}
		if d.reconnect(place) {
			d.free = append(d.free, c)
		}
		return
	}
	// A free connection was closed under us: it stays in its place.
	d.reconnect(place)
}

// reconnect opens a connection again; one that cannot be opened stays out.
func (d *driver) reconnect(place int) bool {
	c := d.conns[place]
	_ = c.file.Close()
	c.n, c.head, c.due = 0, 0, time.Time{}
	err := d.connect(c, place)
	c.broken = err != nil
	if err != nil {
		d.tally.fail(c.kind, "connect again: "+err.Error())
	}
	return err == nil
}

// answer is the status and body of what was received, once that is whole.
func (c *conn) answer() (status int, body []byte, whole bool, err error) {
	in := c.in[:c.n]
	if c.head == 0 {
		at := bytes.Index(in, []byte("\r\n\r\n"))
		if at < 0 {
			return 0, nil, false, nil
		}
		c.head = at + 4
		if c.body, err = bodyLength(in[:c.head]); err != nil {
			return 0, nil, false, err
		}
	}
	if c.head < 12 || !bytes.HasPrefix(in, []byte("HTTP/1.1 ")) {
		return 0, nil, false, errors.New("the answer is not HTTP/1.1")
	}
	if status, err = strconv.Atoi(string(in[9:12])); err != nil {
		return 0, nil, false, errors.New("the answer has no status")
	}
	body = in[c.head:]
	if c.body == chunked {
		// One request is under way: the last chunk is what the bytes end with.
		return status, body, bytes.HasSuffix(body, []byte("0\r\n\r\n")), nil
	}
	return status, body, len(body) >= c.body, nil
}

// bodyLength reads the one header that is needed.
func bodyLength(head []byte) (int, error) {
	if value, ok := header(head, "Content-Length: "); ok {
		n, err := strconv.Atoi(string(value))
		if err != nil || n < 0 || n > math.MaxInt32 {
			return 0, errors.New("the answer has a bad Content-Length")
		}
		return n, nil
	}
	if value, ok := header(head, "Transfer-Encoding: "); ok && string(value) == "chunked" {
		return chunked, nil
	}
	return 0, nil
}

func closes(head []byte) bool {
	value, ok := header(head, "Connection: ")
	return ok && string(value) == "close"
}

// header finds a header as Go's server spells it.
func header(head []byte, name string) ([]byte, bool) {
	at := bytes.Index(head, []byte("\r\n"+name))
	if at < 0 {
		return nil, false
	}
	value, _, _ := bytes.Cut(head[at+2+len(name):], []byte("\r\n"))
	return value, true
}
