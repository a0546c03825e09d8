package checksum_test

import (
	"bytes"
	"testing"

	"github.com/gomsm/msm/core/internal/checksum"
)

// TestDamageIsSeen changes every byte to every other value, and cuts the content off at every length.
func TestDamageIsSeen(t *testing.T) {
	for _, content := range []string{"", "x", "0a1b2c3d", "0a1b2c3d done without n1,n2"} {
		sealed, text := checksum.Append([]byte(content)), checksum.Text(content)
		if got, ok := checksum.Cut(sealed); !ok || string(got) != content {
			t.Errorf("%q comes back as %q, %v", content, got, ok)
		}
		if got, ok := checksum.CutText(text); !ok || got != content {
			t.Errorf("text %q comes back as %q, %v", content, got, ok)
		}
		for i := range sealed {
			each(sealed, i, func(b []byte) {
				if _, ok := checksum.Cut(b); ok {
					t.Errorf("%q is taken for what was written", b)
				}
			})
			if _, ok := checksum.Cut(sealed[:i]); ok && i > 0 {
				t.Errorf("%q is taken for all of it", sealed[:i])
			}
		}
		for i := range text {
			each([]byte(text), i, func(b []byte) {
				if _, ok := checksum.CutText(string(b)); ok {
					t.Errorf("text %q is taken for what was written", b)
				}
			})
			if _, ok := checksum.CutText(text[:i]); ok {
				t.Errorf("text %q is taken for all of it", text[:i])
			}
		}
	}
}

// each calls see with the byte at i set to every other value.
func each(b []byte, i int, see func([]byte)) {
	b = bytes.Clone(b)
	for by := 1; by < 256; by++ {
		b[i] ^= byte(by)
		see(b)
		b[i] ^= byte(by)
	}
}

// TestWhatIsBeforeStays checks AppendFrom: a record is appended to other bytes.
func TestWhatIsBeforeStays(t *testing.T) {
	b := checksum.AppendFrom([]byte("before content"), len("before "))
	if got, ok := checksum.Cut(b[len("before "):]); !ok || string(got) != "content" {
		t.Errorf("%q, %v", got, ok)
	}
}
