package node

import "errors"

// refusedSize is of an item's size, in a life of the server: it may be started again with another limit.
type refusedSize struct {
	epoch uint32
	bytes int
}

// Takes reports whether the node may store a value of that size: none as small was refused in its present epoch.
func (n *Node) Takes(bytes int) bool {
	least := n.tooLarge.Load()
	return least == nil || bytes < least.bytes || least.epoch != n.Epoch()
}

// sizeMargin: of one size are values that differ by the nodes they name, and other small things.
const sizeMargin = 256

// sized remembers what the server says is too large (memcached -I).
func (n *Node) sized(item Item, err error) error {
	if size := len(item.Value) - sizeMargin; errors.Is(err, ErrTooLarge) && n.Takes(size) {
		n.tooLarge.Store(&refusedSize{n.Epoch(), size})
	}
	return err
}
