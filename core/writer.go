package msm

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
)

// writer commits the session before the first byte leaves. Nothing is buffered.
type writer struct {
	http.ResponseWriter
	exchange *Exchange
	outside  http.Header // of bodyHeaders, those that were there before the handler
	begun    bool        // the header has been given to the ResponseWriter below
}

// refusal is why a request's handlers have no say: the commit failed, and the client gets the error's answer. Theirs is
// withheld, through whichever writer it comes.
type refusal struct {
	err       error // nil: there is none
	answering bool  // Config.ErrorHandler is at work
}

// bodyHeaders describe the body that the handler meant to send.
var bodyHeaders = []string{
	"Accept-Ranges", "Cache-Control", "Content-Disposition", "Content-Encoding", "Content-Length", "Content-Range",
	"Content-Type", "Etag", "Last-Modified", "Location",
}

func bodyHeadersOf(h http.Header) (found http.Header) {
	if len(h) == 0 { // as it mostly is
		return nil
	}
	for _, name := range bodyHeaders {
		if values, ok := h[name]; ok {
			if found == nil {
				found = make(http.Header)
			}
			found[name] = slices.Clone(values)
		}
	}
	return found
}

// begin commits, once. An error means that the client has got its answer.
func (w *writer) begin() error {
	x := w.exchange
	switch {
	case x.refusal.answering:
		return nil
	case x.refusal.err != nil || w.begun:
		return x.refusal.err
	}
	w.begun = true
	if err := x.Commit(w.Header()); err != nil {
		w.refuse(err)
	} else if strings.HasPrefix(w.Header().Get("Content-Type"), "text/event-stream") {
		x.letGo()
	}
	return x.refusal.err
}

// refuse answers in place of the handlers.
func (w *writer) refuse(err error) {
	x := w.exchange
	x.refusal = refusal{err, true}
	defer func() { x.refusal.answering = false }()
	w.clean()
	x.manager.Fail(w.ResponseWriter, x.request, err)
}

// clean removes what the handler said of its body. What stands further out still holds: a compression there may have
// named its encoding already, and encodes the failure's answer too.
func (w *writer) clean() {
	for _, name := range bodyHeaders {
		if values, ok := w.outside[name]; ok {
			w.Header()[name] = values
		} else {
			w.Header().Del(name)
		}
	}
}

// WriteHeader lets informational answers other than 101 pass: the response itself is still to come (RFC 9110, 15.2).
func (w *writer) WriteHeader(status int) {
	if status >= 100 && status < 200 && status != http.StatusSwitchingProtocols {
		w.ResponseWriter.WriteHeader(status)
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

// Flush is FlushError for callers that know http.Flusher only.
func (w *writer) Flush() { _ = w.FlushError() }

// FlushError sends the header, and so commits.
func (w *writer) FlushError() error {
	if err := w.begin(); err != nil {
		return err
	}
	return http.NewResponseController(w.ResponseWriter).Flush()
}

// Hijack hands the connection over. A cookie that the commit has set is in Header, for who writes the answer by hand.
func (w *writer) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	if err := w.begin(); err != nil {
		return nil, nil, err
	}
	w.exchange.letGo()
	return http.NewResponseController(w.ResponseWriter).Hijack()
}

// Unwrap serves http.ResponseController.
func (w *writer) Unwrap() http.ResponseWriter { return w.ResponseWriter }
