package msm

import (
	"context"
	"log/slog"

	"github.com/gomsm/msm/core/internal/cluster"
	"github.com/gomsm/msm/core/internal/mailbox"
	"github.com/gomsm/msm/core/internal/memcache"
	"github.com/gomsm/msm/core/internal/peers"
	"github.com/gomsm/msm/core/internal/random"
	"github.com/gomsm/msm/core/internal/recent"
	"github.com/gomsm/msm/core/internal/replica"
)

// newNodes returns the manager's nodes: none yet. connect returns the clients of a server; nil: those of the
// configuration.
func (m *Manager) newNodes(draws *random.Source, connect func(cluster.Spec) cluster.Clients) *cluster.Membership {
	c := &m.config
	route := "" // by which others leave messages for this instance alone
	if c.Sticky {
		route = c.Route
	}
	switch {
	case connect != nil:
	case c.Nodes == "":
		connect = func(cluster.Spec) cluster.Clients {
			return cluster.Clients{Operations: memcache.NewMemory(memcache.MemoryOptions{Evicted: m.evicts})}
		}
	default:
		connect = func(spec cluster.Spec) cluster.Clients { return memcached(spec, c, draws) }
	}
	return cluster.NewMembership(m.store.Cluster, cluster.MembershipConfig{
		Connect: connect, KeyPrefix: c.KeyPrefix, Boards: mailbox.Keys(c.KeyPrefix, route), OnProbe: m.peers.Look,
		Introduce: m.peers.Introduce, Forget: m.peers.Forget, Log: m.log, Random: draws,
	})
}

// evicts records that the in-memory node was full, and has evicted something.
func (m *Manager) evicts() {
	m.evicted.Add(1)
	m.log.Event(context.Background(), slog.LevelError, "the in-memory node is full and evicts sessions, whose visitors are logged out: configure Nodes", "")
}

// memcached returns the clients of a memcached server.
func memcached(spec cluster.Spec, c *Config, draws *random.Source) cluster.Clients {
	o := memcache.ClientOptions{
		Timeout: c.OpTimeout, MaxConns: c.MaxConns, DialContext: c.DialContext, TLS: c.TLS, Secrets: secretsIn(c.AuthFile), Random: draws.Of("operations on " + spec.ID),
	}
	operations := memcache.NewMemcached(spec.Address, o)
	o.MaxConns, o.Random = 1, draws.Of("probes of "+spec.ID)
	return cluster.Clients{Operations: operations, Probes: memcache.NewMemcached(spec.Address, o)}
}

// beginNodes uses the configured list, or an in-memory node if that is empty.
func (m *Manager) beginNodes() []fault {
	if m.config.Nodes != "" {
		return m.nodes.Set(m.config.Nodes, m.config.FailoverNodes)
	}
	m.log.Warn("msm: no Nodes are configured: sessions live in the memory of this process only, and end with it")
	return m.nodes.Use([]cluster.Spec{{Address: "memory"}})
}

// newStore returns the store of the sessions' copies.
func (m *Manager) newStore(nodes *cluster.Cluster, draws *random.Source) *replica.Store {
	c := &m.config
	copies := replica.Config{
		Cluster: nodes, Backups: c.Backups, KeyPrefix: c.KeyPrefix, MaxSize: c.MaxSessionSize, IdleTime: c.IdleTimeout,
		Patience: c.OpTimeout, Random: draws.Of("copies"), Seals: m.keys.seals, Log: m.log,
	}
	if c.Sticky {
		copies.Route = c.Route
		copies.MaxSize = 0 // package local refuses what is too large
	}
	return replica.New(copies)
}

// newBackend decides where sessions are found and made.
func (m *Manager) newBackend() backend {
	nodes := direct{
		store: m.store, turns: m.turns, background: m.background, refreshes: m.refreshes,
		cookies: recent.NewTimes(refreshLimit), successor: m.renewedRecord,
	}
	if !m.config.Sticky {
		return &nodes
	}
	m.local = newLocal(m.store, &m.config, m.log)
	nodes.memory = m.local
	return &sticky{nodes, m.config.Route}
}

// memory returns what messages of other instances are applied to; nil: this instance is not sticky.
func (m *Manager) memory() peers.Memory {
	if m.local == nil {
		return nil
	}
	return m.local
}
