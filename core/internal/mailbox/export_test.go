package mailbox

// Mailboxes returns of how many mailboxes something is remembered.
func (b *Inbox) Mailboxes() int { return max(len(b.last), len(b.seen), len(b.changed)) }
