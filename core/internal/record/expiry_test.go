package record

import (
	"math"
	"testing"
	"time"
)

func TestExpiryAndTTL(t *testing.T) {
	const idle, hour, day = 20 * time.Minute, time.Hour, 24 * time.Hour // a twentieth of idle is a minute
	type row struct {
		idle     time.Duration // after the last access, which is now
		deadline time.Duration // from now; 0: none
		at       time.Duration // from now, when it is asked
		expired  bool
		ttl      time.Duration
	}
	tests := map[string]row{
		"just accessed": {idle, 0, 0, false, 21*time.Minute + 2*time.Second},
		"the idle timeout, without the twentieth": {idle, 0, idle, false, time.Minute + 2*time.Second},
		"a moment before the twentieth":           {idle, 0, 21*time.Minute - 1, false, 2*time.Second + 1},
		"with the twentieth":                      {idle, 0, 21 * time.Minute, true, 2 * time.Second},
		"long after":                              {idle, 0, day, true, time.Second},
		"the deadline comes first":                {idle, 5 * time.Minute, 0, false, 5*time.Minute + 2*time.Second},
		"a moment before the deadline":            {idle, 5 * time.Minute, 5*time.Minute - 1, false, 2*time.Second + 1},
		"the deadline came":                       {idle, 5 * time.Minute, 5 * time.Minute, true, 2 * time.Second},
		"the deadline is after the idle timeout":  {idle, hour, 21 * time.Minute, true, 2 * time.Second},
		"a deadline within the twentieth":         {idle, 20*time.Minute + 1, 20*time.Minute + 1, true, 2 * time.Second},
		"only a deadline":                         {0, hour, 0, false, hour + 2*time.Second},
		"only a deadline, and it came":            {0, hour, hour, true, 2 * time.Second},
		"only a deadline, long ago":               {0, hour, day, true, time.Second},
		"neither lives for ever":                  {0, 0, 1000 * day, false, 0},
		"beyond memcached's 30 days":              {365 * day, 0, 100 * day, false, 365*day + 365*day/20 - 100*day + 2*time.Second},
		"the clock went back an hour":             {idle, 0, -hour, false, hour + 21*time.Minute + 2*time.Second},
		"the clock went back behind a deadline":   {idle, time.Minute, -hour, false, hour + time.Minute + 2*time.Second},
		"an idle timeout of 292 years":            {math.MaxInt64, 0, 0, false, math.MaxInt64},
		"an idle timeout of a nanosecond":         {1, 0, 0, false, 2*time.Second + 1},
		"an idle timeout below zero":              {-time.Hour, 0, 0, true, time.Second},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			r := &Record{LastAccess: now, IdleTimeout: test.idle}
			if test.deadline != 0 {
				r.Deadline = now.Add(test.deadline)
			}
			if got := r.Expired(now.Add(test.at)); got != test.expired {
				t.Errorf("Expired = %v", got)
			}
			if got := r.TTL(now.Add(test.at)); got != test.ttl {
				t.Errorf("TTL = %v, want %v", got, test.ttl)
			}
		})
	}
}

// TestACookieThatLastsKeepsTheSession checks that the session lives as long as its cookie, unless it lives longer
// anyway.
func TestACookieThatLastsKeepsTheSession(t *testing.T) {
	for name, c := range map[string]struct{ idle, persist, want time.Duration }{
		"nothing said":              {time.Hour, 0, time.Hour},
		"the cookie lasts longer":   {time.Hour, 24 * time.Hour, 24 * time.Hour},
		"the session lasts longer":  {24 * time.Hour, time.Hour, 24 * time.Hour},
		"the cookie goes":           {time.Hour, -1, time.Hour},
		"the session lasts forever": {0, time.Hour, 0},
		"neither ends":              {math.MaxInt64, math.MaxInt64, math.MaxInt64},
		"both are below zero":       {-time.Hour, -1, -time.Hour},
	} {
		if got := (&Record{IdleTimeout: c.idle, Persist: c.persist}).Idle(); got != c.want {
			t.Errorf("%s: %v; want %v", name, got, c.want)
		}
	}
}

func TestALiveRecordOutlivesItselfInTheStore(t *testing.T) {
	for _, idle := range []time.Duration{1, time.Millisecond, time.Second, time.Hour, 10_000 * time.Hour} {
		r := &Record{LastAccess: now, IdleTimeout: idle}
		for at := time.Duration(0); !r.Expired(now.Add(at)); at += idle/7 + 1 {
			ttl := r.TTL(now.Add(at)).Truncate(time.Second) // as memcached counts
			if !r.Expired(now.Add(at + ttl)) {
				t.Errorf("idle timeout %v: after %v a TTL of %v ends before the session", idle, at, ttl)
			}
		}
	}
}
