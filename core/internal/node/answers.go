package node

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/bradfitz/gomemcache/memcache"
)

// classify turns gomemcache's errors into ours. Most of them have no type.
func classify(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, memcache.ErrCacheMiss):
		return ErrMiss
	case errors.Is(err, memcache.ErrNotStored):
		return ErrExists
	case errors.Is(err, memcache.ErrCASConflict):
		return ErrConflict
	case errors.Is(err, memcache.ErrMalformedKey):
		return errKey
	}
	if why := refusal(unexpected(err)); why != nil {
		return why
	}
	return err
}

// unexpected is the line of a server that gomemcache did not expect; it quotes that at the end of its error.
func unexpected(err error) string {
	_, quoted, _ := strings.Cut(err.Error(), `: "`)
	line, _ := strconv.Unquote(`"` + quoted)
	return line
}

// refusal is what a server means that answers, but does not do what it is asked; nil if the line is no such answer. (The
// lines are in memcached's source, not in its doc/protocol.txt.)
func refusal(line string) error {
	line = strings.TrimRight(line, "\r\n")
	switch why, isServer := strings.CutPrefix(strings.ToLower(line), "server_error "); {
	case isServer && strings.HasPrefix(why, "object too large"):
		return ErrTooLarge
	case isServer && strings.HasPrefix(why, "out of memory"):
		return ErrFull
	case isServer:
		return fmt.Errorf("%w: it says %.100q", ErrRefused, line)
	case line == "ERROR Too many open connections": // then it hangs up
		return fmt.Errorf("%w: the server says %q", ErrBusy, line)
	}
	return nil
}
