package msm

import (
	"context"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gomsm/msm/core/internal/sid"
)

func signingKey(letter string) []byte { return []byte(strings.Repeat(letter, 32)) }

// TestSigningKeysChangeInRollingDeploys plays the steps of docs/keys.md, each while old and new instances run side by side:
// no session and no login gets lost, and what is forged is accepted at no other time than the one that was said.
func TestSigningKeysChangeInRollingDeploys(t *testing.T) {
	t.Parallel()
	old, next := signingKey("o"), signingKey("n")
	unsigned, err := sid.NewFormat("SESSION", nil, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	stranger, err := sid.NewFormat("SESSION", [][]byte{signingKey("x")}, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	type step struct {
		name     string
		keys     [][]byte
		window   bool // Config.UnsignedUntil is in the future
		wait     bool // before the next step, for as long as visitors may stay away
		unsigned bool // unsigned ids are accepted
	}
	for name, steps := range map[string][]step{
		"switched on": {
			{name: "without keys", unsigned: true},
			{name: "step 1", keys: [][]byte{old}, window: true, wait: true, unsigned: true},
			{name: "step 2", keys: [][]byte{old}},
		},
		"a key replaced by another": {
			{name: "the old key", keys: [][]byte{old}},
			{name: "step 1", keys: [][]byte{old, next}},
			{name: "step 2", keys: [][]byte{next, old}, wait: true},
			{name: "step 3", keys: [][]byte{next}},
		},
		"switched off": {
			{name: "with a key", keys: [][]byte{old}},
			{name: "step 1", keys: [][]byte{old}, window: true, unsigned: true},
			{name: "step 2", unsigned: true},
		},
	} {
		t.Run(name, func(t *testing.T) {
			inDeploys(t, func(d *deploys, mode Config) {
				var m *Manager
				for _, s := range steps {
					config := mode
					config.SigningKeys = s.keys
					if s.window {
						config.UnsignedUntil = time.Now().Add(d.stay + 10*time.Minute) // with ten minutes for the deploy
					}
					if m == nil {
						m = d.instance(config)
					} else {
						m = d.roll(s.name, m, config)
					}
					if d.forged(m, unsigned) != s.unsigned || d.forged(m, stranger) == (len(s.keys) > 0) {
						t.Errorf("%s: forged ids are accepted unsigned: %v, signed by another key: %v", s.name, d.forged(m, unsigned), d.forged(m, stranger))
					}
					if s.wait {
						d.wait(m, time.Now().Add(d.stay))
					}
					if s.wait && s.window {
						d.wait(m, config.UnsignedUntil)
						if d.forged(m, unsigned) {
							t.Errorf("%s: unsigned ids are accepted when their time is over", s.name)
						}
					}
				}
			})
		})
	}
}

// TestAnIDIsSignedAnew checks that an id is signed again by the first key, at most once a minute at one instance, for
// the cookie and for the header.
func TestAnIDIsSignedAnew(t *testing.T) {
	t.Parallel()
	inDeploys(t, func(d *deploys, mode Config) {
		mode.Header = "X-Session"
		before, after := mode, mode
		before.SigningKeys, after.SigningKeys = [][]byte{signingKey("o")}, [][]byte{signingKey("n"), signingKey("o")}
		m := d.instance(before)
		c := &regular{name: "ann"}
		d.visit(m, c, func(s *Session) { s.Set("user", "ann") })
		if err := m.Close(context.Background()); err != nil {
			t.Fatal(err)
		}
		m = d.instance(after)
		d.visit(m, c, nil) // in sticky mode it gets another route
		id := c.id
		if _, outdated, ok := m.keys.format().Parse(id); outdated || !ok {
			d.t.Errorf("not signed anew: outdated %v, ok %v", outdated, ok)
		}
		other, err := sid.NewFormat("SESSION", before.SigningKeys, time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		parsed, _, _ := m.keys.format().Parse(id)
		stale := other.Spell(parsed) // as it was signed before
		get := func(name, value string) (told int) {
			r := httptest.NewRequest("GET", "/", nil)
			r.Header.Set(name, value)
			w := httptest.NewRecorder()
			m.Middleware(handlerOf(func(s *Session) { s.Has("n") })).ServeHTTP(w, r)
			told = len(w.Header()["Set-Cookie"]) + len(w.Header()["X-Session"])
			return told
		}
		for name, header := range map[string][2]string{"by cookie": {"Cookie", "SESSION=" + stale}, "by header": {"X-Session", stale}} {
			time.Sleep(time.Minute)
			if first, second := get(header[0], header[1]), get(header[0], header[1]); first != 1 || second != 0 {
				d.t.Errorf("%s: told %d times at first, then %d", name, first, second)
			}
			time.Sleep(time.Minute)
			if again := get(header[0], header[1]); again != 1 {
				d.t.Errorf("%s: told %d times a minute later", name, again)
			}
		}
		if told := get("Cookie", "SESSION="+id); told != 0 {
			d.t.Errorf("a client that knows its id is told it %d times", told)
		}
	})
}
