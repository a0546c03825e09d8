package nodetest

import (
	"testing"
	"time"
)

// patience is far longer than anything takes that a test waits for in fake time.
const patience = time.Hour

// Until waits, in fake time, for what is going to be true.
func Until(t testing.TB, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("waited in vain")
		}
	}
}
