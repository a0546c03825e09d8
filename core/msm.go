// Package msm keeps HTTP sessions in memcached, so that they survive the crash of the app instance that made them and
// of the memcached node that holds them.
//
// A program makes one Manager from a Config. The manager's Middleware, or an adapter for a framework, gives every
// request a Session.
//
//	m, err := msm.New(msm.Config{Nodes: "n1:cache1:11211,n2:cache2:11211"})
//	...
//	var visits = msm.NewKey[int]("visits")
//
//	app := m.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
//		n := visits.Update(msm.From(r.Context()), func(n int) int { return n + 1 })
//		fmt.Fprintln(w, "visit", n)
//	}))
//
//	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
//	defer stop()
//	err = m.ListenAndServe(ctx, &http.Server{Addr: ":8080", Handler: app}, 8*time.Second)
//
// Every session has a primary node, which its id names, and a backup node. What a request changes is on both before the
// first byte of its response is sent. If a node fails, requests go on with the other copy, the session gets another
// node, and the client a cookie that names it. A node that comes back is filled again, also with sessions that nobody
// visits. Config.Backups and Config.Sticky change how many copies there are, and when they are written.
package msm

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync/atomic"
	"time"

	"github.com/gomsm/msm/core/internal/journal"
	"github.com/gomsm/msm/core/internal/local"
	"github.com/gomsm/msm/core/internal/random"
	"github.com/gomsm/msm/core/internal/record"
	"github.com/gomsm/msm/core/internal/replica"
	"github.com/gomsm/msm/core/internal/sid"
	"github.com/gomsm/msm/transcoder"
)

// What an instance remembers so that it need not ask the nodes. MSM is memcached-session-manager, the Java project.
const (
	absentLimit  = 2000                   // sessions that are known to be gone; MSM's number
	absentTime   = 500 * time.Millisecond // how long a session counts as gone; MSM's number
	storedTime   = 200 * time.Millisecond // others store a new session within 100 ms; as long again for slow nodes
	refreshLimit = 1 << 16                // sessions whose next refresh is known, in each of two generations
)

// Manager keeps the sessions of one app instance. Make it with New, and close it. It is safe for concurrent use.
type Manager struct {
	config     Config
	log        *journal.Journal
	format     *sid.Format
	nodes      *nodes
	store      *replica.Store
	background *background
	refills    *refills
	hearing    *hearing
	coder      transcoder.Transcoder            // for new sessions
	readable   map[string]transcoder.Transcoder // by name, those that stored sessions may need
	absent     *moments                         // until when a session counts as gone (negative cache)
	awaited    *moments                         // until when another instance may still store a session that was not found
	renewed    *moments                         // until when a session that is gone is known to have another id
	refreshes  *moments                         // when a session's next refresh is due
	cookies    *moments                         // when a session's cookie is due again
	tidied     *moments                         // until when a client's other cookies are left alone
	signed     *moments                         // until when a client's id is not signed anew
	turns      *turns                           // FIFO queues of writes and loads, one for each session
	watches    *watches
	locks      *locks
	local      *local.Store // sessions in memory; nil: not sticky
	homes      homes        // of values of a Store that do not lie where a new one would
	running    atomic.Int64 // requests that have begun and not ended
	closed     atomic.Bool
	ended      chan struct{} // closed when the first Close is done
	unclean    error         // the error of the first Close; valid once ended is closed
	refusals   refusals
}

// New makes a Manager from a copy of config, and probes the nodes. It blocks until each has answered or has run out of
// Config.OpTimeout; that is no error, and the node is used as soon as it answers. If a server has only just come into
// use beside others, New waits half a second more, until all instances know of it.
//
// The error joins everything that is wrong with the configuration. That includes nodes that answer but cannot be used:
// a memcached that was started with -C, or one that the list already has under another name. Without an error the
// caller must call Close.
func New(config Config) (*Manager, error) {
	if err := join(config.faults(), configured); err != nil {
		return nil, err
	}
	config = config.withDefaults()
	config.TrustedProxies = unmapped(config.TrustedProxies)
	format, err := sid.NewFormat(config.Cookie.Name, config.SigningKeys, config.UnsignedUntil)
	if err != nil {
		return nil, err
	}
	m := &Manager{
		config: config, log: journal.New(config.Logger), format: format, coder: config.Transcoder, readable: readable(config),
		absent: newMoments(absentLimit / 2), awaited: newMoments(absentLimit / 2), renewed: newMoments(absentLimit / 2),
		refreshes: newMoments(refreshLimit), cookies: newMoments(refreshLimit), tidied: newMoments(absentLimit / 2),
		signed: newMoments(refreshLimit), turns: newTurns(0), ended: make(chan struct{}),
	}
	draws := random.Default()
	m.nodes = newNodes(&m.config, m.log, draws)
	copies := replica.Config{
		Cluster: m.nodes.cluster, Backups: config.Backups, KeyPrefix: config.KeyPrefix,
		MaxSize: config.MaxSessionSize, IdleTime: config.IdleTimeout, Patience: config.OpTimeout,
		Random: draws.Of("copies"),
	}
	if config.Sticky {
		copies.Route = config.Route
		copies.MaxSize = 0 // package local refuses what is too large
	}
	m.store = replica.New(copies)
	m.hearing = newHearing(m.store, m.log)
	m.nodes.onProbe, m.nodes.introduce, m.nodes.forget = m.hearing.look, m.hearing.names.introduce, m.hearing.forget
	if err := join(m.nodes.begin(), configured); err != nil {
		m.log.Close()
		return nil, err
	}
	if config.Sticky {
		m.local = newLocal(m.store, &config, m.log)
	}
	m.hearing.local = m.local
	m.hearing.begin()
	m.locks = newLocks(m.store, &config)
	m.watches = newWatches(m.whereabouts)
	m.background = newBackground(m.store, m.refreshes, m.log)
	m.refills = newRefills(m.nodes.cluster, config.RefillRate, newWalk(m.store, m.log).fill, m.log)
	if config.Backups > 0 && config.RefillRate > 0 {
		m.refills.begin()
	}
	return m, nil
}

