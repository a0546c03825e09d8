package local

import (
	"math"
	"time"
)

// over reports whether the session has ended, by the same rule as a stored one; see record.Expired (rule R8).
func (s *Session) over(now time.Time) bool {
	at, life := now.UnixNano(), s.life.Load()
	return s.deadline != 0 && at >= s.deadline || life != 0 && at-s.used.Load() >= life
}

// ends returns the moment at which the session will be over if it is not used before, in Unix nanoseconds.
func (s *Session) ends() int64 {
	end := int64(math.MaxInt64)
	if life, used := s.life.Load(), s.used.Load(); life != 0 && life < end-used {
		end = used + life
	}
	if s.deadline != 0 {
		end = min(end, s.deadline)
	}
	return end
}

// confirm records that memory has what is stored.
func (s *Session) confirm() { s.confirmed.Store(time.Now().UnixNano()) }
