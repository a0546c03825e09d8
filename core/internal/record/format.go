package record

import (
	"encoding/binary"
	"time"
)

// The bits of the second byte. A reader that finds an unknown bit set does not understand the record.
const (
	flagSealed = 1 << iota
	flagTombstone
	flagUnsettled
	flagRoute  // the placement has a route
	flagCookie // the body has fields about the client's cookie
	flagPast   // the placement has Past and OldUntil
	flagLogin  // the body has Login
	knownFlags = 1<<iota - 1
	bodyFlags  = flagCookie | flagLogin // those that describe the body
)

const (
	headerSize  = 3 // format, flags, key id
	lengthSize  = 4 // length field of a part
	epochSize   = 4
	stampIDSize = 8
)

// hasCookie reports whether the record has fields about the cookie. Most records have none, and then take no bytes for
// them.
func (r *Record) hasCookie() bool { return r.Persist != 0 || !r.CookieAt.IsZero() }

// hasLogin reports whether the record has fields about a login.
func (r *Record) hasLogin() bool { return !r.Login.At.IsZero() }

func appendTime(b []byte, t time.Time) []byte { return binary.AppendVarint(b, t.UnixMilli()) }
