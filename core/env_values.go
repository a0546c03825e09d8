package msm

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// backups converts MSM_BACKUPS, whose 0 is NoBackup.
func backups(s string) (int, error) {
	n, err := strconv.Atoi(s)
	if err == nil && (n < 0 || n > maxBackups) {
		err = fmt.Errorf("out of range")
	}
	if n == 0 {
		n = NoBackup
	}
	return n, err
}

// refillRate converts MSM_REFILL_RATE, whose 0 is NoRefill.
func refillRate(s string) (int, error) {
	n, err := strconv.Atoi(s)
	if err == nil && n < 0 {
		err = fmt.Errorf("out of range")
	}
	if n == 0 {
		n = NoRefill
	}
	return n, err
}

// truth converts "true" and "false" only; strconv.ParseBool takes "T" and "1" as well.
func truth(s string) (bool, error) {
	if s != "true" && s != "false" {
		return false, fmt.Errorf("it is neither")
	}
	return s == "true", nil
}

// positive converts a Go duration above zero.
func positive(s string) (time.Duration, error) {
	d, err := time.ParseDuration(s)
	if err == nil && d <= 0 {
		err = fmt.Errorf("it must be positive")
	}
	return d, err
}

// seconds converts a number of seconds, as in http.Cookie.MaxAge, or a Go duration.
func seconds(s string) (int, error) {
	n, err := strconv.Atoi(s)
	if err != nil {
		var d time.Duration
		d, err = time.ParseDuration(s)
		n = int(d / time.Second)
	}
	if err == nil && n <= 0 {
		err = fmt.Errorf("it must be at least a second")
	}
	return n, err
}

// size converts a number above zero.
func size(s string) (int, error) {
	n, err := strconv.Atoi(s)
	if err == nil && n <= 0 {
		err = fmt.Errorf("it must be positive")
	}
	return n, err
}

// decodeKeys decodes keys separated by commas, each in standard or URL-safe base64, padded or not.
func decodeKeys(s string) (list [][]byte, err error) {
	for _, text := range strings.Split(s, ",") {
		text = strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimRight(strings.TrimSpace(text), "="))
		key, err := base64.RawStdEncoding.DecodeString(text)
		if err != nil {
			return nil, fmt.Errorf("key %d is not base64", len(list)+1)
		}
		list = append(list, key)
	}
	return list, nil
}

// keysFile returns a function that reads the keys in a file, which may be broken into lines. It reads them once to see
// that it can.
func keysFile(path string) (func() ([][]byte, error), error) {
	from := func() ([][]byte, error) {
		text, err := listFile(path)
		if err == nil && text == "" {
			err = errors.New("the file has no key")
		}
		if err != nil {
			return nil, err
		}
		return decodeKeys(text)
	}
	_, err := from()
	return from, err
}

// aMoment is what moment accepts.
const aMoment = "a moment with its time zone, such as 2026-12-01T12:00:00Z (RFC 3339)"

// moment converts a time that has a time zone, so that it is the same moment for every instance.
func moment(s string) (time.Time, error) {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		err = errors.New("it is no date and time") // the text of package time speaks of layouts
	}
	return t, err
}

func sameSite(s string) (http.SameSite, error) {
	switch strings.ToLower(s) {
	case "lax":
		return http.SameSiteLaxMode, nil
	case "strict":
		return http.SameSiteStrictMode, nil
	case "none":
		return http.SameSiteNoneMode, nil
	case "default":
		return http.SameSiteDefaultMode, nil
	}
	return 0, fmt.Errorf("it is none of them")
}

// prefix converts a prefix or a single address.
func prefix(s string) (netip.Prefix, error) {
	if addr, err := netip.ParseAddr(s); err == nil {
		return addr.Prefix(addr.BitLen())
	}
	return netip.ParsePrefix(s)
}

// listOf returns a conversion of a list separated by commas, blanks or both, as lists of nodes are.
func listOf[T any](convert func(string) (T, error)) func(string) ([]T, error) {
	return func(s string) (list []T, err error) {
		for _, text := range strings.FieldsFunc(s, func(r rune) bool { return r == ',' || unicode.IsSpace(r) }) {
			value, err := convert(text)
			if err != nil {
				return nil, err
			}
			list = append(list, value)
		}
		return list, nil
	}
}

// nodesFile returns the list of nodes in a file.
func nodesFile(path string) (string, error) {
	nodes, err := listFile(path)
	if err == nil && nodes == "" {
		err = errors.New("the file names no node")
	}
	return nodes, err
}

// listFile returns the list in a file, which may be broken into lines, separated by commas.
func listFile(path string) (string, error) {
	data, err := os.ReadFile(path) //nolint:gosec // the operator names it
	if err != nil {
		return "", err
	}
	between := func(r rune) bool { return r == ',' || unicode.IsSpace(r) }
	return strings.Join(strings.FieldsFunc(string(data), between), ","), nil
}
