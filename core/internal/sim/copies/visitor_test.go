package copies

import (
	"github.com/gomsm/msm/core/internal/sim/history"
)

// visitor is the client of one session.
type visitor struct {
	name    string
	tokens  []string // of the ids that the session had, the newest last
	cookie  cookie
	cookies []cookie // all that it ever had
	term    uint64   // of the record that the newest cookie came with
	log     *history.Log
	adds    int         // sent
	served  int         // requests, without refusals
	acked   map[int]int // by id: the highest count that was acknowledged
	floors  map[floor]int
	dropped map[int]bool // by id: a browser that was told that its session is gone has another one; see process.old
	ended   map[int]int  // by id: when its logout, or renewal, was acknowledged
	life    life
}

// cookie is which of the session's ids a client has, and the node that it names.
type cookie struct {
	id   int
	node string
}

// floor is where a count is never lower than before: an instance that has given a session another home believes what lies on
// the node of that cookie no more.
type floor struct {
	instance *instance
	cookie   cookie
}

// session is what a visitor has under one of its ids: those that were renewed are destroyed, and have to stay so.
type session struct {
	visitor *visitor
	id      int
}

func (s session) token() string { return s.visitor.tokens[s.id] }

// newest is the last cookie that the client got with an id.
func (v *visitor) newest(id int) (c cookie) {
	for _, x := range v.cookies {
		if x.id == id {
			c = x
		}
	}
	return c
}
