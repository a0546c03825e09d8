// Package node is one memcached server: whether it is available, and its epoch. The epoch
// is a random number that is stored on the server. It changes when the server loses its data, or when an instance
// replaces it because nobody knows what on the node is stale.
//
//   - node.go: operations, what makes a node unavailable, and the probes that bring it back
//   - trouble.go: the reason why a node is not available
//   - epochs.go, stale.go: epochs, and when a node's data are not trusted
//   - fit.go, elsewhere.go, use.go: servers that cannot be used, share an id with another one, or were out of use
//   - sizes.go: values that are too large for the node
package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gomsm/msm/core/internal/journal"
	"github.com/gomsm/msm/core/internal/memcache"
	"github.com/gomsm/msm/core/internal/random"
)

// ErrDown means that a node is not available. Nothing was sent.
var ErrDown = errors.New("node is down")

// Options say how a node is probed.
type Options struct {
	EpochKey   string           // the key of the node's epoch
	UseKey     string           // the key under which the node stores when it was in use; empty: that is not stored
	ProbeEvery time.Duration    // time between probes; zero: 250ms
	ProbeMax   time.Duration    // longest time between probes of a node that is unavailable; zero: 1s
	Also       []string         // further keys that every probe reads
	OnLook     OnLook           // called after every successful probe; the prober waits for it; nil: not called
	Prober     memcache.Client  // the client that probes use; nil: the one that operations use
	Servers    *Servers         // the list that the node is in; nil: it is not compared with others
	Log        *journal.Journal // nil: none
	Random     *random.Source   // for the prober; nil: the runtime's
}

// OnLook receives what a probe has read under Options.Also, and when that probe began. If this process stood still
// meanwhile, the values are as old as that.
type OnLook func(n *Node, also map[string]memcache.Item, began time.Time)

// Node is one memcached server. It is safe for concurrent use.
//
// A node is available or not. While it is not, operations return ErrDown at once. It becomes unavailable on evidence
// about the node: a connection that is refused or reset, an answer that makes no sense, or a probe that fails. An
// operation that times out may be to blame itself, so it only triggers a probe. A node that hangs costs the requests
// that meet it one timeout each, until that probe has ended, and later requests nothing.
//
// What a node has is trusted again as soon as a probe finds it with its former epoch: it has lost nothing. An instance
// that did without the node remembers what became stale there (hinted handoff, see package replica). The epoch is
// replaced only if nobody knows that.
type Node struct {
	id, address string
	client      memcache.Client
	options     Options
	probed      []string // keys that a probe reads; the first one is the epoch's
	state       atomic.Pointer[state]
	wake        chan struct{}

	looks    atomic.Uint64 // probes that have ended
	timeouts atomic.Uint64 // operations that have timed out
	cleared  atomic.Uint64 // value of timeouts at the beginning of the last probe that has ended
	used     atomic.Int64  // Unix time when it was last in use, as last read from it; 0: unknown
	began    atomic.Int64  // Unix time in microseconds when it came into use, as last read from it; 0: unknown
	doubted  atomic.Int64  // until when what it has may be stale, in Unix nanoseconds; 0: never was

	tooLarge atomic.Pointer[refusedSize] // the smallest value that it has refused; nil: none

	mu        sync.Mutex // guards the fields below, and changes of state
	events    uint64     // counts failures, requests for another epoch, and epochs read by operations: they outdate a probe
	past      epochs     // epochs that it had
	stale     staleness  // whether its epoch has to be replaced before it is used
	elsewhere time.Time  // until when it is not used because others reach another server under its id; zero: they do not
	younger   time.Time  // when that server came into use
	told      string     // the last logged reason why it is not available; empty: none was logged
}

// state is what a request needs to know. It is replaced as a whole.
type state struct {
	available bool
	epoch     uint32
	since     time.Time // when it became available, or unavailable
	why       error     // why it is not available
}

