package local

import (
	"slices"

	"github.com/gomsm/msm/core/internal/record"
)

// storable returns the record without the attributes that are never stored (Config.Stays), or rec itself if it has none
// of these (rule L16).
func (st *Store) storable(rec *record.Record) *record.Record {
	if st.Stays == nil || !slices.ContainsFunc(rec.Attributes, st.stays) {
		return rec
	}
	bare := rec.Draft()
	bare.Attributes = slices.DeleteFunc(bare.Attributes, st.stays)
	return bare
}

// rejoined returns a stored record with the attributes of another record that are never stored, or rec itself if there
// are none.
func (st *Store) rejoined(rec, from *record.Record) *record.Record {
	if st.Stays == nil || !slices.ContainsFunc(from.Attributes, st.stays) {
		return rec
	}
	whole := rec.Draft()
	for _, a := range from.Attributes {
		if st.stays(a) {
			whole.Set(a.Name, a.Value)
		}
	}
	return whole
}

// stays reports whether an attribute is never stored.
func (st *Store) stays(a record.Attribute) bool { return st.Stays(a.Name) }
