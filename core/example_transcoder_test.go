package msm_test

import (
	"bytes"
	"compress/flate"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"

	msm "github.com/gomsm/msm/core"
	"github.com/gomsm/msm/transcoder"
)

// deflated compresses what another transcoder encodes.
type deflated struct{ transcoder.Transcoder }

// writers are kept for the next use, because each is large.
var writers = sync.Pool{New: func() any {
	w, _ := flate.NewWriter(nil, flate.BestSpeed) // only a wrong level is an error
	return w
}}

// Name is stored with every session, so it must never change.
func (d deflated) Name() string { return d.Transcoder.Name() + "deflated" }

func (d deflated) Marshal(v any) ([]byte, error) {
	data, err := d.Transcoder.Marshal(v)
	if err != nil {
		return nil, err
	}
	var small bytes.Buffer
	w := writers.Get().(*flate.Writer)
	defer writers.Put(w)
	w.Reset(&small)
	if _, err := w.Write(data); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return small.Bytes(), nil
}

const most = 1 << 20 // bytes of an unpacked value: a few packed ones could become very many

func (d deflated) Unmarshal(data []byte, v any) error {
	packed := bytes.NewReader(data)
	plain, err := io.ReadAll(io.LimitReader(flate.NewReader(packed), most+1))
	switch {
	case err != nil:
		return err
	case len(plain) > most:
		return errors.New("the value is too large")
	case packed.Len() > 0:
		return errors.New("something stands behind the value")
	}
	return d.Transcoder.Unmarshal(plain, v)
}

// A transcoder of your own must be safe for concurrent use, and cope with any bytes: run transcodertest.Test on it.
func Example_transcoder() {
	m := manager(msm.Config{ // and Nodes
		Transcoder:      deflated{transcoder.CBOR()},
		ReadTranscoders: []transcoder.Transcoder{transcoder.CBOR()}, // of sessions that began before
	})
	visits := msm.NewKey[int]("visits")
	app := m.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintln(w, visits.Update(msm.From(r.Context()), func(n int) int { return n + 1 }))
	}))
	browse(app, "GET /", "GET /")
	// Output:
	// GET / -> 200 1
	// GET / -> 200 2
}
