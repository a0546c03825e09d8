package msm

import (
	"context"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/gomsm/msm/core/internal/lock"
	"github.com/gomsm/msm/core/internal/replica"
	"github.com/gomsm/msm/core/internal/sid"
)

// Exchange is one request and its response, as far as the session is concerned. Adapters to frameworks work with it;
// applications call From. Its methods are called in the order Begin, Writer, the handler, Finish, End:
//
//	x, r, err := m.Begin(r)
//	defer x.End()
//	w = x.Writer(w)
//	if err == nil {
//		next.ServeHTTP(w, r)
//	}
//	err = x.Finish() // for a framework that wants to know; the client has its answer
//
// A caller that has no use for Writer and Finish calls Commit. An Exchange is not safe for concurrent use; its Session
// is.
type Exchange struct {
	manager  *Manager
	within   *Exchange     // the exchange that this one is a part of; nil: it is the request's own
	opened   bool          // by Manager.Open: there is no request
	original *http.Request // as Begin got it
	request  *http.Request // with the session in its context
	clientID sid.ID        // verified; zero: the client has none, or none is chosen of claims
	claims   []claim       // the ids of the request, if there are several; else nil
	chosen   bool          // it is decided which of the claims counts
	byHeader bool          // clientID came in Config.Header
	outdated bool          // clientID is to be sent again, signed as ids are now
	byCookie bool          // the session came by a cookie
	asked    bool          // the request has Config.Header
	found    bool          // the request has a cookie of our name
	several  bool          // it has several of our name, with different values
	secure   bool          // the client speaks TLS
	late     bool          // the client's session was given another id a moment ago
	life     time.Duration // of the cookie that the client has, if its session exists; zero: until the browser ends
	session  Session
	writer   writer
	room     [2]string                    // memory for Vary
	route    lock.Route                   // what LockAuto learns by
	named    string                       // the route's pattern, from BeginRoute; empty: see request.Pattern
	find     func(r *http.Request) string // returns the route's pattern, called if it is needed; nil: nobody knows it
	scope    scope
	failures replica.Failures // nodes that some part of the request has waited for in vain
	sent     atomic.Bool      // the response's header has been sent, or is about to be
	failed   bool             // the first commit failed; guarded by session.mu
	done     bool             // nothing more of it is stored: after Finish or End; guarded by session.mu
	over     bool             // after End; guarded by session.mu
	refusal  refusal
	lockEnds func() bool // ends the wait that releases an opened session's lock; guarded by session.mu
}

// scope is the request's context with the session in it. It needs one allocation less than context.WithValue.
type scope struct {
	context.Context
	exchange *Exchange
}

// contextKey is the key of a manager's session in a context. With nil it is that of the innermost manager.
type contextKey struct{ manager *Manager }

// Value returns the request's session, its replica.Failures, or what the context below has.
func (c *scope) Value(key any) any {
	if k, ok := key.(contextKey); ok && (k.manager == nil || k.manager == c.exchange.manager) {
		return &c.exchange.session
	}
	if _, ok := key.(replica.FailuresKey); ok {
		return &c.exchange.failures
	}
	return c.Context.Value(key)
}

// From returns the session of the request to which the context belongs. It panics if there is none, because the
// middleware is not installed then. If several managers have a session for the request it returns that of the innermost
// middleware; see Manager.From.
func From(ctx context.Context) *Session {
	return from(ctx, contextKey{})
}

// From returns this manager's session of the request, as the function From does, for programs with several managers.
func (m *Manager) From(ctx context.Context) *Session {
	return from(ctx, contextKey{m})
}

func from(ctx context.Context, key contextKey) *Session {
	s, ok := ctx.Value(key).(*Session)
	if !ok {
		panic("msm: no session in this context: put the handler behind the session middleware, which is " +
			"manager.Middleware(handler) with net/http, and with a framework router.Use(...) of " +
			"msmgin.Sessions(manager), msmchi.Sessions(manager) or msmecho.Sessions(manager); " +
			"and pass the context of the request that the handler got")
	}
	return s
}

// Begin finds the request's session, and returns a request that carries it in its context. Methods other than GET,
// HEAD, OPTIONS and TRACE load the session at once; these load it when it is first used. With Config.Locking Begin may
// wait for other requests of the session. A request that Config.Ignore matches has no session, and gets no error.
//
// After an error the handler must not run: Finish then writes the error's response. The error may be ErrClosed,
// ErrLocked, ErrBusy, another error of loading such as ErrUnavailable, or say that the request's context has ended. A
// session that cannot be read (ErrUnreadable) is an error of Begin only if it is of a newer format. Other such sessions
// can be ended, and the handler may be a logout or a login; if it does not end the session Finish writes the error's
// response. Every Begin needs an End, also after an error.
//
// A request may already be in an exchange of this manager, because the middleware is installed twice or a handler has
// passed the request on. It stays in that one, and Begin returns a part of it: one request has one session, one commit
// and one cookie.
func (m *Manager) Begin(r *http.Request) (*Exchange, *http.Request, error) {
	return m.BeginRoute(r, r.Pattern)
}

