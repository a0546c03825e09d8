package msm

import (
	"context"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/gomsm/msm/core/internal/replica"
	"github.com/gomsm/msm/core/internal/sid"
)

// Exchange is one request and its response, as far as the session is concerned. It is what an adapter to a framework
// works with; applications use From. The order of its verbs is Begin, Writer, the handler, Finish, End:
//
//	x, r, err := m.Begin(r)
//	defer x.End()
//	w = x.Writer(w)
//	if err == nil {
//		next.ServeHTTP(w, r)
//	}
//	err = x.Finish() // for a framework that wants to know; the client has its answer
//
// Commit is for who has no use for Writer.
type Exchange struct {
	manager  *Manager
	within   *Exchange     // the one that this one is a part of; nil: it is the request's
	opened   bool          // by Manager.Open: there is no request
	original *http.Request // as Begin got it
	request  *http.Request // with the session in its context
	clientID sid.ID        // verified; zero: the client has none
	claims   []claim       // if there are several
	chosen   bool          // of the claims
	byHeader bool          // the id came in Config.Header
	outdated bool          // it is not signed as ids are now
	byCookie bool          // the session came by a cookie
	asked    bool          // the request has Config.Header
	found    bool          // it has a cookie of our name
	several  bool          // it has different ones
	secure   bool          // the client speaks TLS
	late     bool          // the client's session was given another id a moment ago
	life     time.Duration // of the cookie that the client has, if its session lives; zero: it goes with the browser
	session  Session
	writer   writer
	room     [2]string                    // for Vary
	route    route                        // for LockAuto
	named    string                       // the pattern of the route, from BeginRoute; empty: it may be that of the request
	find     func(r *http.Request) string // the pattern, if need be; nil: nobody knows
	scope    scope
	failures replica.Failures // of nodes, in all that the request does
	sent     atomic.Bool      // the response's header has left, or is about to
	failed   bool             // a commit failed; guarded by session.mu
	done     bool             // nothing of it is stored any more; guarded by session.mu
	over     bool             // the request is done; guarded by session.mu
	refusal  refusal
	lockEnds func() bool // stops what releases an opened session's lock; guarded by session.mu
}

// scope is the request's context, with the session in it: one allocation less than context.WithValue.
type scope struct {
	context.Context
	exchange *Exchange
}

type contextKey struct{ manager *Manager }

func (c *scope) Value(key any) any {
	if k, ok := key.(contextKey); ok && (k.manager == nil || k.manager == c.exchange.manager) {
		return &c.exchange.session
	}
	if _, ok := key.(replica.FailuresKey); ok {
		return &c.exchange.failures
	}
	return c.Context.Value(key)
}

// From finds the session of the request whose context this is. It panics if there is none, because the line that
// installs the middleware is missing. With several managers it finds that of the innermost; see Manager.From.
func From(ctx context.Context) *Session {
	return from(ctx, contextKey{})
}

// From finds this manager's session as the function From does, for programs that have several managers.
func (m *Manager) From(ctx context.Context) *Session {
	return from(ctx, contextKey{m})
}

func from(ctx context.Context, key contextKey) *Session {
	s, ok := ctx.Value(key).(*Session)
	if !ok {
		panic("msm: no session in this context: put the handler behind the session middleware, which is " +
			"manager.Middleware(handler) with net/http, and with a framework router.Use(...) of " +
			"msmgin.Sessions(manager), msmchi.Sessions(manager) or msmecho.Sessions(manager); " +
			"and ask with the context of the request that the handler has got")
	}
	return s
}

// Begin finds the request's session; the request that it answers carries it in its context. Methods other than GET,
// HEAD, OPTIONS and TRACE load the session at once, and Config.Locking may have it wait for others: on an error the
// handler must not run, and Finish answers. Every Begin needs an End, after an error too. A session that cannot be read
// (ErrUnreadable) is no error yet, for the handler may be a logout or a login: unless it ends the session, Finish answers.
//
// A request that is in an exchange of this manager already, because the middleware stands twice on its way or it was
// handed on to another handler, stays in it: one request has one session, one commit and one cookie.
func (m *Manager) Begin(r *http.Request) (*Exchange, *http.Request, error) {
	return m.BeginRoute(r, r.Pattern)
}

// BeginRoute is Begin for who knows the pattern of the request's route, such as "/items/{id}", if net/http's ServeMux has
// not put it into the request. LockAuto learns by it, and the log names it. Empty: LockAuto learns by the path.
func (m *Manager) BeginRoute(r *http.Request, pattern string) (*Exchange, *http.Request, error) {
	if around := m.around(r); around != nil {
		return around.join(r, pattern)
	}
	m.running.Add(1)
	x := &Exchange{manager: m, original: r, named: pattern}
	x.scope = scope{r.Context(), x}
	x.session.exchange, x.session.manager, x.session.coder = x, m, m.coder
	x.request = r.WithContext(&x.scope)
	if m.ignores(r) {
		x.session.state, x.session.why = refused, ErrIgnored
		return x, x.request, nil
	}
	x.readIDs(r)
	x.secure = m.secure(r)
	if m.closed.Load() {
		x.session.state, x.session.why, x.session.err = refused, ErrClosed, ErrClosed
		return x, x.request, ErrClosed
	}
	if err := x.waitForOthers(pattern); err != nil || safe(r.Method) {
		return x, x.request, err
	}
	x.session.enter()
	defer x.session.mu.Unlock()
	return x, x.request, x.session.loadEarly()
}

