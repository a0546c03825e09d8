package msm

import (
	"errors"
	"net/http"

	"github.com/gomsm/msm/core/internal/sid"
)

// report counts a failed request, and logs it: trouble of nodes as one event for all requests, a fault of the program
// as one for each of its routes. If the client has gone, nothing is logged. token is that of the client's session; empty if
// it has none.
func (v *visit) report(token, message string, err error) {
	m, r := v.manager, v.request
	at := causeOf(r.Context(), err)
	c := &causes[at]
	c.count(&m.refusals).Add(1)
	if at == abandonedCause {
		return
	}
	detail, args := c.name, []any{"cause", c.name, "error", err, "method", r.Method}
	if token != "" {
		args = append(args, "session", sid.Short(token))
	}
	path := v.pattern()
	if path != "" {
		args = append(args, "route", path)
	}
	if c.status == http.StatusInternalServerError {
		detail += r.Method + path
	}
	if wrong := (*AttributeError)(nil); errors.As(err, &wrong) {
		args = append(args, "attribute", short(wrong.Name), "type", wrong.Type)
		detail += short(wrong.Name)
	}
	m.log.Event(r.Context(), c.level, message, detail, args...)
}
