package msm

import (
	"net/http"
	"slices"
	"strings"
)

// staying are the handler's headers that stay in an error response: those about the site, the visitor or the request.
// Any other may be about the withheld response, and neither a client nor a proxy may act on it: which file to send
// (X-Accel-Redirect), how long to cache it, where to go next.
var staying = []string{
	"Set-Cookie", "Vary", // not the session's own cookie: it is set only when the commit has succeeded
	"Timing-Allow-Origin", "Cross-Origin-Embedder-Policy", "Cross-Origin-Opener-Policy", "Cross-Origin-Resource-Policy",
	"Content-Security-Policy", "Content-Security-Policy-Report-Only", "Strict-Transport-Security", "Permissions-Policy",
	"Referrer-Policy", "X-Content-Type-Options", "X-Frame-Options", "X-Permitted-Cross-Domain-Policies", "X-Xss-Protection",
	"X-Robots-Tag", "Origin-Agent-Cluster", "Report-To", "Reporting-Endpoints", "Nel",
	"Traceparent", "Tracestate", "Traceresponse", "Server", "Server-Timing",
}

// requestIDs are endings of header names that identify a request, as in X-Amzn-Trace-Id.
var requestIDs = []string{"Request-Id", "Requestid", "Correlation-Id", "Trace-Id", "Traceid"}

// stays reports whether a handler's header of that name stays in an error response.
func stays(name string) bool {
	name = http.CanonicalHeaderKey(name)
	return strings.HasPrefix(name, "Access-Control-") || slices.Contains(staying, name) ||
		slices.ContainsFunc(requestIDs, func(end string) bool { return strings.HasSuffix(name, end) })
}

// field is one header with its values.
type field struct {
	name   string
	values []string
}

// fieldsOf returns the fields of a header, which mostly has none.
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

// clean removes the handler's headers from the response, except for those that stay. Headers from before the handler
// stay as well: a middleware that compresses may have set Content-Encoding, and it encodes the error response, too.
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
