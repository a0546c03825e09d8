//go:build race

package msm_test

import "time"

// slack is what a request may take beyond an operation's timeout: 50 ms, thrice under the race detector.
const slack = 150 * time.Millisecond

const raceEnabled = true
