package msm

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"log/slog"
	"math"
	"net"
	"net/http"
	"net/netip"
	"regexp"
	"runtime/debug"
	"time"

	"github.com/gomsm/msm/transcoder"
)

// NoBackup as Config.Backups means one copy of each session, which is lost with its node.
const NoBackup = -1

// NoRefill as Config.RefillRate means that only the next request of a session restores copies that a node has lost.
const NoRefill = -1

const (
	defaultIdleTimeout = 30 * time.Minute       // OWASP Session Management Cheat Sheet: 15 to 30 minutes for low risk
	minIdleTimeout     = time.Second            // memcached counts whole seconds
	defaultOpTimeout   = 250 * time.Millisecond // see Config.OpTimeout
	defaultMaxConns    = 64                     // 15 instances have 990 with probes and refills; memcached's -c is 1024
	defaultMaxSession  = 256 << 10              // bytes
	defaultRefillRate  = 2000                   // a million sessions in eight minutes; four operations each are a few percent of what memcached can do
	maxMaxSession      = 1<<20 - 1<<10          // bytes: memcached's limit of 1 MiB for an item, less its header and key
	maxPrefix          = 128                    // bytes: memcached's keys have at most 250, ours 60 besides the prefix
	maxBackups         = 8
	requestWait        = 10 * time.Second
	requestOps         = 40 // 10 s with the default OpTimeout
	defaultLockWait    = 2 * time.Second
	defaultLockExpiry  = 10 * time.Second
	minLockExpiry      = 2 * time.Second // memcached counts whole seconds, and may end a lock one second early
)

