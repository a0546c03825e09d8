package nodetest

import "strings"

// Op is an operation on its way to a server.
type Op struct {
	From string // name of the client
	Kind Kind
	Key  string // the first key; for List, the prefix of the keys
}

// Kind is what an operation does.
type Kind string

// The kinds of operations.
const (
	Get            Kind = "get" // of one or several keys
	Add            Kind = "add"
	CompareAndSwap Kind = "cas"
	Append         Kind = "append"
	List           Kind = "list"
)

// Write reports whether the operation stores something.
func (o Op) Write() bool { return o.Kind == Add || o.Kind == CompareAndSwap || o.Kind == Append }

// Any chooses every operation.
func Any(Op) bool { return true }

// Of chooses the operations of one kind.
func Of(kind Kind) func(Op) bool { return func(o Op) bool { return o.Kind == kind } }

// Reads chooses the operations that get a key with that prefix.
func Reads(prefix string) func(Op) bool {
	return func(o Op) bool { return o.Kind == Get && strings.HasPrefix(o.Key, prefix) }
}

// Writes chooses the operations that store something under a key with that prefix.
func Writes(prefix string) func(Op) bool {
	return func(o Op) bool { return o.Write() && strings.HasPrefix(o.Key, prefix) }
}
