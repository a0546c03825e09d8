package msm_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	msm "github.com/gomsm/msm/core"
)

// TestNothingSecretIsPrinted: SR-21. Keys and session ids stay out of logs, however a program prints what it has.
func TestNothingSecretIsPrinted(t *testing.T) {
	key := []byte("a key that nobody may ever see!!")
	config := msm.Config{
		Nodes: "", SigningKeys: [][]byte{key}, EncryptionKeys: [][]byte{key}, Ignore: regexp.MustCompile("gif$"), IdleTimeout: time.Hour, Logger: quiet,
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) {},
	}
	m := newManager(t, config)
	id := begin(t, m, addOne)
	token, _, _ := strings.Cut(id, "-")
	_, malformed := m.Open(t.Context(), id+"x")
	t.Setenv("MSM_SIGNING_KEYS", base64.StdEncoding.EncodeToString(key[1:])+"!")
	_, environment := msm.FromEnv()
	_, short := msm.New(msm.Config{SigningKeys: [][]byte{key[1:]}})
	if malformed == nil || environment == nil || short == nil {
		t.Fatal(malformed, environment, short)
	}
	_, shortToo := msm.New(msm.Config{EncryptionKeys: [][]byte{key[1:]}})
	if shortToo == nil {
		t.Fatal("a short key is taken")
	}
	values := map[string]any{
		"Config": config, "*Config": &config, "Manager": m, "an opened session": open(t, m, id), "an error of Open": malformed,
		"an error of FromEnv": environment, "an error of New": short, "another": shortToo, "several": []any{config, m},
		"a part": struct{ Session *msm.Session }{open(t, m, id)},
	}
	visit(m, id, func(s *msm.Session) {
		count.Get(s)
		values["a session"] = s
	})
	r := requestWith("GET", id)
	x, _, err := m.Begin(r, "")
	defer x.End()
	values["an exchange"] = x
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range values {
		for form, text := range printed(t, value) {
			for _, secret := range []string{
				token, token[:20], string(key), string(key[1:9]), hex.EncodeToString(key[1:9]), base64.StdEncoding.EncodeToString(key[:30]),
				base64.StdEncoding.EncodeToString(key[1:31]), strings.Trim(fmt.Sprintf("%d", key[1:9]), "[]"),
			} {
				if strings.Contains(text, secret) {
					t.Errorf("%s as %s: %s", name, form, text)
					break
				}
			}
		}
	}
	for form, text := range printed(t, config) {
		for _, part := range []string{"SigningKeys", "EncryptionKeys", "1 keys [redacted]", "gif$", "1h0m0s"} {
			if !strings.Contains(text, part) {
				t.Errorf("%s lacks %s: %s", form, part, text)
			}
		}
	}
	for form, text := range printed(t, m) {
		if !strings.Contains(text, "[redacted]") {
			t.Errorf("a manager as %s: %s", form, text)
		}
	}
}

// printed returns a value in all the ways in which programs print.
func printed(t *testing.T, value any) map[string]string {
	t.Helper()
	var text, object bytes.Buffer
	slog.New(slog.NewTextHandler(&text, nil)).Info("", "value", value)
	slog.New(slog.NewJSONHandler(&object, nil)).Info("", "value", value)
	list := map[string]string{"text log": text.String(), "JSON log": object.String()}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		list[verb] = fmt.Sprintf(verb, value)
	}
	encoded, err := json.Marshal(value)
	if err != nil {
		t.Error(err)
	}
	list["JSON"] = string(encoded)
	return list
}
