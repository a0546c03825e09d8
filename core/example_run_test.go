package msm_test

import (
	"testing"

	"github.com/gomsm/msm/transcoder"
	"github.com/gomsm/msm/transcoder/transcodertest"
)

// TestExamples runs the examples that go test does not run.
func TestExamples(t *testing.T) {
	t.Parallel()
	t.Run("the test of handlers", visitsAreCounted)
	t.Run("the transcoder of one's own", func(t *testing.T) { transcodertest.Test(t, deflated{transcoder.CBOR()}) })
}
