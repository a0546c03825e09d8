package msm

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gomsm/msm/core/internal/nodetest"
	"github.com/gomsm/msm/core/internal/record"
)

// TestEncryptionKeysChangeInRollingDeploys plays the steps of docs/keys.md, each while old and new instances run side by
// side: no session and no login gets lost, and what lies on the nodes is sealed when it was said, with the key that was said.
func TestEncryptionKeysChangeInRollingDeploys(t *testing.T) {
	t.Parallel()
	old, next := signingKey("o"), signingKey("n")
	const ahead = 1000 * time.Hour
	type step struct {
		name          string
		keys          [][]byte
		from, until   time.Duration // from now; 0: not set
		wait          bool          // before the next step, for as long as visitors may stay away
		plain, sealed bool          // sessions on the nodes, after the step
	}
	for name, steps := range map[string][]step{
		"switched on": {
			{name: "without keys", plain: true},
			{name: "step 1", keys: [][]byte{old}, from: 10 * time.Minute, until: 40 * time.Minute, wait: true, sealed: true},
			{name: "step 2", keys: [][]byte{old}, sealed: true},
		},
		"a key replaced by another": {
			{name: "the old key", keys: [][]byte{old}, sealed: true},
			{name: "step 1", keys: [][]byte{old, next}, sealed: true},
			{name: "step 2", keys: [][]byte{next, old}, wait: true, sealed: true},
			{name: "step 3", keys: [][]byte{next}, sealed: true},
		},
		"switched off": {
			{name: "with a key", keys: [][]byte{old}, sealed: true},
			{name: "step 1", keys: [][]byte{old}, until: ahead, sealed: true},
			{name: "step 2", keys: [][]byte{old}, from: ahead, until: ahead, wait: true, plain: true},
			{name: "step 3", plain: true},
		},
	} {
		t.Run(name, func(t *testing.T) {
			inDeploys(t, func(d *deploys, mode Config) {
				var m *Manager
				for _, s := range steps {
					config := mode
					config.EncryptionKeys = s.keys
					if s.from > 0 {
						config.SealedFrom = time.Now().Add(s.from)
					}
					if s.until > 0 {
						config.UnsealedUntil = time.Now().Add(s.until)
					}
					if m == nil {
						m = d.instance(config)
					} else {
						m = d.roll(s.name, m, config)
					}
					if s.wait {
						d.wait(m, time.Now().Add(d.stay))
						if s.until < ahead {
							d.wait(m, config.UnsealedUntil)
						}
					}
					d.login("the end of "+s.name, m)
					d.everyone(m)
					if plain, sealed := d.w.living(); (plain > 0) != s.plain || (sealed > 0) != s.sealed {
						t.Errorf("%s: %d copies are in plain, %d are sealed", s.name, plain, sealed)
					}
					if m.Stats().Forged > 0 {
						t.Errorf("%s: %d copies are refused", s.name, m.Stats().Forged)
					}
				}
			})
		})
	}
}

// living counts the copies of living sessions on the nodes.
func (w *world) living() (plain, sealed int) {
	for _, s := range w.servers {
		for _, key := range keysOn(s, "msm:s:") {
			switch rec, err := record.Decode(s.Value(key)); {
			case errors.Is(err, record.ErrSealed):
				sealed++
			case err == nil && !rec.Tombstone:
				plain++
			}
		}
	}
	return plain, sealed
}

// keysOn returns the keys on a server that begin so.
func keysOn(s *nodetest.Server, prefix string) (list []string) {
	_ = s.Memory().Keys(context.Background(), prefix, func(key string) { list = append(list, key) })
	return list
}

