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
	term    uint64   // of the record with which the newest cookie came
	log     *history.Log
	adds    int         // Add requests sent
	served  int         // requests that were not refused
	acked   map[int]int // by id: the highest count that was acknowledged
	floors  map[floor]int
	dropped map[int]bool // by id: it was told that the session is gone, so a browser has another one; see process.old
	ended   map[int]int  // by id: the step in which its logout or renewal was acknowledged
	life    life
}

// cookie says which of the session's ids a client has, and the node that it names.
type cookie struct {
	id   int
	node string
}

// floor is an instance and a cookie for which a count is never lower than before: an instance that has given a session
// another home (primary) no longer believes what the node of that cookie has.
type floor struct {
	instance *instance
	cookie   cookie
}

// session is what a visitor has under one of its ids. Sessions that were renewed are destroyed, and have to stay so.
type session struct {
	visitor *visitor
	id      int
}

func (s session) token() string { return s.visitor.tokens[s.id] }

// newest returns the last cookie that the client got with an id.
func (v *visitor) newest(id int) (c cookie) {
	for _, x := range v.cookies {
		if x.id == id {
			c = x
		}
	}
	return c
}
