package scenario

import "testing"

// TestParse checks that a file is written as it was read.
func TestParse(t *testing.T) {
	const text = `# the first one
3 nodes
read
----
n1 get
1/1

set 2
----

# the second one
choose
----
n2
`
	list := parse(text)
	if len(list) != 2 || len(list[0].Steps) != 2 || list[0].Steps[0].Lines[1] != "read" || list[0].Steps[0].want[1] != "1/1" {
		t.Errorf("%+v", list)
	}
	if got := format(list); got != text {
		t.Errorf("%s", got)
	}
}
