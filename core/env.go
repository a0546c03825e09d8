package msm

import (
	"fmt"
	"net/http"
	"os"
	"regexp"
	"strings"

	"github.com/gomsm/msm/transcoder"
)

// FromEnv returns a Config made from environment variables, for twelve-factor apps. A missing or empty variable means
// the default. Fields of Config without a variable are zero.
//
//	variable               value                                    default
//	MSM_NODES              n1:host:port,n2:host:port or host:port   one in-memory node
//	MSM_NODES_FILE         a file with the value of MSM_NODES       none
//	MSM_FAILOVER_NODES     n1,n3                                    none
//	MSM_BACKUPS            copies besides the primary; 0: none      1, sticky 0
//	MSM_REFILL_RATE        sessions a second; 0: no refill          2000
//	MSM_STICKY             true, false                              false
//	MSM_BACKUP_ASYNC       true, false (sticky only)                true
//	MSM_MAX_LOCAL_SESSIONS sessions in memory (sticky only)         no limit
//	MSM_MAX_LOCAL_BYTES    bytes in memory (sticky only)            a quarter of GOMEMLIMIT, or 1 GiB
//	MSM_ROUTE              this instance's name in session ids      none, sticky random
//	MSM_IGNORE             regular expression on the URL path       none
//	MSM_TRANSCODER         cbor, json, gob                          cbor
//	MSM_READ_TRANSCODERS   gob: besides MSM_TRANSCODER              cbor and json, always
//	MSM_IDLE_TIMEOUT       Go duration                              30m
//	MSM_ABSOLUTE_TIMEOUT   Go duration                              none
//	MSM_PRINCIPAL_LIMIT    sessions of one principal                no limit
//	MSM_PRINCIPAL_LIMIT_REFUSES  true, false                        false: a login ends another session
//	MSM_OP_TIMEOUT         Go duration, one memcached operation     250ms
//	MSM_MAX_CONNS          connections to one node                  64
//	MSM_TLS_CA             system, or a PEM file                    no TLS to the nodes
//	MSM_TLS_CERT, MSM_TLS_KEY  PEM files, for servers that want     none
//	MSM_AUTH_FILE          a file with user:password                the nodes want no password
//	MSM_MAX_SESSION_SIZE   bytes                                    262144
//	MSM_SIGNING_KEYS       base64, by commas; the first one signs   ids are not signed
//	MSM_SIGNING_KEYS_FILE  a file with the value of that            none
//	MSM_UNSIGNED_UNTIL     RFC 3339 time: 2026-12-01T12:00:00Z      only signed ids
//	MSM_ENCRYPTION_KEYS    base64, by commas; the first one seals   sessions are not sealed
//	MSM_ENCRYPTION_KEYS_FILE  a file with the value of that         none
//	MSM_SEALED_FROM        RFC 3339 time                            at once
//	MSM_UNSEALED_UNTIL     RFC 3339 time                            only sealed sessions
//	MSM_LOCKING            none, all, auto, uri:REGEXP, app         none
//	MSM_LOCK_WAIT          Go duration                              2s
//	MSM_LOCK_EXPIRY        Go duration                              10s
//	MSM_KEY_PREFIX         text                                     msm:
//	MSM_COOKIE_NAME        text                                     SESSION
//	MSM_COOKIE_PATH        path                                     /
//	MSM_COOKIE_DOMAIN      host name                                the host alone
//	MSM_COOKIE_SECURE      true, false                              false: only over TLS
//	MSM_COOKIE_SAMESITE    lax, strict, none, default               lax
//	MSM_COOKIE_MAX_AGE     seconds, or a Go duration                ends with the browser
//	MSM_COOKIE_PARTITIONED true, false                              false
//	MSM_HEADER             name of a header, for API clients        cookies only
//	MSM_TRUSTED_PROXIES    10.0.0.0/8,192.0.2.1                     none
//
// A request that MSM_IGNORE matches has no session, so do not match what a login protects: with `\.(png|jpg|js)$`
// nobody is logged in at /private/photo.jpg.
//
// MSM_NODES_FILE is read once, by FromEnv; its nodes may stand on separate lines. To use a changed file call FromEnv
// again, and Manager.SetNodes. MSM_SIGNING_KEYS_FILE and MSM_ENCRYPTION_KEYS_FILE are read again once a minute; their
// keys may stand on separate lines.
//
// MSM_BACKUP_ASYNC is the opposite of Config.BackupSync. Without sticky mode it is checked and has no effect.
//
// The error joins all faults, each with the variable, its value unless that is a key, and what is accepted.
func FromEnv() (Config, error) {
	e := env{}
	c := Config{
		Nodes:           e.nodes(),
		FailoverNodes:   e.text("FAILOVER_NODES"),
		Backups:         read(&e, "BACKUPS", "a number from 0 to 8", backups),
		RefillRate:      read(&e, "REFILL_RATE", "a number of sessions a second, or 0 for no refill", refillRate),
		Sticky:          read(&e, "STICKY", "true or false", truth),
		Route:           e.text("ROUTE"),
		Ignore:          read(&e, "IGNORE", "a regular expression (RE2)", regexp.Compile),
		Transcoder:      read(&e, "TRANSCODER", "cbor, json or gob", transcoder.ByName),
		ReadTranscoders: read(&e, "READ_TRANSCODERS", "cbor, json or gob, several separated by commas", listOf(transcoder.ByName)),
		IdleTimeout:     read(&e, "IDLE_TIMEOUT", "a Go duration from 1s, such as 30m", positive),
		AbsoluteTimeout: read(&e, "ABSOLUTE_TIMEOUT", "a Go duration, such as 12h", positive),
		PrincipalLimit:  read(&e, "PRINCIPAL_LIMIT", "a number of sessions from 1 to 100", size),
		OpTimeout:       read(&e, "OP_TIMEOUT", "a Go duration, such as 250ms", positive),
		MaxConns:        read(&e, "MAX_CONNS", "a number of connections", size),
		MaxSessionSize:  read(&e, "MAX_SESSION_SIZE", "a number of bytes", size),
		SigningKeys:     read(&e, "SIGNING_KEYS", "base64 of 32 or more bytes, several separated by commas", decodeKeys),
		SigningKeysFrom: read(&e, "SIGNING_KEYS_FILE", "a file with the value of MSM_SIGNING_KEYS", keysFile),
		UnsignedUntil:   read(&e, "UNSIGNED_UNTIL", aMoment, moment),

		EncryptionKeys:     read(&e, "ENCRYPTION_KEYS", "base64 of 32 or more bytes, several separated by commas", decodeKeys),
		EncryptionKeysFrom: read(&e, "ENCRYPTION_KEYS_FILE", "a file with the value of MSM_ENCRYPTION_KEYS", keysFile),
		SealedFrom:         read(&e, "SEALED_FROM", aMoment, moment),
		UnsealedUntil:      read(&e, "UNSEALED_UNTIL", aMoment, moment),

		PrincipalLimitRefuses: read(&e, "PRINCIPAL_LIMIT_REFUSES", "true or false", truth),

		AuthFile: e.text("AUTH_FILE"),

		Locking:        Locking(e.text("LOCKING")),
		LockWait:       read(&e, "LOCK_WAIT", "a Go duration, such as 2s", positive),
		LockExpiry:     read(&e, "LOCK_EXPIRY", "a Go duration from 2s, such as 10s", positive),
		KeyPrefix:      e.text("KEY_PREFIX"),
		Cookie:         e.cookie(),
		Header:         e.text("HEADER"),
		TrustedProxies: read(&e, "TRUSTED_PROXIES", "addresses or prefixes such as 10.0.0.0/8, several separated by commas", listOf(prefix)),
	}
	e.local(&c)
	e.tls(&c)
	for _, f := range c.faults() {
		e.invalid(f)
	}
	return c, join(e.faults, func(variable string) string { return "MSM_" + variable })
}

