package replica_test

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/gomsm/msm/core/internal/mailbox"
	"github.com/gomsm/msm/core/internal/node"
	"github.com/gomsm/msm/core/internal/nodetest"
	"github.com/gomsm/msm/core/internal/record"
	"github.com/gomsm/msm/core/internal/replica"
)

// do does what a line says.
func (p *stage) do(line string) {
	in := p.instances[0]
	if name, rest, named := strings.Cut(line, ": "); named {
		in, line = p.instance(name), rest
	}
	words := strings.Fields(line)
	switch {
	case line == "probe":
		p.probe()
	case line == "deliver":
		p.deliver()
	case line == "copies":
		for _, s := range p.servers {
			p.tell("%s has %s", s.ID(), describe(recordOn(s)))
		}
	case len(words) > 2 && words[1] == "is":
		p.change(p.server(words[0]), strings.Join(words[2:], " "))
	case len(words) > 2 && words[1] == "dies":
		p.instance(words[0]).left = p.number(words[3])
	default:
		in.request(words)
	}
}

// probe has every instance probe every node, and do what others ask for in messages.
func (p *stage) probe() {
	for _, in := range p.instances {
		for _, n := range in.nodes {
			_ = n.Probe(p.t.Context())
		}
		in.inbox.Read(p.t.Context())
	}
}

// Receive implements mailbox.Receiver.
func (in *instance) Receive(ctx context.Context, at *node.Node, list []mailbox.Message) {
	for _, m := range list {
		in.stage.tell("%sreads on %s: %s", in.prefix(), at.ID(), map[mailbox.Kind]string{mailbox.Ended: "it has ended", mailbox.End: "end it"}[m.Kind])
		if err := in.store.Receive(ctx, m, at.ID()); err != nil {
			in.stage.tell("%s%v", in.prefix(), err)
		}
	}
}

// CaughtUp implements mailbox.Receiver.
func (*instance) CaughtUp(time.Time) {}

// deliver has every instance bring the nodes what they are owed.
func (p *stage) deliver() {
	for _, in := range p.instances {
		for _, n := range in.nodes {
			for _, key := range in.store.Owed(n) {
				if err := in.store.Deliver(p.t.Context(), n, key); err != nil {
					p.tell("%sdelivery: %v", in.prefix(), err)
				}
			}
		}
	}
}

// change gives a server a fault, or takes it away.
func (p *stage) change(s *nodetest.Server, how string) {
	from, cut := strings.CutPrefix(how, "cut off from ")
	switch {
	case cut:
		p.instance(from).cut[s.ID()] = true
	case how == "down":
		s.Fail(off)
	case how == "hanging":
		s.Fail(nodetest.Refuse(nodetest.ErrLost))
	case how == "mute":
		s.Fail(nodetest.Mute(1000))
	case how == "up":
		s.Fail(nil)
		for _, in := range p.instances {
			delete(in.cut, s.ID())
		}
	case how == "empty":
		s.Restart(nil)
	default:
		p.t.Fatalf("%s is %q?", s.ID(), how)
	}
}

// request is a request of the visitor.
func (in *instance) request(words []string) {
	p, cookie := in.stage, in.stage.cookie
	if n := len(words); n > 2 && words[n-2] == "by" {
		cookie, words = words[n-1], words[:n-2]
	}
	if words[0] == "then" {
		words = words[1:]
	} else {
		in.access = in.store.Open(token, cookie)
	}
	ctx, die := context.WithCancel(p.t.Context())
	defer die()
	in.die = die
	rec, err := in.run(ctx, words)
	switch {
	case ctx.Err() != nil:
		in.left = -1
		p.tell("%s is dead", in.name)
		return
	case err != nil:
		p.tell("%s%s", in.prefix(), kindOf(err))
		return
	}
	p.tell("%s%s", in.prefix(), in.outcome(rec))
}

// outcome tells what a request has found or stored, and sets the visitor's cookie.
func (in *instance) outcome(rec *record.Record) string {
	if rec == nil {
		return "ended"
	}
	text := describe(rec)
	if in.stage.cookie == "" || in.access.Moved() {
		in.stage.cookie = in.access.Home()
		text += "; the cookie names " + in.stage.cookie
	}
	if in.access.NeedsHeal() {
		text += "; to be healed"
	}
	return text
}

func (in *instance) run(ctx context.Context, words []string) (*record.Record, error) {
	switch a := in.access; words[0] {
	case "begin":
		return a.Create(ctx, session())
	case "read":
		return a.Load(ctx)
	case "set":
		return a.Write(ctx, set(words[1]))
	case "end":
		return nil, a.Destroy(ctx, nil)
	}
	in.stage.t.Fatalf("%q?", words)
	return nil, nil
}

// kindOf returns which of the errors that callers tell apart an error is.
func kindOf(err error) string {
	for _, kind := range []error{replica.ErrNoSession, replica.ErrUnavailable, replica.ErrConflict} {
		if errors.Is(err, kind) {
			return kind.Error()
		}
	}
	return err.Error()
}

func (p *stage) instance(name string) *instance {
	for _, in := range p.instances {
		if in.name == name {
			return in
		}
	}
	p.t.Fatalf("there is no instance %q", name)
	return nil
}

func (p *stage) server(id string) *nodetest.Server {
	for _, s := range p.servers {
		if s.ID() == id {
			return s
		}
	}
	p.t.Fatalf("there is no node %q", id)
	return nil
}

func (p *stage) number(word string) int {
	n, err := strconv.Atoi(word)
	if err != nil {
		p.t.Fatal(err)
	}
	return n
}
