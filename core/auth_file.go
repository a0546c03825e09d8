package msm

import (
	"errors"
	"os"
	"strings"

	"github.com/gomsm/msm/core/internal/memcache"
)

// secretsIn returns what reads the file of that path, Config.AuthFile; nil: there is none.
func secretsIn(path string) func() (memcache.Secrets, error) {
	if path == "" {
		return nil
	}
	return func() (memcache.Secrets, error) {
		text, err := os.ReadFile(path) //nolint:gosec // the operator names it
		if err != nil {
			return memcache.Secrets{}, err
		}
		line, _, _ := strings.Cut(strings.TrimSpace(string(text)), "\n")
		user, password, ok := strings.Cut(strings.TrimSpace(line), ":")
		if !ok || user == "" || password == "" || strings.ContainsAny(line, " \t") {
			return memcache.Secrets{}, errors.New("the first line of the file must be user:password, without blanks")
		}
		return memcache.Secrets{User: user, Password: password}, nil
	}
}
