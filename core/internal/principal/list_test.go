package principal

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

var noon = time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)

func entry(handle string) Session {
	return Session{Handle: handle, Key: []byte(strings.Repeat(handle[:1], 32)), Node: "n1", Created: noon, Login: noon}
}

// all reports what becomes of the sessions with these handles and numbers.
func lives(l *List, numbers map[string]uint64) (living []string) {
	for handle, number := range numbers {
		if l.Verdict().Lives(handle, number) {
			living = append(living, handle)
		}
	}
	slices.Sort(living)
	return living
}

// TestWhoIsLoggedIn: rules P3, P4. What a list lets live after a history of logins and ends.
func TestWhoIsLoggedIn(t *testing.T) {
	t.Parallel()
	type history = func(l *List, enter func(handle string, at time.Duration), end func(at time.Duration, keep ...string))
	for name, test := range map[string]struct {
		do            history
		listed, alive []string
	}{
		"whoever logs in lives": {func(_ *List, enter func(string, time.Duration), _ func(time.Duration, ...string)) {
			enter("a", 0)
			enter("b", 0)
		}, []string{"a", "b"}, []string{"a", "b"}},
		"an end is the end of all": {func(_ *List, enter func(string, time.Duration), end func(time.Duration, ...string)) {
			enter("a", 0)
			enter("b", 0)
			end(0)
		}, nil, nil},
		"those that are kept live": {func(_ *List, enter func(string, time.Duration), end func(time.Duration, ...string)) {
			enter("a", 0)
			enter("b", 0)
			end(0, "b")
		}, []string{"b"}, []string{"b"}},
		"a login after the end lives": {func(_ *List, enter func(string, time.Duration), end func(time.Duration, ...string)) {
			enter("a", 0)
			end(0)
			enter("b", 0)
		}, []string{"b"}, []string{"b"}},
		"a second end ends what the first one kept": {func(_ *List, enter func(string, time.Duration), end func(time.Duration, ...string)) {
			enter("a", 0)
			end(0, "a")
			enter("b", 0)
			end(0)
		}, nil, nil},
		"who is kept and whose next login fails lives on": {func(l *List, enter func(string, time.Duration), end func(time.Duration, ...string)) {
			enter("a", 0)
			end(0, "a")
			l.Enter(entry("a"), l.Sessions[0].Number, "", noon)
		}, []string{"a"}, []string{"a"}},
		"who is kept and logs in again needs no list any more": {func(l *List, enter func(string, time.Duration), end func(time.Duration, ...string)) {
			enter("a", 0)
			end(0, "a")
			enter("a", 0)
			l.Sessions = nil
		}, nil, []string{"a"}},
		"a session that the list has lost is over, too": {func(l *List, enter func(string, time.Duration), end func(time.Duration, ...string)) {
			enter("a", 0)
			*l = List{}
			end(0)
		}, nil, nil},
		"and so is one whose instance's clock is ahead": {func(l *List, enter func(string, time.Duration), end func(time.Duration, ...string)) {
			enter("a", Skew)
			*l = List{}
			enter("b", 0)
			end(0)
			enter("c", 0)
		}, []string{"c"}, []string{"c"}},
		"a clock that is behind is none": {func(_ *List, enter func(string, time.Duration), end func(time.Duration, ...string)) {
			enter("a", time.Hour)
			enter("b", 0)
			end(-time.Hour)
			enter("c", -time.Hour)
		}, []string{"c"}, []string{"c"}},
		"who ends all others lives, though the list has lost him": {func(l *List, enter func(string, time.Duration), _ func(time.Duration, ...string)) {
			enter("a", 0)
			enter("b", 0)
			l.Sessions = nil
			own := entry("b")
			l.End(noon, []string{"b"}, &own)
		}, []string{"b"}, []string{"b"}},
		"a list that was lost ends nobody": {func(l *List, enter func(string, time.Duration), _ func(time.Duration, ...string)) {
			enter("a", 0)
			*l = List{}
			enter("b", 0)
		}, []string{"b"}, []string{"a", "b"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l, numbers := &List{}, map[string]uint64{}
			test.do(l, func(handle string, at time.Duration) {
				in, _ := l.Enter(entry(handle), numbers[handle], "twin", noon.Add(at))
				numbers[in.Handle] = in.Number
			}, func(at time.Duration, keep ...string) { l.End(noon.Add(at), keep, nil) })
			var listed []string
			for _, s := range l.Sessions {
				listed = append(listed, s.Handle)
			}
			if !slices.Equal(listed, test.listed) {
				t.Errorf("listed: %v; want %v", listed, test.listed)
			}
			if got := lives(l, numbers); !slices.Equal(got, test.alive) {
				t.Errorf("alive: %v; want %v", got, test.alive)
			}
		})
	}
}

