package msm

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gomsm/msm/core/internal/checksum"
	"github.com/gomsm/msm/core/internal/record"
	"github.com/gomsm/msm/core/internal/seal"
	"github.com/gomsm/msm/core/internal/sid"
	"github.com/gomsm/msm/transcoder"
)

func damage([]byte) []byte { return []byte("no record at all") }

// ofNewerFormat makes a record one that a later version of this program would write.
func ofNewerFormat(value []byte) []byte {
	value[0] = record.FormatVersion + 1
	content := value[:len(value)-checksum.Size]
	return checksum.Append(content)
}

// sealedAnew makes a record one that another instance has sealed, with a key that is not known here yet.
func sealedAnew(value []byte) []byte {
	rec, err := record.Decode(value)
	if err != nil {
		panic(err)
	}
	ring, err := seal.NewRing([][]byte{signingKey("n")})
	if err != nil {
		panic(err)
	}
	return rec.AppendSealed(nil, ring.Session("token", "key"))
}

// unread is a session that an instance cannot read.
type unread struct {
	m      *Manager
	reader *Manager // another instance, which can read it; nil: there is none
	cookie string
	why    error
}

func (d *deploys) unread(mode Config, edit func([]byte) []byte) *unread {
	d.t.Helper()
	theirs := mode
	if edit == nil {
		theirs.Transcoder = transcoder.Gob()
	}
	u := &unread{reader: d.instance(theirs)}
	c := &regular{name: "ann"}
	d.visit(u.reader, c, func(s *Session) { s.Set("user", "ann") })
	u.cookie = c.id
	if edit != nil {
		if err := u.reader.Close(context.Background()); err != nil {
			d.t.Fatal(err)
		}
		u.reader = nil
		d.w.overwrite(u.key(), edit)
	}
	mode.ErrorHandler = func(w http.ResponseWriter, r *http.Request, err error) { u.why = err; defaultErrorHandler(w, r, err) }
	u.m = d.instance(mode)
	return u
}

func (u *unread) key() string {
	token, _, _ := strings.Cut(u.cookie, "-")
	return sid.Key("msm:", sid.Record, token)
}

func (u *unread) send(m *Manager, method, cookie string, f func(s *Session)) *httptest.ResponseRecorder {
	v := visitor{id: cookie}
	w := v.request(m, method, f)
	time.Sleep(heard)
	return w
}