// Config says how sessions are kept. Its zero value works: sessions live in the memory of this process only, for trying
// things out. The comment of each field ends with what its zero value means. New checks the Config and copies it.
type Config struct {
	// Nodes lists the memcached servers: "n1:cache1:11211,n2:cache2:11211", separated by commas, blanks or both. The
	// ids, of 1 to 32 letters, digits or underscores, are part of session ids: a server keeps its id when its address
	// changes, and another server in its place gets a new id. IPv6 addresses stand in brackets; a unix socket is
	// written n1:/path. A single node needs no id. Empty: one in-memory node in this process, of 64 MiB. If
	// that is full it evicts sessions, those first that were not used again since they began; the log tells, and
	// Stats.Evicted counts.
	Nodes string
	// FailoverNodes lists ids of nodes, such as "n1", that get copies only while too few other nodes are available.
	// Sessions leave them when others are back. Only in sticky mode may instances have different ones: otherwise
	// sessions would move to and fro. Empty: none.
	FailoverNodes string
	// Backups is how many nodes hold a copy besides the primary: 8 at most, and no more than there are other nodes.
	// With 2, sessions survive when two nodes lose everything at the same moment. NoBackup means none. Zero: 1, or none
	// in sticky mode.
	Backups int
	// RefillRate is how many sessions a second a refill looks at. A refill restores the copies of sessions without
	// waiting for their requests, after a node has come back empty or with old values, or after one was removed. One
	// instance does it for each such node: it lists the keys of all nodes, including those of other programs, and needs
	// 34 bytes of memory for each session meanwhile. Stats shows how far it is, and whether servers do not list their
	// keys (memcached -X, or without lru_crawler). Without backups there is no refill. A sticky instance also stores
	// again, at the same rate, the sessions in its memory that a node has lost. NoRefill turns both off. Zero: 2,000.
	RefillRate int

	// Sticky keeps the sessions that this instance serves in its memory, with the nodes as backup. It is for load
	// balancers that send all requests of a session to one instance, by the route in its id. An instance that gets a
	// request of another one's session takes the session over. False: every instance reads every session from the
	// nodes.
	Sticky bool
	// BackupSync stores changes before the request is answered, in sticky mode; in non-sticky mode that is always so.
	// False: changes are stored after the answer, within 100 ms, and are lost if the instance crashes before. Those of
	// Update, Renew and Destroy are stored before the answer all the same.
	BackupSync bool
	// MaxLocalSessions limits how many sessions a sticky instance holds in memory. Beyond that number the least
	// recently used ones leave memory and stay on the nodes. Sessions with unsaved changes never leave; if there are no
	// others, a new session fails with ErrFull. Those that begin leave an eighth to the others. Zero: no limit.
	MaxLocalSessions int
	// MaxLocalBytes limits the memory of the sessions in a sticky instance, as MaxLocalSessions limits their number.
	// Zero: a quarter of the Go runtime's memory limit (GOMEMLIMIT), or 1 GiB if there is none.
	MaxLocalBytes int64
	// MemoryOnly matches names of attributes that stay in the memory of a sticky instance and are never stored.
	// They are lost when another instance takes the session over, when it leaves memory, and when the instance ends.
	// Nil: none.
	MemoryOnly *regexp.Regexp

	// Locking makes the requests of a session wait for each other, for handlers that must not run in parallel. New
	// refuses it in sticky mode. Updates do not need it: without locks requests run in parallel and their changes are
	// merged. Empty: LockNone.
	Locking Locking
	// LockWait is how long a request waits for the lock; then it fails with ErrLocked. Zero: 2s.
	LockWait time.Duration
	// LockExpiry is how long the lock of a crashed instance lasts, at least 2s. While a handler runs, its lock is
	// extended. Zero: 10s.
	LockExpiry time.Duration

	// Ignore matches URL paths of requests that need no session, such as images. They pass without load, save or
	// cookie. For their handlers nobody is logged in, so do not match what a login protects: with `\.jpg$` that
	// includes /private/photo.jpg. It is seldom needed, for a session that nobody looks at costs next to nothing. Nil:
	// none.
	Ignore *regexp.Regexp
	// Transcoder encodes the attributes of new sessions. Nil: transcoder.CBOR().
	Transcoder transcoder.Transcoder
	// ReadTranscoders may occur in stored sessions besides Transcoder, CBOR and JSON. A session keeps the transcoder
	// that it began with. So before a rolling deploy to gob, or to a transcoder of your own, add that one here on all
	// instances; after a deploy away from one keep it here until its sessions have ended. Nil: none.
	ReadTranscoders []transcoder.Transcoder

	// IdleTimeout ends a session that no request has used for this long, at least 1s. Its use is recorded only every
	// twentieth of that, so a session may live a twentieth longer, and never ends earlier. Zero: 30 minutes.
	IdleTimeout time.Duration
	// AbsoluteTimeout ends a session this long after it began or got a new id by Renew, whether used or not. OWASP's
	// Session Management Cheat Sheet has 4 to 8 hours for an app that is used all day. Zero: never.
	AbsoluteTimeout time.Duration
	// PrincipalLimit is how many sessions a principal may have at a time, 100 at most: another login ends the one that was
	// used the longest ago (see Session.SetPrincipal). Zero: no limit.
	PrincipalLimit int
	// PrincipalLimitRefuses refuses a login beyond PrincipalLimit, with ErrTooManySessions, and ends no session. Whoever has
	// lost his device, or closed the browser, cannot log in then until that session has ended. False: the login ends another
	// session.
	PrincipalLimitRefuses bool
	// MaxSessionSize limits a stored session, in bytes: at most 1023 KiB. A larger session fails with ErrTooLarge.
	// Zero: 256 KiB.
	MaxSessionSize int

	// SigningKeys sign session ids (HMAC-SHA-256), so that a forged id is refused without asking a node. There may be
	// four keys, each of at least 32 random bytes. The first one signs, and all verify. A request that looks at its
	// session gets the id signed by the first one, if it is not yet. Every instance must be able to verify what any
	// other signs: docs/keys.md has the steps that introduce, change and remove keys in rolling deploys. Nil: ids are
	// not signed.
	SigningKeys [][]byte
	// SigningKeysFrom returns the keys in place of SigningKeys, which must be nil then. New calls it, and then it is called
	// once a minute, so that keys change without a restart. If it returns an error or keys that cannot be used, New
	// fails; later the keys from before stay, and the log has the error. It is called by one goroutine at a time. Nil:
	// SigningKeys stay.
	SigningKeysFrom func() ([][]byte, error)
	// UnsignedUntil is the time until which unsigned ids are accepted in spite of SigningKeys, while these are being
	// introduced or removed. It passes for all instances at once, whenever they were started. Zero, or in the past: no
	// unsigned id is accepted.
	UnsignedUntil time.Time
	// EncryptionKeys seal stored sessions (AES-256-GCM, with a key for each session that is derived from one of these and
	// from the session's token, by HKDF-SHA-256). Who reads a node learns no value and no attribute's name, even with the
	// keys, for which the clients' cookies are needed as well. Who writes to one cannot make a session up, change it, or
	// put it in another's place; but an older state of the same session, as a node had it, is believed again. There may
	// be four keys, each of at least 32 random bytes. The first one seals, and all open. Every instance must have the
	// keys with which any other seals: docs/keys.md has the steps that introduce, change and remove keys in rolling
	// deploys. Nil: sessions are not sealed.
	EncryptionKeys [][]byte
	// EncryptionKeysFrom returns the keys in place of EncryptionKeys, which must be nil then; otherwise it is as
	// SigningKeysFrom. Nil: EncryptionKeys stay.
	EncryptionKeysFrom func() ([][]byte, error)
	// SealedFrom is when sessions begin to be sealed, while EncryptionKeys are being introduced: by then every instance
	// must have the keys. Zero: at once.
	SealedFrom time.Time
	// UnsealedUntil is the time until which sessions that are not sealed are still read, from SealedFrom on. Later they
	// are refused: without the seal, anybody who can write to a node may have made them. Zero, or before SealedFrom: not
	// longer than until SealedFrom.
	UnsealedUntil time.Time
	// Cookie is the template of the session's cookie. An empty Name means "SESSION", an empty Path "/", an unset
	// SameSite Lax. HttpOnly is always set. Secure is set if it is set here, the request came over TLS, or a trusted
	// proxy says so. MaxAge, in seconds, counts from the last visit: a request that looks at the session sends the
	// cookie again when a tenth has passed. If it is zero the cookie ends with the browser; see also Session.Persist.
	// Value, Expires and the fields that only received cookies have must be unset. New refuses whatever browsers would
	// drop, such as a Domain with a port.
	//
	// A client may have several cookies of the name, from a deploy with another Path or from a sibling domain. The one
	// whose session exists counts; if two sessions do, no cookie counts, because one may have been planted. No sibling
	// domain can plant a cookie whose name begins with "__Host-". Zero: the defaults above.
	Cookie http.Cookie
	// Header is a header in which API clients may send the id instead of a cookie. A client that sends it, even without
	// a valid id, gets its id in this header and no cookie. All others, and clients whose session came by a cookie, get
	// only a cookie, which scripts cannot read. See Session.ByHeader. Empty: cookies only.
	Header string
	// TrustedProxies are the addresses of proxies that are believed when they say, by X-Forwarded-Proto or Forwarded
	// (RFC 7239), that the client speaks TLS. Of several entries in a header the first one counts, which is about the
	// client's own connection. If any proxy is listed, requests over a unix socket are believed as well. The address is
	// the RemoteAddr that the session middleware sees: middlewares that write the client's address there, such as chi's
	// RealIP, belong behind it, or set Cookie.Secure instead. Nil: none.
	TrustedProxies []netip.Prefix
	// Route is this instance's name in session ids, for load balancers: 1 to 64 letters, digits, "_" or "-". In sticky
	// mode each instance needs a name of its own. Empty: none, or a random one in sticky mode.
	Route string

	// KeyPrefix begins every key in memcached: at most 128 printable ASCII characters, without blanks. Empty: "msm:".
	KeyPrefix string
	// OpTimeout limits one memcached operation, including the dial. A node that hangs costs a request this much, once.
	// It must be longer than the pauses in which the scheduler does not run the app, or operations fail without need:
	// with 100 ms, an app that may run for 80 of every 200 ms refused a seventh of its requests; with 250 ms, none.
	// Zero: 250ms.
	OpTimeout time.Duration
	// MaxConns is how many connections to one node the requests of this instance have at a time; probes have another
	// one, and so has the listing of keys for a refill. A request that finds none free waits, at most ten times
	// OpTimeout. Connections that are idle for a minute are closed. A memcached accepts 1,024 in all, unless its -c
	// says otherwise. Zero: 64.
	MaxConns int
	// TLS makes connections to nodes over TLS (memcached -Z), and is not used before that. A server's certificate must be for
	// the host of its address, or for TLS.ServerName if that is set, which is "localhost" for unix sockets. Certificates
	// are this client's own, if servers want one. A node with which TLS does not work is not used, and the log says why.
	// Nil: no TLS.
	TLS *tls.Config
	// AuthFile is the path of a file with a user and a password, for servers that want them (memcached -Y). Its first line
	// is user:password, as in memcached's own file. It is read for each new connection, so it may change. A password is
	// only sent to a server that has asked for one. Without TLS it can be read on the way. Empty: no password.
	AuthFile string
	// DialContext connects to nodes in place of a net.Dialer, below TLS. The network is "tcp" or "unix". It is called
	// concurrently. Nil: TCP or unix sockets.
	DialContext func(ctx context.Context, network, address string) (net.Conn, error)

	// ErrorHandler writes the response to a request whose session could not be loaded or stored. Nothing has been sent
	// by then. Of the handler's headers only those about the site, the visitor or the request remain: other cookies,
	// Vary, CORS, security, request ids. If it writes nothing the default response is sent. It is called concurrently.
	// Nil: the default response, a short page with the status of StatusOf, and Retry-After: 1 unless that is 500.
	ErrorHandler func(w http.ResponseWriter, r *http.Request, err error)
	// Logger receives what an operator needs to know, never a session's id or value. A line that would repeat is
	// written once in ten seconds, with the number of lines left out. Nil: slog.Default().
	Logger *slog.Logger
}

// withDefaults returns the configuration with zero values replaced by what they mean.
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
	c.Backups = max(c.Backups, 0) // NoBackup is negative
	orDefault(&c.Logger, slog.Default())
	if c.ErrorHandler == nil {
		c.ErrorHandler = defaultErrorHandler
	}
	return c
}

// requestWait returns how long a request waits for those before it to write the session, and for nodes to keep up: most
// clients have given up then. Where operations may take longer, it waits for so many of them.
func (c *Config) requestWait() time.Duration { return max(requestWait, requestOps*c.OpTimeout) }

// defaultLocalBytes returns a quarter of the Go runtime's memory limit, or 1 GiB if there is none.
func defaultLocalBytes() int64 {
	if limit := debug.SetMemoryLimit(-1); limit < math.MaxInt64 {
		return limit / 4
	}
	return 1 << 30
}

// orDefault sets a field that is zero to the value.
func orDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}
