package recent

import (
	"fmt"
	"maps"
	"strings"
	"testing"
	"unsafe"
)

// TestMapIsBounded: G9. Ever new keys fill nothing, and what is used meanwhile stays known.
func TestMapIsBounded(t *testing.T) {
	t.Parallel()
	const limit = 100
	m := NewMap[string, int](limit, strings.Clone)
	for i := range 20 * limit {
		m.Put(fmt.Sprint("flood", i), i)
		if i%limit == 0 {
			m.Put("used", i)
		}
		if i == 0 {
			m.Put("once", i)
		}
	}
	if n := len(m.young) + len(m.old); n > 2*limit {
		t.Errorf("%d keys; the bound is %d", n, 2*limit)
	}
	if !m.Has("used") || m.Has("once") {
		t.Error("what is used was forgotten, or what was not is known")
	}
}

func TestMap(t *testing.T) {
	t.Parallel()
	m := NewMap[string, int](2, nil)
	for i, key := range []string{"a", "b", "c"} { // a and b are the old generation
		m.Put(key, i+1)
	}
	if got := m.Get("a"); got != 1 {
		t.Errorf("a = %d", got)
	}
	if changed := m.Update("a", func(n int) (int, bool) { return 10 * n, n == 1 }); !changed {
		t.Error("not changed")
	}
	if changed := m.Update("b", func(n int) (int, bool) { return 10 * n, n == 1 }); changed {
		t.Error("changed")
	}
	if got := m.Get("none"); got != 0 || m.Has("none") {
		t.Errorf("none = %d", got)
	}
	if got, want := maps.Collect(m.All()), (map[string]int{"a": 10, "b": 2, "c": 3}); !maps.Equal(got, want) {
		t.Errorf("all: %v; want %v", got, want)
	}
}

// TestMapOwnsItsKeys: a key that is part of a request does not keep the request in memory.
func TestMapOwnsItsKeys(t *testing.T) {
	t.Parallel()
	m := NewMap[string, int](2, strings.Clone)
	request := strings.Repeat("x", 1000)
	m.Put(request[:3], 1)
	for key := range m.All() {
		if unsafe.StringData(key) == unsafe.StringData(request) {
			t.Error("the map has the request")
		}
	}
}
