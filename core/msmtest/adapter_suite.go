package msmtest

import (
	"maps"
	"net/http"
	"slices"
	"testing"

	msm "github.com/gomsm/msm/core"
)

// part is a part of the contract.
type part struct {
	name  string
	cases []kase
}

// kase is one case of the contract.
type kase struct {
	name  string
	needs []Feature
	run   func(t *testing.T)
}

// contract returns all cases.
func (s *suite) contract() []part {
	return []part{
		{"the first byte commits", s.firstByteCases()},
		{"the framework's own ways to answer", s.ownAnswerCases()},
		{"after the first byte", s.lateCases()},
		{"streams and connections", s.streamCases()},
		{"connections taken over", s.takeoverCases()},
		{"goroutines, jobs and long streams", s.goroutineCases()},
		{"requests", s.requestCases()},
		{"cookies and headers", s.cookieCases()},
		{"middleware and groups", s.orderCases()},
		{"the middleware twice", s.twiceCases()},
		{"errors and panics", append(s.errorCases(), s.panicCases()...)},
		{"compression", s.compressionCases()},
		{"other middleware", s.otherCases()},
		{"locks", s.lockCases()},
		{"one clean answer to a failure", s.failureCases()},
		{"whose fault a failure is", s.faultCases()},
	}
}

// suite is a Framework without its type parameters. What its functions make goes back only into its own functions,
// which restore the types.
type suite struct {
	build       func(a app) http.Handler
	sessions    func(m *msm.Manager) middleware
	handler     func(h Handler) handler
	around      func(before func(c Call) bool, after func(c Call)) middleware
	recovery    func() middleware
	compression func() middleware
	others      map[string]func() middleware
	answers     []way
	line, param string
	lacks       map[Feature]string
	dead        func(t *testing.T) deadStore
}

type (
	handler    any // a framework's H
	middleware any // a framework's M
)

type app struct {
	group
	onError func(c Call, err error)
}

type group struct {
	prefix string
	use    []middleware
	routes []route
	groups []group
}

type route struct {
	method, path string
	handler      handler
}

// way is a way to answer, and what the client gets.
type way struct {
	name, method string
	status       int
	body         string // empty: not checked
	handler      handler
}

func newSuite[H, M any](t *testing.T, f Framework[H, M]) *suite {
	t.Helper()
	s := &suite{
		build:    func(a app) http.Handler { return f.Build(App[H, M]{typed[H, M](a.group), a.onError}) },
		sessions: func(m *msm.Manager) middleware { return f.Sessions(m) },
		handler:  func(h Handler) handler { return f.Handler(h) },
		around: func(before func(c Call) bool, after func(c Call)) middleware {
			return f.Around(before, after)
		},
		others: map[string]func() middleware{},
		line:   f.Line,
		param:  f.Param,
		lacks:  f.Lacks,
		dead:   newDeadStore(t),
	}
	if f.Recovery != nil {
		s.recovery = func() middleware { return f.Recovery() }
	}
	if f.Compression != nil {
		s.compression = func() middleware { return f.Compression() }
	}
	for name, other := range f.Others {
		s.others[name] = func() middleware { return other() }
	}
	for _, name := range slices.Sorted(maps.Keys(f.Answers)) {
		a := f.Answers[name]
		s.answers = append(s.answers, way{name, "GET", a.Status, a.Body, a.Handler})
	}
	s.checkLacks(t)
	if s.param == "" {
		t.Error("Param does not say how a parameter in a path is written")
	}
	return s
}

// checkLacks checks that a feature is either there or lacking, and that Lacks says why.
func (s *suite) checkLacks(t *testing.T) {
	t.Helper()
	for feature, there := range map[Feature]bool{
		OwnAnswers:     len(s.answers) > 0,
		OwnRecovery:    s.recovery != nil,
		OwnCompression: s.compression != nil,
		OthersAround:   len(s.others) > 0,
	} {
		if why := s.lacks[feature]; there == (why != "") {
			t.Errorf("%s: there: %v; Lacks says %q", feature, there, why)
		}
	}
	for feature, why := range s.lacks {
		if why == "" {
			t.Errorf("%s: Lacks does not say why", feature)
		}
	}
}

// typed restores the types of the framework.
func typed[H, M any](g group) Group[H, M] {
	to := Group[H, M]{Prefix: g.prefix}
	for _, m := range g.use {
		to.Use = append(to.Use, m.(M))
	}
	for _, r := range g.routes {
		to.Routes = append(to.Routes, Route[H]{r.method, r.path, r.handler.(H)})
	}
	for _, inner := range g.groups {
		to.Groups = append(to.Groups, typed[H, M](inner))
	}
	return to
}
