package msm

import (
	"bytes"
	"errors"
	"net"
	"strings"
	"sync"
	"sync/atomic"
)

// maxHead bounds how many bytes are held back while the end of a response's head is looked for.
const maxHead = 64 << 10

// telling is a connection that a handler took over, and on which the client has yet to learn its session's id. It holds
// back the head of the response until its end, commits, and adds the cookie. It is safe for concurrent use, as every
// net.Conn is.
type telling struct {
	net.Conn
	passed atomic.Bool // the head was sent, or there will be none: everything passes
	mu     sync.Mutex
	writer *writer // nil once passed is set
	head   []byte  // the part that is held back
}

// face returns the connection as handlers see it: it has CloseWrite if the one below does.
func (c *telling) face() net.Conn {
	if half, ok := c.Conn.(halfCloser); ok {
		return tellingHalf{c, half}
	}
	return c
}

// halfCloser is a connection that can end what is written and go on reading, as TCP's can.
type halfCloser interface{ CloseWrite() error }

type tellingHalf struct {
	*telling
	half halfCloser
}

// CloseWrite sends what is held back first.
func (c tellingHalf) CloseWrite() error {
	return errors.Join(c.giveUp(), c.half.CloseWrite())
}

// Close sends what is held back first, unless a Write is running, which Close ends.
func (c *telling) Close() error {
	if c.mu.TryLock() {
		_ = c.send()
		c.mu.Unlock()
	}
	return c.Conn.Close()
}

// NetConn returns the connection below, as that of tls.Conn does. What is written to it does not tell the client its
// session's id.
func (c *telling) NetConn() net.Conn { return c.Conn }

// Write commits the session before it sends the end of the response's head, with the cookie in it. Informational
// responses other than 101 pass, as they do without a takeover.
func (c *telling) Write(p []byte) (int, error) {
	if c.passed.Load() {
		return c.Conn.Write(p)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.writer == nil {
		return c.Conn.Write(p)
	}
	c.head = append(c.head, p...)
	if err := c.pass(); err != nil {
		return 0, err
	}
	return len(p), nil
}

// pass sends what may be sent of the head. What is no HTTP response, or has too long a head, passes as it is.
func (c *telling) pass() error {
	const status, crlf = "HTTP/1.1 ", "\r\n"
	for {
		n := min(len(c.head), len("HTTP/1."))
		end := bytes.Index(c.head, []byte(crlf+crlf))
		switch {
		case string(c.head[:n]) != status[:n], end < 0 && len(c.head) > maxHead:
			return c.send()
		case end < 0:
			return nil
		}
		end += len(crlf)
		code := strings.TrimSpace(string(c.head[len(status):min(end, len(status)+3)]))
		if len(code) == 3 && code[0] == '1' && code != "101" {
			_, err := c.Conn.Write(c.head[:end+len(crlf)])
			if c.head = c.head[end+len(crlf):]; err != nil {
				return err
			}
			continue
		}
		if err := c.writer.commit(); err != nil {
			c.head, c.writer = nil, nil
			c.passed.Store(true) // there is nothing to hold back: the connection is closed
			return err
		}
		rest := c.head[end:]
		c.head = append(append(c.head[:end:end], c.writer.news(c.head[:end])...), rest...)
		return c.send()
	}
}

// send sends what is held back, and lets everything pass from then on.
func (c *telling) send() error {
	head := c.head
	c.head, c.writer = nil, nil
	c.passed.Store(true)
	if len(head) == 0 {
		return nil
	}
	_, err := c.Conn.Write(head)
	return err
}

// giveUp lets everything pass, because no response can tell the id any more.
func (c *telling) giveUp() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.send()
}
