package copies

import (
	"context"
	"fmt"
	"strings"

	"github.com/gomsm/msm/core/internal/record"
)

// describe shows what a server has of the sessions, for the trace of a replayed seed.
func (w *world) describe(server string, tokens map[string]string) string {
	s := w.servers[server]
	if s.memory == nil {
		return "dead"
	}
	var parts []string
	for name, key := range tokens {
		item, err := s.memory.Get(context.Background(), key)
		if err != nil {
			continue
		}
		rec, err := record.Decode(item.Value)
		if err != nil {
			parts = append(parts, name+": "+err.Error())
			continue
		}
		text, _ := rec.Get("n")
		var copies []string
		for _, c := range rec.Copies {
			copies = append(copies, fmt.Sprintf("%s@%x", c.Node, c.Epoch&0xffff))
		}
		flags := ""
		if rec.Tombstone {
			flags += " dead"
		}
		if rec.Unsettled {
			flags += " unsettled"
		}
		parts = append(parts, fmt.Sprintf("%s: t%d v%d home %s n=%s%s %v w%x", name, rec.Term, rec.Version, rec.Home, text, flags, copies, rec.LastWrite()&0xffff))
	}
	return strings.Join(parts, "; ")
}
