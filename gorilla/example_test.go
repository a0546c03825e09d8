package msmgorilla_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"

	msm "github.com/gomsm/msm/core"
	msmgorilla "github.com/gomsm/msm/gorilla"
)

func Example() {
	m, err := msm.New(msm.Config{}) // Nodes: "n1:cache1:11211,n2:cache2:11211" keeps sessions in memcached
	if err != nil {
		panic(err)
	}
	defer m.Close(context.Background())
	store := msmgorilla.NewStore(m, []byte("secret-key"))

	handler := func(w http.ResponseWriter, r *http.Request) {
		session, err := store.Get(r, "my-session")
		if err != nil {
			http.Error(w, "no session at the moment", http.StatusServiceUnavailable)
			return
		}
		n, _ := session.Values["visits"].(int)
		session.Values["visits"] = n + 1
		if err := session.Save(r, w); err != nil {
			http.Error(w, "no session at the moment", http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "visit", n+1)
	}

	w := httptest.NewRecorder()
	handler(w, httptest.NewRequest("POST", "/", nil))
	fmt.Print(w.Body)
	// Output: visit 1
}
