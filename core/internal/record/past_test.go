package record

import (
	"testing"
	"time"
)

func TestFollows(t *testing.T) {
	r := &Record{Term: 5}
	r.EndTerm(Rank{1, 7, 70})
	r.EndTerm(Rank{4, 20, 200})
	full := &Record{}
	for i := range uint64(MaxPast + 3) { // the first three are forgotten
		full.EndTerm(Rank{2 * i, i, i})
	}
	if len(full.Past) != MaxPast {
		t.Fatalf("%d terms are remembered", len(full.Past))
	}
	for name, c := range map[string]struct {
		of   *Record
		rank Rank
		want bool
	}{
		"the last of a term":                          {r, Rank{4, 20, 200}, true},
		"one before it":                               {r, Rank{4, 19, 5}, true},
		"the last of a term before":                   {r, Rank{1, 7, 70}, true},
		"another write of its version":                {r, Rank{1, 7, 71}, false},
		"a later version of its term":                 {r, Rank{1, 8, 80}, false},
		"a term that it does not come from":           {r, Rank{3, 1, 1}, false},
		"a term before all, of which none was lost":   {r, Rank{0, 1, 1}, false},
		"its own term":                                {r, Rank{5, 1, 1}, false},
		"a term before all that are remembered":       {full, Rank{3, 99, 99}, true},
		"a term among those that are remembered":      {full, Rank{7, 1, 1}, false},
		"the oldest one that is remembered, its last": {full, Rank{6, 3, 3}, true},
	} {
		if got := c.of.Follows(c.rank); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// TestMisses checks which records of earlier terms a record is known to lack.
func TestMisses(t *testing.T) {
	r := &Record{Term: 7}
	r.EndTerm(Rank{1, 7, 70})
	r.EndTerm(Rank{4, 20, 200})
	for name, c := range map[string]struct {
		rank Rank
		want bool
	}{
		"the last of the term that it left":        {Rank{4, 20, 200}, false},
		"one before it":                            {Rank{4, 19, 5}, false},
		"another write of its version":             {Rank{4, 20, 201}, true},
		"a later one":                              {Rank{4, 21, 210}, true},
		"a later one of a term before":             {Rank{1, 8, 80}, true},
		"a term that it has passed over":           {Rank{5, 1, 1}, true},
		"a term before, of which nothing is known": {Rank{3, 9, 9}, false},
		"its own term":                             {Rank{7, 1, 1}, false},
	} {
		if got := r.Misses(c.rank); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	if first := (&Record{Term: 2}); first.Misses(Rank{1, 1, 1}) {
		t.Error("a new session's second attempt misses the first one")
	}
}

// TestEndTermChangesNoOther checks that EndTerm does not write to memory that records share.
func TestEndTermChangesNoOther(t *testing.T) {
	r := mustDecode(t, (&Record{Term: 2, Past: []Rank{{1, 1, 1}}}).Append(nil))
	a, b := *r, *r
	a.EndTerm(Rank{2, 2, 2})
	b.EndTerm(Rank{2, 3, 3})
	if a.Past[1].Version != 2 || b.Past[1].Version != 3 || len(r.Past) != 1 {
		t.Errorf("%v, %v, %v", a.Past, b.Past, r.Past)
	}
}

func TestOutlasts(t *testing.T) {
	living := func(idle time.Duration, oldUntil time.Time) *Record {
		return &Record{LastAccess: now, IdleTimeout: idle, OldUntil: oldUntil}
	}
	for name, c := range map[string]struct {
		next, old *Record
		want      time.Time
	}{
		"as long as before":        {living(time.Hour, time.Time{}), living(time.Hour, time.Time{}), time.Time{}},
		"longer than before":       {living(2*time.Hour, time.Time{}), living(time.Hour, time.Time{}), time.Time{}},
		"shorter than before":      {living(time.Hour, time.Time{}), living(20*time.Hour, time.Time{}), now.Add(21 * time.Hour)},
		"shorter than long ago":    {living(time.Hour, time.Time{}), living(time.Hour, now.Add(5*time.Hour)), now.Add(5 * time.Hour)},
		"what was long has ended":  {living(time.Hour, time.Time{}), living(time.Minute, now.Add(-time.Second)), time.Time{}},
		"for ever":                 {living(0, time.Time{}), living(time.Hour, now.Add(5*time.Hour)), time.Time{}},
		"long, and a deadline now": {&Record{LastAccess: now, IdleTimeout: time.Hour, Deadline: now.Add(time.Minute)}, living(time.Hour, time.Time{}), now.Add(63 * time.Minute)},
	} {
		if c.next.Outlasts(c.old, now); !c.next.OldUntil.Equal(c.want) {
			t.Errorf("%s: %v; want %v", name, c.next.OldUntil, c.want)
		}
	}
}
