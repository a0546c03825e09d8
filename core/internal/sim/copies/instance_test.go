package copies

import (
	"context"
	"slices"
	"testing/synctest"
	"time"

	"github.com/gomsm/msm/core/internal/cluster"
	"github.com/gomsm/msm/core/internal/mailbox"
	"github.com/gomsm/msm/core/internal/node"
	"github.com/gomsm/msm/core/internal/nodetest"
	"github.com/gomsm/msm/core/internal/record"
	"github.com/gomsm/msm/core/internal/replica"
)

// instance is an app process.
type instance struct {
	name    string
	backups int
	cluster *cluster.Cluster
	nodes   map[string]*node.Node // by server; nil: it is not in the list
	changes bool                  // its list is about to change
	boots   int                   // nodes at which it has not looked yet
	store   *replica.Store
	cut     map[string]bool // servers that it cannot reach
	probed  map[string]int  // by server: the step in which the last probe that ended well began
	inbox   *mailbox.Inbox
	apart   map[string]*record.Record // by token: what it has stored last; see replica.Access.Outrank
	ctx     context.Context           // ends with the instance
	end     context.CancelFunc
	halted  bool // it stands still; like dead, guarded by world.mu
	dead    bool
}

func (w *world) newInstance(name string, s settings) *instance {
	in := &instance{
		name: name, backups: s.backupsOf(name), cluster: cluster.New(nil), nodes: map[string]*node.Node{},
		cut: map[string]bool{}, probed: map[string]int{}, apart: map[string]*record.Record{},
	}
	in.ctx, in.end = context.WithCancel(context.Background())
	for _, server := range w.names {
		in.nodes[server] = w.newNode(in, server, server)
	}
	in.enlist(w.names)
	config := replica.Config{Cluster: in.cluster, Backups: in.backups, KeyPrefix: "msm:", IdleTime: usual}
	if s.skew > 0 {
		off := time.Duration(w.rng.Int64N(int64(2*s.skew))) - s.skew
		config.Clock = func() time.Time { return time.Now().Add(off) }
	}
	in.store = replica.New(config)
	in.inbox = mailbox.NewInbox(ear{w, in}, mailbox.Mail{KeyPrefix: "msm:", Clock: in.store.Clock}, "")
	return in
}

// newNode returns a node with that id for a server, as the instance reaches it.
func (w *world) newNode(in *instance, server, id string) *node.Node {
	way := w.servers[server].Client(in.name)
	way.Fail(w.ask(in, server))
	return node.New(id, server, way, w.watch(in))
}

// enlist has the instance use the nodes that it has of those servers.
func (in *instance) enlist(names []string) {
	var members []cluster.Member
	for _, server := range names {
		if n := in.nodes[server]; n != nil {
			members = append(members, cluster.Member{Node: n})
		}
	}
	in.cluster.Set(members)
}

// uses reports whether the server is in the instance's list, and available.
func (in *instance) uses(server string) bool {
	n := in.nodes[server]
	return n != nil && n.Available()
}

// crash ends an instance in the middle of what it does, and starts another one in its place.
func (r *run) crash(at int) {
	dead := r.instances[at]
	r.mu.Lock()
	dead.dead = true
	dead.end()
	var left []*call
	for _, c := range r.pending {
		if c.instance == dead {
			c.reply <- nodetest.ErrOff
		} else {
			left = append(left, c)
		}
	}
	r.pending = left
	r.heals = slices.DeleteFunc(r.heals, func(p *process) bool { return p.instance == dead })
	r.errands = slices.DeleteFunc(r.errands, func(p *process) bool { return p.instance == dead })
	r.mu.Unlock()
	synctest.Wait()
	r.instances[at] = r.newInstance(dead.name, r.settings)
	r.boot(r.instances[at])
}

// boot has a new instance look at each node once. It gets no request before that, just as with package msm.
func (r *run) boot(in *instance) {
	for _, server := range r.names {
		in.boots++
		r.start(&process{kind: probe, instance: in}, func(ctx context.Context) {
			r.look(ctx, in, server, in.nodes[server], r.now)
			in.boots--
		})
	}
}

// halt has an instance stand still, as SIGSTOP does: what it has sent happens, and the answers wait for it.
func (r *run) halt(in *instance) {
	in.halted = true
	if len(r.halts) > 0 {
		r.drag = r.halts[r.rng.IntN(len(r.halts))] / 30
	}
}

// goOn ends a halt. Either the answers are there, or all that was under way has run out of time, on all nodes at once.
func (r *run) goOn(in *instance) {
	in.halted, r.drag = false, 0
	late := r.rng.IntN(2) == 0
	r.mu.Lock()
	slices.SortFunc(r.pending, before)
	pending := slices.Clone(r.pending)
	r.mu.Unlock()
	for _, c := range pending {
		switch {
		case c.instance != in || c.rest > 0 || late && !c.held:
		case late:
			r.answer(c, c.err)
		default:
			if !c.held && r.rng.IntN(2) == 0 {
				_ = r.happen(c)
			}
			r.answer(c, nodetest.ErrLost)
		}
	}
}
