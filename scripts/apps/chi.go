// Command app is what scripts/consumer builds on the released module chi.
package main

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"

	"github.com/go-chi/chi/v5"
	msmchi "github.com/gomsm/msm/chi"
	msm "github.com/gomsm/msm/core"
)

var visits = msm.NewKey[int]("visits")

func main() {
	m, err := msm.New(msm.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close(context.Background())

	app := chi.NewRouter()
	app.Use(msmchi.Sessions(m))
	app.Post("/", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, visits.Update(msmchi.Session(r), func(n int) int { return n + 1 }))
	})

	w := httptest.NewRecorder()
	app.ServeHTTP(w, httptest.NewRequest("POST", "/", nil))
	if w.Code != 200 || w.Body.String() != "1" || len(w.Result().Cookies()) != 1 {
		log.Fatal(w.Code, w.Header(), w.Body)
	}
}
