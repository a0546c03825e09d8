package msm

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"math"
	"net"
	"net/http"
	"net/netip"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/gomsm/msm/core/internal/cluster"
	"github.com/gomsm/msm/core/internal/sid"
	"github.com/gomsm/msm/transcoder"
)

// NoBackup as Config.Backups keeps one copy only: a session dies with its node.
const NoBackup = -1

// NoRefill as Config.RefillRate leaves it to each session's next request to bring back copies that a node has lost.
const NoRefill = -1

const (
	defaultIdleTimeout = 30 * time.Minute       // OWASP Session Management Cheat Sheet: 15 to 30 minutes for low risk
	minIdleTimeout     = time.Second            // memcached counts whole seconds
	defaultOpTimeout   = 250 * time.Millisecond // see Config.OpTimeout
	defaultMaxConns    = 64                     // fifteen instances with a burst at one moment have 990, beside memcached's -c 1024
	defaultMaxSession  = 256 << 10
	defaultRefillRate  = 2000          // a million sessions in eight minutes; four operations each are a few percent of what memcached can do
	maxMaxSession      = 1<<20 - 1<<10 // memcached's default item limit of 1 MiB, less the item's own header and key
	maxPrefix          = 128           // memcached's keys have at most 250 bytes, ours 60 besides the prefix
	maxBackups         = 8
	defaultLockWait    = 2 * time.Second
	defaultLockExpiry  = 10 * time.Second
	minLockExpiry      = 2 * time.Second // memcached counts whole seconds, and may end a lock one earlier
)

