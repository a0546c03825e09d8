package record

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

func TestAttributes(t *testing.T) {
	tests := map[string]struct {
		change func(r *Record)
		want   string
	}{
		"set in any order, they are sorted": {func(r *Record) { set(r, "b=2", "a=1", "c=3") }, "a=1 b=2 c=3"},
		"set again, it is replaced":         {func(r *Record) { set(r, "a=1", "b=2", "a=3") }, "a=3 b=2"},
		"sorted by bytes, not by language":  {func(r *Record) { set(r, "ä=1", "b=2", "B=3", "=4") }, "=4 B=3 b=2 ä=1"},
		"deleted from the middle":           {func(r *Record) { set(r, "a=1", "b=2", "c=3"); r.Delete("b") }, "a=1 c=3"},
		"deleted and set again":             {func(r *Record) { set(r, "a=1"); r.Delete("a"); set(r, "a=2") }, "a=2"},
		"deleted though it was never there": {func(r *Record) { set(r, "a=1"); r.Delete("b") }, "a=1"},
		"all deleted":                       {func(r *Record) { set(r, "a=1"); r.Delete("a") }, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			r := &Record{}
			test.change(r)
			if got := text(r); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
			if got := text(mustDecode(t, r.Append(nil))); got != test.want {
				t.Errorf("stored and read: %q, want %q", got, test.want)
			}
		})
	}
}

func set(r *Record, pairs ...string) {
	for _, pair := range pairs {
		name, value, _ := strings.Cut(pair, "=")
		r.Set(name, []byte(value))
	}
}

func text(r *Record) string {
	var pairs []string
	for _, a := range r.Attributes {
		pairs = append(pairs, a.Name+"="+string(a.Value))
	}
	return strings.Join(pairs, " ")
}

func TestGetAndDeleteTellWhetherThereWasOne(t *testing.T) {
	r := full()
	if value, ok := r.Get("user"); !ok || string(value) != "\x63bob" {
		t.Errorf("Get = %q, %v", value, ok)
	}
	if !r.Delete("user") || r.Delete("user") {
		t.Error("Delete is true once")
	}
	if value, ok := r.Get("user"); ok || value != nil {
		t.Errorf("Get after Delete = %q, %v", value, ok)
	}
}

func TestAttributesAgainstAMap(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	r, want := &Record{}, map[string]string{}
	for range 5_000 {
		name, value := fmt.Sprint(random.IntN(50)), fmt.Sprint(random.Uint64())
		if random.IntN(3) > 0 {
			r.Set(name, []byte(value))
			want[name] = value
		} else {
			_, had := want[name]
			if r.Delete(name) != had {
				t.Fatalf("Delete(%q) is not %v", name, had)
			}
			delete(want, name)
		}
	}
	if !slices.IsSortedFunc(r.Attributes, func(a, b Attribute) int { return strings.Compare(a.Name, b.Name) }) {
		t.Error("not sorted")
	}
	for name, value := range want {
		if got, ok := r.Get(name); !ok || string(got) != value {
			t.Errorf("%s = %q, %v; want %q", name, got, ok, value)
		}
	}
	if len(r.Attributes) != len(want) {
		t.Errorf("%d attributes, want %d", len(r.Attributes), len(want))
	}
}
