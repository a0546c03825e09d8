package counter

import "testing"

func TestRead(t *testing.T) {
	t.Parallel()
	var counters struct{ Seen, Lost Counter }
	var stats struct {
		State      string
		Lost, Seen uint64
	}
	stats.State = "up"
	counters.Seen.Add(3)
	counters.Lost.Add(1)
	if Read(&counters, &stats); stats.Seen != 3 || stats.Lost != 1 || stats.State != "up" {
		t.Errorf("%+v", stats)
	}
}

// TestACounterThatNobodyReads: a counter without a field in the stats is found by the first test that reads them.
func TestACounterThatNobodyReads(t *testing.T) {
	t.Parallel()
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	var counters struct{ Seen Counter }
	var stats struct{ Lost uint64 }
	Read(&counters, &stats)
}
