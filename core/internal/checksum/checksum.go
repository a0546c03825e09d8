// Package checksum detects damage to what instances store on nodes for each other. TCP lets some damage pass, and
// memory without error correction causes some. Append and Cut are for bytes, Text and CutText for text that people may
// read.
package checksum

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"strings"
)

// Size is the length of a checksum in bytes.
const Size = crc32.Size

// table is for CRC-32C, for which CPUs have an instruction.
var table = crc32.MakeTable(crc32.Castagnoli)

// Append appends the checksum of all of b to b.
func Append(b []byte) []byte { return AppendFrom(b, 0) }

// AppendFrom appends the checksum of b[start:] to b.
func AppendFrom(b []byte, start int) []byte {
	return binary.BigEndian.AppendUint32(b, crc32.Checksum(b[start:], table))
}

// Cut returns b without the checksum at its end, and reports whether that checksum is right.
func Cut(b []byte) (content []byte, ok bool) {
	n := len(b) - Size
	if n < 0 {
		return nil, false
	}
	return b[:n], crc32.Checksum(b[:n], table) == binary.BigEndian.Uint32(b[n:])
}

// Text returns text with its checksum behind it as 8 hexadecimal digits, so that people can read both on a node.
func Text(text string) string {
	return fmt.Sprintf("%s %08x", text, crc32.Checksum([]byte(text), table))
}

// CutText returns the text that Text was given, and reports whether the checksum is right.
func CutText(s string) (text string, ok bool) {
	text = s[:max(0, strings.LastIndexByte(s, ' '))]
	return text, Text(text) == s
}
