package requests

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
	"time"

	"github.com/gomsm/msm/core/internal/nodetest"
	"github.com/gomsm/msm/core/internal/record"
)

// server is a memcached in memory, behind a network. Guarded by world.mu.
type server struct {
	*nodetest.Server
	world *world
	name  string
	life  int // grows with every crash
	up    bool
	conns []*conn

	stopped bool
	held    []func()         // what was sent to it while it was stopped, or while its network was cut
	cut     *instance        // the instance that does not reach it; nil: all do
	lossy   bool             // answers get lost
	resets  bool             // answers break off
	damages bool             // one byte of an answer is changed
	full    bool             // it has no memory for writes
	slow    [2]time.Duration // the least and the most by which an operation takes longer
}

func newServer(w *world, name string) *server {
	return &server{world: w, name: name, Server: nodetest.New(name), up: true}
}

// receive does a command when the seed wants it. Guarded by world.mu.
func (s *server) receive(c *conn, cmd command) {
	name := c.from.name + s.name + cmd.text()
	wait := between(50*time.Microsecond, 2*time.Millisecond, s.world.chance(name)) + between(s.slow[0], s.slow[1], s.world.chance(name))
	s.world.after(wait, func() {
		s.world.mu.Lock()
		defer s.world.mu.Unlock()
		s.handle(c, cmd)
	})
}

// handle does a command now, or when the server goes on, even if the client has given up meanwhile.
func (s *server) handle(c *conn, cmd command) {
	switch {
	case !s.up || c.life != s.life:
		return
	case s.stopped || s.cut != nil && s.cut == c.from:
		s.held = append(s.held, func() { s.handle(c, cmd) })
		return
	}
	name := c.from.name + s.name + cmd.text()
	reply := s.answer(cmd)
	said := strings.Fields(reply)[0]
	s.world.note("%s from %s: %s -> %s %s", s.name, c.from.name, cmd.text(), said, describe(cmd))
	if s.lossy && s.world.chance(name+"lost") < 0.3 {
		s.world.note("%s: the answer to %s is lost", s.name, c.from.name)
		return
	}
	if s.damages && s.world.chance(name+"damaged") < 0.4 {
		reply = s.damaged(name, reply)
		s.world.note("%s: the answer to %s is damaged: %.60q", s.name, c.from.name, reply)
	}
	cutAt := -1
	if s.resets && s.world.chance(name+"reset") < 0.3 {
		cutAt = int(s.world.chance(name+"where") * float64(len(reply)))
	}
	s.world.after(between(20*time.Microsecond, time.Millisecond, s.world.chance(name)), func() {
		s.world.mu.Lock()
		defer s.world.mu.Unlock()
		s.deliver(c, reply, cutAt)
	})
}

func (s *server) deliver(c *conn, reply string, cutAt int) {
	if c.broken != nil || c.life != s.life || s.cut != nil && s.cut == c.from {
		return
	}
	if cutAt >= 0 {
		c.came = append(c.came, reply[:cutAt]...)
		s.world.note("%s: the connection of %s breaks in its answer", s.name, c.from.name)
		c.end(syscall.ECONNRESET)
	} else {
		c.came = append(c.came, reply...)
	}
	c.tell()
}

// answer does a command, and returns the reply.
func (s *server) answer(cmd command) string {
	if s.full && cmd.Stores() {
		return "SERVER_ERROR out of memory storing object\r\n"
	}
	return cmd.Answer(s.Memory())
}

// damaged returns a reply with one byte changed. Guarded by world.mu.
func (s *server) damaged(name, reply string) string {
	b := []byte(reply)
	at := int(s.world.chance(name+"where") * float64(len(b)))
	b[at] ^= byte(1 + s.world.chance(name+"how")*255)
	return string(b)
}

// crash breaks all connections. Without warm the values are lost. Guarded by world.mu.
func (s *server) crash(warm bool) {
	s.up, s.life, s.held, s.stopped = false, s.life+1, nil, false
	if !warm {
		s.world.empty()
		s.Restart(nil)
	}
	for _, c := range s.conns {
		c.end(syscall.ECONNRESET)
	}
	s.conns = nil
}

// goOn ends a stop or a cut: what was sent meanwhile happens now, in any order. Guarded by world.mu.
func (s *server) goOn() {
	s.stopped, s.cut = false, nil
	held := s.held
	s.held = nil
	for _, do := range held {
		s.world.after(between(0, 5*time.Millisecond, s.world.chance("held "+s.name)), func() {
			s.world.mu.Lock()
			defer s.world.mu.Unlock()
			do()
		})
	}
}

// describe says what a write stores.
func describe(cmd command) string {
	if !cmd.Stores() || !strings.Contains(cmd.Key(), ":s:") {
		return ""
	}
	rec, err := record.Decode(cmd.Data)
	if err != nil && !errors.Is(err, record.ErrSealed) { // of a sealed one the placement is told
		return err.Error()
	}
	return tell(rec)
}

func tell(rec *record.Record) string {
	var b strings.Builder
	fmt.Fprintf(&b, "t%d v%d home %s", rec.Term, rec.Version, rec.Home)
	for _, c := range rec.Copies {
		fmt.Fprintf(&b, " %s@%04x", c.Node, c.Epoch&0xffff)
	}
	if rec.Unsettled {
		b.WriteString(" unsettled")
	}
	if rec.Tombstone {
		b.WriteString(" dead")
	}
	for _, a := range rec.Attributes {
		fmt.Fprintf(&b, " %s=%x", a.Name, a.Value)
	}
	return b.String()
}
