package msm_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	msm "github.com/gomsm/msm/core"
	"github.com/gomsm/msm/transcoder"
)

// everyMode runs a test in every mode in which a session is found in another way: in memory, and on two nodes.
func everyMode(t *testing.T, test func(t *testing.T, config msm.Config)) {
	list, _ := startServers(t, 2)
	for name, config := range map[string]msm.Config{
		"in memory":       {},
		"non-sticky":      {Nodes: list},
		"with keys":       {Nodes: list, SigningKeys: [][]byte{[]byte(strings.Repeat("k", 32))}, EncryptionKeys: [][]byte{[]byte(strings.Repeat("e", 32))}},
		"with locks":      {Nodes: list, Locking: msm.LockAll, LockWait: patience, LockExpiry: patience},
		"with auto locks": {Nodes: list, Locking: msm.LockAuto, LockWait: patience, LockExpiry: patience},
		"sticky, async":   {Nodes: list, Sticky: true},
		"sticky, sync":    {Nodes: list, Sticky: true, BackupSync: true, Backups: 1},
		"sticky, sealed":  {Nodes: list, Sticky: true, Backups: 1, EncryptionKeys: [][]byte{[]byte(strings.Repeat("e", 32))}},
	} {
		t.Run(name, func(t *testing.T) { test(t, config) })
	}
}

// sharedModes runs a test in every mode in which several instances serve a session, on two nodes.
func sharedModes(t *testing.T, test func(t *testing.T, config msm.Config)) {
	everyMode(t, func(t *testing.T, config msm.Config) {
		if config.Nodes != "" {
			test(t, config)
		}
	})
}

// stickyConfigs are the modes of tests that are the same in both.
var stickyConfigs = map[string]msm.Config{
	"async": {Sticky: true, Route: "a"},
	"sync":  {Sticky: true, Route: "a", BackupSync: true},
}

// kinds are the modes in which a session can be kept, on a node in memory.
var kinds = map[string]msm.Config{
	"non-sticky":    {},
	"sticky, async": {Sticky: true, Route: "a"},
	"sticky, sync":  {Sticky: true, Route: "a", BackupSync: true},
}

// storing are the modes in which instances keep sessions, with and without backups.
var storing = map[string]msm.Config{
	"not sticky":                    {},
	"not sticky, without backups":   {Backups: msm.NoBackup},
	"sticky, with a backup":         {Sticky: true, BackupSync: true, Backups: 1},
	"sticky, without backups":       {Sticky: true, BackupSync: true},
	"sticky, stored a little later": {Sticky: true, Backups: 1},
}

// fakeModes runs a test in fake time in every mode, on two nodes; another makes one more instance.
func fakeModes(t *testing.T, test func(t *testing.T, another func(msm.Config) *msm.Manager)) {
	for name, edit := range map[string]func(*msm.Config){
		"non-sticky":    func(*msm.Config) {},
		"with locks":    func(c *msm.Config) { c.Locking = msm.LockAll },
		"sticky, async": func(c *msm.Config) { c.Sticky, c.Backups = true, 1 },
		"sticky, sync":  func(c *msm.Config) { c.Sticky, c.BackupSync, c.Backups = true, true, 1 },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newNetwork(t, 2)
				test(t, func(config msm.Config) *msm.Manager {
					edit(&config)
					return w.manager(config)
				})
			})
		})
	}
}

// onTwoInstances runs a test in fake time with two instances, in every mode.
func onTwoInstances(t *testing.T, test func(t *testing.T, one, two *msm.Manager)) {
	for name, config := range map[string]msm.Config{
		"non-sticky": {}, "with locks": {Locking: msm.LockAll}, "sticky, async": {Sticky: true, Backups: 1}, "sticky, sync": {Sticky: true, Backups: 1, BackupSync: true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newNetwork(t, 2)
				var list []*msm.Manager
				for _, route := range []string{"one", "two"} {
					if config.Sticky {
						config.Route = route
					}
					list = append(list, w.manager(config))
				}
				time.Sleep(time.Second)
				test(t, list[0], list[1])
			})
		})
	}
}

// modes runs a test in the modes that answer a mistake of the program alike.
func modes(t *testing.T, test func(t *testing.T, config msm.Config)) {
	for name, config := range map[string]msm.Config{
		"non-sticky": {}, "sticky": {Sticky: true}, "sticky, synchronously": {Sticky: true, BackupSync: true},
	} {
		for _, coder := range []transcoder.Transcoder{transcoder.CBOR(), transcoder.JSON(), transcoder.Gob()} {
			config.Transcoder = coder
			t.Run(name+", "+coder.Name(), func(t *testing.T) { test(t, config) })
		}
	}
}
