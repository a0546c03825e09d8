// Package checksum tells what was damaged, on its way or where it lies, from what was written. TCP lets some damage pass, and
// memory without error correction makes some; whatever instances leave on nodes for each other has a checksum.
package checksum

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"strings"
)

// Size is how many bytes it has.
const Size = crc32.Size

// CRC-32C, for which CPUs have an instruction.
var table = crc32.MakeTable(crc32.Castagnoli)

// Append writes the checksum of all of b behind it.
func Append(b []byte) []byte { return AppendFrom(b, 0) }

// AppendFrom is Append for what begins at start.
func AppendFrom(b []byte, start int) []byte {
	return binary.BigEndian.AppendUint32(b, crc32.Checksum(b[start:], table))
}

// Cut returns what Append was given. It reports whether the checksum is right.
func Cut(b []byte) (content []byte, ok bool) {
	n := len(b) - Size
	if n < 0 {
		return nil, false
	}
	return b[:n], crc32.Checksum(b[:n], table) == binary.BigEndian.Uint32(b[n:])
}

// Text is Append for text that people may want to read on a node.
func Text(text string) string {
	return fmt.Sprintf("%s %08x", text, crc32.Checksum([]byte(text), table))
}

// CutText is Cut for it.
func CutText(s string) (text string, ok bool) {
	text = s[:max(0, strings.LastIndexByte(s, ' '))]
	return text, Text(text) == s
}
