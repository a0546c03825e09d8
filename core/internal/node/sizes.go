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

// sized remembers what the server says is too large (memcached -I).
func (n *Node) sized(item Item, err error) error {
	if errors.Is(err, ErrTooLarge) && n.Takes(len(item.Value)) {
		n.tooLarge.Store(&refusedSize{n.Epoch(), len(item.Value)})
	}
	return err
}
