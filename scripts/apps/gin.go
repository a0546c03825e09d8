// Command app is what scripts/consumer builds on the released module gin.
package main

import (
	"context"
	"log"
	"net/http/httptest"

	"github.com/gin-gonic/gin"
	msm "github.com/gomsm/msm/core"
	msmgin "github.com/gomsm/msm/gin"
)

var visits = msm.NewKey[int]("visits")

func main() {
	m, err := msm.New(msm.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close(context.Background())

	app := gin.New()
	app.Use(msmgin.Sessions(m))
	app.POST("/", func(c *gin.Context) {
		c.JSON(200, visits.Update(msmgin.Session(c), func(n int) int { return n + 1 }))
	})

	w := httptest.NewRecorder()
	app.ServeHTTP(w, httptest.NewRequest("POST", "/", nil))
	if w.Code != 200 || w.Body.String() != "1" || len(w.Result().Cookies()) != 1 {
		log.Fatal(w.Code, w.Header(), w.Body)
	}
}