// waitForOthers takes the session's lock, if Config.Locking wants that.
func (x *Exchange) waitForOthers(pattern string) error {
	locks, s, r := x.manager.locks, &x.session, x.request
	if locks.mode == LockNone || locks.mode == LockApp {
		return nil
	}
	if pattern == "" {
		pattern = r.URL.Path
	}
	x.route = route{r.Method, pattern}
	if x.clientID.IsZero() && x.claims == nil {
		return nil
	}
	s.enter()
	defer s.mu.Unlock()
	if !locks.wants(r.URL.Path, x.route) {
		s.alone = locks.mode == LockAuto
		return nil
	}
	err := s.lock(x.context())
	if err != nil {
		s.state, s.why, s.err = refused, err, err
	}
	return err
}

func safe(method string) bool {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace, "":
		return true
	}
	return false
}

func (x *Exchange) context() context.Context { return &x.scope }

// whole returns the request's exchange, of which x may be a part.
func (x *Exchange) whole() *Exchange {
	if x.within != nil {
		return x.within
	}
	return x
}

// Session returns the request's session.
func (x *Exchange) Session() *Session { return &x.whole().session }

// Writer wraps the response's writer so that the session is committed before the first byte leaves. If that fails the
// client gets Config.ErrorHandler's answer instead of the handler's, whose writes fail. What w can do, its wrapper
// does, and claims no more: http.Flusher, http.Hijacker, http.Pusher, CloseNotify and all of http.ResponseController; it is
// always an io.ReaderFrom and an io.StringWriter.
//
// A connection that a handler takes over is wrapped, too, if the client has to learn a new id: the session is committed, and
// its cookie put in, when the head of an HTTP answer is written to it, which has to be while the handler runs. If none is,
// nothing is stored, and the id that the client had stays. The method NetConn of such a net.Conn gives the one below.
func (x *Exchange) Writer(w http.ResponseWriter) http.ResponseWriter {
	if x.within != nil && !x.within.answersBy(w) {
		return w
	}
	x.writer = writer{ResponseWriter: w, exchange: x.whole(), outside: fieldsOf(w.Header())}
	return x.writer.face()
}

// Finish does, after the handler, what Writer did not have to do: it commits if nothing was sent, answers if that or Begin failed, and
// stores what was changed after the response began. It tells what failed, now or at the first byte. The client has got
// Config.ErrorHandler's answer then, and whatever is written to Writer still is withheld.
//
// A part of an exchange leaves the commit to the whole, whose other handlers may have something to change yet.
func (x *Exchange) Finish() error {
	if x.within != nil {
		return x.within.refusal.err
	}
	x.writer.endTelling()
	if err := x.writer.commit(); err != nil {
		return err
	}
	return x.commit(x.writer.Header(), true)
}

// Commit stores what the request changed, puts the cookie into h and tells caches there, all at most once: the first call
// counts, be it the Writer's or one after the handler. Calls after the response has begun store later changes, but set no cookie. An
// error before the response has begun means that nothing of the handler's answer may be sent. After End it does nothing.
func (x *Exchange) Commit(h http.Header) error { return x.whole().commit(h, false) }

// commit is Commit. After the last one nothing can be changed any more: a goroutine that goes on is told so.
func (x *Exchange) commit(h http.Header, last bool) error {
	s := &x.session
	s.enter()
	defer s.mu.Unlock()
	if x.done {
		return nil
	}
	x.done = last
	first := x.sent.CompareAndSwap(false, true)
	if !first && (x.failed || !s.changed() && s.err == nil) {
		return nil
	}
	x.failed = true // for good, if the commit panics: what recovers from that has an answer to send, which commits nothing
	if err := s.commitNow(x.context()); err != nil {
		s.keep(err)
		if first {
			return err
		}
		x.manager.report(x.request, x.clientID.Token, "session could not be loaded or stored after the response began", err)
		return nil
	}
	x.failed = false
	if first {
		x.tellCaches(h)
		x.setID(h)
	}
	return nil
}

// End ends the exchange. Changes that were not committed, because the handler panicked, are dropped. It keeps a session
// alive that the handler never looked at.
func (x *Exchange) End() {
	if x.within != nil {
		return
	}
	s := &x.session
	s.enter()
	defer s.mu.Unlock()
	if !x.over {
		defer x.manager.running.Add(-1)
	}
	x.over, x.done = true, true
	s.takeBack()
	x.giveBack()
	s.unlock()
	x.learn()
	s.mendLater()
	switch {
	case s.why != nil:
	case x.claims != nil && !x.chosen:
		x.manager.keepOne(x.claims)
	case !x.clientID.IsZero():
		s.keepAlive()
	}
}

// learn tells LockAuto what a request on this route does.
func (x *Exchange) learn() {
	s := &x.session
	if x.manager.locks.mode != LockAuto || s.why != nil || x.route == (route{}) {
		return
	}
	if s.wrote || !x.clientID.IsZero() && (s.state == notLoaded || s.base != nil) {
		x.manager.locks.routes.learn(x.route, s.wrote)
	}
}

// letGo releases the lock when the response turns out to take long: what is to come of it is no change of the session.
func (x *Exchange) letGo() {
	x.session.enter()
	defer x.session.mu.Unlock()
	x.session.unlock()
}
