package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"testing"

	"github.com/gomsm/msm/core/internal/memcache"
)

// TestClassify checks what an error says about the node, of an operation and of a probe.
func TestClassify(t *testing.T) {
	_, badKey := memcache.NewMemory(memcache.MemoryOptions{}).Get(context.Background(), "")
	for name, c := range map[string]struct {
		err   error
		says  evidence
		probe bool // a probe with this error has failed
	}{
		"an answer":                             {memcache.ErrMiss, nothing, false},
		"a refusal":                             {fmt.Errorf("%w: it says so", memcache.ErrRefused), nothing, false},
		"a key that is not sent":                {badKey, nothing, false},
		"no free connection":                    {memcache.ErrBusy, nothing, false},
		"another operation has failed":          {memcache.ErrCancelled, nothing, true},
		"its time is up":                        {fmt.Errorf("read: %w", os.ErrDeadlineExceeded), timeout, true},
		"its time is up, but it is late":        {fmt.Errorf("%w: %w", memcache.ErrLate, os.ErrDeadlineExceeded), timeout, false},
		"its connection is closed":              {fmt.Errorf("connection lost: %w", io.EOF), failure, true},
		"nobody listens":                        {fmt.Errorf("dial: %w", syscall.ECONNREFUSED), failure, true},
		"nonsense":                              {errors.New("unexpected line"), failure, true},
		"a node that failed during its probe":   {errFailed, failure, false},
		"a server that cannot be used as it is": {errNoCAS, failure, true},
	} {
		t.Run(name, func(t *testing.T) {
			if got := classify(c.err); got != c.says {
				t.Errorf("it says %d; want %d", got, c.says)
			}
			if got := probeFailed(c.err); got != c.probe {
				t.Errorf("a probe has failed: %v", got)
			}
		})
	}
}
