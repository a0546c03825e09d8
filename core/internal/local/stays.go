package local

import (
	"slices"

	"github.com/gomsm/msm/core/internal/record"
)

// storable answers the record without the attributes that stay here; itself if it has none.
func (st *Store) storable(rec *record.Record) *record.Record {
	if st.Stays == nil || !slices.ContainsFunc(rec.Attributes, st.stays) {
		return rec
	}
	bare := rec.Draft()
	bare.Attributes = slices.DeleteFunc(bare.Attributes, st.stays)
	return bare
}

// rejoined answers a stored record with those attributes of another that stay here; itself if there are none.
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

func (st *Store) stays(a record.Attribute) bool { return st.Stays(a.Name) }
