package local

import (
	"slices"

	"github.com/gomsm/msm/core/internal/record"
)

// withoutMemoryOnly returns the record without the attributes that are never stored (Config.MemoryOnly), or rec itself
// if it has none of these (rule L16).
func (c *Config) withoutMemoryOnly(rec *record.Record) *record.Record {
	if c.MemoryOnly == nil || !slices.ContainsFunc(rec.Attributes, c.memoryOnly) {
		return rec
	}
	bare := rec.Draft()
	bare.Attributes = slices.DeleteFunc(bare.Attributes, c.memoryOnly)
	return bare
}

// withMemoryOnly returns a stored record with the attributes of another record that are never stored, or rec itself if
// there are none.
func (c *Config) withMemoryOnly(rec, from *record.Record) *record.Record {
	if c.MemoryOnly == nil || !slices.ContainsFunc(from.Attributes, c.memoryOnly) {
		return rec
	}
	whole := rec.Draft()
	for _, a := range from.Attributes {
		if c.memoryOnly(a) {
			whole.Set(a.Name, a.Value)
		}
	}
	return whole
}

// memoryOnly reports whether an attribute is never stored.
func (c *Config) memoryOnly(a record.Attribute) bool { return c.MemoryOnly(a.Name) }
