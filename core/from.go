package msm

import (
	"context"

	"github.com/gomsm/msm/core/internal/node"
)

// scope is the request's context with the session in it. It needs one allocation less than context.WithValue.
type scope struct {
	context.Context
	exchange *Exchange
}

// contextKey is the key of a manager's session in a context. With nil it is that of the innermost manager.
type contextKey struct{ manager *Manager }

// exchangeKey is the key of a manager's exchange in a context.
type exchangeKey struct{ manager *Manager }

// Value returns the request's session or exchange, its node.Failures, or what the context below has.
func (c *scope) Value(key any) any {
	if k, ok := key.(contextKey); ok && (k.manager == nil || k.manager == c.exchange.manager) {
		return &c.exchange.session
	}
	if k, ok := key.(exchangeKey); ok && k.manager == c.exchange.manager {
		return c.exchange
	}
	if _, ok := key.(node.FailuresKey); ok {
		return &c.exchange.failures
	}
	return c.Context.Value(key)
}

// From returns the session of the request to which the context belongs. It panics if there is none, because the
// middleware is not installed then. If several managers have a session for the request it returns that of the innermost
// middleware; see Manager.From.
func From(ctx context.Context) *Session {
	return from(ctx, contextKey{})
}

// From returns this manager's session of the request, as the function From does, for programs with several managers.
func (m *Manager) From(ctx context.Context) *Session {
	return from(ctx, contextKey{m})
}

func from(ctx context.Context, key contextKey) *Session {
	s, ok := ctx.Value(key).(*Session)
	if !ok {
		panic("msm: no session in this context: put the handler behind the session middleware, which is " +
			"manager.Middleware(handler) with net/http, and with a framework router.Use(...) of " +
			"msmgin.Sessions(manager), msmchi.Sessions(manager) or msmecho.Sessions(manager); " +
			"and pass the context of the request that the handler got")
	}
	return s
}
