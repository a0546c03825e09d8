package transcoder

import (
	"errors"
	"fmt"
)

// gobLook reads the bytes of package gob as gob itself would, drops what it reads, and allocates nothing by a length that
// stands in them. gob trusts the stored length of a map, and makes room for it, also within interfaces, which it cannot
// skip without trust. The format is described in the documentation of encoding/gob.
type gobLook struct {
	rest    []byte // messages that have not begun
	message []byte // what is left of the present one
	inside  int    // interfaces whose values are being read
	gap     int    // how much was left of the message at the first definition in the present interface's value; -1: there was none
	types   map[int64]*gobType
	left    int // elements and pairs that may still come
	err     error
}

var errGob = errors.New("damaged")

// lookAtGob returns an error unless data is one value whose lengths are true, and within the limits. It refuses a nil in a
// slice or map of interfaces, too: gob would not find its end where a program does not know the field any more.
func lookAtGob(data []byte) error {
	g := gobLook{rest: data, types: map[int64]*gobType{}, left: maxTotal}
	id := g.typeSequence()
	g.top(id, 0)
	if len(g.message) > 0 || len(g.rest) > 0 {
		g.fail(errors.New("trailing bytes"))
	}
	return g.err
}

// fail ends the look with its first error: nothing more is there to be read.
func (g *gobLook) fail(err error) {
	if g.err == nil {
		g.err = err
	}
	g.rest, g.message = nil, nil
}

// uint reads an unsigned number: a byte below 128, or how many bytes follow, negated.
func (g *gobLook) uint() (n uint64) {
	if len(g.message) == 0 {
		g.fail(errGob)
		return 0
	}
	first := g.message[0]
	g.message = g.message[1:]
	if first < 0x80 {
		return uint64(first)
	}
	for _, b := range g.take(uint64(-int8(first))) {
		n = n<<8 | uint64(b)
	}
	return n
}

// int reads a signed number, of which the lowest bit is the sign.
func (g *gobLook) int() int64 {
	n := g.uint()
	if n&1 != 0 {
		return ^int64(n >> 1)
	}
	return int64(n >> 1)
}

// take reads so many bytes of the present message.
func (g *gobLook) take(n uint64) []byte {
	if n > uint64(len(g.message)) {
		g.fail(errGob)
		return nil
	}
	b := g.message[:n]
	g.message = g.message[n:]
	return b
}

// count reads the number of elements or pairs that follow, each of which takes a byte at least.
func (g *gobLook) count() int {
	n := g.uint()
	switch {
	case n > uint64(len(g.message)+len(g.rest)):
		g.fail(errGob)
	case n > maxElements:
		g.fail(fmt.Errorf("%d elements, more than %d", n, maxElements))
	case n > uint64(g.left):
		g.fail(errTotal)
	default:
		g.left -= int(n)
		return int(n)
	}
	return 0
}

// begin begins the next message.
func (g *gobLook) begin() {
	g.message = g.rest
	n := g.uint()
	g.rest = g.message
	if n > uint64(len(g.rest)) || n == 0 {
		g.fail(errGob)
		return
	}
	g.message, g.rest = g.rest[:n], g.rest[n:]
}

// typeSequence reads definitions of types, and then the type of the value that follows. A definition ends its message; but
// one for an interface within the value of another one is followed by the rest of that value, with its size.
func (g *gobLook) typeSequence() (id int64) {
	for g.err == nil {
		if len(g.message) == 0 {
			g.begin()
		}
		if id = g.int(); id >= 0 {
			break
		}
		g.define(-id)
		if g.gap < 0 {
			g.gap = len(g.message)
		}
		switch {
		case len(g.message) == 0:
		case g.inside > 1:
			g.uint() // nobody believes it
		default:
			g.fail(errGob)
		}
	}
	return id
}

// top reads a value as it stands in a message or an interface.
func (g *gobLook) top(id int64, depth int) {
	if t := g.types[id]; t == nil || t.kind != gobStruct {
		if g.uint() != 0 { // as if it were the only field of a struct
			g.fail(errGob)
		}
	}
	g.value(id, depth)
}

func (g *gobLook) value(id int64, depth int) {
	switch id {
	case gobBool, gobInt, gobUint, gobFloat:
		g.uint()
	case gobBytes, gobString:
		g.take(g.uint())
	case gobComplex:
		g.uint()
		g.uint()
	case gobInterface:
		g.inInterface(depth)
	default:
		g.composite(g.types[id], depth+1)
	}
}

// inInterface reads the value of an interface: the name of its type, the type, its size, and the value. gob believes the
// size if it skips the value, so it has to be true. It ends at a definition of a type within the value, if there is one.
func (g *gobLook) inInterface(depth int) {
	if len(g.take(g.uint())) == 0 {
		g.fail(errors.New("damaged, or a nil in a slice or map of interfaces"))
		return
	}
	g.inside++
	id := g.typeSequence()
	size, before, gap := g.uint(), len(g.message), g.gap
	g.gap = -1
	g.top(id, depth)
	end := g.gap
	if end < 0 {
		end = len(g.message)
	}
	if size != uint64(before-end) {
		g.fail(errGob)
	}
	g.inside--
	g.gap = gap
}

func (g *gobLook) composite(t *gobType, depth int) {
	switch {
	case t == nil:
		g.fail(errGob)
	case depth > maxDepth:
		g.fail(fmt.Errorf("nested deeper than %d", maxDepth))
	case t.kind == gobArray, t.kind == gobSlice:
		for range g.count() {
			g.value(t.elem, depth)
		}
	case t.kind == gobMap:
		for range g.count() {
			g.value(t.key, depth)
			g.value(t.elem, depth)
		}
	case t.kind == gobStruct:
		g.fields(func(n int) {
			if n > len(t.fields) {
				g.fail(errGob)
				return
			}
			g.value(t.fields[n-1], depth)
		})
	default: // it encodes itself
		g.take(g.uint())
	}
}

// fields calls read with the number of each field that a struct has, from 1 on, until its end.
func (g *gobLook) fields(read func(n int)) {
	for n := 0; g.err == nil; {
		step := g.uint()
		if step == 0 {
			return
		}
		if step > maxElements || n > maxElements {
			g.fail(errGob)
			return
		}
		n += int(step)
		read(n)
	}
}