// nodes returns the nodes of MSM_NODES or of the file that MSM_NODES_FILE names.
func (e *env) nodes() string {
	nodes := e.text("NODES")
	file := read(e, "NODES_FILE", "a file with the value of MSM_NODES", nodesFile)
	if nodes != "" && file != "" {
		e.fault("NODES_FILE", "is set together with MSM_NODES; set only one of them")
	}
	return nodes + file
}

// cookie returns Config.Cookie.
func (e *env) cookie() http.Cookie {
	return http.Cookie{
		Name:        e.text("COOKIE_NAME"),
		Path:        e.text("COOKIE_PATH"),
		Domain:      e.text("COOKIE_DOMAIN"),
		Secure:      read(e, "COOKIE_SECURE", "true or false", truth),
		SameSite:    read(e, "COOKIE_SAMESITE", "lax, strict, none or default", sameSite),
		MaxAge:      read(e, "COOKIE_MAX_AGE", "a number of seconds, or a Go duration, such as 720h", seconds),
		Partitioned: read(e, "COOKIE_PARTITIONED", "true or false", truth),
	}
}

// local reads the variables of sticky mode.
func (e *env) local(c *Config) {
	async := e.text("BACKUP_ASYNC") == "" || read(e, "BACKUP_ASYNC", "true or false", truth)
	c.BackupSync = c.Sticky && !async
	c.MaxLocalSessions = read(e, "MAX_LOCAL_SESSIONS", "a number of sessions", size)
	c.MaxLocalBytes = int64(read(e, "MAX_LOCAL_BYTES", "a number of bytes", size))
}

