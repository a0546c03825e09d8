package msmgorilla_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/gorilla/securecookie"

	msm "github.com/gomsm/msm/core"
	msmgorilla "github.com/gomsm/msm/gorilla"
)

// decoder counts what comes to be decoded.
type decoder struct {
	securecookie.GobEncoder
	decoded int
}

func (d *decoder) Deserialize(src []byte, dst any) error {
	d.decoded++
	return d.GobEncoder.Deserialize(src, dst)
}

// TestForgedValues: T-07, T-10. Someone can write to the nodes. Nothing that this app has not stored for this very session is
// decoded: it counts as no session.
func TestForgedValues(t *testing.T) {
	for mode, keys := range map[string][][]byte{"with a key": {key}, "without": nil, "with an empty old key": {key, nil, {}, nil}} {
		m := newManager(t, msm.Config{})
		begin := func() (v *visitor, d *decoder, id string) {
			store := msmgorilla.NewStore(m, keys...)
			d = &decoder{}
			store.Serializer = d
			v = &visitor{store, nil, t}
			v.do(put(1))
			return v, d, v.load().ID
		}
		v, d, id := begin()
		_, _, another := begin()
		at := m.Store("gorilla:s")
		stored := func(id string) []byte {
			value, ok, err := at.FindCtx(t.Context(), id)
			if !ok || err != nil {
				t.Fatal(ok, err)
			}
			return value
		}
		good := stored(id)
		forged := map[string][]byte{
			"nothing": {}, "what another session has": stored(another), "values without a tag": good[32:],
			"cut short": good[:len(good)-1], "with a byte more": append(slices.Clone(good), 0), "too short for a tag": good[:31],
		}
		for i := range good {
			flipped := slices.Clone(good)
			flipped[i] ^= 1
			forged[fmt.Sprint("a flipped bit of byte ", i)] = flipped
		}
		forged["values sealed with an empty key"] = sealedBy(nil, "s", id, good[32:])
		for name, value := range forged {
			if err := at.CommitCtx(t.Context(), id, value, time.Now().Add(time.Hour)); err != nil {
				t.Fatal(err)
			}
			before := d.decoded
			if s := v.load(); !s.IsNew || len(s.Values) > 0 || d.decoded != before {
				t.Errorf("%s, %s: %+v; decoded %d times", mode, name, s, d.decoded-before)
			}
		}
		if err := at.CommitCtx(t.Context(), id, good, time.Now().Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		if s := v.load(); s.IsNew || s.Values["k"] != 1 {
			t.Errorf("%s: what it has stored itself: %+v", mode, s)
		}
	}
}

// sealedBy returns what a store with that key would store.
func sealedBy(key []byte, name, id string, values []byte) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte("msmgorilla: values\x00" + name + "\x00" + id + "\x00"))
	mac.Write(values)
	return append(mac.Sum(nil), values...)
}
