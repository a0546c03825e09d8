package msm

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gomsm/msm/core/internal/journal"
	"github.com/gomsm/msm/core/internal/pace"
	"github.com/gomsm/msm/core/internal/sid"
)

// keysEvery is how often Config.SigningKeysFrom is called.
const keysEvery = time.Minute

// signing has the format of session ids, whose keys may change while the manager runs. It is safe for concurrent use.
type signing struct {
	config *Config
	log    *journal.Journal
	ids    atomic.Pointer[sid.Format]
	stop   context.CancelFunc
	done   sync.WaitGroup
}

// load makes the format with the keys that the configuration has now. On an error the format stays as it is.
func (s *signing) load() (faults []fault) {
	keys, field, err := s.config.SigningKeys, "SigningKeys", error(nil)
	if from := s.config.SigningKeysFrom; from != nil {
		field = "SigningKeysFrom"
		if keys, err = from(); err == nil && len(keys) == 0 {
			err = errors.New("it has returned no key")
		}
	}
	format := s.format()
	if err == nil {
		format, err = sid.NewFormat(s.config.Cookie.Name, keys, s.config.UnsignedUntil)
	}
	if err != nil {
		return []fault{{Field: field, Text: err.Error()}}
	}
	s.ids.Store(format)
	return nil
}

// begin goes on calling Config.SigningKeysFrom.
func (s *signing) begin() {
	ctx, stop := context.WithCancel(context.Background())
	if s.stop = stop; s.config.SigningKeysFrom == nil {
		return
	}
	s.done.Go(func() {
		for pace.Sleep(ctx, keysEvery) == nil {
			if err := join(s.load(), configured); err != nil {
				s.log.Event(ctx, slog.LevelError, "the signing keys could not be read again; those from before stay", "", "error", err)
			}
		}
	})
}

// Close ends that.
func (s *signing) Close() {
	s.stop()
	s.done.Wait()
}

// format returns the format of ids.
func (s *signing) format() *sid.Format { return s.ids.Load() }
