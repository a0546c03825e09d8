package memcache

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"
)

const (
	// maxKeyLine bounds a line of a list in bytes: a key of 250 bytes, each written as %xx, and the key's properties.
	maxKeyLine = 4 << 10
	// maxKeys is how many keys a list may have, so that one without end costs a bounded time and memory. A server with as
	// many small sessions has some 20 GB.
	maxKeys = 1 << 25
	// keysProgress is how long a server may send nothing while it lists: its crawler pauses between items, and sends
	// what it found in blocks.
	keysProgress = 5 * time.Second
)

// Keys implements Client. It uses a connection of its own, because gomemcache does not know the command, and because
// the list may be long.
func (m *Memcached) Keys(ctx context.Context, prefix string, found func(key string)) error {
	m.options.Random.Pause(ctx)
	if err := ctx.Err(); err != nil {
		return err
	}
	err := m.keys(ctx, prefix, found)
	if errors.Is(err, errHangsUp) { // the server may have been restarted a moment ago
		err = m.keys(ctx, prefix, found)
	}
	if errors.Is(err, errHangsUp) && m.answers(ctx, prefix) {
		return fmt.Errorf("%w: %w", ErrNoList, err)
	}
	return err
}

// errHangsUp means that the server closes the connection. Many proxies do so when they do not know a command.
var errHangsUp = errors.New("it hangs up when it is asked for its keys")

func (m *Memcached) keys(ctx context.Context, prefix string, found func(key string)) error {
	conn, err := m.dialKeys(ctx)
	if err != nil {
		return ctxFirst(ctx, err)
	}
	defer func() { _ = conn.Close() }()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	patient := &patientConn{conn}
	return ctxFirst(ctx, listKeys(patient, bufio.NewReaderSize(patient, maxKeyLine), prefix, found))
}

// answers reports whether the server answers an ordinary read.
func (m *Memcached) answers(ctx context.Context, key string) bool {
	_, err := m.Get(ctx, key+"any")
	return err == nil || repliedWith(err)
}

// listKeys asks for the server's version, and then for the walks (scans over its keys) that suit it.
func listKeys(w io.Writer, r *bufio.Reader, prefix string, found func(key string)) error {
	if err := ask(w, r, "version"); err != nil {
		return err
	}
	version, err := r.ReadSlice('\n')
	if err != nil {
		return fmt.Errorf("the server does not tell its version: %w", err)
	}
	if why := refusal(string(version)); why != nil {
		return why
	}
	for _, walk := range walks(string(version)) {
		if err := ask(w, r, "lru_crawler metadump "+walk); err != nil {
			return err
		}
		if err := readKeys(r, prefix, maxKeys, found); err != nil {
			return err
		}
	}
	return nil
}

// ask sends a command, and waits until an answer begins.
func ask(w io.Writer, r *bufio.Reader, command string) error {
	_, err := io.WriteString(w, command+"\r\n")
	if err == nil {
		_, err = r.Peek(1)
	}
	if hungUp(err) {
		return fmt.Errorf("%w (%s): %w", errHangsUp, command, err)
	}
	return err
}

// hashWalk is the first version of memcached that scans its hash table without holding a lock on a part of it while it
// waits for the reader of the list. In an older version a reader that stops would block the requests of others.
var hashWalk = []int{1, 6, 19}

// walks returns what the server has to scan, one after the other, to list every key. The hash table is complete. A scan
// of the LRU lists misses items that move in them, and items that another connection has locked; two scans hardly ever
// miss the same item.
func walks(version string) []string {
	v := make([]int, len(hashWalk))
	_, err := fmt.Sscanf(version, "VERSION %d.%d.%d", &v[0], &v[1], &v[2])
	if err == nil && slices.Compare(v, hashWalk) >= 0 {
		return []string{"hash"}
	}
	return []string{"all", "all"}
}

func (m *Memcached) dialKeys(ctx context.Context) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, m.options.Timeout)
	defer cancel()
	return m.dialer(ctx)
}

// patientConn limits how long nothing happens on a connection, not how long everything takes.
type patientConn struct{ net.Conn }

func (c *patientConn) Read(p []byte) (int, error) {
	if err := c.SetDeadline(time.Now().Add(keysProgress)); err != nil {
		return 0, err
	}
	return c.Conn.Read(p)
}

func (c *patientConn) Write(p []byte) (int, error) {
	if err := c.SetDeadline(time.Now().Add(keysProgress)); err != nil {
		return 0, err
	}
	return c.Conn.Write(p)
}

// readKeys reads a server's list of at most that many keys to its end. The server's crawler waits for the reader, so found
// must be quick.
func readKeys(r *bufio.Reader, prefix string, most int, found func(key string)) error {
	for n := 0; ; n++ {
		line, err := r.ReadSlice('\n')
		if err != nil {
			return fmt.Errorf("the list of keys breaks off: %w", err)
		}
		key, end, err := parseKeyLine(bytes.TrimRight(line, "\r\n"))
		switch {
		case err != nil || end:
			return err
		case n == most:
			return fmt.Errorf("%w: it has more than %d", ErrNoList, most)
		case strings.HasPrefix(key, prefix):
			found(key)
		}
	}
}

// parseKeyLine parses one line of the answer to memcached's "lru_crawler metadump", which servers know from 1.4.31
// (2016) on. The line is "key=<key, URL-encoded> exp=.. la=.." and more, or END after the last one, or the reason why
// there is no list.
func parseKeyLine(line []byte) (key string, end bool, err error) {
	word, _, _ := bytes.Cut(line, []byte(" "))
	if escaped, isKey := bytes.CutPrefix(word, []byte("key=")); isKey {
		if key, err = url.PathUnescape(string(escaped)); err != nil {
			err = fmt.Errorf("the list of keys: %w", notExpected(string(line)))
		}
		return key, false, err
	}
	why := refusal(string(line))
	switch {
	case string(word) == "END":
		return "", true, nil
	case string(word) == "BUSY":
		return "", false, ErrCrawling
	case why != nil: // before the next case: one of the refusals begins with ERROR, and it is temporary
		return "", false, why
	case string(word) == "ERROR", string(word) == "CLIENT_ERROR":
		return "", false, fmt.Errorf("%w: it says %.100q", ErrNoList, line)
	}
	return "", false, fmt.Errorf("the list of keys: %w", notExpected(string(line)))
}
