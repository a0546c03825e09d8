//go:build !race

package msm_test

const raceEnabled = false
