package local

import (
	"time"

	"github.com/gomsm/msm/core/internal/news"
)

const (
	// deaf is how long an instance may go without reading messages. If it takes longer, the instance was halted (it
	// stood still), or still is. It is four intervals of the probers, which read the messages.
	deaf = time.Second
	// missed is after how long without reading messages some may have come and gone. They stay for news.Life; half of
	// that allows for clocks of instances that differ.
	missed = news.Life / 2
)

// Heard records that all messages have been read that other instances left before at. If some may have been missed
// since the call before, every session in memory is doubtful until it was compared with what is stored.
func (st *Store) Heard(at time.Time) {
	last := st.heard.Swap(at.UnixNano())
	if at.UnixNano()-last > int64(missed) {
		st.doubted.Store(at.UnixNano())
	}
}

// Doubtful reports whether another instance may have ended the session, or taken it over, without this instance having
// heard of it (rule L3). It is false while no node is available, because nobody can be asked then.
func (st *Store) Doubtful(s *Session, now time.Time) bool {
	unheard := now.UnixNano()-st.heard.Load() > int64(deaf)
	if !unheard && s.confirmed.Load() >= st.doubted.Load() {
		return false
	}
	return st.Replica.Available()
}
