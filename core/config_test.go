package msm_test

import (
	"encoding/base64"
	"net/http"
	"net/netip"
	"regexp"
	"strings"
	"testing"
	"time"

	msm "github.com/gomsm/msm/core"
	"github.com/gomsm/msm/transcoder"
)

func TestNewNamesEveryFaultAtOnce(t *testing.T) {
	t.Parallel()
	_, err := msm.New(msm.Config{
		Nodes:           "a:1,b:2",
		FailoverNodes:   "n9",
		Backups:         99,
		RefillRate:      -2,
		Route:           "a.b",
		IdleTimeout:     time.Millisecond,
		AbsoluteTimeout: -1,
		MaxSessionSize:  1 << 30,
		OpTimeout:       -1,
		MaxConns:        -1,
		KeyPrefix:       "a b",
		Header:          "a b",
		SigningKeys:     [][]byte{[]byte("short")},
		ReadTranscoders: []transcoder.Transcoder{nil},
		Locking:         "some", LockWait: -1, LockExpiry: time.Second,
		BackupSync: true, MaxLocalSessions: -1, MaxLocalBytes: -1, MemoryOnly: regexp.MustCompile("x"),
		Cookie: http.Cookie{Name: "__Host-x", Value: "v", MaxAge: -1, Expires: time.Unix(1, 0), SameSite: http.SameSiteNoneMode, Domain: "d"},
	})
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{
		`Config.Nodes: "a:1" has no id`, `Config.Nodes: "b:2" has no id`, `Config.FailoverNodes: "n9"`, "Config.Backups: 99", "Config.RefillRate: -2",
		`Config.Route: "a.b"`, "Config.IdleTimeout: 1ms", "Config.AbsoluteTimeout: -1ns", "Config.MaxSessionSize: 1073741824",
		"Config.OpTimeout: -1ns", "Config.MaxConns: -1 must not be negative", `Config.KeyPrefix: "a b"`, `Config.Header: "a b"`, "Config.SigningKeys: ", "Config.ReadTranscoders: ",
		`Config.Locking: "some" must be none, all, auto, app or uri:`, "Config.LockWait: -1ns", "Config.LockExpiry: 1s must be at least 2s",
		"Config.BackupSync: is for sticky mode", "Config.MemoryOnly: is for sticky mode",
		"Config.MaxLocalSessions: -1 must not be negative", "Config.MaxLocalBytes: -1 must not be negative",
		"Config.MaxLocalSessions: is for sticky mode", "Config.MaxLocalBytes: is for sticky mode",
		"Config.Cookie.Name: ", "Config.Cookie.Value: ", "Config.Cookie.MaxAge: ", "Config.Cookie.Expires: ", "Config.Cookie.SameSite: ",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("nothing says %q in\n%v", want, err)
		}
	}
}

// TestUnsignedUntilIsChecked: a time in the past is accepted, for it may have passed since. One without a zone is not.
func TestUnsignedUntilIsChecked(t *testing.T) {
	key := base64.StdEncoding.EncodeToString(make([]byte, 32))
	for name, c := range map[string]struct {
		keys, until string
		want        string // in the error; empty: none
	}{
		"ahead":          {key, "2999-12-01T12:00:00Z", ""},
		"over":           {key, "2001-12-01T12:00:00Z", ""},
		"without a zone": {key, "2999-12-01T12:00:00", "such as 2026-12-01T12:00:00Z"},
		"a duration":     {key, "1h", `msm: MSM_UNSIGNED_UNTIL: "1h" cannot be used: it is no date and time`},
		"without a key":  {"", "2999-12-01T12:00:00Z", "msm: MSM_UNSIGNED_UNTIL: is for signed ids; set SigningKeys"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("MSM_SIGNING_KEYS", c.keys)
			t.Setenv("MSM_UNSIGNED_UNTIL", c.until)
			_, err := msm.FromEnv()
			if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v; want %q", err, c.want)
			}
		})
	}
	if _, err := msm.New(msm.Config{UnsignedUntil: time.Now()}); err == nil || !strings.Contains(err.Error(), "Config.UnsignedUntil: is for signed ids; set Signing") {
		t.Error(err)
	}
}

// TestLockingIsChecked: a mode that would lock nothing by mistake is refused (MSM's W-12).
func TestLockingIsChecked(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		config msm.Config
		want   string // in the error; empty: none
	}{
		"nothing said":                {msm.Config{}, ""},
		"none":                        {msm.Config{Locking: "none"}, ""},
		"none, sticky":                {msm.Config{Locking: msm.LockNone, Sticky: true}, ""},
		"all":                         {msm.Config{Locking: msm.LockAll}, ""},
		"auto":                        {msm.Config{Locking: msm.LockAuto}, ""},
		"app":                         {msm.Config{Locking: msm.LockApp}, ""},
		"a pattern":                   {msm.Config{Locking: "uri:^/cart"}, ""},
		"a pattern of nothing":        {msm.Config{Locking: "uri:"}, "Config.Locking: \"uri:\" must be"},
		"a pattern that is none":      {msm.Config{Locking: "uri:["}, "missing closing ]"},
		"MSM's own spelling":          {msm.Config{Locking: "uriPattern:.*"}, "Config.Locking: \"uriPattern:.*\" must be"},
		"another case":                {msm.Config{Locking: "ALL"}, "Config.Locking: \"ALL\" must be"},
		"all, sticky":                 {msm.Config{Locking: msm.LockAll, Sticky: true}, "Config.Locking: is not for sticky mode"},
		"a lock that ends at once":    {msm.Config{Locking: msm.LockAll, LockExpiry: time.Millisecond}, "Config.LockExpiry: 1ms must be at least 2s"},
		"times without locks":         {msm.Config{LockWait: time.Second, LockExpiry: time.Minute}, ""},
		"too many sessions":           {msm.Config{PrincipalLimit: 101}, "Config.PrincipalLimit: 101 must be from 1 to 100"},
		"fewer than none":             {msm.Config{PrincipalLimit: -1}, "Config.PrincipalLimit: -1 must be from 1 to 100"},
		"refused beyond no limit":     {msm.Config{PrincipalLimitRefuses: true}, "Config.PrincipalLimitRefuses: is for a limit"},
		"a wait of less than nothing": {msm.Config{Locking: msm.LockAll, LockWait: -1}, "Config.LockWait"},
	} {
		t.Run(name, func(t *testing.T) {
			c.config.Logger = quiet
			m, err := msm.New(c.config)
			if err == nil {
				_ = m.Close(t.Context())
			}
			if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v; want %q", err, c.want)
			}
		})
	}
}

func TestHeadersThatCannotCarryAnIDAreRefused(t *testing.T) {
	t.Parallel()
	for name, refused := range map[string]bool{
		"X-Session": false, "Session-Id": false, "x-auth-token": false, "": false,
		"a b": true, "Cookie": true, "set-cookie": true, "Content-Length": true, "Host": true, "Authorization": true, "Vary": true,
		"Cache-Control": true, "Origin": true, "Sec-Fetch-Site": true, "Proxy-Authorization": true, "X:": true, "X\r\nY": true,
	} {
		t.Run(name, func(t *testing.T) {
			refusedOrNot(t, msm.Config{Header: name}, "Config.Header: ", refused)
		})
	}
}

func TestPrefixesOfNothingAreRefused(t *testing.T) {
	t.Parallel()
	refusedOrNot(t, msm.Config{TrustedProxies: []netip.Prefix{{}}}, "Config.TrustedProxies: ", true)
}
