package sid

import "strconv"

// Foreign answers the token under which another library's value is kept: what it calls key, in the space of that name.
// No id has such a token, for ours begin with a letter or a digit, and no two pairs of space and key have the same; so
// whatever a client puts into a foreign key, it reaches neither a session nor another space.
func Foreign(space, key string) string {
	return ":" + strconv.Itoa(len(space)) + ":" + space + key
}
