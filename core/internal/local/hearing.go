package local

import (
	"sync/atomic"
	"time"

	"github.com/gomsm/msm/core/internal/mailbox"
)

const (
	// deaf is how long an instance may go without reading messages. If it takes longer, the instance was halted (it
	// stood still), or still is. It is four intervals of the probers, which read the messages.
	deaf = time.Second
	// missed is after how long without reading messages some may have come and gone. They stay for mailbox.Retention; half of
	// that allows for clocks of instances that differ.
	missed = mailbox.Retention / 2
)

// hearing is how far this instance has read the messages of others, in Unix nanoseconds.
type hearing struct {
	heard   atomic.Int64 // all messages that others left before have been read
	doubted atomic.Int64 // a session that was not confirmed since may be outdated; 0: none is
}

// hear records that all messages have been read that were left before at.
func (h *hearing) hear(at time.Time) {
	last := h.heard.Swap(at.UnixNano())
	if at.UnixNano()-last > int64(missed) {
		h.miss(at)
	}
}

// miss records that messages were missed that others have left before at.
func (h *hearing) miss(at time.Time) { h.doubted.Store(at.UnixNano()) }

// doubts reports whether messages about a session may have been missed that was confirmed at that moment.
func (h *hearing) doubts(confirmed int64, now time.Time) bool {
	return now.UnixNano()-h.heard.Load() > int64(deaf) || confirmed < h.doubted.Load()
}