// tls reads the variables of TLS.
func (e *env) tls(c *Config) {
	believed := read(e, "TLS_CA", "system, or a file with the certificates (PEM) of those who sign the servers'", authorities)
	config, err := tlsOf(believed, e.text("TLS_CERT"), e.text("TLS_KEY"))
	if c.TLS = config; err != nil {
		e.fault("TLS_CERT", "%v", err)
	}
}

// env reads variables and collects what is wrong with them. It takes their names without "MSM_".
type env struct{ faults []fault }

func (e *env) text(name string) string { return os.Getenv("MSM_" + name) }

func (e *env) fault(name, format string, args ...any) {
	e.faults = append(e.faults, fault{Field: name, Text: fmt.Sprintf(format, args...)})
}

// read returns a variable's value, converted. It returns the zero value for an empty variable, and for one that cannot
// be converted, which is a fault. Values of variables that hold keys are not shown.
func read[T any](e *env, name, accepted string, convert func(string) (T, error)) (value T) {
	text := e.text(name)
	if text == "" {
		return value
	}
	value, err := convert(text)
	if err != nil {
		if strings.HasSuffix(name, "_KEYS") {
			text = "(secret)"
		}
		e.fault(name, "%q cannot be used: %v; accepted: %s", text, err, accepted)
		var zero T
		return zero
	}
	return value
}

// variables maps fields of Config to their variables: the fields that may be wrong although their text could be
// converted.
var variables = map[string]string{
	"Nodes": "NODES", "FailoverNodes": "FAILOVER_NODES", "Backups": "BACKUPS", "Route": "ROUTE",
	"PrincipalLimit": "PRINCIPAL_LIMIT", "PrincipalLimitRefuses": "PRINCIPAL_LIMIT_REFUSES",
	"IdleTimeout": "IDLE_TIMEOUT", "AbsoluteTimeout": "ABSOLUTE_TIMEOUT", "OpTimeout": "OP_TIMEOUT",
	"MaxSessionSize": "MAX_SESSION_SIZE", "SigningKeys": "SIGNING_KEYS", "SigningKeysFrom": "SIGNING_KEYS_FILE", "UnsignedUntil": "UNSIGNED_UNTIL",
	"EncryptionKeys": "ENCRYPTION_KEYS", "EncryptionKeysFrom": "ENCRYPTION_KEYS_FILE", "SealedFrom": "SEALED_FROM", "UnsealedUntil": "UNSEALED_UNTIL", "KeyPrefix": "KEY_PREFIX", "AuthFile": "AUTH_FILE",
	"Locking": "LOCKING", "LockExpiry": "LOCK_EXPIRY", "MaxLocalSessions": "MAX_LOCAL_SESSIONS", "MaxLocalBytes": "MAX_LOCAL_BYTES",
	"Header": "HEADER", "Cookie.Name": "COOKIE_NAME", "Cookie.Path": "COOKIE_PATH", "Cookie.Domain": "COOKIE_DOMAIN",
	"Cookie.SameSite": "COOKIE_SAMESITE", "Cookie.Partitioned": "COOKIE_PARTITIONED",
}

// invalid adds a fault of a Config field, under the name of its variable.
func (e *env) invalid(f fault) {
	name := variables[f.Field]
	if name == "NODES" && e.text(name) == "" {
		name = "NODES_FILE"
	}
	e.fault(name, "%s", f.Text)
}