// TestALoginAgain: a session that logs in again keeps its entry, and what it does not say anew.
func TestALoginAgain(t *testing.T) {
	t.Parallel()
	var l List
	first := entry("a")
	first.Address, first.Agent = "192.0.2.1", "Firefox"
	first, _ = l.Enter(first, 0, "", noon)
	again := entry("a")
	again.Key, again.Node, again.Agent = []byte("another"), "n2", "Chrome"
	in, former := l.Enter(again, first.Number, "twin", noon)
	again.Address, again.Number = "192.0.2.1", in.Number
	if in.Number <= first.Number || len(l.Sessions) != 1 || !reflect.DeepEqual(l.Sessions[0], again) || !reflect.DeepEqual(in, again) {
		t.Errorf("%d, then %d: %+v", first.Number, in.Number, l.Sessions)
	}
	if l.Remove([]Session{first}); !l.Has("a") {
		t.Error("removed by who had seen the session before")
	}
	if l.Others("a") != 0 || l.Others("b") != 1 || l.Others() != 1 {
		t.Errorf("others: %d, %d, %d", l.Others("a"), l.Others("b"), l.Others())
	}
	if !l.Undo(in, former) || !reflect.DeepEqual(l.Sessions, []Session{first}) || l.Undo(in, former) {
		t.Errorf("taken back: %+v", l.Sessions)
	}
	if !l.Remove(l.Sessions[:1]) || l.Has("a") {
		t.Error("not removed")
	}
}

// TestALoginTwiceAtOnce: rule P2. Of two logins of one session at the same moment both count, each with a handle of its own;
// a login that is taken back leaves nothing.
func TestALoginTwiceAtOnce(t *testing.T) {
	t.Parallel()
	var l List
	base, _ := l.Enter(entry("a"), 0, "", noon)
	one, _ := l.Enter(entry("a"), base.Number, "b", noon)
	two, former := l.Enter(entry("a"), base.Number, "c", noon)
	if one.Handle != "a" || two.Handle != "c" || former != nil || len(l.Sessions) != 2 {
		t.Errorf("%+v and %+v: %+v", one, two, l.Sessions)
	}
	if !l.Undo(two, nil) || l.Has("c") || !l.Has("a") {
		t.Errorf("taken back: %+v", l.Sessions)
	}
}

