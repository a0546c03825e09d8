package msm_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	msm "github.com/gomsm/msm/core"
	"github.com/gomsm/msm/transcoder"
)

func TestFromEnv(t *testing.T) {
	key := base64.StdEncoding.EncodeToString(make([]byte, 32))
	for name, value := range map[string]string{
		"NODES": "n1:a:1,n2:b:2", "FAILOVER_NODES": "n2", "BACKUPS": "0", "ROUTE": "r1", "IGNORE": `\.x$`, "TRANSCODER": "json",
		"IDLE_TIMEOUT": "10m", "ABSOLUTE_TIMEOUT": "12h", "OP_TIMEOUT": "50ms", "MAX_CONNS": "16", "MAX_SESSION_SIZE": "1000",
		"SIGNING_KEYS": key + "," + strings.TrimRight(key, "="), "ENCRYPTION_KEYS": key, "SEALED_FROM": "2026-12-01T00:00:00Z", "UNSEALED_UNTIL": "2026-12-02T00:00:00Z", "KEY_PREFIX": "app:", "COOKIE_NAME": "sid",
		"STICKY": "false", "LOCKING": "uri:^/cart", "LOCK_WAIT": "5s", "LOCK_EXPIRY": "30s", "BACKUP_ASYNC": "true",
		"UNSIGNED_UNTIL": "2026-12-01T13:00:00+01:00", "REFILL_RATE": "0", "READ_TRANSCODERS": "cbor, gob", "HEADER": "X-Session", "TRUSTED_PROXIES": "10.0.0.0/8,192.0.2.1, ::1",
		"COOKIE_PATH": "/app", "COOKIE_DOMAIN": "example.com", "COOKIE_SECURE": "true", "COOKIE_SAMESITE": "None", "COOKIE_MAX_AGE": "720h",
		"COOKIE_PARTITIONED": "true", "PRINCIPAL_LIMIT": "3", "PRINCIPAL_LIMIT_REFUSES": "true",
	} {
		t.Setenv("MSM_"+name, value)
	}
	c, err := msm.FromEnv()
	if err != nil {
		t.Fatal(err)
	}
	if c.Nodes != "n1:a:1,n2:b:2" || c.FailoverNodes != "n2" || c.Backups != msm.NoBackup || c.Route != "r1" || !c.Ignore.MatchString("a.x") ||
		c.Transcoder.Name() != "json" || c.IdleTimeout != 10*time.Minute || c.AbsoluteTimeout != 12*time.Hour || c.OpTimeout != 50*time.Millisecond ||
		c.MaxConns != 16 || c.MaxSessionSize != 1000 || len(c.SigningKeys) != 2 || c.KeyPrefix != "app:" || c.Cookie.Name != "sid" ||
		c.Locking != msm.LockURI(regexp.MustCompile("^/cart")) || c.LockWait != 5*time.Second || c.LockExpiry != 30*time.Second {
		t.Errorf("%+v", c)
	}
	cookie := http.Cookie{Name: "sid", Path: "/app", Domain: "example.com", Secure: true, SameSite: http.SameSiteNoneMode, MaxAge: 30 * 24 * 3600, Partitioned: true}
	if c.RefillRate != msm.NoRefill || fmt.Sprint(c.ReadTranscoders) != fmt.Sprint([]transcoder.Transcoder{transcoder.CBOR(), transcoder.Gob()}) ||
		!c.UnsignedUntil.Equal(time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)) || c.Header != "X-Session" || fmt.Sprint(c.TrustedProxies) != "[10.0.0.0/8 192.0.2.1/32 ::1/128]" || !reflect.DeepEqual(c.Cookie, cookie) {
		t.Errorf("%+v", c)
	}
	if c.PrincipalLimit != 3 || !c.PrincipalLimitRefuses || len(c.EncryptionKeys) != 1 || c.SealedFrom.Day() != 1 || c.UnsealedUntil.Day() != 2 {
		t.Errorf("%+v", c)
	}
	newManager(t, c)
}

func TestFromEnvOneVariable(t *testing.T) {
	for name, c := range map[string]struct {
		variable, value string
		got             func(msm.Config) any
		want            any
	}{
		"seconds of a cookie":         {"COOKIE_MAX_AGE", "3600", func(c msm.Config) any { return c.Cookie.MaxAge }, 3600},
		"SameSite strict":             {"COOKIE_SAMESITE", "strict", func(c msm.Config) any { return c.Cookie.SameSite }, http.SameSiteStrictMode},
		"SameSite in another case":    {"COOKIE_SAMESITE", "LAX", func(c msm.Config) any { return c.Cookie.SameSite }, http.SameSiteLaxMode},
		"SameSite as browsers like":   {"COOKIE_SAMESITE", "default", func(c msm.Config) any { return c.Cookie.SameSite }, http.SameSiteDefaultMode},
		"a slow refill":               {"REFILL_RATE", "10", func(c msm.Config) any { return c.RefillRate }, 10},
		"sessions in memory":          {"MAX_LOCAL_SESSIONS", "1000", func(c msm.Config) any { return c.MaxLocalSessions }, 1000},
		"bytes in memory":             {"MAX_LOCAL_BYTES", "8589934592", func(c msm.Config) any { return c.MaxLocalBytes }, int64(8 << 30)},
		"proxies separated by blanks": {"TRUSTED_PROXIES", "10.0.0.0/8 fd00::/8", func(c msm.Config) any { return len(c.TrustedProxies) }, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("MSM_STICKY", "true")
			t.Setenv("MSM_"+c.variable, c.value)
			config, err := msm.FromEnv()
			if err != nil || c.got(config) != c.want {
				t.Errorf("%v, %v; want %v", c.got(config), err, c.want)
			}
		})
	}
}