// New returns a node that is not available before its first probe (rule N1).
func New(id, address string, client memcache.Client, o Options) *Node {
	if o.ProbeEvery == 0 {
		o.ProbeEvery = 250 * time.Millisecond
	}
	if o.ProbeMax == 0 {
		o.ProbeMax = time.Second
	}
	if o.Prober == nil {
		o.Prober = client
	}
	if o.Log == nil {
		o.Log = journal.Silent()
	}
	n := &Node{id: id, address: address, client: client, options: o, wake: make(chan struct{}, 1), probed: append([]string{o.EpochKey}, o.Also...)}
	if o.UseKey != "" {
		n.probed = append(n.probed, o.UseKey)
	}
	n.state.Store(&state{since: time.Now(), why: errNotProbed})
	return n
}

// ID returns the node's configured id.
func (n *Node) ID() string { return n.id }

// Address returns the node's configured address.
func (n *Node) Address() string { return n.address }

// Available reports whether requests may use the node.
func (n *Node) Available() bool { return n.state.Load().available }

// DownFor returns for how long the node has not been available, or zero if it is.
func (n *Node) DownFor() time.Duration {
	s := n.state.Load()
	if s.available {
		return 0
	}
	return time.Since(s.since)
}

// Epoch returns the node's epoch as last read from it; 0: it was never read, or the node has none.
func (n *Node) Epoch() uint32 { return n.state.Load().epoch }

// Looks returns how many probes have ended, successful or not.
func (n *Node) Looks() uint64 { return n.looks.Load() }

// Close closes the clients.
func (n *Node) Close() error { return errors.Join(n.client.Close(), n.options.Prober.Close()) }

func (n *Node) fail(why error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.events++
	s := n.state.Load()
	if !s.available {
		n.stays(s, why)
		return
	}
	n.state.Store(&state{epoch: s.epoch, since: time.Now(), why: why})
	n.client.CancelAll() // nobody has to wait for it any longer
	n.told = reason(why)
	n.log(slog.LevelWarn, "node is down", "error", why)
	n.probeNow()
}

// probeNow makes Run probe within a millisecond.
func (n *Node) probeNow() {
	select {
	case n.wake <- struct{}{}:
	default:
	}
}

// Get returns the item of a key; see memcache.Client.Get. It returns ErrDown if the node is not available.
func (n *Node) Get(ctx context.Context, key string) (memcache.Item, error) {
	if !n.Available() {
		return memcache.Item{}, ErrDown
	}
	item, err := n.client.Get(ctx, key)
	return item, n.judge(ctx, "get", err)
}

// GetWith gets two keys in one round trip. Also when it returns memcache.ErrMiss for the first key, the other one's item is
// valid; that is zero if there is none.
func (n *Node) GetWith(ctx context.Context, key, other string) (item, also memcache.Item, err error) {
	if !n.Available() {
		return memcache.Item{}, memcache.Item{}, ErrDown
	}
	items, err := n.client.GetMulti(ctx, key, other)
	if err := n.judge(ctx, "get", err); err != nil {
		return memcache.Item{}, memcache.Item{}, err
	}
	item, ok := items[key]
	if !ok {
		return memcache.Item{}, items[other], memcache.ErrMiss
	}
	return item, items[other], nil
}

// GetWithEpoch gets a key and the node's epoch in one round trip. Also with memcache.ErrMiss the epoch is valid; 0: the node has
// lost it with everything else, as in a restart, and no probe has found that yet.
func (n *Node) GetWithEpoch(ctx context.Context, key string) (memcache.Item, uint32, error) {
	before := n.state.Load()
	if !before.available {
		return memcache.Item{}, 0, ErrDown
	}
	items, err := n.client.GetMulti(ctx, key, n.options.EpochKey)
	if err := n.judge(ctx, "get", err); err != nil {
		return memcache.Item{}, 0, err
	}
	epoch := before.epoch
	if read, there := items[n.options.EpochKey]; !there {
		epoch = 0
	} else if e, ok := parseEpoch(read.Value); ok { // otherwise it was damaged, and a probe will find out
		epoch = e
	}
	n.learn(epoch, before)
	item, ok := items[key]
	if !ok {
		return memcache.Item{}, epoch, memcache.ErrMiss
	}
	return item, epoch, nil
}

