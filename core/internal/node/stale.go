package node

// staleness says for which epochs nobody knows what on the node is stale. The zero value means for none.
type staleness struct {
	all   bool   // every epoch
	epoch uint32 // this one; 0: none
}

func (s staleness) of(epoch uint32) bool { return s.all || epoch != 0 && s.epoch == epoch }
