package mailbox

// Boards returns of how many boards something is remembered.
func (b *Inbox) Boards() int { return max(len(b.last), len(b.heard), len(b.fresh)) }
