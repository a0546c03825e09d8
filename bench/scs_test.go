package bench

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alexedwards/scs/v2"
	msm "github.com/gomsm/msm/core"
	"github.com/gomsm/msm/core/msmtest"
)

const scsModule = "github.com/alexedwards/scs/v2"

// times matches scs's tests that sleep and want to be back within a tenth of a second. TestTimesOfSCS checks the same
// in fake time.
const times = "^(TestLifetime|TestIdleTimeout)$"

// TestSCSOwnTests runs the tests of scs's root package on msm, as they are published, except for times. scs.New makes
// its store by scs/memstore, so they run in a copy of the module that has another package of that name.
func TestSCSOwnTests(t *testing.T) {
	nodes := "NODES=n1:" + msmtest.StartServer(t).Addr() + ",n2:" + msmtest.StartServer(t).Addr()
	out := run(t, []string{nodes}, "go", "test", "-timeout", "1h", "-count=1", "-v", "-vet=off", "-skip", times, "-modfile", copyOfSCS(t), scsModule)
	passed := strings.Count("\n"+out, "\n--- PASS: ")
	if passed < 30 || strings.Contains(out, "--- SKIP") {
		t.Errorf("%d of scs's tests passed:\n%s", passed, out)
	}
	t.Logf("%d of scs's own tests passed", passed)
}

// TestTimesOfSCS checks scs's lifetime and idle timeout, with msm as the store.
func TestTimesOfSCS(t *testing.T) {
	type step struct {
		pause time.Duration
		want  string
	}
	for name, c := range map[string]struct {
		lifetime, idle time.Duration
		steps          []step
	}{
		"a lifetime ends":                   {time.Minute, 0, []step{{0, "a"}, {59 * time.Second, "a"}, {time.Second, ""}}},
		"an idle timeout begins with a use": {time.Hour, time.Minute, []step{{40 * time.Second, "a"}, {40 * time.Second, "a"}, {time.Minute, ""}}},
	} {
		t.Run(name, func(t *testing.T) {
			s := scs.New() // not in the bubble: the store that it makes by itself never ends
			synctest.Test(t, func(t *testing.T) {
				s.Store, s.Lifetime, s.IdleTimeout, s.Cookie.Name = newManager(t, msm.Config{}).Store("scs"), c.lifetime, c.idle, cookieName
				v := &visitor{app: scsOn(s), t: t}
				v.set("a")
				for _, s := range c.steps {
					time.Sleep(s.pause)
					v.want(s.want)
				}
			})
		})
	}
}

// copyOfSCS returns the name of a go.mod that uses the copy instead of scs.
func copyOfSCS(t *testing.T) (modfile string) {
	t.Helper()
	tmp := t.TempDir()
	module := filepath.Join(tmp, "scs")
	if err := os.CopyFS(module, os.DirFS(strings.TrimSpace(run(t, nil, "go", "list", "-m", "-f", "{{.Dir}}", scsModule)))); err != nil {
		t.Fatal(err)
	}
	memstore := filepath.Join(module, "memstore")
	if err := os.RemoveAll(memstore); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(memstore, os.DirFS("testdata/memstore")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"go.mod", "go.sum"} {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(tmp, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	modfile = filepath.Join(tmp, "go.mod")
	run(t, nil, "go", "mod", "edit", "-replace="+scsModule+"="+module, modfile)
	return modfile
}

func run(t *testing.T, env []string, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}
