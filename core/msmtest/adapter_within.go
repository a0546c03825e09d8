package msmtest

import (
	"bytes"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	msm "github.com/gomsm/msm/core"
)

var from = msm.NewKey[string]("from")

// twiceCases returns the cases that check that a request that meets the middleware more than once has one session, one
// commit and one cookie.
func (s *suite) twiceCases() []kase {
	return []kase{
		{name: "the middleware twice is as good as once", run: func(t *testing.T) {
			m := NewManager(t, msm.Config{})
			a := s.twice(m, func(c Call) { from.Set(c.Session(), "ad") }, func(c Call) error {
				_, err := fmt.Fprint(c.W, from.Get(c.Session()), add(c))
				return err
			})
			v := s.visit(t, a)
			v.do("POST", "/x").gets(t, 200, "ad1").cookies(t, 1)
			v.do("POST", "/x").gets(t, 200, "ad2").cookies(t, 0)
			v.counts(2)
			if saves := m.Stats().Saves; saves != 2 {
				t.Errorf("%d saves of two requests", saves)
			}
		}},
		{name: "twice, with a login in between", run: func(t *testing.T) {
			v := s.visit(t, s.twice(NewManager(t, msm.Config{}), func(c Call) {
				if err := c.Session().Renew(); err != nil {
					t.Error(err)
				}
			}, func(c Call) error { add(c); return nil }))
			v.do("POST", "/x").gets(t, 200, "").cookies(t, 1)
			v.do("POST", "/x").gets(t, 200, "").cookies(t, 1)
			v.counts(2)
		}},
		{name: "twice, with a logout in between", run: func(t *testing.T) {
			v := s.visit(t, s.twice(NewManager(t, msm.Config{}), func(c Call) {
				if c.R.Method == "POST" {
					c.Session().Destroy()
				} else {
					add(c)
				}
			}, func(c Call) error {
				_, err := fmt.Fprint(c.W, count.Get(c.Session()))
				return err
			}))
			v.do("GET", "/x").gets(t, 200, "1").cookies(t, 1)
			v.do("POST", "/x").gets(t, 200, "0").cookies(t, 1)
			v.counts(0)
		}},
		{name: "twice, with locks, waits for nobody", run: func(t *testing.T) {
			m := NewManager(t, msm.Config{Locking: msm.LockAll, LockWait: 2 * patience})
			v := s.visit(t, s.twice(m, func(Call) {}, func(c Call) error { add(c); return nil }))
			for range 3 {
				v.do("POST", "/x").gets(t, 200, "")
			}
			v.counts(3)
			if l := m.Stats().Locks; l.Acquired != 3 || l.TimedOut != 0 { // the first request has no session yet
				t.Errorf("%+v", l)
			}
		}},
		{name: "twice, and what fails is answered once", run: func(t *testing.T) {
			v := s.visit(t, s.twice(NewManager(t, msm.Config{MaxSessionSize: 1000}), func(Call) {}, func(c Call) error {
				c.Session().Set("big", make([]byte, 2000))
				_, err := io.WriteString(c.W, "secret")
				return err
			}))
			v.do("POST", "/x").failsBy(t, 500, ofProgram)
		}},
		{name: "what the outer handler changes after the inner one is stored", run: func(t *testing.T) {
			m := NewManager(t, msm.Config{})
			a := s.app(m, func(Call) error { return nil })
			a.use = append(a.use, s.around(func(Call) bool { return true }, func(c Call) { add(c) }), s.sessions(m))
			v := s.visit(t, a)
			v.do("GET", "/x").cookies(t, 1)
			v.counts(1)
		}},
	}
}

// twice returns an app that has the middleware twice: outside of between, and once more inside of it.
func (s *suite) twice(m *msm.Manager, between func(c Call), h Handler) app {
	a := s.app(m, h)
	onlyX := s.around(func(c Call) bool {
		if c.R.URL.Path == "/x" {
			between(c)
		}
		return true
	}, func(Call) {})
	a.use = append(a.use, onlyX, s.sessions(m))
	return a
}

// uploadCase returns the case that checks that net/http removes the files of a form when the request is over.
func (s *suite) uploadCase() kase {
	return kase{name: "an upload leaves no file", needs: []Feature{OwnRequest}, run: func(t *testing.T) {
		var paths []string
		v := s.visit(t, s.app(NewManager(t, msm.Config{}), func(c Call) error {
			if err := c.R.ParseMultipartForm(1); err != nil {
				return err
			}
			file, _, err := c.R.FormFile("file")
			if err != nil {
				return err
			}
			defer file.Close()
			onDisk, ok := file.(*os.File)
			if !ok {
				t.Error("the file is not on disk: the case shows nothing")
				return nil
			}
			paths = append(paths, onDisk.Name())
			add(c)
			return nil
		}))
		body, kind := form(t)
		resp, err := v.browser.Post(v.url+"/x", kind, body)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if len(paths) != 1 || resp.StatusCode != http.StatusOK {
			t.Fatalf("status %d, files %v", resp.StatusCode, paths)
		}
		v.counts(1)
		eventually(t, filepath.Base(paths[0])+" is removed", func() bool { // net/http does that after the answer
			_, err := os.Stat(paths[0])
			return os.IsNotExist(err)
		})
	}}
}

// form returns a form with a file that is too large for memory: net/http keeps 10 MiB besides what it is told to.
func form(t *testing.T) (io.Reader, string) {
	t.Helper()
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	part, err := w.CreateFormFile("file", "large")
	if err == nil {
		_, err = part.Write(make([]byte, 11<<20))
	}
	if err != nil {
		t.Fatal(err)
	}
	_ = w.Close()
	return &body, w.FormDataContentType()
}
