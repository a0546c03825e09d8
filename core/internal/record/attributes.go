package record

import (
	"slices"
	"strings"
)

// Get returns the encoded value of an attribute. The bytes are shared and must not be changed.
func (r *Record) Get(name string) (value []byte, ok bool) {
	i, ok := r.find(name)
	if !ok {
		return nil, false
	}
	return r.Attributes[i].Value, true
}

// Set stores an encoded value under a name of at most MaxName bytes. It keeps value itself, no copy of it.
func (r *Record) Set(name string, value []byte) {
	i, ok := r.find(name)
	if ok {
		r.Attributes[i].Value = value
		return
	}
	r.Attributes = slices.Insert(r.Attributes, i, Attribute{name, value})
}

// Delete removes an attribute and reports whether there was one.
func (r *Record) Delete(name string) bool {
	i, ok := r.find(name)
	if ok {
		r.Attributes = slices.Delete(r.Attributes, i, i+1)
	}
	return ok
}

func (r *Record) find(name string) (index int, ok bool) {
	return slices.BinarySearchFunc(r.Attributes, name, func(a Attribute, name string) int {
		return strings.Compare(a.Name, name)
	})
}
