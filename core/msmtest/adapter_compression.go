package msmtest

import (
	"bufio"
	"io"
	"net/http"
	"testing"

	msm "github.com/gomsm/msm/core"
)

func (s *suite) compressionCases() (list []kase) {
	needs := []Feature{OwnCompression}
	for at, where := range []string{"outside", "inside"} {
		list = append(list,
			kase{"with it " + where + ", an answer has its cookie", needs, func(t *testing.T) {
				v := s.visit(t, s.compressed(NewManager(t, msm.Config{}), at, text(func(c Call) {
					add(c)
					_, _ = io.WriteString(c.W, "some text")
				})))
				if a := v.do("GET", "/x").gets(t, 200, "some text").cookies(t, 1); !a.Uncompressed {
					t.Error("it was not compressed")
				}
				v.counts(1)
			}},
			kase{"with it " + where + ", an answer without a body has its cookie", needs, func(t *testing.T) {
				v := s.visit(t, s.compressed(NewManager(t, msm.Config{}), at, func(c Call) error { add(c); return nil }))
				v.do("GET", "/x").gets(t, 200, "").cookies(t, 1)
				v.counts(1)
			}},
			kase{"with it " + where + ", what is flushed arrives", needs, func(t *testing.T) { s.compressedStream(t, at) }},
			kase{"with it " + where + ", a failure is one clean answer", needs, func(t *testing.T) {
				v := s.visit(t, s.compressed(NewManager(t, msm.Config{}), at, text(func(c Call) {
					c.Session().Set("f", func() {})
					_, _ = io.WriteString(c.W, "secret")
				})))
				v.do("GET", "/x").failsBy(t, 500, ofProgram)
			}},
		)
	}
	return list
}

func text(write func(c Call)) Handler {
	return func(c Call) error {
		c.W.Header().Set("Content-Type", "text/plain; charset=utf-8")
		write(c)
		return nil
	}
}

// compressed returns an app with compression outside the sessions (0) or inside (1).
func (s *suite) compressed(m *msm.Manager, at int, h Handler) app {
	a := s.app(m, h)
	if at == 0 {
		a.use = append([]middleware{s.compression()}, a.use...)
	} else {
		a.use = append(a.use, s.compression())
	}
	return a
}

func (s *suite) compressedStream(t *testing.T, at int) {
	more := make(chan struct{})
	v := s.visit(t, s.compressed(NewManager(t, msm.Config{}), at, text(func(c Call) {
		add(c)
		_, _ = io.WriteString(c.W, "first\n")
		_ = http.NewResponseController(c.W).Flush()
		await(c, more)
	})))
	resp, err := v.browser.Do(v.request("GET", "/x"))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	line, err := bufio.NewReader(resp.Body).ReadString('\n') // would wait if the line was held back
	close(more)
	if line != "first\n" || !resp.Uncompressed {
		t.Errorf("%q, %v", line, err)
	}
	answer{Response: resp}.cookies(t, 1)
}
