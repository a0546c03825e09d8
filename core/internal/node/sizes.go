package node

import (
	"errors"

	"github.com/gomsm/msm/core/internal/memcache"
)

// refusedSize is the size of a value that the server refused. It holds for one epoch, since a restarted server may have
// another limit.
type refusedSize struct {
	epoch uint32
	bytes int
}

// Takes reports whether the node may accept a value of that size: it has not refused one as small in its present epoch
// (rule N19).
func (n *Node) Takes(bytes int) bool {
	least := n.tooLarge.Load()
	return least == nil || bytes < least.bytes || least.epoch != n.Epoch()
}

// sizeMargin is subtracted from a refused size, in bytes: the copies of one record differ a little, for example by the
// ids of their nodes.
const sizeMargin = 256

// sized remembers the size of a value that the server calls too large (memcached -I). It returns err.
func (n *Node) sized(item memcache.Item, err error) error {
	if size := len(item.Value) - sizeMargin; errors.Is(err, memcache.ErrTooLarge) && n.Takes(size) {
		n.tooLarge.Store(&refusedSize{n.Epoch(), size})
	}
	return err
}