// Config says how sessions are kept. Its zero value works: sessions live in this process only, for trying things out.
// New checks and copies it.
type Config struct {
	// Nodes are the memcached servers: "n1:cache1:11211,n2:cache2:11211", separated by commas, blanks or both. The ids
	// are part of the sessions' ids, so a server may get another address but must keep its id, and another server in its place
	// needs another id: two instances for which one id is two servers would each believe the copies on its own. IPv6
	// addresses stand in brackets, a unix socket as n1:/path. A single node may stand without id. Empty: one in-memory
	// node in this process.
	Nodes string
	// FailoverNodes are ids of nodes to use only when no other is available: "n1". Sessions leave them when there are others
	// again. Instances may differ in this in sticky mode only: else a session would go to and fro. Empty: none.
	FailoverNodes string
	// Backups is how many nodes keep a copy beside the primary, 8 at most. Zero: 1, where there is another node; in
	// sticky mode none. For none at all see NoBackup. With 2, two nodes may lose all they have at the same moment.
	Backups int
	// RefillRate is how many sessions a second are looked at when a node comes back empty or with old values, or one has
	// been removed, so that sessions that idle get their copies again without a request. One instance does it for each such
	// node; it lists the keys of all nodes, also those of other programs, and needs 34 bytes for each session meanwhile.
	// Stats tells how far it is, or that servers do not list their keys (memcached -X, or without lru_crawler). A sticky
	// instance besides stores those again that it has in memory, at the same rate. Zero: 2,000. For none at all see NoRefill.
	RefillRate int

	// Sticky keeps the sessions that this instance serves in its memory, with the nodes as backup: for a balancer that
	// sends the requests of a session to one instance, by the route in its id. Other instances take over when it does
	// not. Zero: every instance reads every session from the nodes.
	Sticky bool
	// BackupSync stores changes before the request is answered; sticky mode only, otherwise that is always so. Zero:
	// changes are stored behind the request's back, within 100 ms, but for those of an Update; a crash of the instance loses
	// what was not.
	BackupSync bool
	// MaxLocalSessions is how many sessions a sticky instance holds in memory. Beyond, those that were not used for
	// longest leave: they are on the nodes. What is not stored yet never leaves; if nothing else is left to leave, a new
	// session is ErrFull. Zero: no bound.
	MaxLocalSessions int
	// MaxLocalBytes is how much memory the sessions of a sticky instance may take, like MaxLocalSessions. Zero: a
	// quarter of the memory limit of the Go runtime (GOMEMLIMIT), or 1 GiB if there is none.
	MaxLocalBytes int64
	// AttributeFilter matches names of attributes that stay in a sticky instance's memory and are never stored: they are
	// gone when another instance takes over, the session leaves this one's memory, or the instance ends. Nil: none.
	AttributeFilter *regexp.Regexp

	// Locking has the requests of a session wait for each other, for handlers that must run one after the other; not in
	// sticky mode. No update needs it: without locks they run side by side, and what they change is merged. Empty: LockNone.
	Locking Locking
	// LockWait is how long a request waits for the lock; then it is ErrLocked. Zero: 2s.
	LockWait time.Duration
	// LockExpiry ends the lock of an instance that crashed, at least 2s. While a handler runs its lock is extended. Zero:
	// 10s.
	LockExpiry time.Duration

	// Ignore matches URL paths of requests that need no session, such as images. They pass through: no load, no save, no
	// cookie. Their handlers see nobody, so do not match what a login protects: with `\.jpg$` nobody is logged in at
	// /private/photo.jpg. Seldom needed, for a session that nobody looks at costs next to nothing. Nil: none.
	Ignore *regexp.Regexp
	// Transcoder encodes the attributes of new sessions. Nil: transcoder.CBOR().
	Transcoder transcoder.Transcoder
	// ReadTranscoders may be met in stored sessions besides Transcoder, CBOR and JSON. A session stays with the transcoder that
	// it began with, so a rolling deploy to gob or one of your own first adds it here everywhere, and one away from it keeps it
	// here until its sessions are gone. Nil: none.
	ReadTranscoders []transcoder.Transcoder

	// IdleTimeout ends a session that no request has used for so long, at least 1s. It is recorded only every twentieth
	// of it, so a session lives up to that much longer, never shorter. Zero: 30 minutes.
	IdleTimeout time.Duration
	// AbsoluteTimeout ends a session so long after it began or was renewed, used or not. Zero: never.
	AbsoluteTimeout time.Duration
	// MaxSessionSize is the limit of a stored session in bytes, 1023 KiB at most. Larger ones are ErrTooLarge. Zero:
	// 256 KiB.
	MaxSessionSize int

	// SigningKeys sign session ids (HMAC-SHA-256), so that a forged one costs no node a command. Each has at least 32
	// random bytes. The first one signs, all verify, and the others do nothing but that. A visit that looks at the session has
	// its id signed by the first one. docs/keys.md has the steps in which keys are switched on, changed and switched off in
	// rolling deploys; the rule is that every instance can verify what another one signs. Nil: ids are not signed.
	SigningKeys [][]byte
	// UnsignedUntil is the moment until which ids are accepted that are not signed, although there are SigningKeys: for the time
	// in which these are switched on, or off. It ends for all instances at once, also for one that starts later. Zero, and one
	// that is over: none is accepted.
	UnsignedUntil time.Time
	// Cookie is the template of the session's cookie. An empty Name is "SESSION", an empty Path "/", an unset SameSite
	// Lax. HttpOnly is always set; Secure is when it is here, the request came by TLS, or a trusted proxy says so. MaxAge
	// in seconds slides: a visit that looks at the session begins it anew when a tenth has gone; zero: the cookie goes with
	// the browser. See Session.Persist. Value, Expires and what only cookies that were read have must be unset; New refuses
	// whatever browsers would drop, such as a Domain with a port. A client may have several cookies of the name, after a
	// deploy with another Path or from a sibling domain: that one counts whose session lives, and of two none, for one may
	// have been planted. No sibling can plant one whose name begins with "__Host-".
	Cookie http.Cookie
	// Header is a header in which API clients may carry the id instead of the cookie. A client that sends it, be it with no
	// id that is good, gets its id there and no cookie; anyone else, and who comes by a good cookie, gets a cookie alone, which
	// no script can read. See Session.ByHeader. Empty: cookies only.
	Header string
	// TrustedProxies are addresses of proxies that are believed when they say that the client speaks TLS, by
	// X-Forwarded-Proto or Forwarded (RFC 7239); of a list the first counts, which is the client's own. With any here, who
	// comes by a unix socket is believed as well. The address is that of the request as it comes to the session middleware:
	// middlewares that write the client's address into RemoteAddr, such as chi's RealIP, belong behind it, or set
	// Cookie.Secure. Nil: none.
	TrustedProxies []netip.Prefix
	// Route is this instance's name in session ids, for load balancers: 1 to 64 letters, digits, "_" or "-". In sticky
	// mode no two instances may have the same. Empty: none; in sticky mode a random one.
	Route string

	// KeyPrefix begins every key in memcached, 128 printable characters at most. Empty: "msm:".
	KeyPrefix string
	// OpTimeout bounds one memcached operation, dial included: what a node that hangs costs a request, once. Shorter than what
	// a scheduler takes from the app now and then it makes failures of nothing: an app that may run for 80 of every 200 ms had a
	// seventh of its requests refused with 100 ms, and none with 250. Zero: 250ms.
	OpTimeout time.Duration
	// MaxConns is how many connections to one node this instance has at a time, besides two for looking after it. Requests
	// that find none free wait; those that nobody has used for a minute are closed. A memcached takes 1,024 of all instances
	// together, unless its -c says otherwise. Zero: 64.
	MaxConns int
	// DialContext connects to nodes, for TLS or memcached's authentication. Nil: plain TCP or unix sockets.
	DialContext func(ctx context.Context, network, address string) (net.Conn, error)

	// ErrorHandler answers a request whose session could not be loaded or stored; nothing has been sent then, and of the
	// handler's headers only those are left that are about the site, the visitor or the request: other cookies, Vary, CORS,
	// security, request ids. If it writes nothing, the answer is as for nil. Nil: a page for people with StatusOf(err), and
	// Retry-After: 1 unless that is 500.
	ErrorHandler func(w http.ResponseWriter, r *http.Request, err error)
	// Logger gets what an operator wants to know, never a session's id or value: what happens again and again once in ten
	// seconds, with the number of the lines that were left out. Nil: slog.Default().
	Logger *slog.Logger
}

