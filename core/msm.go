// Package msm keeps HTTP sessions in memcached so that they survive the crash of the instance that made them and of the
// memcached node that keeps them.
//
// A Manager is made once, from a Config; its Middleware, or an adapter for a framework, gives every request a Session.
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
// Every session has a primary node, named in its id, and a backup. What a request changes is on both before the first
// byte of its answer leaves. If a node fails, requests go on with the other copy, the session gets new nodes, and the
// client a cookie that names them. A node that comes back is filled again, also with what nobody asks for.
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

// How much an instance remembers so that it need not ask.
const (
	absentLimit  = 2000                   // sessions known to be gone; MSM's number
	absentTime   = 500 * time.Millisecond // and for how long; MSM's number
	storedTime   = 200 * time.Millisecond // until another instance has stored what began there: 100 ms, and as long for slow nodes
	refreshLimit = 1 << 16                // sessions whose next refresh is known, in each of two generations
)

// Manager keeps sessions. It is safe for concurrent use.
type Manager struct {
	config     Config
	log        *journal.Journal
	format     *sid.Format
	nodes      *nodes
	store      *replica.Store
	background *background
	refills    *refills
	hearing    *hearing
	coder      transcoder.Transcoder            // of new sessions
	readable   map[string]transcoder.Transcoder // by name: what may be met in stored ones
	absent     *moments                         // until when a session need not be looked for
	awaited    *moments                         // until when one that was not found may be stored by another instance
	renewed    *moments                         // until when an absent one is known to have another id
	refreshes  *moments                         // when the next refresh of a session is due
	cookies    *moments                         // when the next cookie of a session is due
	tidied     *moments                         // until when a client's other cookies are left alone
	signed     *moments                         // until when a client's id is not signed anew
	turns      *turns
	watches    *watches
	locks      *locks
	local      *local.Store // sessions in memory; nil: not sticky
	homes      homes        // of foreign values that are not where they would be made
	running    atomic.Int64 // requests
	closed     atomic.Bool
	ended      chan struct{} // closed when Close has done what it can
	unclean    error         // what the first Close answered; to be read once it has ended
	refusals   refusals
}

// New makes a manager, and looks for the nodes; one that does not answer within Config.OpTimeout is used when it does. If a server
// has just come into use beside others, it waits half a second, until all instances have heard of that. The error joins everything
// that is wrong with the configuration, also what an answer shows of a node that cannot be used: a memcached that was started with
// -C, or one that is in the list already under another name. The manager must be closed.
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
		copies.MaxSize = 0 // memory refuses what is too large
	}
	m.store = replica.New(copies)
	m.hearing = newHearing(m.store, m.log)
	m.nodes.onLook, m.nodes.introduce = m.hearing.look, m.hearing.names.introduce
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

// readable are the transcoders that may be met. CBOR and JSON are always among them, for they decode whatever bytes there are
// within bounds; gob does not, so who can write to a node must not be able to choose it.
func readable(config Config) map[string]transcoder.Transcoder {
	all := make(map[string]transcoder.Transcoder)
	for _, t := range slices.Concat([]transcoder.Transcoder{transcoder.CBOR(), transcoder.JSON()}, config.ReadTranscoders, []transcoder.Transcoder{config.Transcoder}) {
		all[t.Name()] = t
	}
	return all
}

func configured(field string) string { return "Config." + field }

// join makes one error of all faults, each with the name that its field has for the reader.
func join(faults []fault, name func(field string) string) error {
	var list []error
	for _, f := range faults {
		list = append(list, fmt.Errorf("msm: %s: %s", name(f.Field), f.Text))
	}
	return errors.Join(list...)
}

// SetNodes changes the list of nodes while requests run. Adding a node moves no session; those of a node that was
// removed are found on their backups, and get another copy by a refill (see NodeStats). It waits as New does. On an error,
// which may be that a new node cannot be used, as with New, nothing changes.
func (m *Manager) SetNodes(nodes, failoverNodes string) error {
	faults := m.nodes.set(nodes, failoverNodes)
	if m.closed.Load() { // not asked before, for Close may come meanwhile
		return ErrClosed
	}
	return join(faults, func(field string) string { return field })
}

// Close ends the manager: requests that begin later get ErrClosed. Call it after http.Server.Shutdown has returned, or let
// ListenAndServe do both. In sticky mode it stores what is not stored yet and answers an UnsavedError if something is left
// when ctx ends, which it may have to wait for if no node is available; if ctx has no deadline, it gives up when nothing
// could be stored for seven seconds, or ten times Config.OpTimeout if that is longer. In non-sticky mode nothing is ever
// left to store. Further calls wait for the first one, and answer what it has.
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

// closeNodes waits for what runs in the background.
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

// Fail answers a request whose session could not be loaded or stored, by Config.ErrorHandler, counts it in Stats and tells
// the log. The request is the one that Begin has answered. Nothing must have been sent yet.
func (m *Manager) Fail(w http.ResponseWriter, r *http.Request, err error) {
	m.report(r, m.token(r), "request without its session", err)
	x := &Exchange{manager: m, refusal: refusal{answering: true}}
	m.config.ErrorHandler(x.Writer(w), r, err)
	if !x.refusal.answered {
		sorry(w, r, err)
	}
}

func (m *Manager) ignores(r *http.Request) bool {
	return m.config.Ignore != nil && m.config.Ignore.MatchString(r.URL.Path)
}

func (m *Manager) newID() sid.ID {
	id := m.format.New("", m.config.Route)
	id.Node = m.store.FirstNode(id.Token)
	return id
}

// newRecord is a session at its beginning.
func (m *Manager) newRecord() *record.Record {
	now := time.Now()
	rec := &record.Record{Created: now, LastAccess: now, IdleTimeout: m.config.IdleTimeout, Transcoder: m.coder.Name()}
	if m.config.AbsoluteTimeout > 0 {
		rec.Deadline = now.Add(m.config.AbsoluteTimeout)
	}
	return rec
}

// successor is the first record of a renewed session.
func (m *Manager) successor(of *record.Record) *record.Record {
	rec := m.newRecord()
	rec.Created, rec.Transcoder = of.Created, of.Transcoder
	rec.TakeValues(of)
	return m.withCookie(rec)
}
