// Command app is what scripts/consumer builds on the released module gorilla.
package main

import (
	"context"
	"log"
	"net/http/httptest"

	msm "github.com/gomsm/msm/core"
	msmgorilla "github.com/gomsm/msm/gorilla"
)

func main() {
	m, err := msm.New(msm.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close(context.Background())

	store := msmgorilla.NewStore(m, []byte("secret-key"))
	r, w := httptest.NewRequest("POST", "/", nil), httptest.NewRecorder()
	s, err := store.Get(r, "session")
	if err != nil {
		log.Fatal(err)
	}
	s.Values["visits"] = 1
	if err := s.Save(r, w); err != nil || len(w.Result().Cookies()) != 1 {
		log.Fatal(err, w.Header())
	}
}