// fault is what is wrong with one field, and how to mend it.
type fault = cluster.Fault

// faults answers everything that is wrong with the configuration.
func (c *Config) faults() []fault {
	_, list := cluster.Parse(c.Nodes, c.FailoverNodes)
	add := func(bad bool, field, format string, args ...any) {
		if bad {
			list = append(list, fault{Field: field, Text: fmt.Sprintf(format, args...)})
		}
	}
	add(c.Backups < NoBackup || c.Backups > maxBackups, "Backups", "%d must be from 1 to %d, or NoBackup", c.Backups, maxBackups)
	add(c.RefillRate < NoRefill, "RefillRate", "%d must be a number of sessions a second, or NoRefill", c.RefillRate)
	add(c.IdleTimeout != 0 && c.IdleTimeout < minIdleTimeout, "IdleTimeout", "%v must be at least %v", c.IdleTimeout, minIdleTimeout)
	add(c.AbsoluteTimeout < 0, "AbsoluteTimeout", "%v must not be negative", c.AbsoluteTimeout)
	add(c.MaxSessionSize < 0 || c.MaxSessionSize > maxMaxSession, "MaxSessionSize", "%d must be from 1 to %d bytes", c.MaxSessionSize, maxMaxSession)
	add(c.OpTimeout < 0, "OpTimeout", "%v must be positive", c.OpTimeout)
	add(c.MaxConns < 0, "MaxConns", "%d must be a number of connections to a node", c.MaxConns)
	add(c.Route != "" && !sid.ValidRoute(c.Route), "Route", "%q must be 1 to 64 letters, digits, \"_\" or \"-\"", c.Route)
	add(!validPrefix(c.KeyPrefix), "KeyPrefix", "%q must be at most %d printable ASCII characters without blanks", c.KeyPrefix, maxPrefix)
	add(c.MaxLocalSessions < 0, "MaxLocalSessions", "%d must not be negative", c.MaxLocalSessions)
	add(c.MaxLocalBytes < 0, "MaxLocalBytes", "%d must not be negative", c.MaxLocalBytes)
	mode, _, err := c.Locking.parse()
	add(err != nil, "Locking", "%v", err)
	add(err == nil && mode != LockNone && c.Sticky, "Locking", "is not for sticky mode; leave it out or set %q", string(LockNone))
	add(c.LockWait < 0, "LockWait", "%v must be positive", c.LockWait)
	add(c.LockExpiry != 0 && c.LockExpiry < minLockExpiry, "LockExpiry", "%v must be at least %v, for memcached counts seconds", c.LockExpiry, minLockExpiry)
	stickyOnly := func(field string, set bool) {
		add(set && !c.Sticky, field, "is for sticky mode; set Sticky or leave it out")
	}
	stickyOnly("BackupSync", c.BackupSync)
	stickyOnly("MaxLocalSessions", c.MaxLocalSessions != 0)
	stickyOnly("MaxLocalBytes", c.MaxLocalBytes != 0)
	stickyOnly("AttributeFilter", c.AttributeFilter != nil)
	for _, t := range c.ReadTranscoders {
		add(t == nil, "ReadTranscoders", "has a nil entry; remove it")
	}
	if _, err := sid.NewFormat("x", c.SigningKeys, c.UnsignedUntil); err != nil {
		add(true, "SigningKeys", "%v", err)
	}
	add(!c.UnsignedUntil.IsZero() && len(c.SigningKeys) == 0, "UnsignedUntil", "is for signed ids; set SigningKeys or leave it out")
	for _, p := range c.TrustedProxies {
		add(!p.IsValid(), "TrustedProxies", "has a prefix that is none; make it with netip.MustParsePrefix, such as \"10.0.0.0/8\"")
	}
	return slices.Concat(list, headerFaults(c.Header), cookieFaults(&c.Cookie))
}

