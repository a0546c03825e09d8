package msm

import (
	"net/http"
	"slices"
	"sync/atomic"

	"github.com/gomsm/msm/core/internal/cluster"
	"github.com/gomsm/msm/core/internal/counter"
	"github.com/gomsm/msm/core/internal/journal"
	"github.com/gomsm/msm/core/internal/keyqueue"
	"github.com/gomsm/msm/core/internal/local"
	"github.com/gomsm/msm/core/internal/peers"
	"github.com/gomsm/msm/core/internal/random"
	"github.com/gomsm/msm/core/internal/recent"
	"github.com/gomsm/msm/core/internal/repair"
	"github.com/gomsm/msm/core/internal/replica"
	"github.com/gomsm/msm/transcoder"
)

// Manager keeps the sessions of one app instance. Make it with New, and close it. It is safe for concurrent use.
type Manager struct {
	secret
	config   Config
	log      *journal.Journal
	keys     keys
	warned   atomic.Bool                      // see warnOfClearText
	coder    transcoder.Transcoder            // for new sessions
	readable map[string]transcoder.Transcoder // by name, those that stored sessions may need
	storage
	services
	remembered
	shutdown
	locks      *locks
	principals *principals
	refusals   refusals
	evicted    counter.Counter // by the in-memory node
	suspects   suspects
}

// storage is where sessions are.
type storage struct {
	store   *replica.Store             // their copies, on the nodes
	local   *local.Store               // those in memory; nil: not sticky
	backend backend                    // finds and makes them
	values  *values                    // what is stored beside them
	turns   *keyqueue.Queues[struct{}] // of writes and loads, one queue for each session
}

// services are what runs in the background.
type services struct {
	nodes      *cluster.Membership
	peers      *peers.Peers
	background *repair.Queue // repairs of single sessions, and records of their use
	refills    *repair.Refills
	watches    *watches
}

// shutdown is how far the end of a manager is.
type shutdown struct {
	running atomic.Int64 // requests that have begun and not ended
	closed  atomic.Bool
	ended   chan struct{} // closed when the first Close is done
	unclean error         // the error of the first Close; valid once ended is closed
}

// remembered is what an instance remembers of the sessions and clients that it has seen last.
type remembered struct {
	absences  *absences
	refreshes *recent.Times // when a session's next refresh is due; only of sessions that were found
	chosen    *recent.Times // until when a client's several ids are not looked at again, by the first one
	tidied    *recent.Times // until when a client's other cookies are left alone
	signed    *recent.Times // until when a client's id is not signed anew
}

const (
	refreshLimit = 1 << 16 // sessions whose next refresh or cookie is known, and values of a Store, in each of two generations
	tidyLimit    = 1000    // clients with several cookies, likewise
)

func newRemembered(route string) remembered {
	return remembered{
		absences: newAbsences(route), refreshes: recent.NewTimes(refreshLimit), chosen: recent.NewTimes(tidyLimit), tidied: recent.NewTimes(tidyLimit),
		signed: recent.NewTimes(refreshLimit),
	}
}

// New makes a Manager from a copy of config, and probes the nodes. It blocks until each has answered or has run out of
// Config.OpTimeout; that is no error, and the node is used as soon as it answers. If a server has only just come into
// use beside others, New waits half a second more, until all instances know of it.
//
// The error joins everything that is wrong with the configuration. That includes nodes that answer but cannot be used:
// a memcached that was started with -C, or one that the list already has under another name. Without an error the
// caller must call Close.
func New(config Config) (*Manager, error) { return open(config, nil) }

// open is New, with clients of the caller's for the nodes; nil: those of the configuration.
func open(config Config, connect func(cluster.Spec) cluster.Clients) (*Manager, error) {
	if err := join(config.faults(), configured); err != nil {
		return nil, err
	}
	config = config.withDefaults()
	config.TrustedProxies = unmapped(config.TrustedProxies)
	m := &Manager{
		config: config, log: journal.New(config.Logger), coder: config.Transcoder, readable: readable(config),
		remembered: newRemembered(config.Route), shutdown: shutdown{ended: make(chan struct{})},
	}
	if err := join(m.keys.load(&m.config, m.log), configured); err != nil {
		m.log.Close()
		return nil, err
	}
	m.turns = keyqueue.New[struct{}](keyqueue.Writes(config.requestWait()))
	draws := random.Default()
	m.store = m.newStore(cluster.New(nil), draws)
	m.peers = peers.New(m.store, m.log)
	m.nodes = m.newNodes(draws, connect)
	if err := join(m.beginNodes(), configured); err != nil {
		m.log.Close()
		return nil, err
	}
	m.background = repair.NewQueue(repair.QueueConfig{Store: m.store, Due: m.refreshes, Gone: m.absences.missed, Log: m.log, Cause: causeName})
	m.backend = m.newBackend()
	m.values = &values{store: m.store, turns: m.turns, background: m.background, homes: recent.NewMap[string, string](refreshLimit, nil), closed: &m.closed}
	m.principals = newPrincipals(m.values, m.backend, m.refreshes, &config)
	m.watches = newWatches(m.principals.peek)
	m.principals.watches = m.watches
	m.peers.Begin(m.memory())
	m.locks = newLocks(m.store, &config)
	m.keys.begin()
	m.background.Begin()
	m.refills = repair.NewRefills(m.store, config.RefillRate, m.log)
	if config.Backups > 0 && config.RefillRate > 0 {
		m.refills.Begin()
	}
	return m, nil
}

// readable returns the transcoders that stored sessions may need, by name (rule R9). CBOR and JSON are always among
// them, since they decode any bytes within bounds, into the types that the app asks for. Package gob is not made for hostile
// bytes, so nobody who can write to a node may choose it; the configuration has to.
func readable(config Config) map[string]transcoder.Transcoder {
	all := make(map[string]transcoder.Transcoder)
	for _, t := range slices.Concat([]transcoder.Transcoder{transcoder.CBOR(), transcoder.JSON()}, config.ReadTranscoders, []transcoder.Transcoder{config.Transcoder}) {
		all[t.Name()] = t
	}
	return all
}

// configured returns the name of a field as New's errors spell it.
func configured(field string) string { return "Config." + field }

// SetNodes replaces the list of nodes while requests run; its arguments are like Config.Nodes, which must not be empty
// here, and Config.FailoverNodes. Adding a node moves no session. The sessions of a removed node are found on their
// backups, and a refill gives them another copy (see NodeStats).
//
// SetNodes blocks as New does. On an error nothing changes: there are faults in the list, as with New, or ErrClosed.
func (m *Manager) SetNodes(nodes, failoverNodes string) error {
	faults := m.nodes.Set(nodes, failoverNodes)
	if m.closed.Load() { // Close may have come in the meantime
		return ErrClosed
	}
	return join(faults, func(field string) string { return field })
}

// ignores reports whether Config.Ignore matches the request (rule E1).
func (m *Manager) ignores(r *http.Request) bool {
	return m.config.Ignore != nil && m.config.Ignore.MatchString(r.URL.Path)
}
