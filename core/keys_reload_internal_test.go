package msm

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gomsm/msm/core/internal/sid"
)

// TestKeysChangeWithoutARestart: T-08. The keys change once a minute, by the steps of docs/keys.md. No session is lost, each id is
// signed by the new key after a visit, and keys that cannot be had leave those from before.
func TestKeysChangeWithoutARestart(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		type answer struct {
			keys [][]byte
			err  error
		}
		var now atomic.Pointer[answer]
		now.Store(&answer{keys: [][]byte{signingKey("a")}})
		from := func() ([][]byte, error) { return now.Load().keys, now.Load().err }
		m, err := New(Config{SigningKeysFrom: from, IdleTimeout: time.Hour, Logger: slog.New(slog.NewTextHandler(&log, nil))})
		if err != nil {
			t.Fatal(err)
		}
		var v visitor
		v.request(m, "POST", func(s *Session) { s.Set("user", "ann") })
		signedBy := func(letter string) bool {
			format, err := sid.NewFormat("SESSION", [][]byte{signingKey(letter)}, time.Time{})
			if err != nil {
				t.Fatal(err)
			}
			_, _, ok := format.Parse(v.id)
			return ok
		}
		for _, step := range []struct {
			keys  string // their letters
			wrong error
			by    string // who signs after a visit
		}{
			{"ab", nil, "a"},
			{"ba", nil, "b"},
			{"", nil, "b"},
			{"c", errors.New("the vault is closed"), "b"},
			{"b", nil, "b"},
		} {
			next := &answer{err: step.wrong}
			for letter := range strings.SplitSeq(step.keys, "") {
				next.keys = append(next.keys, signingKey(letter))
			}
			now.Store(next)
			time.Sleep(keysEvery + time.Second)
			v.request(m, "GET", func(s *Session) {
				if user := Get[string](s, "user"); user != "ann" {
					t.Errorf("with %q the user is %q", step.keys, user)
				}
			})
			if !signedBy(step.by) {
				t.Errorf("with %q the id is %s", step.keys, v.id)
			}
		}
		_ = m.Close(context.Background()) // nobody writes to the log any more
		if n := strings.Count(log.String(), "those from before stay"); n != 2 || !strings.Contains(log.String(), "the vault is closed") {
			t.Errorf("%d lines tell of it: %s", n, &log)
		}
	})
}

// TestKeysThatCannotBeHad checks that New says so.
func TestKeysThatCannotBeHad(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		config Config
		says   string
	}{
		"an error":    {Config{SigningKeysFrom: func() ([][]byte, error) { return nil, errors.New("the vault is closed") }}, "Config.SigningKeysFrom: the vault is closed"},
		"no key":      {Config{SigningKeysFrom: func() ([][]byte, error) { return nil, nil }}, "Config.SigningKeysFrom: it has returned no key"},
		"a short one": {Config{SigningKeysFrom: func() ([][]byte, error) { return [][]byte{{1}}, nil }}, "Config.SigningKeysFrom: SigningKeys[0]: 1 bytes"},
		"two ways": {Config{SigningKeys: [][]byte{signingKey("a")}, SigningKeysFrom: func() ([][]byte, error) { return nil, nil }},
			"Config.SigningKeysFrom: is set together with SigningKeys"},
		"an error, for records":   {Config{EncryptionKeysFrom: func() ([][]byte, error) { return nil, errors.New("the vault is closed") }}, "Config.EncryptionKeysFrom: the vault is closed"},
		"no key for records":      {Config{EncryptionKeysFrom: func() ([][]byte, error) { return nil, nil }}, "Config.EncryptionKeysFrom: it has returned no key"},
		"a short one for records": {Config{EncryptionKeysFrom: func() ([][]byte, error) { return [][]byte{{1}}, nil }}, "Config.EncryptionKeysFrom: key 0: 1 bytes"},
		"a short one, that stays": {Config{EncryptionKeys: [][]byte{{1}}}, "Config.EncryptionKeys: key 0: 1 bytes"},
		"a moment without keys":   {Config{SealedFrom: time.Now()}, "Config.SealedFrom: is for sealed records; set EncryptionKeys"},
		"another, without keys":   {Config{UnsealedUntil: time.Now()}, "Config.UnsealedUntil: is for sealed records; set EncryptionKeys"},
		"two ways of encryption": {Config{EncryptionKeys: [][]byte{signingKey("a")}, EncryptionKeysFrom: func() ([][]byte, error) { return nil, nil }},
			"Config.EncryptionKeysFrom: is set together with EncryptionKeys"},
	} {
		if m, err := New(c.config); m != nil || err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
