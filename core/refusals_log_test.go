package msm_test

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"log/slog"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	msm "github.com/gomsm/msm/core"
	"github.com/gomsm/msm/core/internal/node"
)

var everything = regexp.MustCompile("")

// logger writes to it.
func (l *logged) logger() *slog.Logger { return slog.New(slog.NewTextHandler(l, nil)) }

// lines are those that have a text in them.
func (l *logged) lines(what string) (list []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for line := range strings.Lines(l.text.String()) {
		if strings.Contains(line, what) {
			list = append(list, line)
		}
	}
	return list
}

// reports is how many of something lines tell of, with those that they say were left out.
func reports(lines []string) (n int) {
	for _, line := range lines {
		_, left, _ := strings.Cut(line, "suppressed=")
		more, _ := strconv.Atoi(strings.TrimSpace(left))
		n += 1 + more
	}
	return n
}

// TestTheLogSaysWhatFailedWhere: by the route's pattern, never by the path or the id, of which one would do to log in.
func TestTheLogSaysWhatFailedWhere(t *testing.T) {
	fail := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { msm.From(r.Context()).Set("f", func() {}) })
	mux := func(h http.Handler) http.Handler {
		mux := http.NewServeMux()
		mux.Handle("/items/{id}", h)
		return mux
	}
	for name, c := range map[string]struct {
		build func(m *msm.Manager) http.Handler
		route string
	}{
		"around the mux":               {func(m *msm.Manager) http.Handler { return m.Middleware(mux(fail)) }, "route=/items/{id} "},
		"within the mux":               {func(m *msm.Manager) http.Handler { return mux(m.Middleware(fail)) }, "route=/items/{id} "},
		"with another handler between": {func(m *msm.Manager) http.Handler { return m.Middleware(http.AllowQuerySemicolons(mux(fail))) }, "route=/items/{id} "},
		"with another router": {func(m *msm.Manager) http.Handler {
			return m.MiddlewareBy(func(*http.Request) string { return "/items/:id" })(fail)
		}, "route=/items/:id "},
		"with an adapter of one's own":   {func(m *msm.Manager) http.Handler { return byHand(m, mux(fail)) }, "route=/items/{id} "},
		"without a route":                {func(m *msm.Manager) http.Handler { return m.Middleware(fail) }, ""},
		"with locks, which need to know": {func(m *msm.Manager) http.Handler { return m.Middleware(mux(fail)) }, "route=/items/{id} "},
	} {
		t.Run(name, func(t *testing.T) {
			log := &logged{}
			config := msm.Config{Logger: log.logger()}
			if strings.Contains(name, "locks") {
				config.Locking = msm.LockAuto
			}
			m := newManager(t, config)
			id := begin(t, m, func(s *msm.Session) { add(s) })
			token := strings.FieldsFunc(id, func(r rune) bool { return r == '-' || r == '.' })[0]
			exchange(c.build(m), "PATCH", "/items/4711?q=4712", withCookie("SESSION="+id))
			lines := log.lines("request without its session")
			if len(lines) != 1 {
				t.Fatalf("%q", lines)
			}
			hash := sha256.Sum256([]byte(token))
			for _, field := range []string{
				"level=ERROR", "cause=attribute ", "method=PATCH ", c.route, "attribute=f ", "type=func()",
				" session=" + base64.RawURLEncoding.EncodeToString(hash[:])[:8] + " ",
			} {
				if !strings.Contains(lines[0], field) {
					t.Errorf("%s is missing in %s", field, lines[0])
				}
			}
			for _, secret := range []string{token, "4711", "4712"} {
				if strings.Contains(lines[0], secret) {
					t.Errorf("%s is in %s", secret, lines[0])
				}
			}
			if c.route == "" && strings.Contains(lines[0], "route=") {
				t.Error(lines[0])
			}
		})
	}
}

// byHand is the least that an adapter has to do.
func byHand(m *msm.Manager, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		x, r, err := m.Begin(r)
		defer x.End()
		w = x.Writer(w)
		if err == nil {
			next.ServeHTTP(w, r)
		}
		_ = x.Finish()
	})
}

// TestClosingTellsWhatTheLogHasLeftOut: nothing is told later, when nobody reads it any more.
func TestClosingTellsWhatTheLogHasLeftOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := &logged{}
		m := newManager(t, msm.Config{Logger: log.logger()})
		for range 10 {
			visit(m, "", func(s *msm.Session) { s.Set("f", func() {}) })
		}
		_ = m.Close(t.Context())
		if lines := log.lines("request without its session"); len(lines) != 2 || reports(lines) != 10 {
			t.Errorf("%d lines tell of %d", len(lines), reports(lines))
		}
	})
}

// TestEachRouteWithAFaultIsTold, and that of nodes is one for all.
func TestEachRouteWithAFaultIsTold(t *testing.T) {
	log := &logged{}
	m := newManager(t, msm.Config{Logger: log.logger()})
	mux := http.NewServeMux()
	for _, path := range []string{"/a", "/b"} {
		mux.HandleFunc(path, func(_ http.ResponseWriter, r *http.Request) {
			msm.From(r.Context()).Set("f"+r.FormValue("f"), func() {})
		})
	}
	for range 10 {
		for _, path := range []string{"/a", "/b", "/a?f=2"} {
			exchange(m.Middleware(mux), "GET", path, nil)
		}
	}
	if lines := log.lines("request without its session"); len(lines) != 3 {
		t.Errorf("%d lines:\n%s", len(lines), strings.Join(lines, ""))
	}
}

// TestAnOutageIsNoFloodOfTheLog: whatever the requests do that meet it, and however many they are. Nothing is left uncounted.
func TestAnOutageIsNoFloodOfTheLog(t *testing.T) {
	const requests = 2000
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
				time.Sleep(2 * time.Minute) // its access is to be recorded again
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
					time.Sleep(time.Second) // until it is known
				}
				if c.config.MaxLocalSessions > 0 {
					begin(t, m, counts) // for which another one that is stored leaves
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
				if len(lines) > 12 {
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

// TestANodeThatFlapsIsNoFloodOfTheLog, and the last line about it is true.
func TestANodeThatFlapsIsNoFloodOfTheLog(t *testing.T) {
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

// TestAValueThatNobodyCanReadIsNoFloodOfTheLog, and each attribute is told of.
func TestAValueThatNobodyCanReadIsNoFloodOfTheLog(t *testing.T) {
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

// TestSessionsThatNoNodeTakesAreNoFloodOfTheLog, in sticky mode, where their visitors have their answers.
func TestSessionsThatNoNodeTakesAreNoFloodOfTheLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, w := &logged{}, newNetwork(t, 1)
		w.servers["n1"].memory = node.NewMemory(node.MemoryOptions{MaxItem: 2000})
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