// readable returns the transcoders that stored sessions may need, by name (rule R9). CBOR and JSON are always among
// them, since they decode any bytes within bounds. Gob does not, so nobody who can write to a node may choose it; the
// configuration has to.
func readable(config Config) map[string]transcoder.Transcoder {
	all := make(map[string]transcoder.Transcoder)
	for _, t := range slices.Concat([]transcoder.Transcoder{transcoder.CBOR(), transcoder.JSON()}, config.ReadTranscoders, []transcoder.Transcoder{config.Transcoder}) {
		all[t.Name()] = t
	}
	return all
}

// configured returns the name of a field as New's errors spell it.
func configured(field string) string { return "Config." + field }

// join makes one error of all faults. name returns the reader's name for a field.
func join(faults []fault, name func(field string) string) error {
	var list []error
	for _, f := range faults {
		list = append(list, fmt.Errorf("msm: %s: %s", name(f.Field), f.Text))
	}
	return errors.Join(list...)
}

// SetNodes replaces the list of nodes while requests run; its arguments are like Config.Nodes, which must not be empty
// here, and Config.FailoverNodes. Adding a node moves no session. The sessions of a removed node are found on their
// backups, and a refill gives them another copy (see NodeStats).
//
// SetNodes blocks as New does. On an error nothing changes: there are faults in the list, as with New, or ErrClosed.
func (m *Manager) SetNodes(nodes, failoverNodes string) error {
	faults := m.nodes.set(nodes, failoverNodes)
	if m.closed.Load() { // Close may have come in the meantime
		return ErrClosed
	}
	return join(faults, func(field string) string { return field })
}

// Close ends the manager: requests that begin later fail with ErrClosed. Call it after http.Server.Shutdown has
// returned; ListenAndServe does both.
//
// In sticky mode Close stores what is not stored yet. It returns an UnsavedError if something is left when ctx ends;
// with no node available that may be what it waits for. If ctx has no deadline, Close gives up when nothing could be
// stored for seven seconds, or ten times Config.OpTimeout if that is longer. In non-sticky mode nothing is left to
// store. The error also has that of ctx, if it ends before the manager's background work does.
//
// Further calls wait for the first one and return its error, or that of their own ctx if it ends first.
func (m *Manager) Close(ctx context.Context) error {
	if !m.closed.CompareAndSwap(false, true) {
		select {
		case <-m.ended:
			return m.unclean
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	defer close(m.ended)
	m.watches.close()
	var unsaved error
	if m.local != nil {
		if left := m.local.Close(ctx); left > 0 {
			unsaved = &UnsavedError{Sessions: left}
		}
	}
	m.unclean = errors.Join(unsaved, m.closeNodes(ctx))
	m.log.Close()
	return m.unclean
}

// closeNodes ends the background work and the nodes, and waits for that until ctx ends.
func (m *Manager) closeNodes(ctx context.Context) error {
	done := make(chan struct{})
	go func() {
		defer close(done)
		m.refills.close()
		m.hearing.close()
		m.background.close()
		m.nodes.close()
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Fail answers a request whose session could not be loaded or stored: it calls Config.ErrorHandler, or sends the
// default response if that writes nothing, counts the request in Stats, and logs it. r is the request that Begin
// returned. Nothing of a response may have been sent. Only adapters that use Commit instead of Writer need it.
func (m *Manager) Fail(w http.ResponseWriter, r *http.Request, err error) {
	m.report(r, m.token(r), "request without its session", err)
	x := &Exchange{manager: m, refusal: refusal{answering: true}}
	m.config.ErrorHandler(x.Writer(w), r, err)
	if !x.refusal.answered {
		sorry(w, r, err)
	}
}

// ignores reports whether Config.Ignore matches the request (rule E1).
func (m *Manager) ignores(r *http.Request) bool {
	return m.config.Ignore != nil && m.config.Ignore.MatchString(r.URL.Path)
}

// newID returns the id of a new session (rule I4); its node is the one where the session would begin as things are.
func (m *Manager) newID() sid.ID {
	id := m.format.New("", m.config.Route)
	id.Node = m.store.FirstNode(id.Token)
	return id
}

// newRecord returns the record of a session that begins.
func (m *Manager) newRecord() *record.Record {
	now := time.Now()
	rec := &record.Record{Created: now, LastAccess: now, IdleTimeout: m.config.IdleTimeout, Transcoder: m.coder.Name()}
	if m.config.AbsoluteTimeout > 0 {
		rec.Deadline = now.Add(m.config.AbsoluteTimeout)
	}
	return rec
}

// successor returns the first record of a renewed session, with the values of the old one. An absolute timeout begins
// anew.
func (m *Manager) successor(of *record.Record) *record.Record {
	rec := m.newRecord()
	rec.Created, rec.Transcoder = of.Created, of.Transcoder
	rec.TakeValues(of)
	return m.withCookie(rec)
}
