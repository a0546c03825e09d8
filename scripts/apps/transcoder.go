// Command app is what scripts/consumer builds on the released module transcoder.
package main

import (
	"log"

	"github.com/gomsm/msm/transcoder"
)

func main() {
	for _, t := range []transcoder.Transcoder{transcoder.CBOR(), transcoder.JSON(), transcoder.Gob()} {
		data, err := t.Marshal(1)
		if err != nil {
			log.Fatal(err)
		}
		var n int
		if err := t.Unmarshal(data, &n); err != nil || n != 1 {
			log.Fatal(t.Name(), n, err)
		}
	}
}
