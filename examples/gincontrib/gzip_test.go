// This folder runs the contract of gin's adapter with middleware of gin-contrib, whose requirements stay out of the
// adapter's go.mod. gin_test.go is a symbolic link to the adapter's own test.

package msmgin_test

import (
	"github.com/gin-contrib/gzip"
	"github.com/gin-gonic/gin"
)

func init() {
	compression = func() gin.HandlerFunc { return gzip.Gzip(gzip.DefaultCompression) }
	others["gzip of gin-contrib"] = compression
}
