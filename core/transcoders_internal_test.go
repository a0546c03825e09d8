package msm

import (
	"fmt"
	"testing"

	"github.com/gomsm/msm/transcoder"
)

// TestTheTranscoderChangesInRollingDeploys changes between CBOR and JSON in one step, since every instance reads both,
// to another transcoder in two, and away from that in one, as long as it can be read.
func TestTheTranscoderChangesInRollingDeploys(t *testing.T) {
	t.Parallel()
	reads := []transcoder.Transcoder{transcoder.Gob()}
	for name, steps := range map[string][]Config{
		"from CBOR to JSON": {{}, {Transcoder: transcoder.JSON()}},
		"from JSON to CBOR": {{Transcoder: transcoder.JSON()}, {}},
		"to gob, and away":  {{}, {ReadTranscoders: reads}, {Transcoder: transcoder.Gob()}, {ReadTranscoders: reads}},
	} {
		t.Run(name, func(t *testing.T) {
			inDeploys(t, func(d *deploys, mode Config) {
				var m *Manager
				for i, step := range steps {
					step.Sticky, step.BackupSync = mode.Sticky, mode.BackupSync
					if i == 0 {
						m = d.instance(step)
					} else {
						m = d.roll(fmt.Sprint("step ", i), m, step)
					}
				}
			})
		})
	}
}
