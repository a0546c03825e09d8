// The contract of gin's adapter, which is a link to gin_test.go here, with middleware of gin-contrib: what that needs stays
// out of the adapter's go.mod.

package msmgin_test

import (
	"github.com/gin-contrib/gzip"
	"github.com/gin-gonic/gin"
)

func init() {
	compression = func() gin.HandlerFunc { return gzip.Gzip(gzip.DefaultCompression) }
	others["gzip of gin-contrib"] = compression
}
