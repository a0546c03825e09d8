package msm

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
)

// roots are the authorities whose certificates are believed; a nil pool is the system's.
type roots struct{ pool *x509.CertPool }

// authorities converts MSM_TLS_CA.
func authorities(path string) (*roots, error) {
	if path == "system" {
		return &roots{}, nil
	}
	text, err := os.ReadFile(path) //nolint:gosec // the operator names it
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, errors.New("the file has no certificate")
	}
	return &roots{pool}, nil
}

// tlsOf returns the configuration by the variables of TLS; nil: there is no TLS. cert and key are files of this client's
// own certificate, for servers that want one.
func tlsOf(believed *roots, cert, key string) (*tls.Config, error) {
	switch {
	case believed == nil && cert+key != "":
		return nil, errors.New("and MSM_TLS_KEY are for TLS; set MSM_TLS_CA, too")
	case believed == nil:
		return nil, nil
	}
	config := &tls.Config{RootCAs: believed.pool, MinVersion: tls.VersionTLS12}
	if cert+key == "" {
		return config, nil
	}
	own, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		return nil, fmt.Errorf("and MSM_TLS_KEY cannot be used: %w", err)
	}
	config.Certificates = []tls.Certificate{own}
	return config, nil
}
