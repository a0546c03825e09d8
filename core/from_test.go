package msm_test

import (
	"fmt"
	"strings"
	"testing"

	msm "github.com/gomsm/msm/core"
)

func TestFromWithoutTheMiddlewareSaysWhichLineIsMissing(t *testing.T) {
	t.Parallel()
	defer func() {
		if p := fmt.Sprint(recover()); !strings.Contains(p, "Middleware(handler)") {
			t.Errorf("panic says %q", p)
		}
	}()
	msm.From(t.Context())
}