func validPrefix(s string) bool {
	return len(s) <= maxPrefix && !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r >= 0x7f })
}

// withDefaults fills in what zero means.
func (c Config) withDefaults() Config {
	orDefault(&c.Transcoder, transcoder.CBOR())
	orDefault(&c.IdleTimeout, defaultIdleTimeout)
	orDefault(&c.MaxSessionSize, defaultMaxSession)
	orDefault(&c.OpTimeout, defaultOpTimeout)
	orDefault(&c.MaxConns, defaultMaxConns)
	orDefault(&c.RefillRate, defaultRefillRate)
	orDefault(&c.LockWait, defaultLockWait)
	orDefault(&c.LockExpiry, defaultLockExpiry)
	orDefault(&c.KeyPrefix, "msm:")
	orDefault(&c.Cookie.Name, "SESSION")
	orDefault(&c.Cookie.Path, "/")
	orDefault(&c.Cookie.SameSite, http.SameSiteLaxMode)
	c.Cookie.HttpOnly = true
	if c.Sticky {
		orDefault(&c.Route, rand.Text()[:8])
		orDefault(&c.MaxLocalBytes, defaultLocalBytes())
	} else {
		orDefault(&c.Backups, 1)
	}
	c.Backups = max(c.Backups, 0) // NoBackup
	orDefault(&c.Logger, slog.Default())
	if c.ErrorHandler == nil {
		c.ErrorHandler = sorry
	}
	return c
}

// defaultLocalBytes is a quarter of what the runtime may use, if it has been told.
func defaultLocalBytes() int64 {
	if limit := debug.SetMemoryLimit(-1); limit < math.MaxInt64 {
		return limit / 4
	}
	return 1 << 30
}

func orDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}
