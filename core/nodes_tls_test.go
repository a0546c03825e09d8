package msm_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	msm "github.com/gomsm/msm/core"
	"github.com/gomsm/msm/core/msmtest"
)

// authority signs certificates, and is a file of its own certificate.
type authority struct {
	t    *testing.T
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	file string
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{t: t}
	a.cert, a.key, a.file, _ = a.sign(&x509.Certificate{IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign})
	return a
}

// sign makes a certificate and the files of it and its key.
func (a *authority) sign(template *x509.Certificate) (made *x509.Certificate, key *ecdsa.PrivateKey, certFile, keyFile string) {
	a.t.Helper()
	must := func(err error) {
		a.t.Helper()
		if err != nil {
			a.t.Fatal(err)
		}
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(err)
	template.Subject = pkix.Name{CommonName: fmt.Sprint("certificate ", time.Now().UnixNano())}
	template.SerialNumber, template.NotBefore = big.NewInt(time.Now().UnixNano()), time.Now().Add(-time.Hour)
	if template.NotAfter.IsZero() {
		template.NotAfter = time.Now().Add(24 * time.Hour)
	}
	parent, by := a.cert, a.key
	if parent == nil {
		parent, by = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, by)
	must(err)
	made, err = x509.ParseCertificate(der)
	must(err)
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	must(err)
	dir := a.t.TempDir()
	certFile, keyFile = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	must(os.WriteFile(certFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	must(os.WriteFile(keyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}), 0o600))
	return made, key, certFile, keyFile
}

// server is a certificate for servers on this host.
func (a *authority) server() *x509.Certificate {
	return &x509.Certificate{IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
}

// tlsServer starts memcached with TLS and that certificate.
func (a *authority) tlsServer(cert *x509.Certificate, args ...string) *msmtest.Server {
	_, _, certFile, keyFile := a.sign(cert)
	return msmtest.StartServer(a.t, append([]string{"-Z", "-o", "ssl_chain_cert=" + certFile + ",ssl_key=" + keyFile + ",ssl_ca_cert=" + a.file}, args...)...)
}

// fromEnv returns the configuration by those variables.
func fromEnv(t *testing.T, set map[string]string) msm.Config {
	t.Helper()
	for name, value := range set {
		t.Setenv("MSM_"+name, value)
	}
	c, err := msm.FromEnv()
	if err != nil {
		t.Fatal(err)
	}
	c.Logger, c.OpTimeout = quiet, patience
	return c
}

// works checks that sessions are stored by those nodes, in memcached itself.
func works(t *testing.T, c msm.Config) {
	t.Helper()
	m := newManager(t, c)
	id := begin(t, m, addOne)
	visit(newManager(t, c), id, func(s *msm.Session) {
		if n := count.Get(s); n != 1 {
			t.Errorf("count %d by another instance: %v", n, s.Err())
		}
	})
}

// TestNodesWithTLS: SR-36. Real memcached with -Z: certificates that are believed, also this client's own.
func TestNodesWithTLS(t *testing.T) {
	a := newAuthority(t)
	_, _, cert, key := a.sign(&x509.Certificate{ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	t.Run("the server's certificate is believed", func(t *testing.T) {
		list := "n1:" + a.tlsServer(a.server()).Addr() + " n2:" + a.tlsServer(a.server()).Addr()
		works(t, fromEnv(t, map[string]string{"NODES": list, "TLS_CA": a.file}))
	})
	t.Run("so is this client's", func(t *testing.T) {
		list := "n1:" + a.tlsServer(a.server(), "-o", "ssl_verify_mode=2").Addr()
		works(t, fromEnv(t, map[string]string{"NODES": list, "TLS_CA": a.file, "TLS_CERT": cert, "TLS_KEY": key}))
	})
}

// TestRefillOverTLS: SR-36, G3. The keys of nodes are listed over a connection like all others: with TLS and a password.
func TestRefillOverTLS(t *testing.T) {
	const sessions = 50
	a, passwords := newAuthority(t), fileOf(t, "ann:secret\n")
	first := a.tlsServer(a.server(), "-Y", passwords)
	second := a.tlsServer(a.server(), "-Y", passwords)
	c := fromEnv(t, map[string]string{"NODES": "n1:" + first.Addr() + " n2:" + second.Addr(), "TLS_CA": a.file, "AUTH_FILE": passwords})
	m := newManager(t, c)
	waitForFirstRefills(t, m)
	var ids []string
	for range sessions {
		ids = append(ids, begin(t, m, addOne))
	}
	began := time.Now()
	first.Kill()
	first.Restart()
	if r := waitForRefill(t, m, "n1", began); r.Failed != 0 {
		t.Errorf("%+v", r)
	}
	second.Kill()
	for _, id := range ids {
		counts(t, m, id, 1)
	}
}

// TestNodesWithAPassword: SR-36, F-47. Real memcached with -Y. The password is read for each new connection.
func TestNodesWithAPassword(t *testing.T) {
	passwords := fileOf(t, "ann:secret\nbob:other\n")
	server := msmtest.StartServer(t, "-Y", passwords)
	own := fileOf(t, "bob:other\n")
	c := fromEnv(t, map[string]string{"NODES": "n1:" + server.Addr(), "AUTH_FILE": own})
	works(t, c)

	m := newManager(t, c)
	id := begin(t, m, addOne)
	server.Kill()
	waitFor(t, "the node to be down", func() bool { return m.Stats().Nodes[0].State == msm.NodeDown })
	if err := os.WriteFile(own, []byte("ann:secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	server.Restart()
	waitFor(t, "the node to be up by the other password", func() bool { return m.Stats().Nodes[0].State == msm.NodeUp })
	visit(m, id, addOne)
}

// TestTLSAndPasswordsThatDoNotFit: SR-36, T-15. New says what is wrong, and which field to set; no password goes to a server
// that wants none, or in clear text to one that is to speak TLS.
func TestTLSAndPasswordsThatDoNotFit(t *testing.T) {
	a, stranger := newAuthority(t), newAuthority(t)
	expired := a.server()
	expired.NotAfter = time.Now().Add(-time.Minute)
	elsewhere := &x509.Certificate{DNSNames: []string{"other.example"}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	passwords, wrong := fileOf(t, "ann:secret\n"), fileOf(t, "ann:s3cret\n")
	plain, secured := msmtest.StartServer(t), a.tlsServer(a.server())
	authenticated := msmtest.StartServer(t, "-Y", passwords)
	pool := func(of *authority) *tls.Config {
		p := x509.NewCertPool()
		p.AddCert(of.cert)
		return &tls.Config{RootCAs: p, MinVersion: tls.VersionTLS12}
	}
	for name, c := range map[string]struct {
		node   *msmtest.Server
		config msm.Config
		says   string
	}{
		"another authority":            {secured, msm.Config{TLS: pool(stranger)}, "its certificate is not accepted; see Config.TLS"},
		"a certificate that has ended": {a.tlsServer(expired), msm.Config{TLS: pool(a)}, "its certificate is not accepted; see Config.TLS"},
		"one for another host":         {a.tlsServer(elsewhere), msm.Config{TLS: pool(a)}, "its certificate is not accepted; see Config.TLS"},
		"a server without TLS":         {plain, msm.Config{TLS: pool(a)}, "it does not speak TLS; start memcached with -Z"},
		"a server that wants ours":     {a.tlsServer(a.server(), "-o", "ssl_verify_mode=2"), msm.Config{TLS: pool(a)}, "it refuses this client's TLS or certificate"},
		"a server that wants none":     {plain, msm.Config{AuthFile: passwords}, "the server wants none; start memcached with -Y"},
		"a wrong password":             {authenticated, msm.Config{AuthFile: wrong}, "the server refuses the user or the password in Config.AuthFile"},
		"no password":                  {authenticated, msm.Config{}, "the server wants a password; set Config.AuthFile"},
		"a password, and no TLS there": {authenticated, msm.Config{AuthFile: passwords, TLS: pool(a)}, "it does not speak TLS"},
		"a file without a password":    {authenticated, msm.Config{AuthFile: fileOf(t, "secret\n")}, "Config.AuthFile: the first line of the file must be user:password"},
		"a file that is not there":     {authenticated, msm.Config{AuthFile: fileOf(t, "-")}, "Config.AuthFile: open "},
	} {
		t.Run(name, func(t *testing.T) {
			c.config.Nodes, c.config.Logger, c.config.OpTimeout = "n1:"+c.node.Addr(), quiet, patience
			m, err := msm.New(c.config)
			if err == nil {
				_ = m.Close(context.Background())
			}
			if err == nil || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "s3cret") {
				t.Errorf("%v; want %q", err, c.says)
			}
		})
	}
	if _, err := direct(t, plain).Get("auth"); err == nil {
		t.Error("a server that wants no password has got it as a value")
	}
}

// TestOneNodeWhoseCertificateHasEnded: SR-36. It is not used, and does not come and go; the log says why, once. The others serve.
func TestOneNodeWhoseCertificateHasEnded(t *testing.T) {
	a, log := newAuthority(t), &logged{}
	expired := a.server()
	expired.NotAfter = time.Now().Add(-time.Minute)
	list := "n1:" + a.tlsServer(a.server()).Addr() + " n2:" + a.tlsServer(expired).Addr()
	c := fromEnv(t, map[string]string{"NODES": list, "TLS_CA": a.file})
	c.Logger = log.logger()
	m := newManager(t, c)
	id := begin(t, m, addOne)
	for range 3 {
		time.Sleep(time.Second) // for probes
		visit(m, id, addOne)
	}
	if nodes := m.Stats().Nodes; nodes[0].State != msm.NodeUp || nodes[1].State != msm.NodeDown {
		t.Errorf("%+v", nodes)
	}
	if lines := log.lines("node=n2"); len(lines) != 1 || !strings.Contains(lines[0], "its certificate is not accepted") {
		t.Errorf("%d lines: %s", len(lines), lines)
	}
}
