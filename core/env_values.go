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

// truth is stricter than strconv.ParseBool, which takes "T" and "1" as well.
func truth(s string) (bool, error) {
	if s != "true" && s != "false" {
		return false, fmt.Errorf("it is neither")
	}
	return s == "true", nil
}

func positive(s string) (time.Duration, error) {
	d, err := time.ParseDuration(s)
	if err == nil && d <= 0 {
		err = fmt.Errorf("it must be positive")
	}
	return d, err
}

// seconds takes what http.Cookie.MaxAge has as well as how all other times are said.
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

func size(s string) (int, error) {
	n, err := strconv.Atoi(s)
	if err == nil && n <= 0 {
		err = fmt.Errorf("it must be positive")
	}
	return n, err
}

// keys decodes base64 in either alphabet, padded or not.
func keys(s string) (list [][]byte, err error) {
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

// moment wants a time zone, for every instance has to mean the same moment.
func moment(s string) (time.Time, error) {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		err = errors.New("it is no moment") // time's own words are about layouts
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

// prefix takes a single address as well.
func prefix(s string) (netip.Prefix, error) {
	if addr, err := netip.ParseAddr(s); err == nil {
		return addr.Prefix(addr.BitLen())
	}
	return netip.ParsePrefix(s)
}

// listOf converts what stands between commas, blanks or both, as nodes do.
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

// nodesFile reads a list of nodes, which may be broken into lines.
func nodesFile(path string) (string, error) {
	data, err := os.ReadFile(path) //nolint:gosec // the operator names it
	if err != nil {
		return "", err
	}
	between := func(r rune) bool { return r == ',' || unicode.IsSpace(r) }
	nodes := strings.Join(strings.FieldsFunc(string(data), between), ",")
	if nodes == "" {
		return "", errors.New("there is no node in it")
	}
	return nodes, nil
}
