package node

import "sync/atomic"

// sizeMargin is subtracted from a refused size, in bytes: the copies of one record differ a little, for example by the
// ids of their nodes.
const sizeMargin = 256

// sizeLimit remembers the smallest value that the server has called too large (memcached -I). It holds for one epoch,
// since a restarted server may have another limit (rule N19).
type sizeLimit struct {
	refused atomic.Pointer[refusedSize] // nil: none
}

type refusedSize struct {
	epoch uint32
	bytes int
}

// takes reports whether the server may accept a value of that size: it has not refused one as small in that epoch.
func (l *sizeLimit) takes(bytes int, epoch uint32) bool {
	least := l.refused.Load()
	return least == nil || bytes < least.bytes || least.epoch != epoch
}

// refuse notes that the server has refused a value of that size in that epoch.
func (l *sizeLimit) refuse(bytes int, epoch uint32) {
	if size := bytes - sizeMargin; l.takes(size, epoch) {
		l.refused.Store(&refusedSize{epoch, size})
	}
}
