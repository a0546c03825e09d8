package msm

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/gomsm/msm/core/internal/memcache"
)

// secrets returns what reads Config.AuthFile; nil: there is none.
func (c *Config) secrets() func() (memcache.Secrets, error) {
	if c.AuthFile == "" {
		return nil
	}
	return func() (memcache.Secrets, error) {
		text, err := os.ReadFile(c.AuthFile)
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

// tls reads the variables of TLS. Without any there is none.
func (e *env) tls() *tls.Config {
	roots := read(e, "TLS_CA", "\"system\", or a file of certificates (PEM) of those who sign the servers' certificates", authorities)
	cert, key := e.text("TLS_CERT"), e.text("TLS_KEY")
	if roots == nil {
		if cert+key != "" {
			e.fault("TLS_CERT", "and MSM_TLS_KEY are for TLS; set MSM_TLS_CA, too")
		}
		return nil
	}
	config := &tls.Config{RootCAs: roots.pool, MinVersion: tls.VersionTLS12}
	if cert+key == "" {
		return config
	}
	own, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		e.fault("TLS_CERT", "and MSM_TLS_KEY cannot be used: %v", err)
	}
	config.Certificates = []tls.Certificate{own}
	return config
}

// roots are the authorities whose certificates are believed; a nil pool is the system's.
type roots struct{ pool *x509.CertPool }

func authorities(path string) (*roots, error) {
	if path == "system" {
		return &roots{}, nil
	}
	text, err := os.ReadFile(path) //nolint:gosec // G304: the path is the operator's own
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("the file has no certificate")
	}
	return &roots{pool}, nil
}