// BeginRoute is Begin for callers that know the pattern of the request's route, such as "/items/{id}", when net/http's
// ServeMux has not put it into the request. LockAuto learns by the pattern, and the log names it. If it is empty
// LockAuto learns by the path.
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

// waitForOthers takes the session's lock, if Config.Locking demands it before the handler runs.
func (x *Exchange) waitForOthers(pattern string) error {
	locks, s, r := x.manager.locks, &x.session, x.request
	if locks.mode == LockNone || locks.mode == LockApp {
		return nil
	}
	if pattern == "" {
		pattern = r.URL.Path
	}
	x.route = lock.Route{Method: r.Method, Pattern: pattern}
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

// safe reports whether the method is a safe one (RFC 9110, 9.2.1). An empty one is GET.
func safe(method string) bool {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace, "":
		return true
	}
	return false
}

// context returns the request's context, with the session in it.
func (x *Exchange) context() context.Context { return &x.scope }

// whole returns the exchange of the whole request, of which x may be a part.
func (x *Exchange) whole() *Exchange {
	if x.within != nil {
		return x.within
	}
	return x
}

// Session returns the request's session. It is never nil, even after an error of Begin.
func (x *Exchange) Session() *Session { return &x.whole().session }

// Writer wraps the response's writer so that the session is committed before the first byte is sent. If the commit
// fails the client gets the response of Config.ErrorHandler, and the handler's writes return the error. The wrapper
// implements those of http.Flusher, http.Hijacker, http.Pusher and http.CloseNotifier that w does, and supports
// http.ResponseController. It is always an io.ReaderFrom and an io.StringWriter.
//
// If a handler hijacks the connection while the client has to learn a new id, the connection is wrapped as well: the
// session is committed, and its cookie added, when the head of an HTTP response is written to the connection. That has
// to happen while the handler runs. Otherwise nothing is stored and the client keeps its old id. The wrapper's method
// NetConn returns the connection below.
func (x *Exchange) Writer(w http.ResponseWriter) http.ResponseWriter {
	if x.within != nil && !x.within.answersBy(w) {
		return w
	}
	x.writer = writer{ResponseWriter: w, exchange: x.whole(), outside: fieldsOf(w.Header())}
	return x.writer.face()
}

// Finish completes the response when the handler has returned; Writer must have been called before. It commits the
// session if nothing was sent yet, and otherwise stores what was changed since the response began. If Begin or the
// commit failed the client gets the response of Config.ErrorHandler.
//
// It returns the error of Begin or of the commit, also of a commit at the first byte; whatever else is written to
// Writer is withheld then. If only later changes could not be stored it returns nil, and the log tells why. In a part
// of an exchange it commits nothing: other handlers of the whole request may still change the session.
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

// Commit stores what the request changed, and adds the cookie and the headers for caches to h. It is for callers that
// do not use Writer, which calls it before the first byte. Only the first call adds to h, and only it returns an error:
// then nothing of the handler's response may be sent. Later calls store later changes, unless the first one failed; the
// log tells if they fail. After Finish and End it does nothing.
func (x *Exchange) Commit(h http.Header) error { return x.whole().commit(h, false) }

// commit is Commit on the whole exchange. With last set later changes are refused, which tells a goroutine that
// outlives the handler.
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
	x.failed = true // it stays so if the commit panics: the response of whoever recovers must commit nothing
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

// End ends the exchange. It drops changes that were not committed, because the handler panicked, and releases the
// session's lock. It records that the session was used, even if the handler never looked at it. In a part of an
// exchange it does nothing.
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

// learn tells LockAuto whether a request on this route has changed its session.
func (x *Exchange) learn() {
	s := &x.session
	if x.manager.locks.mode != LockAuto || s.why != nil || x.route == (lock.Route{}) {
		return
	}
	if s.wrote || !x.clientID.IsZero() && (s.state == notLoaded || s.base != nil) {
		x.manager.locks.routes.Learn(x.route, s.wrote)
	}
}

// letGo releases the lock before a response that takes long, such as a stream: it is not expected to change the
// session.
func (x *Exchange) letGo() {
	x.session.enter()
	defer x.session.mu.Unlock()
	x.session.unlock()
}
