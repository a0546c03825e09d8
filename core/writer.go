package msm

import (
	"io"
	"net"
	"net/http"
	"strings"
)

// writer commits the session before the first byte is sent. It buffers nothing. Handlers get it by one of its faces.
type writer struct {
	http.ResponseWriter
	exchange responder
	visit    *visit
	session  *Session
	refusal  *refusal // of the whole request: there may be several writers
	outside  []field  // headers that were there before the handler
	able     ability  // what the ResponseWriter below can do
	begun    bool     // the commit has begun, and with it the response
	conn     net.Conn // the handler has taken the connection over; nil: it has not
	told     *telling // what the handler got instead of conn; nil: conn itself
}

// responder is what a writer asks of its exchange.
type responder interface {
	// Commit commits before the first byte, and adds the cookie to h.
	Commit(h http.Header) error
	// showID puts the id of a new session into h before the commit, and reports whether there is one.
	showID(h http.Header) bool
	// answer answers in place of the handlers.
	answer(w http.ResponseWriter, err error)
}

// refusal is why what a request's handlers write is withheld, through whichever writer it comes: the commit failed, and
// the client gets the response of Config.ErrorHandler.
type refusal struct {
	err       error // nil: nothing is withheld
	answering bool  // Config.ErrorHandler is running
	answered  bool  // it has begun to answer
}

// begin commits before the first byte of a response (rule E4). On an error nothing may be written: the client has got
// the response of the error, or the handler has taken the connection over.
func (w *writer) begin() error {
	if w.conn != nil && *w.refusal == (refusal{}) {
		return http.ErrHijacked
	}
	return w.commit()
}

// commit is begin, also for a response on a connection that was taken over. It commits once.
func (w *writer) commit() error {
	switch {
	case w.refusal.answering:
		w.refusal.answered = true
		return nil
	case w.refusal.err != nil || w.begun:
		return w.refusal.err
	}
	w.begun = true
	if w.told != nil {
		w.recall() // the commit sets the id as it has become
	}
	if err := w.exchange.Commit(w.Header()); err != nil {
		w.refuse(err)
	} else if w.conn != nil || strings.HasPrefix(w.Header().Get("Content-Type"), "text/event-stream") {
		w.session.releaseLock()
	}
	return w.refusal.err
}

// refuse answers in place of the handlers. It removes the headers about their response; those that were there before
// the handler stay (rule E5).
func (w *writer) refuse(err error) {
	*w.refusal = refusal{err: err, answering: true}
	defer func() { w.refusal.answering = false }()
	if w.conn != nil {
		w.failByHand(err)
		return
	}
	w.clean(w.outside)
	w.exchange.answer(w.ResponseWriter, err)
}

// WriteHeader lets informational responses other than 101 pass without a commit: the response itself is still to come
// (RFC 9110, 15.2). A ResponseWriter that cannot flush, such as http.TimeoutHandler's, would take one for the response,
// and does not get it.
func (w *writer) WriteHeader(status int) {
	if status >= 100 && status < 200 && status != http.StatusSwitchingProtocols {
		if w.able&canFlush != 0 {
			w.ResponseWriter.WriteHeader(status)
		}
		return
	}
	if w.begin() == nil {
		w.ResponseWriter.WriteHeader(status)
	}
}

func (w *writer) Write(p []byte) (int, error) {
	if err := w.begin(); err != nil {
		return 0, err
	}
	return w.ResponseWriter.Write(p)
}

// WriteString saves a copy if the writer below can take strings.
func (w *writer) WriteString(s string) (int, error) {
	if err := w.begin(); err != nil {
		return 0, err
	}
	return io.WriteString(w.ResponseWriter, s)
}

// ReadFrom keeps sendfile: net/http's own writer lets the kernel send a file.
func (w *writer) ReadFrom(r io.Reader) (int64, error) {
	if err := w.begin(); err != nil {
		return 0, err
	}
	return io.Copy(w.ResponseWriter, r)
}

// Unwrap is for http.ResponseController.
func (w *writer) Unwrap() http.ResponseWriter { return w.ResponseWriter }
