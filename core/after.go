package msm

// Why a session does not do what only a request could, before its response begins.
const (
	errOver     committed = "msm: the request is over, and nothing of it is stored any more; see Manager.Open"
	errNoClient committed = "msm: a session from Manager.Open has no client that could get a cookie"
)

// committed is an ErrCommitted that says more.
type committed string

func (c committed) Error() string        { return string(c) }
func (c committed) Is(target error) bool { return target == ErrCommitted }

// tooLate returns why the client can be told nothing any more; nil if it can.
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

// fail keeps an error. Once the last commit is over, which would tell it, the log is told, for nobody need look at Err.
func (s *Session) fail(err error) {
	if x := s.exchange; s.keep(err) && x.done {
		s.manager.report(x.request, x.clientID.Token, "session could not be read or changed when the request was over", err)
	}
}

// keep keeps an error for the commit to fail with, if it is the first one.
func (s *Session) keep(err error) bool {
	if s.err != nil {
		return false
	}
	s.err = err
	return true
}

// takeBack drops what was not committed, so that no goroutine that goes on sees what is not stored.
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
