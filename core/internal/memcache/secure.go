package memcache

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"
)

// ErrMisconfigured means that a server can be reached, and that this program and the server do not agree on TLS or on a
// password. Nothing was sent in clear text.
var ErrMisconfigured = errors.New("the connection is not what the server, or this program, is configured for")

// Secrets are a user's name and password, for memcached's ASCII authentication (-Y).
type Secrets struct{ User, Password string }

// secure returns a dialer that speaks TLS and shows a password, as the options say.
func (o ClientOptions) secure(dial dialer, to *address) dialer {
	if o.TLS == nil && o.Secrets == nil {
		return dial
	}
	return func(ctx context.Context) (net.Conn, error) {
		raw, err := dial(ctx)
		if err != nil {
			return nil, err
		}
		conn, err := o.introduce(ctx, raw, to)
		if err != nil {
			_ = raw.Close()
			return nil, misfit(err)
		}
		return conn, nil
	}
}

// introduce does what comes before the first command of a connection.
func (o ClientOptions) introduce(ctx context.Context, conn net.Conn, to *address) (net.Conn, error) {
	if end, limited := ctx.Deadline(); limited {
		if err := conn.SetDeadline(end); err != nil {
			return nil, err
		}
	}
	if o.TLS != nil {
		secured := tls.Client(conn, o.tlsFor(to))
		if err := secured.HandshakeContext(ctx); err != nil {
			return nil, err
		}
		conn = secured
	}
	if err := o.authenticate(conn); err != nil {
		return nil, err
	}
	return conn, conn.SetDeadline(time.Time{})
}

// tlsFor returns the TLS configuration for a server, whose certificate must be for the host of its address unless the
// configuration names another one.
func (o ClientOptions) tlsFor(to *address) *tls.Config {
	if o.TLS.ServerName != "" {
		return o.TLS
	}
	config := o.TLS.Clone()
	if host, _, err := net.SplitHostPort(to.where); err == nil {
		config.ServerName = host
	} else {
		config.ServerName = "localhost" // a unix socket
	}
	return config
}

// authenticate asks for the server's version, which no server tells to whom it does not accept, and shows the password
// to one that wants it. A server that wants none would store the password as a value.
func (o ClientOptions) authenticate(conn net.Conn) error {
	said, err := talk(conn, "version")
	switch {
	case err != nil:
		return err
	case strings.HasPrefix(said, "VERSION ") && o.Secrets == nil:
		return nil
	case strings.HasPrefix(said, "VERSION "):
		return fmt.Errorf("%w: there is a password, and the server wants none; start memcached with -Y, or remove Config.AuthFile", ErrMisconfigured)
	case !isUnauthenticated(said):
		return notExpected(said)
	case o.Secrets == nil:
		return errWantsPassword
	}
	secrets, err := o.Secrets()
	if err != nil {
		return fmt.Errorf("%w: the password cannot be read: %w", ErrMisconfigured, err)
	}
	text := secrets.User + " " + secrets.Password
	switch said, err = talk(conn, fmt.Sprintf("set auth 0 0 %d\r\n%s", len(text), text)); {
	case err != nil:
		return err
	case strings.HasPrefix(said, "STORED"):
		return nil
	case strings.HasPrefix(said, "CLIENT_ERROR authentication failure"):
		return fmt.Errorf("%w: the server refuses the user or the password in Config.AuthFile", ErrMisconfigured)
	}
	return notExpected(said)
}

var errWantsPassword = fmt.Errorf("%w: the server wants a password; set Config.AuthFile", ErrMisconfigured)

// isUnauthenticated reports whether a server's line says that it wants a password.
func isUnauthenticated(line string) bool {
	return strings.HasPrefix(line, "CLIENT_ERROR unauthenticated")
}

// talk sends a command and returns the line that the server answers. It reads no more than that.
func talk(conn net.Conn, command string) (line string, err error) {
	if _, err := conn.Write([]byte(command + "\r\n")); err != nil {
		return "", err
	}
	const maxLine = 512 // bytes
	answer := make([]byte, 0, maxLine)
	for len(answer) < maxLine {
		n, err := conn.Read(answer[len(answer):maxLine])
		if answer = answer[:len(answer)+n]; n > 0 && answer[len(answer)-1] == '\n' {
			return string(answer), nil
		}
		if err != nil {
			return "", err
		}
	}
	return "", notExpected(string(answer))
}

// misfit returns an ErrMisconfigured for what TLS says about the other side.
func misfit(err error) error {
	var certificate *tls.CertificateVerificationError
	var header tls.RecordHeaderError
	var remote *net.OpError
	switch {
	case errors.As(err, &certificate):
		return fmt.Errorf("%w: its certificate is not accepted; see Config.TLS (MSM_TLS_CA): %w", ErrMisconfigured, err)
	case errors.As(err, &header):
		return fmt.Errorf("%w: it does not speak TLS; start memcached with -Z, or remove Config.TLS", ErrMisconfigured)
	case errors.As(err, &remote) && remote.Op == "remote error": // an alert; its type is not exported
		return fmt.Errorf("%w: it refuses this client's TLS or certificate; see Config.TLS (MSM_TLS_CERT, MSM_TLS_KEY): %w", ErrMisconfigured, err)
	}
	return err
}
