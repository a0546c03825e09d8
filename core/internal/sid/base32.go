package sid

import "encoding/base32"

// The sizes of a token and of its tag, in bytes and in characters.
const (
	randomSize   = 16 // 128 bits: too many to guess, and enough for any number of sessions
	tagSize      = 16 // half of an HMAC-SHA-256; a forger needs 2^127 requests
	randomLength = (randomSize*8 + 4) / 5
	tagLength    = (tagSize*8 + 4) / 5
	signedLength = randomLength + tagLength
)

var lowerBase32 = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

func encode(b []byte) string { return lowerBase32.EncodeToString(b) }

// decode decodes s into dst, whose size must fit, and reports whether s is the only valid encoding of those bytes. The
// standard library's decoder skips line breaks and ignores unused bits at the end, so it accepts many encodings.
func decode(dst []byte, s string) bool {
	var pending, bits uint32
	for i := range len(s) {
		v, ok := letter(s[i])
		if !ok {
			return false
		}
		pending = pending<<5 | v
		if bits += 5; bits >= 8 {
			bits -= 8
			dst[0], dst = byte(pending>>bits), dst[1:]
		}
	}
	return pending&(1<<bits-1) == 0
}

func letter(c byte) (value uint32, ok bool) {
	switch {
	case 'a' <= c && c <= 'z':
		return uint32(c - 'a'), true
	case '2' <= c && c <= '7':
		return uint32(c-'2') + 26, true
	}
	return 0, false
}
