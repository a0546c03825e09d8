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
	"github.com/gomsm/msm/core/internal/seal"
	"github.com/gomsm/msm/core/internal/sid"
)

// keysEvery is how often Config.SigningKeysFrom and EncryptionKeysFrom are called.
const keysEvery = time.Minute

// keys is what a manager does with its secret keys, which may change while it runs. It is safe for concurrent use.
type keys struct {
	ids   atomic.Pointer[sid.Format]
	seals *seal.Policy // nil: nothing is sealed
	lists []keyList
	log   *journal.Journal
	stop  context.CancelFunc
	done  sync.WaitGroup
}

// keyList is where the keys for one purpose come from.
type keyList struct {
	field string // of Config
	fixed [][]byte
	from  func() ([][]byte, error) // nil: the keys are fixed
	use   func(list [][]byte) error
}

// load takes the keys that the configuration has now. Those with a fault stay as they are.
func (k *keys) load(c *Config, log *journal.Journal) (faults []fault) {
	k.log = log
	k.lists = []keyList{{"SigningKeys", c.SigningKeys, c.SigningKeysFrom, func(list [][]byte) error {
		format, err := sid.NewFormat(c.Cookie.Name, list, c.UnsignedUntil)
		if err == nil {
			k.ids.Store(format)
		}
		return err
	}}}
	if c.encrypts() {
		k.seals = seal.NewPolicy(c.SealedFrom, c.UnsealedUntil)
		k.lists = append(k.lists, keyList{"EncryptionKeys", c.EncryptionKeys, c.EncryptionKeysFrom, func(list [][]byte) error {
			ring, err := seal.NewRing(list)
			if err == nil {
				k.seals.Use(ring)
			}
			return err
		}})
	}
	for _, list := range k.lists {
		faults = append(faults, list.load()...)
	}
	return faults
}

func (l *keyList) load() []fault {
	list, field, err := l.fixed, l.field, error(nil)
	if l.from != nil {
		field += "From"
		if list, err = l.from(); err == nil && len(list) == 0 {
			err = errors.New("it has returned no key")
		}
	}
	if err == nil {
		err = l.use(list)
	}
	if err != nil {
		return []fault{{Field: field, Text: err.Error()}}
	}
	return nil
}

// begin goes on asking for the keys that may change.
func (k *keys) begin() {
	ctx, stop := context.WithCancel(context.Background())
	k.stop = stop
	for _, list := range k.lists {
		if list.from != nil {
			k.done.Go(func() { k.watch(ctx, &list) })
		}
	}
}

func (k *keys) watch(ctx context.Context, list *keyList) {
	for pace.Sleep(ctx, keysEvery) == nil {
		if err := join(list.load(), configured); err != nil {
			k.log.Event(ctx, slog.LevelError, "keys could not be read again; those from before stay", list.field, "error", err)
		}
	}
}

// Close ends that.
func (k *keys) Close() {
	k.stop()
	k.done.Wait()
}

// format returns the format of ids.
func (k *keys) format() *sid.Format { return k.ids.Load() }

// signs reports whether ids are signed.
func (c *Config) signs() bool { return len(c.SigningKeys) > 0 || c.SigningKeysFrom != nil }

// encrypts reports whether records are sealed, or will be.
func (c *Config) encrypts() bool { return len(c.EncryptionKeys) > 0 || c.EncryptionKeysFrom != nil }