// TestNothingOnTheNodesTellsOfASession: CS-04, T-06. Who dumps all keys and values of a sealed cluster finds no value, no
// attribute's name and no cookie.
func TestNothingOnTheNodesTellsOfASession(t *testing.T) {
	t.Parallel()
	inModes(t, func(t *testing.T, w *world, mode Config) {
		mode.EncryptionKeys, mode.SigningKeys = [][]byte{signingKey("k")}, [][]byte{signingKey("s")}
		m := w.routed(mode, "a")
		var visitors [20]visitor
		for i := range visitors {
			visitors[i].request(m, "POST", func(s *Session) {
				s.Set("canaryname", "canaryvalue")
				s.Set("list", []string{"canarylist"})
			})
			visitors[i].request(m, "POST", func(s *Session) { Update(s, "n", plus(1)) })
		}
		visitors[0].request(m, "POST", func(s *Session) { s.Destroy() })
		time.Sleep(heard)
		dump := w.dump()
		for i := range visitors {
			token, _, _ := strings.Cut(visitors[i].id, "-")
			if i > 0 && (token == "" || bytes.Contains(dump, []byte(token)) || bytes.Contains(dump, []byte(token[:26]))) {
				t.Errorf("the token %q is on a node", token)
			}
		}
		for _, canary := range []string{"canaryname", "canaryvalue", "canarylist"} {
			if bytes.Contains(dump, []byte(canary)) {
				t.Errorf("%q is on a node", canary)
			}
		}
		if plain, sealed := w.living(); plain > 0 || sealed < len(visitors) {
			t.Errorf("%d copies are in plain, %d are sealed", plain, sealed)
		}
	})
}

// dump returns all keys and values of all servers.
func (w *world) dump() (all []byte) {
	for _, s := range w.servers {
		for _, key := range keysOn(s, "") {
			all = append(append(all, key...), s.Value(key)...)
		}
	}
	return all
}

// TestAnotherVisitorsRecord: T-07. Who can write to the nodes puts mallory's record in the place of ann's, or an old one of
// ann's own with a bit changed. Nobody's cookie reads what is not his: the session is over, and one line of the log says so.
func TestAnotherVisitorsRecord(t *testing.T) {
	t.Parallel()
	inModes(t, func(t *testing.T, w *world, mode Config) {
		mode.EncryptionKeys = [][]byte{signingKey("k")}
		m := w.routed(mode, "a")
		var ann, mallory visitor
		ann.request(m, "POST", func(s *Session) { s.Set("user", "ann") })
		mallory.request(m, "POST", func(s *Session) { s.Set("user", "mallory") })
		time.Sleep(heard)
		if err := m.Close(context.Background()); err != nil {
			t.Fatal(err)
		}
		theirs := w.values(recordKey(mallory.id))
		for i, s := range w.servers {
			if theirs[i] == nil {
				t.Fatal("a node has no copy")
			}
			s.Evict(recordKey(ann.id))
		}
		for i, s := range w.servers {
			w.put(s, recordKey(ann.id), theirs[i])
		}
		var log bytes.Buffer
		mode.Route = "b"
		next, _ := w.logging(mode, slog.New(slog.NewTextHandler(&log, nil)))
		for range 3 {
			ann.request(next, "GET", func(s *Session) {
				if user := Get[string](s, "user"); user != "" {
					t.Errorf("ann's cookie reads user=%s", user)
				}
			})
		}
		var hers string
		mallory.request(next, "GET", func(s *Session) { hers = Get[string](s, "user") })
		stats := next.Stats()
		_ = next.Close(context.Background())
		if hers != "mallory" || stats.Forged == 0 || !strings.Contains(log.String(), "refused") || strings.Contains(log.String(), "mallory") {
			t.Errorf("mallory is %q; %d refused; the log: %s", hers, stats.Forged, &log)
		}
	})
}

// TestEncryptionKeysChangeWithoutARestart: T-08. The keys change every minute, and no session gets lost.
func TestEncryptionKeysChangeWithoutARestart(t *testing.T) {
	t.Parallel()
	inModes(t, func(t *testing.T, w *world, mode Config) {
		var ring atomic.Value // of string: their letters
		ring.Store("ab")
		mode.EncryptionKeysFrom = func() (list [][]byte, err error) {
			for _, letter := range strings.Split(ring.Load().(string), "") {
				list = append(list, signingKey(letter))
			}
			return list, nil
		}
		m := w.routed(mode, "a")
		var v visitor
		v.request(m, "POST", func(s *Session) { s.Set("user", "ann") })
		for _, next := range []string{"abc", "cba", "cb", "cbd", "dcb", "d", "ed", "e"} {
			ring.Store(next)
			time.Sleep(keysEvery + time.Second)
			v.request(m, "POST", func(s *Session) {
				Update(s, "n", plus(1))
				if user := Get[string](s, "user"); user != "ann" {
					t.Errorf("with %q the user is %q", next, user)
				}
			})
		}
		if stats := m.Stats(); stats.Forged != 0 || stats.Refusals != (Refusals{}) {
			t.Errorf("%+v", stats)
		}
	})
}
