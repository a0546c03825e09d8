package sid

import "strconv"

// Foreign returns the token under which a value of another library is kept: the value that the library calls key, in
// the namespace space. Ids have no such token, since theirs begin with a letter or a digit, and two different pairs of
// space and key never have the same. So a client that chooses a foreign key reaches neither a session nor another
// space.
func Foreign(space, key string) string {
	return ":" + strconv.Itoa(len(space)) + ":" + space + key
}

// Principal returns the token under which the list of a principal's sessions is kept. Neither an id nor a foreign value
// has such a token.
func Principal(name string) string { return "@" + name }
