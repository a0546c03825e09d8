package msm_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"

	msm "github.com/gomsm/msm/core"
)

func Example() {
	m, err := msm.New(msm.Config{ // Nodes: "n1:cache1:11211,n2:cache2:11211" keeps sessions in memcached
		Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		panic(err)
	}
	defer m.Close(context.Background())

	visits := msm.NewKey[int]("visits")
	handler := m.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := visits.Update(msm.From(r.Context()), func(n int) int { return n + 1 })
		fmt.Fprintln(w, "visit", n)
	}))

	first := httptest.NewRecorder()
	handler.ServeHTTP(first, httptest.NewRequest("GET", "/", nil))
	second, request := httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil)
	request.AddCookie(first.Result().Cookies()[0])
	handler.ServeHTTP(second, request)
	fmt.Print(first.Body.String() + second.Body.String())
	// Output:
	// visit 1
	// visit 2
}
