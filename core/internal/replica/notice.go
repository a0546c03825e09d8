package replica

import (
	"context"
	"encoding/binary"
	"errors"
	"slices"
	"time"

	"github.com/gomsm/msm/core/internal/node"
)

// Notice tells a sticky instance that another one has taken a session over, or changed it, so that what it holds of it is
// old. It is a courtesy: versions keep writes safe without it. But who comes with an old cookie would be served from memory
// for a while.
type Notice struct {
	Session uint64 // see Access.Short
	Version uint64 // that is stored now
	Serves  bool   // who is told serves the session all the same
	At      time.Time
}

// notices are those for the instance of that route.
func (s *Store) notices(route string) board {
	return board{s.KeyPrefix + "left:" + route, 8 + 8 + 1 + 4}
}

// Post leaves a notice for the instance of that route on a node.
func (s *Store) Post(ctx context.Context, at, route string, n Notice) error {
	message := binary.BigEndian.AppendUint64(nil, n.Session)
	message = binary.BigEndian.AppendUint64(message, n.Version)
	message = append(message, 0)
	if n.Serves {
		message[16] = 1
	}
	return s.leave(ctx, at, s.notices(route), appendLeft(message, n.At))
}

// Notices are those that wait on a node for the instance of that route. token changes with them.
func (s *Store) Notices(ctx context.Context, at, route string) (list []Notice, token uint64, err error) {
	where, known := s.Cluster.Node(at)
	if !known {
		return nil, 0, notListed(at)
	}
	b := s.notices(route)
	item, err := where.Get(ctx, b.key)
	if errors.Is(err, node.ErrMiss) {
		return nil, 0, nil
	}
	return parseNotices(item.Value, b.size), item.Token, err
}

// parseNotices ignores a rest that is no notice.
func parseNotices(value []byte, size int) (list []Notice) {
	for m := range slices.Chunk(value[:len(value)/size*size], size) {
		list = append(list, Notice{
			Session: binary.BigEndian.Uint64(m), Version: binary.BigEndian.Uint64(m[8:]), Serves: m[16] == 1, At: left(m),
		})
	}
	return list
}

// Short is a short name of the session, for notices: part of a hash, so it tells nobody the token.
func (a *Access) Short() uint64 { return short(a.key) }

// short is FNV-1a over a key, which is made of a SHA-256.
func short(key string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(key) {
		h = (h ^ uint64(key[i])) * 1099511628211
	}
	return h
}
