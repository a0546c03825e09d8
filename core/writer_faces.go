package msm

import (
	"bufio"
	"net"
	"net/http"
)

// A face is what handlers see of a writer. It can do what the writer below can, and no more, because libraries test for
// that: one for WebSockets does something else if it cannot get the connection, and gin's Stream panics without
// CloseNotify. Abilities without a face, such as deadlines, http.ResponseController finds by Unwrap.
//
// A face is one pointer, so it costs no allocation. Each adds one ability to the one inside: F flushes, H hijacks, P
// pushes, N notifies.
type (
	faceF    struct{ *writer }
	faceH    struct{ *writer }
	faceP    struct{ *writer }
	faceN    struct{ *writer }
	faceFH   struct{ faceF }
	faceFP   struct{ faceF }
	faceFN   struct{ faceF }
	faceHP   struct{ faceH }
	faceHN   struct{ faceH }
	facePN   struct{ faceP }
	faceFHP  struct{ faceFH }
	faceFHN  struct{ faceFH } // net/http's by HTTP/1
	faceFPN  struct{ faceFP } // net/http's by HTTP/2
	faceHPN  struct{ faceHP }
	faceFHPN struct{ faceFHP }
)

type closeNotifier interface{ CloseNotify() <-chan bool } // http.CloseNotifier, which is deprecated and which gin needs

// ability is a set of what a ResponseWriter can do.
type ability uint8

const (
	canFlush ability = 1 << iota
	canHijack
	canPush
	canNotify
)

// face returns the face that fits the writer below.
func (w *writer) face() http.ResponseWriter {
	if below[http.Flusher](w) || below[interface{ FlushError() error }](w) {
		w.able |= canFlush
	}
	if below[http.Hijacker](w) {
		w.able |= canHijack
	}
	if _, ok := w.ResponseWriter.(http.Pusher); ok {
		w.able |= canPush
	}
	if _, ok := w.ResponseWriter.(closeNotifier); ok {
		w.able |= canNotify
	}
	return faces[w.able](w)
}

var faces = [16]func(w *writer) http.ResponseWriter{
	0:                              func(w *writer) http.ResponseWriter { return w },
	canFlush:                       func(w *writer) http.ResponseWriter { return faceF{w} },
	canHijack:                      func(w *writer) http.ResponseWriter { return faceH{w} },
	canPush:                        func(w *writer) http.ResponseWriter { return faceP{w} },
	canNotify:                      func(w *writer) http.ResponseWriter { return faceN{w} },
	canFlush | canHijack:           func(w *writer) http.ResponseWriter { return faceFH{faceF{w}} },
	canFlush | canPush:             func(w *writer) http.ResponseWriter { return faceFP{faceF{w}} },
	canFlush | canNotify:           func(w *writer) http.ResponseWriter { return faceFN{faceF{w}} },
	canHijack | canPush:            func(w *writer) http.ResponseWriter { return faceHP{faceH{w}} },
	canHijack | canNotify:          func(w *writer) http.ResponseWriter { return faceHN{faceH{w}} },
	canPush | canNotify:            func(w *writer) http.ResponseWriter { return facePN{faceP{w}} },
	canFlush | canHijack | canPush: func(w *writer) http.ResponseWriter { return faceFHP{faceFH{faceF{w}}} },
	canFlush | canHijack | canNotify: func(w *writer) http.ResponseWriter {
		return faceFHN{faceFH{faceF{w}}}
	},
	canFlush | canPush | canNotify:  func(w *writer) http.ResponseWriter { return faceFPN{faceFP{faceF{w}}} },
	canHijack | canPush | canNotify: func(w *writer) http.ResponseWriter { return faceHPN{faceHP{faceH{w}}} },
	canFlush | canHijack | canPush | canNotify: func(w *writer) http.ResponseWriter {
		return faceFHPN{faceFHP{faceFH{faceF{w}}}}
	},
}

// below reports whether the ResponseWriter, or one that it wraps, is a T; it looks where http.ResponseController would.
func below[T any](w *writer) bool {
	for at := w.ResponseWriter; ; {
		if _, ok := at.(T); ok {
			return true
		}
		wrapper, ok := at.(interface{ Unwrap() http.ResponseWriter })
		if !ok {
			return false
		}
		at = wrapper.Unwrap()
	}
}

// Flush is FlushError, for callers that know only http.Flusher.
func (w faceF) Flush() { _ = w.FlushError() }

// FlushError commits, and sends the header.
func (w faceF) FlushError() error {
	if err := w.begin(); err != nil {
		return err
	}
	return http.NewResponseController(w.ResponseWriter).Flush()
}

func (w faceH) Hijack() (net.Conn, *bufio.ReadWriter, error)  { return w.hijack() }
func (w faceFH) Hijack() (net.Conn, *bufio.ReadWriter, error) { return w.hijack() }

func (w faceP) Push(target string, o *http.PushOptions) error   { return w.push(target, o) }
func (w faceFP) Push(target string, o *http.PushOptions) error  { return w.push(target, o) }
func (w faceHP) Push(target string, o *http.PushOptions) error  { return w.push(target, o) }
func (w faceFHP) Push(target string, o *http.PushOptions) error { return w.push(target, o) }

func (w faceN) CloseNotify() <-chan bool    { return w.closeNotify() }
func (w faceFN) CloseNotify() <-chan bool   { return w.closeNotify() }
func (w faceHN) CloseNotify() <-chan bool   { return w.closeNotify() }
func (w facePN) CloseNotify() <-chan bool   { return w.closeNotify() }
func (w faceFHN) CloseNotify() <-chan bool  { return w.closeNotify() }
func (w faceFPN) CloseNotify() <-chan bool  { return w.closeNotify() }
func (w faceHPN) CloseNotify() <-chan bool  { return w.closeNotify() }
func (w faceFHPN) CloseNotify() <-chan bool { return w.closeNotify() }

func (w *writer) push(target string, o *http.PushOptions) error {
	return w.ResponseWriter.(http.Pusher).Push(target, o)
}

func (w *writer) closeNotify() <-chan bool {
	return w.ResponseWriter.(closeNotifier).CloseNotify()
}
