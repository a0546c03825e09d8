module github.com/gomsm/msm/echov5

go 1.25.0

require (
	github.com/gomsm/msm/core v0.1.0
	github.com/labstack/echo/v5 v5.4.4
)

require (
	github.com/bradfitz/gomemcache v0.0.0-20260422231931-4d751bb6e37c // indirect
	github.com/fxamacker/cbor/v2 v2.10.0 // indirect
	github.com/gomsm/msm/transcoder v0.1.0 // indirect
	github.com/x448/float16 v0.8.4 // indirect
	golang.org/x/time v0.15.0 // indirect
)