// Add stores a value if the key is absent; see memcache.Client.Add.
func (n *Node) Add(ctx context.Context, key string, item memcache.Item, ttl time.Duration) error {
	if !n.Available() {
		return ErrDown
	}
	return n.judge(ctx, "add", n.sized(item, n.client.Add(ctx, key, item, ttl)))
}

// CompareAndSwap stores a value if the present one is still that whose token the item carries; see
// memcache.Client.CompareAndSwap.
func (n *Node) CompareAndSwap(ctx context.Context, key string, item memcache.Item, ttl time.Duration) error {
	if !n.Available() {
		return ErrDown
	}
	return n.judge(ctx, "cas", n.sized(item, n.client.CompareAndSwap(ctx, key, item, ttl)))
}

// Append appends to a value that exists; see memcache.Client.Append.
func (n *Node) Append(ctx context.Context, key string, more []byte) error {
	if !n.Available() {
		return ErrDown
	}
	return n.judge(ctx, "append", n.client.Append(ctx, key, more))
}

// Keys lists keys; see memcache.Client.Keys. An error is no evidence against the node: no request waits for the list, and a long
// list can break off for more reasons than a request.
func (n *Node) Keys(ctx context.Context, prefix string, found func(key string)) error {
	if !n.Available() {
		return ErrDown
	}
	if err := n.client.Keys(ctx, prefix, found); err != nil {
		return fmt.Errorf("keys of node %s: %w", n.id, err)
	}
	return nil
}

// judge decides what an error says about the node: an answer says nothing, a timeout or memcache.ErrLate triggers a probe, and
// any other error makes the node unavailable (rules N2, N3 and N4).
func (n *Node) judge(ctx context.Context, op string, err error) error {
	if err == nil || ctx.Err() != nil {
		return err
	}
	if errors.Is(err, memcache.ErrLate) {
		n.suspected()
	}
	if memcache.IsReply(err) {
		return err
	}
	cancelled := errors.Is(err, memcache.ErrCancelled)
	err = fmt.Errorf("%s: %w", op, err)
	switch {
	case cancelled: // the failure that ended it has been judged
	case memcache.TimedOut(err):
		n.suspected()
	default:
		n.fail(err)
	}
	return err
}

// OutOfTime reports whether an error may have another cause than the node: this process did not run, or the failure of
// another operation ended this one.
func OutOfTime(err error) bool {
	return memcache.TimedOut(err) || errors.Is(err, memcache.ErrLate) || errors.Is(err, memcache.ErrCancelled)
}

