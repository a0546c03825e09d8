package checksum_test

import (
	"bytes"
	"testing"

	"github.com/gomsm/msm/core/internal/checksum"
)

// TestDamageIsSeen: every byte, every way in which one byte can be another one, and every length that is too short.
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

// each has the byte at i be every other one.
func each(b []byte, i int, see func([]byte)) {
	b = bytes.Clone(b)
	for by := 1; by < 256; by++ {
		b[i] ^= byte(by)
		see(b)
		b[i] ^= byte(by)
	}
}

// TestWhatIsBeforeStays: a record is written behind other bytes.
func TestWhatIsBeforeStays(t *testing.T) {
	b := checksum.AppendFrom([]byte("before content"), len("before "))
	if got, ok := checksum.Cut(b[len("before "):]); !ok || string(got) != "content" {
		t.Errorf("%q, %v", got, ok)
	}
}