// TestAListIsBounded: G9, T-20. However many sessions a principal has, the list has the last ones, and all others stay logged in
// until the end. Those that live only because they are listed stay.
func TestAListIsBounded(t *testing.T) {
	t.Parallel()
	var l List
	l.Enter(entry("kept"), 0, "", noon)
	l.End(noon, []string{"kept"}, nil)
	numbers := map[string]uint64{"kept": 0}
	for i := range 3 * Max {
		in, _ := l.Enter(entry(fmt.Sprint("s", i)), 0, "", noon)
		numbers[in.Handle] = in.Number
	}
	if len(l.Sessions) != Max || !l.Has("kept") || l.Has("s0") || !l.Has(fmt.Sprint("s", 3*Max-1)) {
		t.Errorf("%d sessions", len(l.Sessions))
	}
	if n := len(lives(&l, numbers)); n != len(numbers) {
		t.Errorf("%d of %d live", n, len(numbers))
	}
	b, err := l.Encode(2000)
	if err != nil || len(b) > 2000 || !l.Has("kept") || len(l.Sessions) < 5 {
		t.Errorf("%d bytes for %d sessions, %v", len(b), len(l.Sessions), err)
	}
	if ended := l.End(noon, nil, nil); len(ended) < 5 || len(lives(&l, numbers)) != 0 {
		t.Errorf("%d of the list; alive: %v", len(ended), lives(&l, numbers))
	}
	for i := range Max {
		l.Sessions = append(l.Sessions, entry(fmt.Sprint("k", i)))
	}
	in, _ := l.Enter(entry("new"), 0, "", noon)
	if len(l.Sessions) != Max || l.Has("new") || !l.Verdict().Lives("new", in.Number) || l.Verdict().Lacks("new") {
		t.Error("beside a list full of sessions that only the list keeps, a new one lives unlisted")
	}
}

// TestReturn: rule P5. A session that the list has lost comes back, unless it is over or there is no room.
func TestReturn(t *testing.T) {
	t.Parallel()
	var l List
	lost, over := entry("lost"), entry("over")
	over.Number = 5
	lost.Number = uint64(noon.Add(2 * Skew).UnixMilli())
	l.End(noon, nil, nil)
	if !l.Verdict().Lacks("lost") || !l.Return(lost) || l.Verdict().Lacks("lost") || l.Return(lost) || l.Return(over) || len(l.Sessions) != 1 || l.Last != lost.Number {
		t.Errorf("%+v", l)
	}
	for i := range 2 * Max {
		l.Enter(entry(fmt.Sprint("s", i)), 0, "", noon)
	}
	if l.Return(Session{Handle: "x", Number: 1 << 62}) {
		t.Error("it came into a full list")
	}
}

func TestCodec(t *testing.T) {
	t.Parallel()
	var l List
	for i := range 3 {
		s := entry(fmt.Sprint("s", i))
		s.Address, s.Agent, s.Route = "192.0.2.1", "Firefox", "a"
		l.Enter(s, 0, "", noon)
	}
	l.Enter(Session{Handle: "bare", Key: make([]byte, 32)}, 0, "", noon)
	for name, l := range map[string]List{"sessions": l, "none": {}, "an end": {Last: 5, Over: 4}} {
		b, err := l.Encode(1 << 20)
		if err != nil {
			t.Fatal(err)
		}
		got, err := Decode(b)
		if err != nil || fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", l) {
			t.Errorf("%s: %v\n got %+v\nwant %+v", name, err, got, l)
		}
	}
	crowd, stunted := List{Sessions: make([]Session, Max+1)}, List{Sessions: []Session{{Handle: "a", Key: []byte("short")}}}
	for i := range crowd.Sessions {
		crowd.Sessions[i] = entry("a")
	}
	for _, b := range []string{"", "x", "\xa1\x01", "\xa1\x03\x01", encoded(t, crowd), encoded(t, stunted)} {
		if l, err := Decode([]byte(b)); err == nil {
			t.Errorf("%x: %+v", b, l)
		}
	}
}

func encoded(t *testing.T, l List) string {
	t.Helper()
	b, err := l.Encode(1 << 20)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// FuzzDecode: nothing that a node may hold makes a list that cannot be used.
func FuzzDecode(f *testing.F) {
	var l List
	l.Enter(entry("a"), 0, "", noon)
	b, _ := l.Encode(1000)
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		l, err := Decode(b)
		if err != nil {
			return
		}
		in, former := l.Enter(entry("new"), 1, "spare", noon)
		_ = l.Undo(in, former)
		own := entry("own")
		_ = l.End(noon, []string{"new"}, &own)
		if _, err := l.Encode(1000); err != nil {
			t.Skip(err)
		}
		_ = l.Verdict().Lives("new", in.Number)
	})
}
