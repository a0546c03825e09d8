package record

import "testing"

func TestPeekSeesTheRankThatDecodeSees(t *testing.T) {
	for name, r := range map[string]*Record{
		"an empty record":  {},
		"a full one":       {Term: 3, Version: 1 << 40, Home: "n1", Copies: []Copy{{"n1", 7}, {"n2", 8}}, Writes: []Stamp{{5, now}, {6, now}}, Requests: []Stamp{{9, now}}},
		"never yet copied": {Term: 1, Version: 1, Home: "n1"},
		"a tombstone":      {Tombstone: true, Term: 2, Version: 9, Writes: []Stamp{{5, now}}},
	} {
		t.Run(name, func(t *testing.T) {
			b := r.Append(nil)
			got, err := Peek(b)
			if err != nil || got != r.Rank() {
				t.Errorf("%+v, %v; want %+v", got, err, r.Rank())
			}
			for i := range b {
				if _, err := Peek(b[:i]); err == nil {
					t.Errorf("cut off after %d bytes: no error", i)
				}
			}
		})
	}
}

func TestRanks(t *testing.T) {
	for name, c := range map[string]struct {
		r, other       Rank
		before, beyond bool
	}{
		"the same":                         {Rank{2, 5, 1}, Rank{2, 5, 1}, false, false},
		"another write of the version":     {Rank{2, 5, 1}, Rank{2, 5, 9}, false, true},
		"an earlier version":               {Rank{2, 4, 1}, Rank{2, 5, 1}, true, false},
		"a later version":                  {Rank{2, 6, 1}, Rank{2, 5, 1}, false, true},
		"an earlier term, a later version": {Rank{1, 9, 1}, Rank{2, 5, 1}, true, false},
		"a later term, an earlier version": {Rank{3, 1, 1}, Rank{2, 5, 1}, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			if before, beyond := c.r.Before(c.other), c.r.Beyond(c.other); before != c.before || beyond != c.beyond {
				t.Errorf("before %v, beyond %v", before, beyond)
			}
		})
	}
}
