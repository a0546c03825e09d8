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

// errUntold is about a session whose new id its client could not learn, so that nothing of it may be stored: the old id, if
// there is one, is all that the client has.
var errUntold = errors.New("msm: the handler took the connection over and wrote no HTTP answer to it, so the client has not " +
	"learned the session's new id; nothing of it was stored")

// hijack hands the connection over, and commits: not before it is sure that there is a connection to be had. If the client
// has to learn a new id, the session is committed only when the head of an answer is written, which most libraries for
// WebSockets do themselves, and the cookie is put into that head.
func (w *writer) hijack() (net.Conn, *bufio.ReadWriter, error) {
	x := w.exchange
	if x.refusal.err != nil && !x.refusal.answering {
		return nil, nil, x.refusal.err
	}
	conn, rw, err := http.NewResponseController(w.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	if x.refusal.answering {
		x.refusal.answered = true
		return conn, rw, nil
	}
	if w.begun { // the header has left
		x.letGo()
		return conn, rw, nil
	}
	w.conn = conn
	if !x.announce(w.Header()) {
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

// announce puts the id of a new or renewed session into h as it will be, for who copies h into an answer, and reports
// whether there is one.
func (x *Exchange) announce(h http.Header) bool {
	s := &x.session
	s.enter()
	defer s.mu.Unlock()
	renewed := s.ended != nil && s.ended.renewed
	if s.state != present || s.base != nil || s.work == nil || !renewed && !s.begins() {
		return false
	}
	x.setID(h)
	return true
}

// recall takes back what announce did.
func (w *writer) recall() {
	h := w.Header()
	h["Set-Cookie"] = slices.DeleteFunc(h["Set-Cookie"], w.isOurs)
	h.Del(w.exchange.manager.config.Header)
}

// news are the lines of a head that tell the client its session's id, less those that the head has.
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

// ids are the fields of the header that tell the session's id.
func (w *writer) ids() http.Header {
	c, h, found := &w.exchange.manager.config, w.Header(), http.Header{}
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

func (w *writer) isOurs(cookie string) bool {
	return strings.HasPrefix(cookie, w.exchange.manager.config.Cookie.Name+"=")
}

// endTelling ends, with the handler, the time in which the client can learn a new id. If it has not, nothing is stored.
func (w *writer) endTelling() {
	if w.told == nil {
		return
	}
	_ = w.told.giveUp() // whoever writes to it meets the error, too
	if x := w.exchange; !w.begun {
		x.refusal.err = errUntold
		x.manager.log.Error("session not stored", "error", errUntold, "method", x.request.Method)
	}
}

// failByHand answers on a connection that was taken over, and closes it.
func (w *writer) failByHand(err error) {
	x, h := w.exchange, w.Header()
	w.clean(nil)                                            // nothing stands between this answer and the client
	h.Set("Date", time.Now().UTC().Format(http.TimeFormat)) // of what net/http adds, that which an answer must have
	a := &byHand{header: h}
	x.manager.Fail(a, x.request, err)
	answer := http.Response{
		StatusCode: a.status, ProtoMajor: 1, ProtoMinor: 1, Request: x.request, Header: a.header, Close: true,
		Body: io.NopCloser(&a.body), ContentLength: int64(a.body.Len()),
	}
	_ = answer.Write(w.conn)
	_ = w.conn.Close()
}

// byHand keeps an answer until it is whole.
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
