package transcoder

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"

	"github.com/fxamacker/cbor/v2"
)

// discreet returns a decoder's error without any part of the value in its text: errors are logged. errors.Is and
// errors.As still find what the decoder has returned.
func discreet(err error) error {
	if err == nil {
		return nil
	}
	return &decodeError{text: textOf(err), err: err}
}

// decodeError is a decoder's error with another text.
type decodeError struct {
	text string
	err  error
}

func (e *decodeError) Error() string { return e.text }

func (e *decodeError) Unwrap() error { return e.err }

// textOf returns what is wrong, and not with which value.
func textOf(err error) string {
	switch e := err.(type) { //nolint:errorlint // what a type's own method has returned may wrap anything
	case *json.UnmarshalTypeError:
		shown := *e
		shown.Value, _, _ = strings.Cut(e.Value, " ") // "number 4711"
		return shown.Error()
	case *json.SyntaxError:
		return fmt.Sprintf("not JSON at byte %d", e.Offset)
	case *cbor.UnmarshalTypeError:
		return (&cbor.UnmarshalTypeError{CBORType: e.CBORType, GoType: e.GoType, StructFieldName: e.StructFieldName}).Error()
	case *cbor.DupMapKeyError:
		return "cbor: a map has a key twice"
	}
	of := reflect.TypeOf(err)
	if of.Kind() == reflect.Pointer {
		of = of.Elem()
	}
	if of.PkgPath() == "github.com/fxamacker/cbor/v2" || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || strings.HasPrefix(err.Error(), "gob: ") {
		return err.Error()
	}
	return fmt.Sprintf("refused by a method of its type (%T)", err)
}