func TestFromEnvReadsAFileOfNodes(t *testing.T) {
	for name, c := range map[string]struct {
		file, variable string // the file's text; "-": there is none
		want           string // Config.Nodes, or what the error begins with
	}{
		"a list":              {"n1:a:1,n2:b:2\n", "", "n1:a:1,n2:b:2"},
		"a node a line":       {"n1:a:1\nn2:b:2,\r\n\n", "", "n1:a:1,n2:b:2"},
		"one address":         {"a:1", "", "a:1"},
		"nothing":             {" \n", "", "msm: MSM_NODES_FILE: "},
		"no file":             {"-", "", "msm: MSM_NODES_FILE: "},
		"an id twice":         {"n1:a:1,n1:b:2", "", "msm: MSM_NODES_FILE: "},
		"beside the variable": {"n1:a:1", "n1:a:1", "msm: MSM_NODES_FILE: is set together with MSM_NODES"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("MSM_NODES_FILE", fileOf(t, c.file))
			t.Setenv("MSM_NODES", c.variable)
			config, err := msm.FromEnv()
			if fails := strings.HasPrefix(c.want, "msm: "); fails && (err == nil || !strings.HasPrefix(err.Error(), c.want)) ||
				!fails && (err != nil || config.Nodes != c.want) {
				t.Errorf("%q, %v; want %q", config.Nodes, err, c.want)
			}
		})
	}
}

// fileOf returns the path of a file with that text; "-": there is none.
func fileOf(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if text != "-" {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return path
}

func TestFromEnvReadsAFileOfKeys(t *testing.T) {
	key := base64.StdEncoding.EncodeToString(bytes.Repeat([]byte("k"), 32))
	for name, c := range map[string]struct {
		file, variable string // the file's text; "-": there is none
		keys           int    // that it has
		want           string // what the error says of the file; empty: there is none
	}{
		"a list":              {key + "," + key + "\n", "", 2, ""},
		"a key a line":        {key + "\n" + key + "\r\n\n", "", 2, ""},
		"nothing":             {" \n", "", 0, " "},
		"no file":             {"-", "", 0, " "},
		"not base64":          {"k!", "", 0, " "},
		"beside the variable": {key, key, 0, " is set together with "},
	} {
		for kind, from := range map[string]func(msm.Config) func() ([][]byte, error){
			"SIGNING_KEYS":    func(c msm.Config) func() ([][]byte, error) { return c.SigningKeysFrom },
			"ENCRYPTION_KEYS": func(c msm.Config) func() ([][]byte, error) { return c.EncryptionKeysFrom },
		} {
			t.Run(name+" of "+kind, func(t *testing.T) {
				t.Setenv("MSM_"+kind+"_FILE", fileOf(t, c.file))
				t.Setenv("MSM_"+kind, c.variable)
				config, err := msm.FromEnv()
				if c.want != "" {
					if err == nil || !strings.HasPrefix(err.Error(), "msm: MSM_"+kind+"_FILE:"+c.want) || strings.Contains(err.Error(), key) {
						t.Errorf("%v; want %q", err, c.want)
					}
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				if keys, err := from(config)(); len(keys) != c.keys || err != nil {
					t.Errorf("%d keys, %v", len(keys), err)
				}
			})
		}
	}
}

func TestFromEnvWithTLS(t *testing.T) {
	a := newAuthority(t)
	_, _, cert, key := a.sign(a.server())
	for name, c := range map[string]struct {
		ca, cert, key string
		want          string // what the error says; empty: there is none
		roots         bool   // of its own, not the system's
		own           int    // certificates
	}{
		"nothing":                    {"", "", "", "", false, 0},
		"the system's authorities":   {"system", "", "", "", false, 0},
		"an authority":               {a.file, "", "", "", true, 0},
		"and a certificate":          {a.file, cert, key, "", true, 1},
		"no file":                    {fileOf(t, "-"), "", "", "MSM_TLS_CA: ", false, 0},
		"a file of something else":   {key, "", "", "MSM_TLS_CA: ", false, 0},
		"a certificate without TLS":  {"", cert, key, "MSM_TLS_CERT: and MSM_TLS_KEY are for TLS; set MSM_TLS_CA, too", false, 0},
		"a certificate without key":  {a.file, cert, "", "MSM_TLS_CERT: and MSM_TLS_KEY cannot be used: ", false, 0},
		"a key of something else":    {a.file, a.file, key, "MSM_TLS_CERT: and MSM_TLS_KEY cannot be used: ", false, 0},
		"a key without certificate ": {"system", "", key, "MSM_TLS_CERT: and MSM_TLS_KEY cannot be used: ", false, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("MSM_TLS_CA", c.ca)
			t.Setenv("MSM_TLS_CERT", c.cert)
			t.Setenv("MSM_TLS_KEY", c.key)
			config, err := msm.FromEnv()
			if c.want != "" {
				if err == nil || !strings.Contains(err.Error(), c.want) {
					t.Errorf("%v; want %q", err, c.want)
				}
				return
			}
			if err != nil || (config.TLS != nil) != (c.ca != "") {
				t.Fatalf("%+v, %v", config.TLS, err)
			}
			if config.TLS != nil && ((config.TLS.RootCAs != nil) != c.roots || len(config.TLS.Certificates) != c.own) {
				t.Errorf("%+v", config.TLS)
			}
		})
	}
}

func TestFromEnvSticky(t *testing.T) {
	for name, c := range map[string]struct {
		sticky, async      string
		wantSticky, toSync bool
	}{
		"sticky is asynchronous by default":          {"true", "", true, false},
		"and if it says so":                          {"true", "true", true, false},
		"and synchronous if it says so":              {"true", "false", true, true},
		"without sticky mode it means nothing":       {"", "false", false, false},
		"non-sticky and asynchronous is the default": {"false", "true", false, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("MSM_STICKY", c.sticky)
			t.Setenv("MSM_BACKUP_ASYNC", c.async)
			config, err := msm.FromEnv()
			if err != nil || config.Sticky != c.wantSticky || config.BackupSync != c.toSync {
				t.Errorf("Sticky %v, BackupSync %v, %v", config.Sticky, config.BackupSync, err)
			}
			newManager(t, config)
		})
	}
}

