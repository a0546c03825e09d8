package msm

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"
)

// errUntold is the error of a session whose client could not learn its new id. Nothing of it may be stored: the client
// has only the old id, if any.
var errUntold = errors.New("msm: the handler took the connection over and wrote no HTTP answer to it, so the client has not " +
	"learned the session's new id; nothing of it was stored")

// hijack gives the handler the connection, and commits once there is one. If the client has to learn a new id, the
// commit waits until the handler writes the head of a response, as most libraries for WebSockets do themselves, and the
// cookie is put into that head (rule E7).
func (w *writer) hijack() (net.Conn, *bufio.ReadWriter, error) {
	if w.refusal.err != nil && !w.refusal.answering {
		return nil, nil, w.refusal.err
	}
	conn, rw, err := http.NewResponseController(w.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	if w.refusal.answering {
		w.refusal.answered = true
		return conn, rw, nil
	}
	if w.begun { // the header has been sent, and the session committed
		w.session.releaseLock()
		return conn, rw, nil
	}
	w.conn = conn
	if !w.exchange.showID(w.Header()) {
		if err := w.commit(); err != nil {
			return nil, nil, err
		}
		if len(w.news(nil)) == 0 {
			return conn, rw, nil
		}
	}
	w.told = &telling{Conn: conn, writer: w}
	conn = w.told.face()
	rw.Writer.Reset(conn)
	return conn, rw, nil
}

// recall removes from the header what showID put there.
func (w *writer) recall() {
	h := w.Header()
	h["Set-Cookie"] = slices.DeleteFunc(h["Set-Cookie"], w.isOurs)
	h.Del(w.visit.manager.config.Header)
}

// news returns the header lines that tell the client its session's id, without those that head has.
func (w *writer) news(head []byte) (lines []byte) {
	for name, values := range w.ids() {
		for _, value := range values {
			end := []byte(": " + value + "\r\n")
			if !strings.ContainsAny(value, "\r\n") && !bytes.Contains(head, end) && !bytes.Contains(lines, end) {
				lines = append(append(lines, name...), end...)
			}
		}
	}
	return lines
}

// ids returns the fields of the response's header that tell the session's id.
func (w *writer) ids() http.Header {
	c, h, found := &w.visit.manager.config, w.Header(), http.Header{}
	for _, cookie := range h["Set-Cookie"] {
		if w.isOurs(cookie) {
			found.Add("Set-Cookie", cookie)
		}
	}
	if c.Header != "" {
		found[http.CanonicalHeaderKey(c.Header)] = h.Values(c.Header)
	}
	return found
}

// isOurs reports whether a Set-Cookie value sets the session's cookie.
func (w *writer) isOurs(cookie string) bool {
	return strings.HasPrefix(cookie, w.visit.manager.config.Cookie.Name+"=")
}

// endTelling is called when the handler has returned, after which the client cannot learn a new id. If it has not
// learned it, nothing is stored.
func (w *writer) endTelling() {
	if w.told == nil {
		return
	}
	_ = w.told.giveUp() // whoever writes to the connection meets the error, too
	if v := w.visit; !w.begun {
		w.refusal.err = errUntold
		v.manager.log.Error("session not stored", "error", errUntold, "method", v.request.Method)
	}
}

// failByHand sends the response of an error on a connection that was taken over, and closes it.
func (w *writer) failByHand(err error) {
	h := w.Header()
	w.clean(nil)                                            // no middleware handles this response
	h.Set("Date", time.Now().UTC().Format(http.TimeFormat)) // the one field of net/http's that a response must have
	a := &byHand{header: h}
	w.exchange.answer(a, err)
	answer := http.Response{
		StatusCode: a.status, ProtoMajor: 1, ProtoMinor: 1, Request: w.visit.request, Header: a.header, Close: true,
		Body: io.NopCloser(&a.body), ContentLength: int64(a.body.Len()),
	}
	_ = answer.Write(w.conn)
	_ = w.conn.Close()
}

// byHand is a ResponseWriter that keeps a response until it is whole.
type byHand struct {
	header http.Header
	status int // 0: none yet
	body   bytes.Buffer
}

func (a *byHand) Header() http.Header { return a.header }

func (a *byHand) WriteHeader(status int) {
	if a.status == 0 && (status < 100 || status >= 200) {
		a.status = status
	}
}

func (a *byHand) Write(p []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	return a.body.Write(p)
}
