package local

import "github.com/gomsm/msm/core/internal/news"

// ends reports whether the message says that the session has ended or is to end.
func ends(m news.Message) bool { return m.Kind == news.Ended || m.Kind == news.End }

// stronger reports whether m says as much as another message about the same session, or more.
func stronger(m, than news.Message) bool {
	if x, y := ends(m), ends(than); x != y {
		return x
	}
	return m.Version >= than.Version
}
