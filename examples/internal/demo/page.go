package demo

import (
	_ "embed"
	"html/template"
	"log"
	"net/http"
)

// Page is the data of the HTML page.
type Page struct {
	Instance, Node, User string
	Count                int
	Known                bool // the visitor has a session
}

//go:embed page.html
var pageHTML string

var page = template.Must(template.New("page").Parse(pageHTML))

// Render writes the page.
func Render(w http.ResponseWriter, p Page) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	if err := page.Execute(w, p); err != nil {
		log.Print("page: ", err)
	}
}

// Pixel is a transparent GIF of one pixel.
//
//go:embed pixel.gif
var Pixel []byte