func TestFromEnvOfNothingIsTheDefault(t *testing.T) {
	t.Parallel()
	c, err := msm.FromEnv()
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(c, msm.Config{}) { // above all, every path has its session
		t.Errorf("%+v", c)
	}
	newManager(t, c)
}

func TestFromEnvNamesEveryFaultAtOnce(t *testing.T) {
	secret := "c2VjcmV0" // "secret"
	set := map[string]string{
		"NODES": "n1:a:1,n1:b:2", "FAILOVER_NODES": "n9", "BACKUPS": "many", "ROUTE": "a.b", "IGNORE": "(", "TRANSCODER": "xml",
		"IDLE_TIMEOUT": "5", "ABSOLUTE_TIMEOUT": "-1h", "OP_TIMEOUT": "0s", "MAX_CONNS": "0", "MAX_SESSION_SIZE": "1GB", "SIGNING_KEYS": secret,
		"KEY_PREFIX": "a b", "COOKIE_NAME": "a;b", "UNSIGNED_UNTIL": "2026-12-01 12:00",
		"STICKY": "perhaps", "LOCKING": "uri:(", "LOCK_WAIT": "soon", "LOCK_EXPIRY": "1s", "ENCRYPTION_KEYS": secret, "BACKUP_ASYNC": "maybe",
		"REFILL_RATE": "-1", "READ_TRANSCODERS": "json,xml", "HEADER": "Set-Cookie", "TRUSTED_PROXIES": "10.0.0.0/8,localhost",
		"COOKIE_PATH": "app", "COOKIE_DOMAIN": "https://example.com", "COOKIE_SECURE": "1", "COOKIE_SAMESITE": "none", "COOKIE_MAX_AGE": "0",
		"COOKIE_PARTITIONED": "true", "MAX_LOCAL_SESSIONS": "10", "MAX_LOCAL_BYTES": "1GB", "NODES_FILE": "/etc/nodes",
	}
	for name, value := range set {
		t.Setenv("MSM_"+name, value)
	}
	_, err := msm.FromEnv()
	if err == nil {
		t.Fatal("no error")
	}
	lines := strings.Split(err.Error(), "\n")
	for name := range set {
		found := false
		for _, line := range lines {
			found = found || strings.HasPrefix(line, "msm: MSM_"+name+": ")
		}
		if strings.Contains(err.Error(), "MSM_: ") {
			t.Fatalf("a fault without its variable:\n%v", err)
		}
		if !found {
			t.Errorf("no line is about MSM_%s in\n%v", name, err)
		}
	}
	if strings.Contains(err.Error(), secret) || strings.Contains(err.Error(), "secret\"") {
		t.Errorf("the error tells a key:\n%v", err)
	}
}
