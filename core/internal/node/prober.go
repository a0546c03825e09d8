package node

import (
	"bytes"
	"context"
	"errors"

	"github.com/gomsm/msm/core/internal/memcache"
	"github.com/gomsm/msm/core/internal/random"
)

// ErrGarbled means that an answer was damaged on its way: a second read gave another value. It says nothing about the
// node.
var ErrGarbled = errors.New("what it answers is damaged on its way")

// prober reads and writes what a probe needs: the node's epoch, its mark of use, and further keys.
type prober struct {
	client   memcache.Client
	epochKey string
	useKey   string   // empty: there is no mark
	keys     []string // all of them
	random   *random.Source
}

// reading is what a probe has read.
type reading struct {
	epoch, mark memcache.Item
	hasEpoch    bool // there was a value under the epoch's key
	watched     map[string]memcache.Item
}

// watch sets what a probe reads besides the epoch and the mark.
func (p *prober) watch(keys []string) {
	p.keys = append([]string{p.epochKey}, keys...)
	if p.useKey != "" {
		p.keys = append(p.keys, p.useKey)
	}
}

func (p prober) read(ctx context.Context) (r reading, err error) {
	r.watched, err = p.client.GetMulti(ctx, p.keys...)
	if err != nil {
		return reading{}, err
	}
	r.epoch, r.hasEpoch = r.watched[p.epochKey]
	r.mark = r.watched[p.useKey]
	delete(r.watched, p.epochKey)
	delete(r.watched, p.useKey)
	return r, nil
}

// epochOf returns the epoch that was read, and its item. A server without one gets one. If the value is no epoch it is
// read once more: damage on the way must not look like a restart of the server (rule N10). If it is the same again, and
// so no epoch, the result is 0.
func (p prober) epochOf(ctx context.Context, r reading) (epoch uint32, item memcache.Item, err error) {
	item = r.epoch
	if !r.hasEpoch {
		item, err = p.first(ctx)
	}
	if err == nil {
		epoch, item, err = p.parse(ctx, item)
	}
	switch {
	case err != nil:
		return 0, memcache.Item{}, err
	case item.Token == 0:
		return 0, memcache.Item{}, errNoCAS
	}
	return epoch, item, nil
}

// first gives a server without an epoch one, and reads it back: another instance may have been faster, and only a read
// shows whether the server has CAS.
func (p prober) first(ctx context.Context) (memcache.Item, error) {
	err := p.client.Add(ctx, p.epochKey, memcache.Item{Value: formatEpoch(p.random.Uint32())}, 0)
	if err != nil && !errors.Is(err, memcache.ErrExists) {
		return memcache.Item{}, err
	}
	return p.client.Get(ctx, p.epochKey)
}

func (p prober) parse(ctx context.Context, item memcache.Item) (uint32, memcache.Item, error) {
	epoch, ok := parseEpoch(item.Value)
	if ok {
		return epoch, item, nil
	}
	again, err := p.client.Get(ctx, p.epochKey)
	if err == nil && !bytes.Equal(again.Value, item.Value) {
		err = ErrGarbled
	}
	return 0, again, err
}

// replace gives the server another epoch in the place of the item, and returns it.
func (p prober) replace(ctx context.Context, item memcache.Item) (uint32, error) {
	epoch := p.random.Uint32()
	return epoch, p.client.CompareAndSwap(ctx, p.epochKey, memcache.Item{Value: formatEpoch(epoch), Token: item.Token}, 0)
}
