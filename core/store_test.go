package msm_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	msm "github.com/gomsm/msm/core"
	"github.com/gomsm/msm/core/msmtest"
)

// TestStore runs on two memcached servers, and on the in-memory node.
func TestStore(t *testing.T) {
	t.Parallel()
	list, _ := startServers(t, 2)
	for where, nodes := range map[string]string{"memcached": list, "in memory": ""} {
		m := newManager(t, msm.Config{Nodes: nodes, MaxSessionSize: 10_000})
		for name, run := range storeCases {
			t.Run(where+": "+name, func(t *testing.T) { run(shelf{m.Store(t.Name()), t}) })
		}
	}
}

// TestNobodyMeetsAtTheEmptyKey: scs deletes the empty key when a visitor without a session logs out. No node is asked
// for it, and no request waits for another one there.
func TestNobodyMeetsAtTheEmptyKey(t *testing.T) {
	t.Parallel()
	m := newManager(t, msm.Config{})
	s := shelf{m.Store("a"), t}
	before := m.Stats().Loads
	s.delete("")
	s.wantError("DeleteWithContext", s.DeleteWithContext(context.Background(), ""), nil)
	if after := m.Stats().Loads; after != before {
		t.Errorf("%d looks", after-before)
	}
}

var storeCases = map[string]func(s shelf){
	"a value is found until it is deleted": func(s shelf) {
		s.wantNone("k")
		s.commit("k", "a", time.Hour)
		s.want("k", "a")
		s.commit("k", "b", time.Hour)
		s.want("k", "b")
		s.delete("k")
		s.wantNone("k")
		s.delete("k")
		s.delete("never there")
	},
	"Commit leaves a deleted token dead": func(s shelf) {
		s.commit("k", "a", time.Hour)
		s.delete("k")
		s.wantError("Commit", s.Commit("k", []byte("late"), time.Now().Add(time.Hour)), msm.ErrGone)
		s.wantNone("k")
	},
	"Set writes over a deleted key": func(s shelf) {
		s.set("k", "a", time.Hour)
		s.delete("k")
		s.set("k", "b", time.Hour)
		s.want("k", "b")
		s.delete("k")
		s.wantNone("k")
	},
	"Final: Set leaves a deleted key dead": func(s shelf) {
		s.set("k", "a", time.Hour)
		s.delete("k")
		s.wantError("Set", s.Final().Set("k", []byte("late"), time.Hour), msm.ErrGone)
		s.wantNone("k")
	},
	"an expiry that is past deletes": func(s shelf) {
		s.commit("k", "a", time.Hour)
		s.commit("k", "b", -time.Second)
		s.wantNone("k")
		s.set("l", "a", time.Hour)
		s.set("l", "b", -time.Second)
		s.wantNone("l")
		s.commit("m", "never", -100*365*day)
		s.wantNone("m")
	},
	"no expiry, more than 30 days, and the end of time": func(s shelf) {
		s.set("zero", "a", 0)
		s.want("zero", "a")
		s.commit("31 days", "a", 31*day)
		s.want("31 days", "a")
		s.wantError("Commit", s.Commit("end", []byte("a"), time.Unix(1<<60, 0)), nil)
		s.want("end", "a")
		s.delete("end")
		s.wantNone("end")
	},
	"an empty value is a value for Commit, and nothing for Set": func(s shelf) {
		s.commit("empty", "", time.Hour)
		s.want("empty", "")
		s.wantError("Commit nil", s.Commit("nil", nil, time.Now().Add(time.Hour)), nil)
		s.want("nil", "")
		s.set("set", "", time.Hour)
		s.wantNone("set")
	},
	"no key is a key for Commit, and nothing for Set": func(s shelf) {
		s.set("", "a", time.Hour)
		s.wantNone("")
		s.delete("")
		s.commit("", "a", time.Hour)
		s.want("", "a")
	},
	"any key, and any value": func(s shelf) {
		value := string([]byte{0, '\r', '\n', 0xff})
		for _, key := range []string{" ", "a b\r\n\x00", strings.Repeat("é", 1000), "../../etc"} {
			s.commit(key, value, time.Hour)
			s.want(key, value)
		}
	},
	"too large a value leaves the old one": func(s shelf) {
		s.commit("k", "a", time.Hour)
		s.wantError("Commit", s.Commit("k", bytes.Repeat([]byte("x"), 10_001), time.Now().Add(time.Hour)), msm.ErrTooLarge)
		s.want("k", "a")
	},
	"the caller keeps the bytes of both": func(s shelf) {
		value := []byte("abc")
		s.wantError("Commit", s.Commit("k", value, time.Now().Add(time.Hour)), nil)
		value[0] = 'X'
		s.want("k", "abc")
		got, _, _ := s.Find("k")
		got[0] = 'X'
		s.want("k", "abc")
	},
	"a context that is over": func(s shelf) {
		s.commit("k", "a", time.Hour)
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_, found, err := s.FindCtx(ctx, "k")
		s.wantError("Find", err, context.Canceled)
		if found {
			s.t.Error("found")
		}
		s.wantError("Commit", s.CommitCtx(ctx, "k", []byte("b"), time.Now().Add(time.Hour)), context.Canceled)
		s.wantError("Set", s.SetWithContext(ctx, "k", []byte("b"), time.Hour), context.Canceled)
		s.wantError("Delete", s.DeleteCtx(ctx, "k"), context.Canceled)
		s.want("k", "a")
	},
	"Reset says that it cannot, and Close closes nothing": func(s shelf) {
		s.set("k", "a", time.Hour)
		s.wantError("Reset", s.Reset(), errors.ErrUnsupported)
		s.wantError("Reset", s.ResetWithContext(context.Background()), errors.ErrUnsupported)
		s.wantError("Close", s.Close(), nil)
		s.want("k", "a")
	},
	"many writers of one new key": func(s shelf) {
		var all sync.WaitGroup
		for i := range 16 {
			all.Go(func() {
				s.set("k", fmt.Sprint(i), time.Hour)
				if b, err := s.Get("k"); len(b) == 0 || err != nil {
					s.t.Errorf("%q, %v", b, err)
				}
			})
		}
		all.Wait()
		s.delete("k")
		s.wantNone("k")
	},
}

