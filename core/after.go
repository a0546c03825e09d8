package msm

// errOver and errNoClient say why a session cannot be changed, or its client be told something. Both are ErrCommitted.
const (
	errOver     committed = "msm: the request has ended, so its session can no longer be changed; see Manager.Open"
	errNoClient committed = "msm: a session from Manager.Open has no client to send a cookie to"
)

// committed is an error with a text of its own that is ErrCommitted for errors.Is.
type committed string

func (c committed) Error() string        { return string(c) }
func (c committed) Is(target error) bool { return target == ErrCommitted }

// tooLate returns why the client can no longer be sent a cookie: errOver, errNoClient or ErrCommitted; nil if it can.
func (x *Exchange) tooLate() error {
	switch {
	case x.done:
		return errOver
	case x.opened:
		return errNoClient
	case x.sent.Load():
		return ErrCommitted
	}
	return nil
}

// fail records err for the commit to fail with, see keep. After the last commit it also logs and counts err, because
// the application need not call Err.
func (s *Session) fail(err error) {
	if x := s.exchange; s.keep(err) && x.done {
		s.manager.report(x.request, x.clientID.Token, "the session was used after its request had ended, and that failed", err)
	}
}

// keep records err for the commit to fail with, and reports whether it did. Only the first error is kept.
func (s *Session) keep(err error) bool {
	if s.err != nil {
		return false
	}
	s.err = err
	return true
}

// takeBack drops the changes that were not committed, so that a goroutine that outlives the handler sees only what is
// stored (rule E8).
func (s *Session) takeBack() {
	if !s.changed() {
		return
	}
	base, ended := s.base, s.ended
	if ended == nil && base != nil {
		s.work, s.list = nil, nil
		return
	}
	s.forget()
	s.ended = nil
	switch {
	case ended == nil:
	case ended.why != nil:
		s.state, s.why = refused, ended.why
	default:
		s.id, s.access, s.held, s.base = ended.id, ended.access, ended.held, ended.base
		s.coder = s.manager.readable[s.base.Transcoder]
	}
}
