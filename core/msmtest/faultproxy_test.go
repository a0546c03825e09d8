package msmtest_test

import (
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/gomsm/msm/core/msmtest"
)

// TestFaultProxy checks what a client sees of an echo server behind the proxy, on a connection that existed before the
// fault. The times are the least that a reply takes: a slow machine only adds to them.
func TestFaultProxy(t *testing.T) {
	const text = "VALUE a 0 100\r\n"
	whole := func(got string, took time.Duration, err error) bool { return got == text && err == nil }
	for fault, ok := range map[msmtest.Fault]func(got string, took time.Duration, err error) bool{
		msmtest.NoFault: whole,
		msmtest.Delay: func(got string, took time.Duration, err error) bool {
			return whole(got, took, err) && took >= 20*time.Millisecond
		},
		msmtest.Drip: func(got string, took time.Duration, err error) bool {
			return whole(got, took, err) && took >= time.Duration(len(text)-1)*20*time.Millisecond
		},
		msmtest.BlackHole: func(got string, _ time.Duration, err error) bool {
			return got == "" && errors.Is(err, os.ErrDeadlineExceeded)
		},
		msmtest.Reset: func(got string, _ time.Duration, err error) bool {
			return got == "" && errors.Is(err, syscall.ECONNRESET)
		},
		msmtest.Truncate: func(got string, _ time.Duration, err error) bool {
			return got == text[:len(text)/2] && errors.Is(err, io.ErrUnexpectedEOF)
		},
		msmtest.Corrupt: func(got string, _ time.Duration, err error) bool {
			return len(got) == len(text) && got != text && err == nil
		},
	} {
		t.Run("fault "+string(fault), func(t *testing.T) {
			p := msmtest.StartFaultProxy(t, echo(t))
			conn, err := net.Dial("tcp", p.Addr())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			exchange := func(limit time.Duration) (string, time.Duration, error) {
				_ = conn.SetReadDeadline(time.Now().Add(limit))
				began := time.Now()
				_, _ = io.WriteString(conn, text)
				b := make([]byte, len(text))
				n, err := io.ReadFull(conn, b)
				return string(b[:n]), time.Since(began), err
			}
			if got, _, err := exchange(patience); got != text {
				t.Fatal(got, err)
			}
			p.Set(fault)
			limit := patience
			if fault == msmtest.BlackHole {
				limit = 100 * time.Millisecond // nothing comes
			}
			if got, took, err := exchange(limit); !ok(got, took, err) {
				t.Errorf("%q after %v, %v", got, took, err)
			}
			p.Set(msmtest.NoFault)
			if fault == msmtest.BlackHole { // what was sent arrives late
				_ = conn.SetReadDeadline(time.Now().Add(patience))
				b := make([]byte, len(text))
				if _, err := io.ReadFull(conn, b); err != nil || string(b) != text {
					t.Errorf("%q, %v", b, err)
				}
			}
		})
	}
}

// echo starts a server that sends back what it gets, and returns its address.
func echo(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() { _, _ = io.Copy(conn, conn) }()
		}
	}()
	return l.Addr().String()
}
