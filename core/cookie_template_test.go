package msm_test

import (
	"net/http"
	"strings"
	"testing"

	msm "github.com/gomsm/msm/core"
)

// TestTemplatesThatCannotWorkAreRefused: what net/http or a browser would drop, in whole or in part, is an error of New.
func TestTemplatesThatCannotWorkAreRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		cookie http.Cookie
		field  string // that the error names; empty: accepted
	}{
		"nothing said":                            {http.Cookie{}, ""},
		"a name of blanks":                        {http.Cookie{Name: "my session"}, "Name"},
		"a name with CR LF":                       {http.Cookie{Name: "a\r\nb"}, "Name"},
		"a name beyond ASCII":                     {http.Cookie{Name: "sitzung-für"}, "Name"},
		"a name longer than a cookie may be":      {http.Cookie{Name: strings.Repeat("n", 4000)}, "Name"},
		"a value":                                 {http.Cookie{Value: "v"}, "Value"},
		"Quoted":                                  {http.Cookie{Quoted: true}, "Quoted"},
		"Raw":                                     {http.Cookie{Raw: "SESSION=x"}, "Raw"},
		"RawExpires":                              {http.Cookie{RawExpires: "tomorrow"}, "RawExpires"},
		"Unparsed":                                {http.Cookie{Unparsed: []string{"Priority=High"}}, "Unparsed"},
		"a life of less than nothing":             {http.Cookie{MaxAge: -1}, "MaxAge"},
		"a life of years":                         {http.Cookie{MaxAge: 1000 * 24 * 3600}, ""},
		"a domain":                                {http.Cookie{Domain: "example.com"}, ""},
		"a domain of an intranet":                 {http.Cookie{Domain: "intranet"}, ""},
		"a domain with a leading dot":             {http.Cookie{Domain: ".example.com"}, ""},
		"a domain in Punycode":                    {http.Cookie{Domain: "xn--bcher-kva.example"}, ""},
		"an address as domain":                    {http.Cookie{Domain: "192.0.2.1"}, ""},
		"a domain with a port":                    {http.Cookie{Domain: "localhost:8080"}, "Domain"},
		"a domain with a scheme":                  {http.Cookie{Domain: "https://example.com"}, "Domain"},
		"a domain with a path":                    {http.Cookie{Domain: "example.com/app"}, "Domain"},
		"a domain with a wildcard":                {http.Cookie{Domain: "*.example.com"}, "Domain"},
		"a domain with a blank behind":            {http.Cookie{Domain: "example.com "}, "Domain"},
		"a domain with a blank inside":            {http.Cookie{Domain: "exa mple.com"}, "Domain"},
		"a domain of a blank":                     {http.Cookie{Domain: " "}, "Domain"},
		"a domain of a dot":                       {http.Cookie{Domain: "."}, "Domain"},
		"a domain that ends in a dot":             {http.Cookie{Domain: "example.com."}, "Domain"},
		"a domain beyond ASCII":                   {http.Cookie{Domain: "bücher.example"}, "Domain"},
		"a domain with an underscore":             {http.Cookie{Domain: "my_host.example"}, "Domain"},
		"a domain with CR LF":                     {http.Cookie{Domain: "example.com\r\nX-Evil: 1"}, "Domain"},
		"a domain and more":                       {http.Cookie{Domain: "example.com; Secure"}, "Domain"},
		"two domains":                             {http.Cookie{Domain: "example.com,example.org"}, "Domain"},
		"an IPv6 address as domain":               {http.Cookie{Domain: "[::1]"}, "Domain"},
		"a path":                                  {http.Cookie{Path: "/app"}, ""},
		"a path that is encoded":                  {http.Cookie{Path: "/b%C3%BCcher"}, ""},
		"a path and more":                         {http.Cookie{Path: "/a; Domain=evil.example"}, "Path"},
		"a path with a newline":                   {http.Cookie{Path: "/a\nSet-Cookie: x=y"}, "Path"},
		"a path with a NUL":                       {http.Cookie{Path: "/a\x00"}, "Path"},
		"a path with DEL":                         {http.Cookie{Path: "/a\x7f"}, "Path"},
		"a path without a slash":                  {http.Cookie{Path: "app"}, "Path"},
		"a path that is a URL":                    {http.Cookie{Path: "https://example.com/app"}, "Path"},
		"a path with a blank":                     {http.Cookie{Path: "/my app"}, "Path"},
		"a path with a blank behind":              {http.Cookie{Path: "/ "}, "Path"},
		"a path beyond ASCII":                     {http.Cookie{Path: "/bücher"}, "Path"},
		"a path with a query":                     {http.Cookie{Path: "/app?a=b"}, "Path"},
		"a path that browsers ignore":             {http.Cookie{Path: "/" + strings.Repeat("p", 1024)}, "Path"},
		"SameSite Strict":                         {http.Cookie{SameSite: http.SameSiteStrictMode}, ""},
		"SameSite as the browser likes":           {http.Cookie{SameSite: http.SameSiteDefaultMode}, ""},
		"SameSite None":                           {http.Cookie{SameSite: http.SameSiteNoneMode}, "SameSite"},
		"SameSite None with Secure":               {http.Cookie{SameSite: http.SameSiteNoneMode, Secure: true}, ""},
		"SameSite of tomorrow":                    {http.Cookie{SameSite: 77}, "SameSite"},
		"SameSite below all":                      {http.Cookie{SameSite: -1}, "SameSite"},
		"Partitioned":                             {http.Cookie{Partitioned: true}, "Partitioned"},
		"Partitioned with Secure":                 {http.Cookie{Partitioned: true, Secure: true, SameSite: http.SameSiteNoneMode}, ""},
		"__Host- with Secure":                     {http.Cookie{Name: "__Host-s", Secure: true}, ""},
		"__Host- alone":                           {http.Cookie{Name: "__Host-s"}, "Name"},
		"__Host- with a path":                     {http.Cookie{Name: "__Host-s", Secure: true, Path: "/a"}, "Name"},
		"__host- with a domain":                   {http.Cookie{Name: "__host-s", Secure: true, Domain: "example.com"}, "Name"},
		"__HOST- alone":                           {http.Cookie{Name: "__HOST-s"}, "Name"},
		"__host-http- with a domain":              {http.Cookie{Name: "__host-Http-s", Secure: true, Domain: "example.com"}, "Name"},
		"__Secure- with Secure":                   {http.Cookie{Name: "__Secure-s", Secure: true, Domain: "example.com"}, ""},
		"__secure- alone":                         {http.Cookie{Name: "__secure-s"}, "Name"},
		"__SECURE- alone":                         {http.Cookie{Name: "__SECURE-s"}, "Name"},
		"__Http- alone":                           {http.Cookie{Name: "__Http-s"}, "Name"},
		"__Http- with Secure":                     {http.Cookie{Name: "__Http-s", Secure: true}, ""},
		"a name that only begins with two dashes": {http.Cookie{Name: "__hosts"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			if refusedOrNot(t, msm.Config{Cookie: c.cookie}, "Config.Cookie."+c.field+": ", c.field != "") {
				return
			}
			resp := exchange(counting(newManager(t, msm.Config{Cookie: c.cookie})), "POST", "/", nil)
			got := sessionCookie(t, resp.Header.Get("Set-Cookie"))
			if d := strings.TrimPrefix(c.cookie.Domain, "."); got.Domain != d || c.cookie.Path != "" && got.Path != c.cookie.Path || got.Partitioned != c.cookie.Partitioned {
				t.Errorf("accepted, and sent as %q", resp.Header.Get("Set-Cookie"))
			}
		})
	}
}

// refusedOrNot reports whether New refuses the configuration. It fails the test if that is not as expected, or if no
// line of the error begins as given.
func refusedOrNot(t *testing.T, c msm.Config, begin string, expected bool) bool {
	t.Helper()
	c.Logger = quiet
	m, err := msm.New(c)
	if err == nil {
		_ = m.Close(t.Context())
	}
	if (err != nil) != expected || err != nil && !strings.Contains("\n"+err.Error(), "\nmsm: "+begin) {
		t.Errorf("%v; want one that begins with %q: %v", err, begin, expected)
	}
	return err != nil
}

func sessionCookie(t *testing.T, line string) *http.Cookie {
	t.Helper()
	c, err := http.ParseSetCookie(line)
	if err != nil {
		t.Fatalf("%q: %v", line, err)
	}
	return c
}