// learn stores an epoch that an operation has read, unless the state has changed since: the node failed, or a probe
// came first.
func (n *Node) learn(epoch uint32, before *state) {
	if epoch == before.epoch {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.state.CompareAndSwap(before, &state{available: true, epoch: epoch, since: before.since}) {
		n.events++ // a probe may have read the epoch before
		n.past.becomes(epoch)
	}
}

// Probe probes the node. It reads the epoch, gives the node one if it has none, as after a restart, and replaces it if
// nobody knows what on the node is stale. Only then the node becomes available. An error that says nothing about the
// node, such as a lost race with another instance or the end of ctx, leaves its state as it was; any other error makes
// it unavailable.
func (n *Node) Probe(ctx context.Context) error {
	n.mu.Lock()
	before, stale := n.events, n.stale
	n.mu.Unlock()
	timeouts, began := n.timeouts.Load(), time.Now()
	epoch, also, err := n.probe(ctx, stale)
	if err == nil {
		err = n.options.Servers.enter(n, epoch, func() error { return n.up(epoch, before) })
	}
	defer n.looked(timeouts)
	switch {
	case err == nil:
		if n.options.OnLook != nil {
			n.options.OnLook(n, also, began)
		}
	case !memcache.IsReply(err) && !errors.Is(err, errFailed) && ctx.Err() == nil:
		why := fmt.Errorf("probe: %w", err)
		n.fail(why)
		n.tell(why)
	}
	return err
}

func (n *Node) probe(ctx context.Context, stale staleness) (epoch uint32, also map[string]memcache.Item, err error) {
	also, err = n.options.Prober.GetMulti(ctx, n.probed...)
	if err != nil {
		return 0, nil, err
	}
	item, there := also[n.options.EpochKey]
	delete(also, n.options.EpochKey)
	mark := n.readMark(also)
	if !there {
		item, err = n.first(ctx)
		stale = staleness{} // it was about an epoch that the node has lost
	}
	if err == nil {
		epoch, item, err = n.readEpoch(ctx, item)
	}
	switch {
	case err != nil:
		return 0, nil, err
	case item.Token == 0:
		return 0, nil, errNoCAS
	case epoch != 0 && !stale.of(epoch) && !n.missedUse():
		n.markUse(ctx, mark)
		return epoch, also, nil
	}
	if err := n.options.Servers.may(n, epoch); err != nil {
		return 0, nil, err
	}
	fresh := n.options.Random.Uint32()
	return fresh, also, n.options.Prober.CompareAndSwap(ctx, n.options.EpochKey, memcache.Item{Value: formatEpoch(fresh), Token: item.Token}, 0)
}

// first gives a server without an epoch one, and reads it back: another instance may have been faster, and only a read
// shows whether the server has CAS.
func (n *Node) first(ctx context.Context) (memcache.Item, error) {
	err := n.options.Prober.Add(ctx, n.options.EpochKey, memcache.Item{Value: formatEpoch(n.options.Random.Uint32())}, 0)
	if err != nil && !errors.Is(err, memcache.ErrExists) {
		return memcache.Item{}, err
	}
	return n.options.Prober.Get(ctx, n.options.EpochKey)
}

var errFailed = errors.New("the node failed during the probe")

// up makes the node available. It returns errFailed if the node has failed since the probe began, or is to get another
// epoch: then another probe has to tell (rule N12). It returns another error if the node must not be used.
func (n *Node) up(epoch uint32, before uint64) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.events != before {
		return errFailed
	}
	if err := n.misplaced(); err != nil {
		return err
	}
	n.stale = staleness{}
	was, now := n.state.Load(), time.Now()
	if was.epoch != epoch {
		n.past.becomes(epoch)
	}
	if n.past.several {
		return errSeveral
	}
	is := &state{available: true, epoch: epoch, since: was.since}
	if !was.available {
		is.since = now
		if was.epoch != 0 {
			n.returns()
		}
		n.log(slog.LevelInfo, "node is up")
	} else if was.epoch != epoch {
		n.log(slog.LevelInfo, "node has a new epoch: it was restarted, or another instance does not know what on it is stale")
	}
	n.state.Store(is)
	return nil
}

// probeSoon is the time within which a node that has failed is probed. It is not shorter, because other operations meet
// the same failure at the same moment, and each of them would call for another probe.
const probeSoon = time.Millisecond

// Run probes the node until ctx ends: regularly; within a millisecond when the node becomes unavailable or an operation
// times out; and less and less often while the node stays unavailable. No request waits for it (rule N9).
func (n *Node) Run(ctx context.Context) {
	wait := n.options.ProbeEvery
	for next := n.jitter(wait); ; {
		select {
		case <-ctx.Done():
			return
		case <-n.wake:
			wait, next = n.options.ProbeEvery/4, 1+n.options.Random.Wait(probeSoon)
			continue
		case <-time.After(next):
		}
		wait = n.round(ctx, wait)
		next = n.jitter(wait)
	}
}

// round probes, up to three times if another try may help at once, and returns how long to wait for the next round.
func (n *Node) round(ctx context.Context, wait time.Duration) time.Duration {
	for range 3 {
		err := n.Probe(ctx)
		if err == nil {
			return n.options.ProbeEvery
		}
		if !errors.Is(err, errFailed) && !errors.Is(err, memcache.ErrConflict) && !errors.Is(err, memcache.ErrExists) {
			break
		}
	}
	return min(2*wait, n.options.ProbeMax)
}

// jitter returns d, changed at random by up to a fifth, so that instances do not probe in step.
func (n *Node) jitter(d time.Duration) time.Duration { return d*4/5 + n.options.Random.Wait(d*2/5+1) }
