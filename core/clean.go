package msm

import (
	"net/http"
	"slices"
	"strings"
)

// staying are the headers of a handler that an answer to a failure keeps: those about the site, the visitor or the
// request. Every other one may be about the answer that is withheld, of which the client or a proxy must not act on
// a word: where the file is that it sends (X-Accel-Redirect), how long it may be cached, where to go next.
var staying = []string{
	"Set-Cookie", "Vary", // the session's own cookie is not there: its commit has failed
	"Timing-Allow-Origin", "Cross-Origin-Embedder-Policy", "Cross-Origin-Opener-Policy", "Cross-Origin-Resource-Policy",
	"Content-Security-Policy", "Content-Security-Policy-Report-Only", "Strict-Transport-Security", "Permissions-Policy",
	"Referrer-Policy", "X-Content-Type-Options", "X-Frame-Options", "X-Permitted-Cross-Domain-Policies", "X-Xss-Protection",
	"X-Robots-Tag", "Origin-Agent-Cluster", "Report-To", "Reporting-Endpoints", "Nel",
	"Traceparent", "Tracestate", "Traceresponse", "Server", "Server-Timing",
}

// requestIDs are how the names of headers end that say which request it is, as in X-Amzn-Trace-Id.
var requestIDs = []string{"Request-Id", "Requestid", "Correlation-Id", "Trace-Id", "Traceid"}

// stays reports whether an answer to a failure keeps a header.
func stays(name string) bool {
	name = http.CanonicalHeaderKey(name)
	return strings.HasPrefix(name, "Access-Control-") || slices.Contains(staying, name) ||
		slices.ContainsFunc(requestIDs, func(end string) bool { return strings.HasSuffix(name, end) })
}

// field is one header and its values.
type field struct {
	name   string
	values []string
}

// fieldsOf remembers a header. It is mostly empty.
func fieldsOf(h http.Header) (list []field) {
	if len(h) == 0 {
		return nil
	}
	list = make([]field, 0, len(h))
	for name, values := range h {
		list = append(list, field{name, values})
	}
	return list
}

// clean removes what the handler said of its answer. What was said outside still holds: a compression there may have named
// its encoding already, and encodes the failure's answer too.
func (w *writer) clean(outside []field) {
	h := w.Header()
	for name := range h {
		if !stays(name) {
			delete(h, name)
		}
	}
	for _, outer := range outside {
		if _, there := h[outer.name]; !there {
			h[outer.name] = outer.values
		}
	}
}
