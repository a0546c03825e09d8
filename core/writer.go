package msm

import (
	"io"
	"net"
	"net/http"
	"strings"
)

// writer commits the session before the first byte leaves. Nothing is buffered. Handlers have it by one of its faces.
type writer struct {
	http.ResponseWriter
	exchange *Exchange
	outside  []field  // headers that were there before the handler
	able     ability  // what the ResponseWriter below can do
	begun    bool     // the header has been given to the ResponseWriter below
	conn     net.Conn // the handler has taken the connection over; nil: it has not
	told     *telling // what the handler has instead of conn; nil: conn itself
}

// refusal is why a request's handlers have no say: the commit failed, and the client gets the error's answer. Theirs is
// withheld, through whichever writer it comes.
type refusal struct {
	err       error // nil: there is none
	answering bool  // Config.ErrorHandler is at work
	answered  bool  // it has begun to answer
}

// begin commits before the first byte of an answer. An error means that there is none to be given: the client has one, or
// the connection was taken over.
func (w *writer) begin() error {
	if w.conn != nil && w.exchange.refusal == (refusal{}) {
		return http.ErrHijacked
	}
	return w.commit()
}

// commit is begin for answers on a connection that was taken over, too. It commits once.
func (w *writer) commit() error {
	x := w.exchange
	switch {
	case x.refusal.answering:
		x.refusal.answered = true
		return nil
	case x.refusal.err != nil || w.begun:
		return x.refusal.err
	}
	w.begun = true
	if w.told != nil {
		w.recall() // the commit says how it has become
	}
	if err := x.Commit(w.Header()); err != nil {
		w.refuse(err)
	} else if w.conn != nil || strings.HasPrefix(w.Header().Get("Content-Type"), "text/event-stream") {
		x.letGo()
	}
	return x.refusal.err
}

// refuse answers in place of the handlers.
func (w *writer) refuse(err error) {
	x := w.exchange
	x.refusal = refusal{err: err, answering: true}
	defer func() { x.refusal.answering = false }()
	if w.conn != nil {
		w.failByHand(err)
		return
	}
	w.clean(w.outside)
	x.manager.Fail(w.ResponseWriter, x.request, err)
}

// WriteHeader lets informational answers other than 101 pass: the response itself is still to come (RFC 9110, 15.2). What
// cannot send one before that, such as http.TimeoutHandler, would take it for the response, and is spared it.
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

// WriteString spares the copy where the writer below can.
func (w *writer) WriteString(s string) (int, error) {
	if err := w.begin(); err != nil {
		return 0, err
	}
	return io.WriteString(w.ResponseWriter, s)
}

// ReadFrom keeps sendfile: net/http's own writer hands a file to the kernel.
func (w *writer) ReadFrom(r io.Reader) (int64, error) {
	if err := w.begin(); err != nil {
		return 0, err
	}
	return io.Copy(w.ResponseWriter, r)
}

// Unwrap serves http.ResponseController.
func (w *writer) Unwrap() http.ResponseWriter { return w.ResponseWriter }
