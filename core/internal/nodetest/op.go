package nodetest

import "strings"

// Op is an operation on its way to a server.
type Op struct {
	From string // the client that sends it
	Kind Kind
	Key  string // the first one; of a list, what its keys begin with
}

// Kind is what an operation does.
type Kind string

// The kinds of operations.
const (
	Get            Kind = "get" // of one key, or of several
	Add            Kind = "add"
	CompareAndSwap Kind = "cas"
	Append         Kind = "append"
	List           Kind = "list"
)

// Write reports whether the operation stores something.
func (o Op) Write() bool { return o.Kind == Add || o.Kind == CompareAndSwap || o.Kind == Append }

// Any is every operation.
func Any(Op) bool { return true }

// Of chooses operations of one kind.
func Of(kind Kind) func(Op) bool { return func(o Op) bool { return o.Kind == kind } }

// Reads chooses those that get a key with that prefix.
func Reads(prefix string) func(Op) bool {
	return func(o Op) bool { return o.Kind == Get && strings.HasPrefix(o.Key, prefix) }
}

// Writes chooses those that store something under a key with that prefix.
func Writes(prefix string) func(Op) bool {
	return func(o Op) bool { return o.Write() && strings.HasPrefix(o.Key, prefix) }
}
