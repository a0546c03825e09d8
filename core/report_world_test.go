package msm_test

import (
	"encoding/json"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"

	msm "github.com/gomsm/msm/core"
)

// logged is a log that tests can read while it is written.
type logged struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logged) count(what string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.text.String(), what)
}

var everything = regexp.MustCompile("")

// logger returns a logger that writes to l.
func (l *logged) logger() *slog.Logger { return slog.New(slog.NewTextHandler(l, nil)) }

// lines returns the lines that contain a text.
func (l *logged) lines(what string) (list []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for line := range strings.Lines(l.text.String()) {
		if strings.Contains(line, what) {
			list = append(list, line)
		}
	}
	return list
}

// reports returns how many events lines stand for, with those that were left out.
func reports(lines []string) (n int) {
	for _, line := range lines {
		_, left, _ := strings.Cut(line, "suppressed=")
		more, _ := strconv.Atoi(strings.TrimSpace(left))
		n += 1 + more
	}
	return n
}

// logging makes a manager, and returns what it logs as errors.
func logging(t testing.TB, config msm.Config) (*msm.Manager, *logged) {
	log := &logged{}
	config.Logger = slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelError}))
	return newManager(t, config), log
}

const (
	programPage = "Something went wrong on our side.\n"
	nodesPage   = "Your session is not available at the moment. Please try again.\n"
)

// refused returns the counts of Stats.Refusals that are not zero.
func refused(m *msm.Manager) map[string]uint64 {
	text, err := json.Marshal(m.Stats().Refusals)
	if err != nil {
		panic(err)
	}
	all := map[string]uint64{}
	if err := json.Unmarshal(text, &all); err != nil {
		panic(err)
	}
	maps.DeleteFunc(all, func(_ string, n uint64) bool { return n == 0 })
	return all
}

func wantRefused(t *testing.T, m *msm.Manager, want map[string]uint64) {
	t.Helper()
	if got := refused(m); !maps.Equal(got, want) {
		t.Errorf("counted %v; want %v", got, want)
	}
}

// wantPage checks all of the response to a failure.
func wantPage(t *testing.T, resp *http.Response, status int, page string) {
	t.Helper()
	body, _ := io.ReadAll(resp.Body)
	again := resp.Header.Get("Retry-After")
	if resp.StatusCode != status || string(body) != page || (again == "1") != (status != 500) || len(resp.Cookies()) > 0 {
		t.Errorf("%d %q, Retry-After %q, cookies %v; want %d %q", resp.StatusCode, body, again, resp.Cookies(), status, page)
	}
}
