package node

import (
	"errors"
	"fmt"
)

// ErrUnfit means that the server answers, but cannot be used as it is.
var ErrUnfit = errors.New("it cannot be used")

// Why a server is unfit (rules N14 and N16).
var (
	errNoCAS   = fmt.Errorf("%w: the server has no CAS, without which changes get lost; start memcached without -C", ErrUnfit)
	errSeveral = fmt.Errorf("%w: its address leads to several servers, as that of a load balancer does, so that what one of them is "+
		"given is not found on the others; put each of them into the list, with an address and an id of its own", ErrUnfit)
	errElsewhere = fmt.Errorf("%w: other instances reach another server under this id, one that came into use later; give each "+
		"server an id of its own, or all instances the same list", ErrUnfit)
)

// sameServer says that a server is another node of the list, too.
func sameServer(id, address string) error {
	return fmt.Errorf("%w: it is the same server as node %s (%s), and one server cannot hold two copies; take one of the two out "+
		"of the list (or, if one is a clone of the other, restart it empty)", ErrUnfit, id, address)
}
