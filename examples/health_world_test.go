package examples

import (
	"encoding/json"
	"net/http"
)

// health is the part of the response of /healthz that the tests look at.
type health struct {
	Nodes []struct {
		ID, State string
		Refill    struct{ State string }
	}
	Loads, Saves,
	Relocations int
	Local struct{ Sessions, PendingSessions, PendingChanges, Takeovers, Refilled int }
}

// health asks without a cookie, which would keep the session alive.
func (p *process) health() (h health) {
	p.t.Helper()
	resp, err := http.Get(p.url + "/healthz")
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(&h); err != nil {
		p.t.Fatal(err)
	}
	return h
}

// written waits until everything is stored.
func (p *process) written() {
	p.t.Helper()
	eventually(p.t, "the write-behind", func() bool {
		l := p.health().Local
		return l.PendingChanges == 0 && l.PendingSessions == 0
	})
}

func (p *process) state(node, state string) {
	p.t.Helper()
	eventually(p.t, node+" "+state, func() bool {
		for _, n := range p.health().Nodes {
			if n.ID == node {
				return n.State == state
			}
		}
		return false
	})
}
