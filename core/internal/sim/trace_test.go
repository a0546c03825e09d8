package sim

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
		parts = append(parts, fmt.Sprintf("%s: term %d version %d home %s n=%s dead=%v unsettled=%v copies %v last %x",
			name, rec.Term, rec.Version, rec.Home, text, rec.Tombstone, rec.Unsettled, rec.Copies, rec.LastWrite()&0xffff))
	}
	return strings.Join(parts, "; ")
}
