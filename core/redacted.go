package msm

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"reflect"
	"strings"
)

// redacted stands for a secret wherever a value is printed.
const redacted = "[redacted]"

// secret is embedded in types that hold session ids or keys. However such a value is printed, it tells nothing.
type secret struct{}

// String returns "[redacted]".
func (secret) String() string { return redacted }

// GoString returns "[redacted]".
func (secret) GoString() string { return redacted }

// MarshalJSON returns "[redacted]" and no error.
func (secret) MarshalJSON() ([]byte, error) { return json.Marshal(redacted) }

// LogValue returns "[redacted]".
func (secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// String returns the fields that are set, without the keys.
func (c Config) String() string {
	var fields []string
	for _, f := range c.fields() {
		fields = append(fields, f.String())
	}
	return "{" + strings.Join(fields, " ") + "}"
}

// GoString returns what String does, after the type's name.
func (c Config) GoString() string { return "msm.Config" + c.String() }

// MarshalJSON returns the fields that are set, as texts, without the keys. It returns no error.
func (c Config) MarshalJSON() ([]byte, error) {
	fields := make(map[string]string)
	for _, f := range c.fields() {
		fields[f.Key] = f.Value.String()
	}
	return json.Marshal(fields)
}

// LogValue returns the fields that are set, without the keys.
func (c Config) LogValue() slog.Value { return slog.GroupValue(c.fields()...) }

// fields returns the fields that are set, as texts.
func (c Config) fields() (list []slog.Attr) {
	all := reflect.ValueOf(c)
	for i := range all.NumField() {
		if f := all.Field(i); !f.IsZero() {
			name := all.Type().Field(i).Name
			list = append(list, slog.String(name, told(name, f)))
		}
	}
	return list
}

// told returns the text for a field of Config.
func told(name string, field reflect.Value) string {
	switch value := field.Interface().(type) {
	case fmt.Stringer: // patterns, times, durations
		return value.String()
	case interface{ Name() string }: // a transcoder
		return value.Name()
	default:
		switch {
		case name == "SigningKeys", name == "EncryptionKeys":
			return fmt.Sprintf("%d keys %s", field.Len(), redacted)
		case name == "Cookie":
			return field.FieldByName("Name").String()
		case field.Kind() == reflect.Func || field.Kind() == reflect.Pointer:
			return "set"
		}
		return fmt.Sprint(value)
	}
}
