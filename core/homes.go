package msm

import "sync"

// homesLimit is how many values each of the two generations of homes remembers.
const homesLimit = refreshLimit

// homes remembers the node (home: the primary) of values of a Store that are not where they would be created at
// present, because a node was or is away. It forgets as moments does: when the younger of two generations is full the
// older one goes. A forgotten value costs a look at every node. The zero value is empty. It is safe for concurrent use.
type homes struct {
	mu         sync.Mutex
	young, old map[string]string // token to node
}

// of returns the id of the value's node; empty: not known.
func (h *homes) of(token string) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	if node, ok := h.young[token]; ok {
		return node
	}
	return h.old[token]
}

// put remembers the node of a value.
func (h *homes) put(token, node string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.young == nil || len(h.young) >= homesLimit {
		h.young, h.old = make(map[string]string), h.young
	}
	h.young[token] = node
}
