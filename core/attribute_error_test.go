package msm_test

import (
	"encoding/gob"
	"errors"
	"fmt"
	"math/big"
	"reflect"
	"strings"
	"testing"

	msm "github.com/gomsm/msm/core"
	"github.com/gomsm/msm/transcoder"
)

type shape interface{ Area() float64 }

type square struct{ Side float64 }

func (s square) Area() float64 { return s.Side * s.Side }

type circle struct{ Radius float64 } // not registered with gob

func (c circle) Area() float64 { return 3 * c.Radius * c.Radius }

func init() { gob.Register(square{}) }

type (
	account struct {
		Owner   string
		Balance big.Int
	}
	extra       struct{ Note string }
	withPointer struct{ *extra }
	user        struct{ Name string }
	shadowing   struct {
		user
		Name string
	}
)

// TestWhatSetAcceptsCanBeRead: E25. Set either refuses a value, with an error that names attribute, type and field, or
// Lookup with the same type returns it; likewise with a Key of any type, and with Update.
func TestWhatSetAcceptsCanBeRead(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]typed{
		"a struct with a big.Int by value":       as(account{"a", *big.NewInt(77)}, "", ""),
		"a map of such structs":                  as(map[string]account{"a": {"a", *big.NewInt(77)}}, "json gob", "map[string]*msm_test.account"),
		"an embedded pointer to what is hidden":  as(withPointer{&extra{"a"}}, "cbor json gob", ""),
		"a field that shadows an embedded one":   as(shadowing{user{"a"}, "b"}, "cbor json gob", ""),
		"an interface that the format can fill":  as[shape](square{2}, "cbor json", "msm_test.shape with a msm_test.square in it"),
		"an interface with an unknown type":      as[shape](circle{2}, "cbor json gob", "msm_test.shape with a msm_test.circle in it"),
		"an interface with nothing":              as[shape](nil, "gob", "msm_test.shape"),
		"an error":                               as(errors.New("no"), "cbor json gob", "error with a *errors.errorString in it"),
		"an any with a text":                     as[any]("a", "", ""),
		"an any with a number":                   as[any](1.5, "", ""),
		"an any with a number that JSON rounds":  as[any](int64(1<<53+1), "json", "9007199254740993"),
		"an any with nothing":                    as[any](nil, "gob", "interface {}"),
		"a fmt.Stringer that encodes itself":     as[fmt.Stringer](big.NewInt(5), "cbor json gob", "fmt.Stringer with a *big.Int in it"),
		"a map of any with an integer of 54 bit": as(map[string]any{"id": int64(1<<53 + 1)}, "json", "9007199254740993"),
	} {
		for _, coder := range []transcoder.Transcoder{transcoder.CBOR(), transcoder.JSON(), transcoder.Gob()} {
			t.Run(name+", "+coder.Name(), func(t *testing.T) {
				refused := strings.Contains(c.refusedBy, coder.Name())
				c.run(t, newManager(t, msm.Config{Transcoder: coder}), refused)
			})
		}
	}
}

// typed is a test with a value of one type.
type typed struct {
	refusedBy string
	run       func(t *testing.T, m *msm.Manager, refused bool)
}

// as expects the value to come back, but an error with that text from the transcoders that refuse it.
func as[T any](value T, refusedBy, text string) typed {
	key := msm.NewKey[T]("v")
	return typed{refusedBy, func(t *testing.T, m *msm.Manager, refused bool) {
		for verb, set := range map[string]func(*msm.Session){
			"Set":    func(s *msm.Session) { key.Set(s, value) },
			"Update": func(s *msm.Session) { key.Update(s, func(T) T { return value }) },
		} {
			var err error
			id := begin(t, m, func(s *msm.Session) { s.Set("other", 1) })
			visit(m, id, func(s *msm.Session) {
				set(s)
				err = s.Err()
			})
			if !refused && err != nil || refused && !isRefusal(err, text) {
				t.Errorf("%s: %v, want a refusal: %t, with %q", verb, err, refused, text)
			}
			if err != nil {
				continue
			}
			visit(m, id, func(s *msm.Session) {
				if got, ok, err := key.Lookup(s); !ok || err != nil || !equal(got, value) {
					t.Errorf("%s: got %+v, %t, %v; want %+v", verb, got, ok, err, value)
				}
			})
		}
	}}
}

func isRefusal(err error, text string) bool {
	var wrong *msm.AttributeError
	return errors.As(err, &wrong) && wrong.Name == "v" && wrong.Type != "" && wrong.Err != nil && strings.Contains(err.Error(), text)
}

// equal compares numbers in an any by what they print: each format has its own types for them.
func equal(a, b any) bool {
	return reflect.DeepEqual(a, b) || fmt.Sprint(a) == fmt.Sprint(b)
}
