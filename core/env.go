package msm

import (
	"encoding/base64"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/gomsm/msm/transcoder"
)

// FromEnv makes a Config of environment variables, for twelve-factor apps. An empty or missing variable means the
// default.
//
//	MSM_NODES              n1:host:port,n2:host:port or host:port   one in-memory node
//	MSM_FAILOVER_NODES     n1,n3                                    none
//	MSM_BACKUPS            copies beside the primary                1, sticky 0
//	MSM_STICKY             true, false                              false
//	MSM_BACKUP_ASYNC       true, false (sticky only)                true
//	MSM_ROUTE              this instance's name in session ids      none, sticky random
//	MSM_IGNORE             regular expression on the URL path       \.(ico|png|gif|jpg|css|js)$
//	MSM_TRANSCODER         cbor, json, gob                          cbor
//	MSM_IDLE_TIMEOUT       Go duration                              30m
//	MSM_ABSOLUTE_TIMEOUT   Go duration                              none
//	MSM_OP_TIMEOUT         Go duration, one memcached operation     100ms
//	MSM_MAX_SESSION_SIZE   bytes                                    262144
//	MSM_SIGNING_KEYS       base64, comma separated, newest first    ids are not signed
//	MSM_LOCKING            none, all, auto, uri:REGEXP, app         none
//	MSM_LOCK_WAIT          Go duration                              2s
//	MSM_LOCK_EXPIRY        Go duration                              10s
//	MSM_KEY_PREFIX         text                                     msm:
//	MSM_COOKIE_NAME        text                                     SESSION
//
// MSM_BACKUP_ASYNC is taken as said, and means nothing, without sticky mode. Encryption is not built yet:
// MSM_ENCRYPTION_KEYS is refused.
//
// The error joins every fault, each with the variable, its value and what is accepted.
func FromEnv() (Config, error) {
	e := env{}
	c := Config{
		Nodes:           e.text("NODES"),
		FailoverNodes:   e.text("FAILOVER_NODES"),
		Backups:         read(&e, "BACKUPS", "a number from 0 to 8", backups),
		Sticky:          read(&e, "STICKY", "true or false", truth),
		Route:           e.text("ROUTE"),
		Ignore:          read(&e, "IGNORE", "a regular expression (RE2)", regexp.Compile),
		Transcoder:      read(&e, "TRANSCODER", "cbor, json or gob", transcoder.ByName),
		IdleTimeout:     read(&e, "IDLE_TIMEOUT", "a Go duration from 1s, such as 30m", positive),
		AbsoluteTimeout: read(&e, "ABSOLUTE_TIMEOUT", "a Go duration, such as 12h", positive),
		OpTimeout:       read(&e, "OP_TIMEOUT", "a Go duration, such as 100ms", positive),
		MaxSessionSize:  read(&e, "MAX_SESSION_SIZE", "a number of bytes", size),
		SigningKeys:     read(&e, "SIGNING_KEYS", "base64 of 32 or more bytes, several separated by commas", keys),
		Locking:         Locking(e.text("LOCKING")),
		LockWait:        read(&e, "LOCK_WAIT", "a Go duration, such as 2s", positive),
		LockExpiry:      read(&e, "LOCK_EXPIRY", "a Go duration from 2s, such as 10s", positive),
		KeyPrefix:       e.text("KEY_PREFIX"),
	}
	c.Cookie.Name = e.text("COOKIE_NAME")
	if os.Getenv("MSM_IGNORE") == "" {
		c.Ignore = regexp.MustCompile(`\.(ico|png|gif|jpg|css|js)$`)
	}
	async := e.text("BACKUP_ASYNC") == "" || read(&e, "BACKUP_ASYNC", "true or false", truth)
	c.BackupSync = c.Sticky && !async
	if e.text("ENCRYPTION_KEYS") != "" {
		e.fault("ENCRYPTION_KEYS", "encryption is not available in this version; leave it empty")
	}
	for _, f := range c.faults() {
		e.invalid(f)
	}
	return c, join(e.faults, func(variable string) string { return "MSM_" + variable })
}

// env reads variables, whose names it knows without "MSM_", and collects what is wrong with them.
type env struct{ faults []fault }

func (e *env) text(name string) string { return os.Getenv("MSM_" + name) }

func (e *env) fault(name, format string, args ...any) {
	e.faults = append(e.faults, fault{Field: name, Text: fmt.Sprintf(format, args...)})
}

// read converts a variable; the zero value if it is empty or wrong.
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

// variables are the names of the fields that may still be wrong although their text could be converted.
var variables = map[string]string{
	"Nodes": "NODES", "FailoverNodes": "FAILOVER_NODES", "Backups": "BACKUPS", "Route": "ROUTE",
	"IdleTimeout": "IDLE_TIMEOUT", "AbsoluteTimeout": "ABSOLUTE_TIMEOUT", "OpTimeout": "OP_TIMEOUT",
	"MaxSessionSize": "MAX_SESSION_SIZE", "SigningKeys": "SIGNING_KEYS", "KeyPrefix": "KEY_PREFIX",
	"Cookie.Name": "COOKIE_NAME", "Locking": "LOCKING", "LockExpiry": "LOCK_EXPIRY",
}

func (e *env) invalid(f fault) { e.fault(variables[f.Field], "%s", f.Text) }

func backups(s string) (int, error) {
	n, err := strconv.Atoi(s)
	if err == nil && (n < 0 || n > maxBackups) {
		err = fmt.Errorf("out of range")
	}
	if n == 0 {
		n = NoBackup
	}
	return n, err
}

// truth is stricter than strconv.ParseBool, which takes "T" and "1" as well.
func truth(s string) (bool, error) {
	if s != "true" && s != "false" {
		return false, fmt.Errorf("it is neither")
	}
	return s == "true", nil
}

func positive(s string) (time.Duration, error) {
	d, err := time.ParseDuration(s)
	if err == nil && d <= 0 {
		err = fmt.Errorf("it must be positive")
	}
	return d, err
}

func size(s string) (int, error) {
	n, err := strconv.Atoi(s)
	if err == nil && n <= 0 {
		err = fmt.Errorf("it must be positive")
	}
	return n, err
}

// keys decodes base64 in either alphabet, padded or not.
func keys(s string) (list [][]byte, err error) {
	for _, text := range strings.Split(s, ",") {
		text = strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimRight(strings.TrimSpace(text), "="))
		key, err := base64.RawStdEncoding.DecodeString(text)
		if err != nil {
			return nil, fmt.Errorf("key %d is not base64", len(list)+1)
		}
		list = append(list, key)
	}
	return list, nil
}
