package msm_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	msm "github.com/gomsm/msm/core"
	"github.com/gomsm/msm/core/internal/memcache"
)

// TestAnOutageIsNoFloodOfTheLog checks that an outage is a few lines in the log, whatever requests do and however many
// there are, and that all are counted.
func TestAnOutageIsNoFloodOfTheLog(t *testing.T) {
	t.Parallel()
	const requests = 500
	counts := func(s *msm.Session) { add(s) }
	for name, c := range map[string]struct {
		config  msm.Config
		method  string
		do      func(s *msm.Session)
		status  int
		message string
	}{
		"they change":                       {msm.Config{}, "POST", counts, 503, "request without its session"},
		"they look":                         {msm.Config{}, "GET", func(s *msm.Session) { count.Get(s) }, 503, "request without its session"},
		"they wait for a lock":              {msm.Config{Locking: msm.LockAll}, "GET", func(*msm.Session) {}, 503, "request without its session"},
		"they only keep the session alive":  {msm.Config{}, "GET", func(*msm.Session) {}, 200, "background write failed"},
		"they log out, in sticky mode":      {msm.Config{Sticky: true, Backups: 1}, "POST", func(s *msm.Session) { s.Destroy() }, 503, "request without its session"},
		"they change, in sticky mode":       {msm.Config{Sticky: true, Backups: 1, BackupSync: true}, "POST", counts, 200, ""},
		"they change after the first byte":  {msm.Config{}, "LATE", counts, 200, "after the response began"},
		"they find no room, in sticky mode": {msm.Config{Sticky: true, Backups: 1, MaxLocalSessions: 1}, "NEW", counts, 503, "request without its session"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				log, w := &logged{}, newNetwork(t, 2)
				c.config.Logger = log.logger()
				m := w.manager(c.config)
				id := begin(t, m, counts)
				time.Sleep(2 * time.Minute) // its next access is due to be recorded
				for _, s := range w.servers {
					s.halt()
				}
				goOn := sync.OnceFunc(func() {
					for _, s := range w.servers {
						s.goOn()
					}
				})
				defer goOn()
				if c.config.Sticky {
					time.Sleep(time.Second) // until the outage is known
				}
				if c.config.MaxLocalSessions > 0 {
					begin(t, m, counts) // another session, which is stored, leaves memory for it
				}
				h := m.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if r.Method == "LATE" {
						w.WriteHeader(200)
					}
					c.do(msm.From(r.Context()))
				}))
				before := len(log.lines(""))
				for range requests {
					cookie := withCookie("SESSION=" + id)
					method := c.method
					if method == "LATE" {
						cookie = nil
					}
					if method == "NEW" {
						cookie, method = nil, "POST"
					}
					if resp := exchange(h, method, "/", cookie); resp.StatusCode != c.status {
						t.Fatal(resp.StatusCode)
					}
					time.Sleep(10 * time.Millisecond)
				}
				time.Sleep(10 * time.Second)
				lines := log.lines("")[before:]
				if len(lines) > 20 {
					t.Errorf("%d lines:\n%s", len(lines), strings.Join(lines, ""))
				}
				if c.message != "" {
					told, counted := reports(log.lines(c.message)), 0
					for _, n := range refused(m) {
						counted += int(n)
					}
					if c.status == 503 && (told != requests || counted != requests) || told < requests/2 {
						t.Errorf("%d told of, %d counted", told, counted)
					}
				}
				goOn()
				time.Sleep(10 * time.Second)
				for _, node := range []string{"n1", "n2"} {
					if up := log.lines(`msg="node is up" node=` + node); len(up) != 2 {
						t.Errorf("that %s is back is said %d times:\n%s", node, len(up)-1, strings.Join(log.lines(""), ""))
					}
				}
			})
		})
	}
}

// TestANodeThatFlapsIsNoFloodOfTheLog checks that the last line about the node is true, too.
func TestANodeThatFlapsIsNoFloodOfTheLog(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log, w := &logged{}, newNetwork(t, 2)
		m := w.manager(msm.Config{Logger: log.logger()})
		id := begin(t, m, func(s *msm.Session) { add(s) })
		for i := range 60 {
			w.servers["n1"].halt()
			for range 10 {
				id = idOf(visit(m, id, func(s *msm.Session) { add(s) }), id)
			}
			time.Sleep(300 * time.Millisecond)
			w.servers["n1"].goOn()
			if i < 59 {
				time.Sleep(time.Second)
			}
		}
		time.Sleep(30 * time.Second)
		about := log.lines("node=n1")
		if len(about) > 80 || !strings.Contains(about[len(about)-1], "refilled") && !strings.Contains(about[len(about)-1], "is up") {
			t.Errorf("%d lines:\n%s", len(about), strings.Join(about, ""))
		}
		states := append(log.lines(`"node is down" node=n1`), log.lines(`"node is up" node=n1`)...)
		if len(states) > 40 || reports(states) < 2*60 {
			t.Errorf("%d lines tell of %d changes", len(states), reports(states))
		}
	})
}

// TestAValueThatNobodyCanReadIsNoFloodOfTheLog checks that each attribute is logged, once.
func TestAValueThatNobodyCanReadIsNoFloodOfTheLog(t *testing.T) {
	t.Parallel()
	log := &logged{}
	m := newManager(t, msm.Config{Logger: log.logger()})
	id := begin(t, m, func(s *msm.Session) { s.Set("a", "x"); s.Set("b", "x") })
	for range 100 {
		visit(m, id, func(s *msm.Session) { msm.Get[int](s, "a"); msm.Get[int](s, "b"); msm.Pop[int](s, "b") })
	}
	for _, name := range []string{"a", "b"} {
		if n := log.count(fmt.Sprintf("attribute=%s type=int", name)); n != 1 {
			t.Errorf("%s is told of %d times", name, n)
		}
	}
}

// TestSessionsThatNoNodeTakesAreNoFloodOfTheLog is about sticky mode, where the visitors have had their responses.
func TestSessionsThatNoNodeTakesAreNoFloodOfTheLog(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log, w := &logged{}, newNetwork(t, 1)
		w.servers["n1"].memory = memcache.NewMemory(memcache.MemoryOptions{MaxItem: 2000})
		m := w.manager(msm.Config{Sticky: true, Logger: log.logger()})
		for range 50 {
			visit(m, "", func(s *msm.Session) { s.Set("large", strings.Repeat("x", 5000)) })
		}
		time.Sleep(time.Minute)
		lines := log.lines("was given up")
		if len(lines) > 8 || reports(lines) < 50 {
			t.Errorf("%d lines tell of %d failures:\n%s", len(lines), reports(lines), strings.Join(lines, ""))
		}
	})
}
