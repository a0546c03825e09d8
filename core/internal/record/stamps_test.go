package record

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestAddWriteKeepsWhatMayStillBeAskedFor(t *testing.T) {
	tests := map[string]struct {
		ages []int64 // of the writes there are, oldest first, in seconds
		want string  // the ages of what is kept, the new one last
	}{
		"the first write":                         {nil, "0"},
		"young ones stay":                         {[]int64{30, 20, 10}, "30 20 10 0"},
		"60 seconds are not older than a minute":  {[]int64{60, 60, 60, 60, 60}, "60 60 60 60 60 0"},
		"61 seconds are, beyond the newest four":  {[]int64{61, 61, 61, 61, 61}, "61 61 61 0"},
		"after a long idle time four stay":        {[]int64{90_000, 80_000, 70_000, 60_000}, "80000 70000 60000 0"},
		"few old ones all stay":                   {[]int64{90_000, 80_000}, "90000 80000 0"},
		"the 17th drops the oldest":               {ages(16), "15 14 13 12 11 10 9 8 7 6 5 4 3 2 1 0"},
		"16 fit":                                  {ages(15), "15 14 13 12 11 10 9 8 7 6 5 4 3 2 1 0"},
		"too many, made by hand, are cut to size": {ages(20), "15 14 13 12 11 10 9 8 7 6 5 4 3 2 1 0"},
		"a clock that went backwards drops none":  {[]int64{-500, -400, -300, -200, -100}, "-500 -400 -300 -200 -100 0"},
		"one of a slow clock in between is old":   {[]int64{10, 500, 9, 8, 7}, "10 9 8 7 0"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var list []Stamp
			for i, age := range test.ages {
				list = append(list, Stamp{uint64(i + 1), second(-age)})
			}
			r := &Record{Writes: list, Requests: append([]Stamp(nil), list...)}
			r.AddWrite(100, now)
			r.AddRequest(200, now)
			if got := agesOf(r.Writes); got != test.want || r.LastWrite() != 100 {
				t.Errorf("writes: %s, last %d; want %s", got, r.LastWrite(), test.want)
			}
			if got := agesOf(r.Requests); len(test.ages) <= 15 && got != test.want || !has(r.Requests, 200) {
				t.Errorf("requests: %s; want %s", got, test.want)
			}
		})
	}
}

// TestRequestsAreKeptBeyondTheLast16 is needed because a request that is forgotten while its sender still tries is
// applied twice. With 16 the simulation finds that.
func TestRequestsAreKeptBeyondTheLast16(t *testing.T) {
	r := &Record{}
	for id := range uint64(100) {
		r.AddRequest(id+1, now)
	}
	if len(r.Requests) != MaxStamps || !has(r.Requests, 100) || !has(r.Requests, 100-MaxStamps+1) {
		t.Errorf("%d requests are kept", len(r.Requests))
	}
}

// ages returns the ages from n down to 1.
func ages(n int64) (list []int64) {
	for ; n > 0; n-- {
		list = append(list, n)
	}
	return list
}

func agesOf(stamps []Stamp) string {
	var list []string
	for _, s := range stamps {
		list = append(list, fmt.Sprint(now.Unix()-s.At.Unix()))
	}
	return strings.Join(list, " ")
}

// TestAStampIsNeverDroppedWithinItsMinute checks that a stamp does not seem older because times are cut to seconds.
func TestAStampIsNeverDroppedWithinItsMinute(t *testing.T) {
	r := &Record{}
	at := time.Unix(1000, 999_000_000)
	for id := range uint64(6) {
		r.AddWrite(id+1, at)
	}
	r.AddWrite(100, at.Add(time.Minute))
	if !r.HasWrite(1) {
		t.Error("dropped after exactly a minute")
	}
	r.AddWrite(101, at.Add(62*time.Second))
	if r.HasWrite(1) {
		t.Error("kept after 62 seconds")
	}
}

func TestHasAndLastWrite(t *testing.T) {
	r := full()
	if !r.HasWrite(0x0102030405060708) || !r.HasWrite(9) || r.HasWrite(10) || r.HasWrite(0) {
		t.Error("HasWrite mixes up writes")
	}
	if r.LastWrite() != 9 || (&Record{}).LastWrite() != 0 {
		t.Error("LastWrite is the newest, or 0")
	}
}

func TestAddedStampsAreReadAgainAsTheyAre(t *testing.T) {
	r := &Record{}
	for id := range uint64(20) {
		r.AddWrite(id+1, now.Add(time.Duration(id)*time.Millisecond))
		r.AddRequest(id+1, now.Add(time.Duration(id)*time.Hour))
	}
	if got := mustDecode(t, r.Append(nil)); !reflect.DeepEqual(got.Writes, r.Writes) || !reflect.DeepEqual(got.Requests, r.Requests) {
		t.Errorf("%+v\n%+v", got, r)
	}
}

func TestZeroIsNoID(t *testing.T) {
	r := &Record{}
	r.AddWrite(0, now)
	r.AddRequest(0, now)
	if len(r.Writes)+len(r.Requests) != 0 {
		t.Error("an id of 0 was added")
	}
}
