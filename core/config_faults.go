package msm

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gomsm/msm/core/internal/cluster"
	"github.com/gomsm/msm/core/internal/principal"
	"github.com/gomsm/msm/core/internal/seal"
	"github.com/gomsm/msm/core/internal/sid"
)

// faults returns everything that is wrong with the configuration.
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
	add(c.PrincipalLimit < 0 || c.PrincipalLimit > principal.Max, "PrincipalLimit", "%d must be from 1 to %d, or 0 for no limit", c.PrincipalLimit, principal.Max)
	add(c.PrincipalLimitRefuses && c.PrincipalLimit == 0, "PrincipalLimitRefuses", "is for a limit; set PrincipalLimit or leave it out")
	add(c.OpTimeout < 0, "OpTimeout", "%v must not be negative", c.OpTimeout)
	add(c.MaxConns < 0, "MaxConns", "%d must not be negative", c.MaxConns)
	add(c.Route != "" && !sid.ValidRoute(c.Route), "Route", "%q must be 1 to 64 letters, digits, \"_\" or \"-\"", c.Route)
	add(!validPrefix(c.KeyPrefix), "KeyPrefix", "%q must be at most %d printable ASCII characters without blanks", c.KeyPrefix, maxPrefix)
	add(c.MaxLocalSessions < 0, "MaxLocalSessions", "%d must not be negative", c.MaxLocalSessions)
	add(c.MaxLocalBytes < 0, "MaxLocalBytes", "%d must not be negative", c.MaxLocalBytes)
	mode, _, err := c.Locking.parse()
	add(err != nil, "Locking", "%v", err)
	add(err == nil && mode != LockNone && c.Sticky, "Locking", "is not for sticky mode; leave it out or set %q", string(LockNone))
	add(c.LockWait < 0, "LockWait", "%v must not be negative", c.LockWait)
	add(c.LockExpiry != 0 && c.LockExpiry < minLockExpiry, "LockExpiry", "%v must be at least %v, because memcached counts whole seconds", c.LockExpiry, minLockExpiry)
	stickyOnly := func(field string, set bool) {
		add(set && !c.Sticky, field, "is for sticky mode; set Sticky or leave it out")
	}
	stickyOnly("BackupSync", c.BackupSync)
	stickyOnly("MaxLocalSessions", c.MaxLocalSessions != 0)
	stickyOnly("MaxLocalBytes", c.MaxLocalBytes != 0)
	stickyOnly("MemoryOnly", c.MemoryOnly != nil)
	for _, t := range c.ReadTranscoders {
		add(t == nil, "ReadTranscoders", "has a nil entry; remove it")
	}
	c.keyFaults(add)
	if c.AuthFile != "" {
		_, err := secretsIn(c.AuthFile)()
		add(err != nil, "AuthFile", "%v", err)
	}
	for _, p := range c.TrustedProxies {
		add(!p.IsValid(), "TrustedProxies", "contains an invalid prefix; make it with netip.MustParsePrefix, such as \"10.0.0.0/8\"")
	}
	return slices.Concat(list, headerFaults(c.Header), cookieFaults(&c.Cookie))
}

// keyFaults adds what is wrong with the keys.
func (c *Config) keyFaults(add func(bad bool, field, format string, args ...any)) {
	_, err := sid.NewFormat("x", c.SigningKeys, c.UnsignedUntil)
	add(err != nil, "SigningKeys", "%v", err)
	_, err = seal.NewRing(c.EncryptionKeys)
	add(err != nil, "EncryptionKeys", "%v", err)
	add(!c.UnsignedUntil.IsZero() && !c.signs(), "UnsignedUntil", "is for signed ids; set SigningKeys or leave it out")
	add(!c.SealedFrom.IsZero() && !c.encrypts(), "SealedFrom", "is for sealed records; set EncryptionKeys or leave it out")
	add(!c.UnsealedUntil.IsZero() && !c.encrypts(), "UnsealedUntil", "is for sealed records; set EncryptionKeys or leave it out")
	add(len(c.SigningKeys) > 0 && c.SigningKeysFrom != nil, "SigningKeysFrom", "is set together with SigningKeys; set only one of them")
	add(len(c.EncryptionKeys) > 0 && c.EncryptionKeysFrom != nil, "EncryptionKeysFrom", "is set together with EncryptionKeys; set only one of them")
}

// validPrefix reports whether s can be Config.KeyPrefix.
func validPrefix(s string) bool {
	return len(s) <= maxPrefix && !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r >= 0x7f })
}
