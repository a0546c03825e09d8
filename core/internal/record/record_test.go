package record

import (
	"reflect"
	"testing"
)

func TestCloneIsIndependent(t *testing.T) {
	changes := map[string]func(r *Record){
		"a copy's epoch":       func(r *Record) { r.Copies[0].Epoch++ },
		"a write":              func(r *Record) { r.Writes[0].ID++ },
		"a write added":        func(r *Record) { r.AddWrite(77, now) },
		"writes dropped":       func(r *Record) { r.AddWrite(77, second(10_000)); r.AddWrite(78, second(10_000)) },
		"a request added":      func(r *Record) { r.AddRequest(77, now) },
		"an attribute set":     func(r *Record) { r.Set("cart", []byte("new")) },
		"an attribute added":   func(r *Record) { r.Set("a", []byte("new")) },
		"an attribute deleted": func(r *Record) { r.Delete("cart") },
		"a term ended":         func(r *Record) { r.EndTerm(Rank{1, 1, 1}) },
		"a flag":               func(r *Record) { r.Tombstone = true },
		"everything":           func(r *Record) { *r = Record{} },
	}
	for name, change := range changes {
		t.Run(name, func(t *testing.T) {
			original := mustDecode(t, full().Append(nil))
			clone := original.Clone()
			if !reflect.DeepEqual(clone, original) {
				t.Fatalf("%+v is not %+v", clone, original)
			}
			change(clone)
			if !reflect.DeepEqual(original, full()) {
				t.Errorf("a change of the clone changed the original: %+v", original)
			}
			clone = original.Clone()
			change(original)
			if !reflect.DeepEqual(clone, full()) {
				t.Errorf("a change of the original changed the clone: %+v", clone)
			}
		})
	}
}

func TestCopy(t *testing.T) {
	if epoch, ok := full().Copy("n1"); !ok || epoch != 0xdeadbeef {
		t.Errorf("n1: %x, %v", epoch, ok)
	}
	if epoch, ok := full().Copy("n3"); ok || epoch != 0 {
		t.Errorf("n3: %x, %v", epoch, ok)
	}
	if _, ok := (&Record{}).Copy(""); ok {
		t.Error("a record without copies has none on the node without id")
	}
}
