package transcoder

// gobType is a type that the bytes define.
type gobType struct {
	kind      gobKind
	key, elem int64
	fields    []int64 // types of a struct's fields
}

type gobKind int

// The kinds are the numbers of the fields of gob's own wireType. What is behind gobMap encodes itself as bytes.
const (
	gobArray gobKind = 1 + iota
	gobSlice
	gobStruct
	gobMap
)

// The numbers of the types that gob knows without a definition.
const (
	gobBool = 1 + iota
	gobInt
	gobUint
	gobFloat
	gobBytes
	gobString
	gobComplex
	gobInterface
	gobFirstDefined = 64
)

// define reads the definition of a type, which is a struct with one field for the kind that the type is of.
func (g *gobLook) define(id int64) {
	t := &gobType{}
	if id < gobFirstDefined || g.types[id] != nil {
		g.fail(errGob)
	}
	g.fields(func(n int) {
		t.kind = gobKind(n)
		g.fields(func(n int) { g.ofType(t, n) })
	})
	g.types[id] = t
}

// ofType reads a field of a definition. The first one has the name and the number of the type.
func (g *gobLook) ofType(t *gobType, n int) {
	switch {
	case n == 1:
		g.fields(func(n int) {
			if n == 1 {
				g.take(g.uint())
			} else {
				g.int()
			}
		})
	case t.kind == gobStruct && n == 2:
		for range g.count() {
			t.fields = append(t.fields, g.ofField())
		}
	case t.kind == gobMap && n == 2:
		t.key = g.int()
	case t.kind == gobMap && n == 3, n == 2:
		t.elem = g.int()
	case t.kind == gobArray && n == 3:
		g.int() // its length, which stands in front of the elements, too
	default:
		g.fail(errGob)
	}
}

// ofField reads the name and the type of a struct's field, and returns the type.
func (g *gobLook) ofField() (id int64) {
	g.fields(func(n int) {
		switch n {
		case 1:
			g.take(g.uint())
		case 2:
			id = g.int()
		default:
			g.fail(errGob)
		}
	})
	return id
}