// TestLifeOfAValue checks when values expire, in fake time.
func TestLifeOfAValue(t *testing.T) {
	t.Parallel()
	for name, run := range map[string]func(s shelf){
		"a value expires on time, and its key can be used again at once": func(s shelf) {
			for _, value := range []string{"a", "b"} {
				s.commit("k", value, 150*time.Millisecond)
				time.Sleep(149 * time.Millisecond)
				s.want("k", value)
				time.Sleep(2 * time.Millisecond)
				s.wantNone("k")
			}
		},
		"the last expiry counts, be it earlier or later": func(s shelf) {
			s.commit("k", "long", time.Hour)
			s.commit("k", "short", 100*time.Millisecond)
			time.Sleep(101 * time.Millisecond)
			s.wantNone("k")
			s.commit("k", "long", time.Hour)
			time.Sleep(30 * time.Second)
			s.want("k", "long")
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				for where, m := range map[string]*msm.Manager{"memcached": newNetwork(t, 2).manager(msm.Config{}), "in memory": newManager(t, msm.Config{})} {
					t.Log(where)
					run(shelf{m.Store("a"), t})
				}
			})
		})
	}
}

func TestAStoreReachesNoSessionAndNoOtherStore(t *testing.T) {
	t.Parallel()
	m := newManager(t, msm.Config{})
	a := serve(t, counting(m))
	a.do("POST", "/")
	id := a.browser.Jar.Cookies(mustURL(a.URL))[0].Value
	for _, name := range []string{"", "a", "b"} {
		s := shelf{m.Store(name), t}
		s.wantNone(id)
		s.delete(id)
		s.set(id, "of store "+name, time.Hour)
	}
	if _, body := a.do("POST", "/"); body != "2" {
		t.Errorf("counted %s; want 2", body)
	}
	for _, name := range []string{"", "a", "b"} {
		shelf{m.Store(name), t}.want(id, "of store "+name)
	}
	s := shelf{m.Store("a"), t}
	s.set("k", "v", time.Hour)
	req, _ := http.NewRequest("GET", a.URL, nil)
	req.AddCookie(&http.Cookie{Name: "SESSION", Value: "k"})
	if _, body := (&app{a.Server, a.Client(), t}).send(req); body != "0" {
		t.Errorf("with a store's key as its cookie a session counts %s", body)
	}
}

func TestTheStoreOfAClosedManager(t *testing.T) {
	t.Parallel()
	m := newManager(t, msm.Config{})
	s := shelf{m.Store("a"), t}
	s.set("k", "a", time.Hour)
	_ = m.Close(context.Background())
	_, _, err := s.Find("k")
	s.wantError("Find", err, msm.ErrClosed)
	s.wantError("Commit", s.Commit("k", nil, time.Now().Add(time.Hour)), msm.ErrClosed)
	s.wantError("Delete", s.Delete("k"), msm.ErrClosed)
}

// TestWhatAStoreSends checks that reading a value that lies where it is looked for costs one command.
func TestWhatAStoreSends(t *testing.T) {
	t.Parallel()
	proxy := msmtest.StartProxy(t, msmtest.StartServer(t).Addr())
	s := shelf{newManager(t, msm.Config{Nodes: proxy.Addr()}).Store("a"), t}
	s.commit("secret", "a", 31*day)
	proxy.Reset()
	_, _, _ = s.Find("secret")
	sent := slices.DeleteFunc(proxy.Commands(), func(c string) bool { _, rest, _ := strings.Cut(c, " "); return ofNodes(rest) })
	if len(sent) != 1 || !strings.HasPrefix(sent[0], "gets msm:") {
		t.Errorf("%q", sent)
	}
	if strings.Contains(sent[0], "secret") {
		t.Error("the key is readable")
	}
}
