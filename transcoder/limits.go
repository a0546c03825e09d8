package transcoder

import "fmt"

// The limits of a value, so that bytes from a store cost no more than they should. They are the same for all formats
// whose bytes can be looked at, so that a change of the transcoder in a rolling deploy does not turn good values into
// errors.
const (
	// maxSize is the limit in bytes: memcached's own default for an item (-I 1m).
	maxSize = 1 << 20
	// maxDepth is how deep arrays and maps may be nested. A session attribute that goes deeper is a mistake or an attack;
	// 16 is half of fxamacker/cbor's own default.
	maxDepth = 16
	// maxElements is the limit of elements in one array and of pairs in one map. A session of 256 KiB, msm's default
	// limit, has no room for many more.
	maxElements = 10_000
	// maxTotal is the limit of elements and pairs in all arrays and maps together: an empty one takes a byte or two, and
	// fifty in memory.
	maxTotal = 100_000
)

func checkSize(n int) error {
	if n > maxSize {
		return fmt.Errorf("%d bytes, more than %d", n, maxSize)
	}
	return nil
}

var errTotal = fmt.Errorf("more than %d elements in all", maxTotal)