// TestASessionThatCannotBeReadCanBeEnded checks that logout and login always work. Reads get an error that says what is
// wrong, and what is stored is kept. But of what is damaged nothing is left to be kept: there is no session.
func TestASessionThatCannotBeReadCanBeEnded(t *testing.T) {
	t.Parallel()
	login := func(s *Session) {
		if s.Renew() == nil {
			s.Set("user", "bob")
		}
	}
	read := func(s *Session) { Get[string](s, "user") }
	for name, c := range map[string]struct {
		edit func([]byte) []byte // nil: the session's transcoder is not known
		says string
		gone bool
	}{
		"of another transcoder": {nil, `its transcoder is "gob"; add it to Config.ReadTranscoders`, false},
		"damaged":               {damage, "", true},
		"of a newer format":     {ofNewerFormat, "unknown format", false},
		"sealed with a new key": {sealedAnew, "it is sealed with a key that this instance does not have", false},
	} {
		for what, request := range map[string]struct {
			method string
			do     func(s *Session)
			ends   bool
			user   string // in the session that begins, if the other one ends or is gone
		}{
			"a read":                      {"GET", read, false, ""},
			"a read that may change":      {"POST", read, false, ""},
			"a change":                    {"POST", func(s *Session) { s.Set("user", "bob") }, false, "bob"},
			"nothing":                     {"POST", func(*Session) {}, false, ""},
			"a login that sets too early": {"POST", func(s *Session) { s.Set("user", "bob"); _ = s.Renew() }, false, "bob"},
			"a logout":                    {"POST", func(s *Session) { s.Destroy() }, true, ""},
			"a logout by a link":          {"GET", func(s *Session) { s.Destroy() }, true, ""},
			"a logout that reads":         {"POST", func(s *Session) { read(s); s.Set("user", ""); s.Destroy() }, true, ""},
			"a new id for nothing":        {"POST", func(s *Session) { _ = s.Renew() }, true, ""},
			"a login":                     {"POST", login, true, "bob"},
			"a login that reads":          {"POST", func(s *Session) { read(s); login(s) }, true, "bob"},
			"a logout and a login":        {"POST", func(s *Session) { s.Destroy(); login(s) }, true, "bob"},
		} {
			t.Run(name+"/"+what, func(t *testing.T) {
				inDeploys(t, func(d *deploys, mode Config) {
					u := d.unread(mode, c.edit)
					before := d.w.values(u.key())
					w := u.send(u.m, request.method, u.cookie, request.do)
					cookies := w.Result().Cookies()
					if !request.ends && !c.gone {
						if w.Code != 500 || !errors.Is(u.why, ErrUnreadable) || !strings.Contains(u.why.Error(), c.says) || len(cookies) > 0 {
							d.t.Fatalf("%d %v, cookies %v", w.Code, u.why, cookies)
						}
						if c.edit != nil && !equal(before, d.w.values(u.key())) {
							d.t.Error("it was not kept")
						}
						if u.reader != nil {
							u.send(u.reader, "GET", u.cookie, func(s *Session) {
								if Get[string](s, "user") != "ann" {
									d.t.Error("who can read it finds it gone")
								}
							})
						}
						return
					}
					told := request.ends || request.user != ""
					if w.Code != 200 || (len(cookies) > 0) != told || told && (cookies[0].MaxAge < 0) != (request.user == "") {
						d.t.Fatalf("%d %v, cookies %v", w.Code, u.why, cookies)
					}
					for _, m := range []*Manager{u.m, u.reader, d.instance(mode)} {
						if m == nil {
							continue
						}
						u.send(m, "GET", u.cookie, func(s *Session) {
							if !s.IsNew() || s.Err() != nil {
								d.t.Errorf("the old id lives: %v", s.Err())
							}
						})
					}
					if request.user != "" {
						u.send(u.m, "GET", cookies[0].Value, func(s *Session) {
							if Get[string](s, "user") != request.user {
								d.t.Errorf("logged in as %q: %v", Get[string](s, "user"), s.Err())
							}
						})
					}
				})
			})
		}
	}
}

// TestTheEndOfASessionThatCannotBeRead checks that its visitor does not count as new, and that no other error is
// dropped.
func TestTheEndOfASessionThatCannotBeRead(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		edit func([]byte) []byte
		left error // what who goes on after the request reads
	}{
		"damaged":           {damage, nil},
		"of a newer format": {ofNewerFormat, ErrUnreadable},
	} {
		t.Run(name, func(t *testing.T) {
			inDeploys(t, func(d *deploys, mode Config) {
				u := d.unread(mode, c.edit)
				var left *Session
				w := u.send(u.m, "GET", u.cookie, func(s *Session) {
					s.SetIdleTimeout(0)
					s.Destroy()
					left = s
				})
				if w.Code != 500 || errors.Is(u.why, ErrUnreadable) {
					d.t.Errorf("%d %v", w.Code, u.why)
				}
				if user, ok, err := Lookup[string](left, "user"); user != "" || ok || !errors.Is(err, c.left) {
					d.t.Errorf("who goes on after the request reads %q, %v, %v", user, ok, err)
				}
				u.send(u.m, "POST", u.cookie, func(s *Session) {
					if s.Destroy(); s.IsNew() || s.Err() != nil {
						d.t.Errorf("new: %v, %v", s.IsNew(), s.Err())
					}
				})
			})
		})
	}
}

// TestALoginBesideTheHeader checks that a session that came by a cookie goes on by a cookie, also if it could not be
// read.
func TestALoginBesideTheHeader(t *testing.T) {
	t.Parallel()
	inDeploys(t, func(d *deploys, mode Config) {
		mode.Header = "X-Session"
		u := d.unread(mode, damage)
		r := httptest.NewRequest("POST", "/", nil)
		r.Header.Set("X-Session", "")
		v := visitor{id: u.cookie}
		w := v.send(u.m, r, func(s *Session) { _ = s.Renew(); s.Set("user", "bob") })
		if w.Code != 200 || len(w.Result().Cookies()) != 1 || w.Header()["X-Session"] != nil {
			d.t.Errorf("%d %v", w.Code, w.Header())
		}
	})
}

func equal(a, b [][]byte) bool {
	for i := range a {
		if !bytes.Equal(a[i], b[i]) {
			return false
		}
	}
	return true
}
