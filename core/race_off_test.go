//go:build !race

package msm_test

import "time"

// slack is what a request may take beyond an operation's timeout.
const slack = 50 * time.Millisecond

const raceEnabled = false
