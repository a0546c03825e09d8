package msm

import (
	"context"
	"net/http"

	"github.com/gomsm/msm/core/internal/lock"
	"github.com/gomsm/msm/core/internal/node"
)

// Exchange is one request and its response, as far as the session is concerned. Adapters to frameworks work with it;
// applications call From. Its methods are called in the order Begin, Writer, the handler, Finish, End:
//
//	x, r, err := m.Begin(r, r.Pattern)
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
	secret
	visit
	within   *Exchange     // the exchange that this one is a part of; nil: it is the request's own
	original *http.Request // as Begin got it
	session  Session
	writer   writer
	refusal  refusal
	scope    scope
	failures node.Failures // nodes that some part of the request has waited for in vain
	route    lock.Route    // what LockAuto learns by
	inline   [4]string     // memory for Vary and Cache-Control
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
//
// pattern is that of the request's route, such as "/items/{id}": LockAuto learns by it, and the log names it. It may be
// empty if nobody knows it: then LockAuto learns by the path.
func (m *Manager) Begin(r *http.Request, pattern string) (*Exchange, *http.Request, error) {
	if around := m.around(r); around != nil {
		return around.join(r, pattern)
	}
	m.running.Add(1)
	x := &Exchange{visit: visit{manager: m, named: pattern}, original: r}
	s := x.begin(r.Context())
	x.request = r.WithContext(&x.scope)
	if m.ignores(r) {
		s.state, s.loadErr = refused, ErrIgnored
		return x, x.request, nil
	}
	x.client.read(r, m)
	x.client.secure = m.secure(r)
	if m.closed.Load() {
		s.state, s.loadErr, s.err = refused, ErrClosed, ErrClosed
		return x, x.request, ErrClosed
	}
	if err := x.waitForOthers(pattern); err != nil || safe(r.Method) {
		return x, x.request, err
	}
	s.enter()
	defer s.mu.Unlock()
	return x, x.request, s.loadEarly()
}

// begin makes the exchange's session, and the context that has it.
func (x *Exchange) begin(ctx context.Context) *Session {
	x.scope = scope{ctx, x}
	x.ctx = &x.scope
	s := &x.session
	s.visit, s.manager, s.coder = &x.visit, x.manager, x.manager.coder
	return s
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
	if x.client.isZero() {
		return nil
	}
	s.enter()
	defer s.mu.Unlock()
	if !locks.wants(r.URL.Path, x.route) {
		s.draft.exclusive = locks.mode == LockAuto
		return nil
	}
	err := s.lock(x.ctx)
	if err != nil {
		s.state, s.loadErr, s.err = refused, err, err
	}
	return err
}

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
	whole := x.whole()
	x.writer = writer{
		ResponseWriter: w, exchange: whole, visit: &whole.visit, session: &whole.session, refusal: &whole.refusal,
		outside: fieldsOf(w.Header()),
	}
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
	if err := s.commitNow(x.ctx); err != nil {
		s.keep(err)
		if first {
			return err
		}
		x.report(x.client.id.Token, "session could not be loaded or stored after the response began", err)
		return nil
	}
	x.failed = false
	if first {
		x.tellCaches(h)
		x.writeID(h)
	}
	return nil
}

// End ends the exchange. It drops changes that were not committed, because the handler panicked, but for a logout, which
// it makes. It releases the session's lock, and records that the session was used, even if the handler never looked at it.
// In a part of an exchange it does nothing.
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
	if !x.done && !x.failed {
		s.endAnyway()
	}
	x.over, x.done = true, true
	s.takeBack()
	x.giveBack()
	s.unlock()
	x.learn()
	if s.at != nil {
		s.at.scheduleRepair()
	}
	switch c := &x.client; {
	case s.loadErr != nil:
	case c.claims != nil && !c.chosen:
		x.manager.keepOne(c.claims)
	case !c.id.IsZero():
		s.keepAlive()
	}
}

// learn tells LockAuto whether a request on this route has changed its session.
func (x *Exchange) learn() {
	s := &x.session
	if x.manager.locks.mode != LockAuto || s.loadErr != nil || x.route == (lock.Route{}) {
		return
	}
	if s.wrote || !x.client.id.IsZero() && (s.state == notLoaded || s.draft.base != nil) {
		x.manager.locks.routes.Learn(x.route, s.wrote)
	}
}
