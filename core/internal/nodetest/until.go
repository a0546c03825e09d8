package nodetest

import (
	"testing"
	"time"
)

// patience is far longer, in fake time, than anything takes that a test waits for.
const patience = time.Hour

// Until waits, in fake time, until ok returns true.
func Until(t testing.TB, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("waited in vain")
		}
	}
}
