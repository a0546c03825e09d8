// Command app is what scripts/consumer builds on the released module echov5.
package main

import (
	"context"
	"log"
	"net/http/httptest"
	"strconv"

	msm "github.com/gomsm/msm/core"
	msmecho "github.com/gomsm/msm/echov5"
	"github.com/labstack/echo/v5"
)

var visits = msm.NewKey[int]("visits")

func main() {
	m, err := msm.New(msm.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close(context.Background())

	app := echo.New()
	app.Use(msmecho.Sessions(m))
	app.POST("/", func(c *echo.Context) error {
		return c.String(200, strconv.Itoa(visits.Update(msmecho.Session(c), func(n int) int { return n + 1 })))
	})

	w := httptest.NewRecorder()
	app.ServeHTTP(w, httptest.NewRequest("POST", "/", nil))
	if w.Code != 200 || w.Body.String() != "1" || len(w.Result().Cookies()) != 1 {
		log.Fatal(w.Code, w.Header(), w.Body)
	}
}
