package memcache

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	gomemcache "github.com/bradfitz/gomemcache/memcache"
)

// convert returns the error of this package for one of gomemcache. Most of gomemcache's have no type of their own.
func convert(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, gomemcache.ErrCacheMiss):
		return ErrMiss
	case errors.Is(err, gomemcache.ErrNotStored):
		return ErrExists
	case errors.Is(err, gomemcache.ErrCASConflict):
		return ErrConflict
	case errors.Is(err, gomemcache.ErrMalformedKey):
		return errKey
	case errors.Is(err, ErrMisconfigured):
		return err
	}
	line, isLine := unexpected(err)
	if !isLine {
		return err
	}
	switch why := refusal(line); {
	case why != nil:
		return why
	case isUnauthenticated(line):
		return errWantsPassword
	}
	return notExpected(line)
}

// unexpected returns the server's line that gomemcache did not expect, which it quotes at the end of its error.
func unexpected(err error) (line string, isLine bool) {
	_, quoted, found := strings.Cut(err.Error(), `: "`)
	line, no := strconv.Unquote(`"` + quoted)
	return line, found && no == nil
}

// notExpected returns the error for a line that is no reply to what was asked. It shows the line if that is an error of
// the server, and otherwise nothing of it: it may be a part of a value, and errors are logged.
func notExpected(line string) error {
	if line = strings.TrimRight(line, "\r\n"); strings.HasPrefix(line, "ERROR") || strings.HasPrefix(line, "CLIENT_ERROR") {
		return fmt.Errorf("the server says %.100q", line)
	}
	return fmt.Errorf("the server says something else than a reply (%d bytes)", len(line))
}

// refusal returns the error for a line with which a server refuses what it is asked, or nil for any other line. (The
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
	case line == "ERROR Too many open connections": // the server closes the connection after it
		return fmt.Errorf("%w: the server says %q", ErrBusy, line)
	}
	return nil
}
