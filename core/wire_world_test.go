package msm_test

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	msm "github.com/gomsm/msm/core"
	"github.com/gomsm/msm/core/msmtest"
)

// wire is two memcached processes behind proxies that see every command.
type wire struct {
	*app
	manager *msm.Manager
	nodes   string
	proxies []*msmtest.Proxy
	active  sync.WaitGroup // requests that are not over, even if they were answered
}

func startWire(t *testing.T, config msm.Config) *wire {
	w := &wire{}
	w.nodes, _, w.proxies = startSeen(t, 2)
	w.app, w.manager = w.instance(t, config)
	return w
}

// startSeen starts memcached processes, each behind a proxy, whose address stands in the list.
func startSeen(t testing.TB, n int) (list string, servers map[string]*msmtest.Server, proxies []*msmtest.Proxy) {
	list, servers = startServers(t, n)
	for i := range n {
		addr := servers[fmt.Sprintf("n%d", i+1)].Addr()
		proxies = append(proxies, msmtest.StartProxy(t, addr))
		list = strings.Replace(list, addr, proxies[i].Addr(), 1)
	}
	return list, servers, proxies
}

// another starts another instance on the same nodes.
func (w *wire) another(config msm.Config) *app {
	a, _ := w.instance(w.t, config)
	return a
}

func (w *wire) instance(t testing.TB, config msm.Config) (*app, *msm.Manager) {
	config.RefillRate = msm.NoRefill // only commands of requests are counted
	config.Nodes, config.Ignore = w.nodes, regexp.MustCompile(`\.gif$`)
	m := newManager(t, config)
	h := m.Middleware(http.HandlerFunc(pages))
	return serve(t, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.active.Add(1)
		defer w.active.Done()
		h.ServeHTTP(rw, r)
	})), m
}

// finish waits until nothing more comes of the requests so far: locks are released and work in the background is done
// after the response.
func (w *wire) finish() {
	w.t.Helper()
	w.active.Wait()
	healed(w.t, w.manager)
}

// session returns the commands about sessions since the last reset.
func (w *wire) session() []string { return w.about("msm:s:") }

// about returns the commands on keys with that prefix since the last reset, without those of the probers.
func (w *wire) about(prefix string) []string { return about(prefix, w.proxies...) }

func about(prefix string, proxies ...*msmtest.Proxy) (list []string) {
	for _, p := range proxies {
		for _, line := range p.Commands() {
			if name, rest, _ := strings.Cut(line, " "); strings.HasPrefix(rest, prefix) && !ofNodes(rest) {
				list = append(list, name)
			}
		}
	}
	slices.Sort(list)
	return list
}

// ofNodes reports whether a command is about nodes, and not about a session.
func ofNodes(rest string) bool {
	return strings.HasPrefix(rest, "msm:epoch") || strings.HasPrefix(rest, "msm:news ") || strings.HasPrefix(rest, "msm:used ")
}

func (w *wire) reset() {
	for _, p := range w.proxies {
		p.Reset()
	}
}
