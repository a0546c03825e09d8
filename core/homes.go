package msm

import "sync"

// homesLimit is how many foreign values' homes are known, in each of two generations: as many as refreshes are.
const homesLimit = refreshLimit

// homes remembers on which node the foreign values lie that are not where they would be made as things stand, because
// a node was away when they were, or is. It is bounded by forgetting, as moments is: forgetting costs one look at every
// node. The zero value is empty; it is safe for concurrent use.
type homes struct {
	mu         sync.Mutex
	young, old map[string]string // token to node
}

func (h *homes) of(token string) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	if node, ok := h.young[token]; ok {
		return node
	}
	return h.old[token]
}

func (h *homes) put(token, node string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.young == nil || len(h.young) >= homesLimit {
		h.young, h.old = make(map[string]string), h.young
	}
	h.young[token] = node
}
