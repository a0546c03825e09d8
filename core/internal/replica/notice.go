package replica

import (
	"context"
	"encoding/binary"
	"errors"
	"time"

	"github.com/gomsm/msm/core/internal/node"
)

// Notice tells a sticky instance that another one has taken a session over, so that what it holds of it is old. It is a
// courtesy: versions keep writes safe without it. But who comes with an old cookie would be served from memory for a while.
type Notice struct {
	Session uint64 // see Access.Short
	Version uint64 // that the takeover has stored
	At      time.Time
}

const (
	noticeSize  = 20
	maxNotices  = 512              // of one instance on one node
	noticeLife  = 10 * time.Second // instances look several times a second
	noticeTries = 4
)

// Post leaves a notice for the instance of that route on a node.
func (s *Store) Post(ctx context.Context, at, route string, n Notice) error {
	where, known := s.Cluster.Node(at)
	if !known {
		return ErrUnavailable
	}
	key := s.noticeKey(route)
	err := node.ErrConflict
	for try := 0; try < noticeTries && (errors.Is(err, node.ErrConflict) || errors.Is(err, node.ErrExists)); try++ {
		var old node.Item
		if old, err = where.Get(ctx, key); err != nil && !errors.Is(err, node.ErrMiss) {
			return err
		}
		value := appendNotices(recent(parseNotices(old.Value), n.At), n)
		if old.Token == 0 {
			err = where.Add(ctx, key, node.Item{Value: value}, noticeLife)
		} else {
			err = where.CompareAndSwap(ctx, key, node.Item{Value: value, Token: old.Token}, noticeLife)
		}
	}
	return err
}

// Notices are those that wait on a node for the instance of that route. token changes with them.
func (s *Store) Notices(ctx context.Context, at, route string) (list []Notice, token uint64, err error) {
	where, known := s.Cluster.Node(at)
	if !known {
		return nil, 0, ErrUnavailable
	}
	item, err := where.Get(ctx, s.noticeKey(route))
	if errors.Is(err, node.ErrMiss) {
		return nil, 0, nil
	}
	return parseNotices(item.Value), item.Token, err
}

func (s *Store) noticeKey(route string) string { return s.KeyPrefix + "left:" + route }

// recent leaves out what the instance has had time to read.
func recent(list []Notice, now time.Time) []Notice {
	kept := list[max(0, len(list)-maxNotices+1):]
	for len(kept) > 0 && now.Sub(kept[0].At) > noticeLife {
		kept = kept[1:]
	}
	return kept
}

func appendNotices(list []Notice, last Notice) (b []byte) {
	for _, n := range append(list, last) {
		b = binary.BigEndian.AppendUint64(b, n.Session)
		b = binary.BigEndian.AppendUint64(b, n.Version)
		b = binary.BigEndian.AppendUint32(b, uint32(n.At.Unix()))
	}
	return b
}

// parseNotices ignores a rest that is no notice.
func parseNotices(b []byte) (list []Notice) {
	for ; len(b) >= noticeSize; b = b[noticeSize:] {
		list = append(list, Notice{
			Session: binary.BigEndian.Uint64(b), Version: binary.BigEndian.Uint64(b[8:]),
			At: time.Unix(int64(binary.BigEndian.Uint32(b[16:])), 0),
		})
	}
	return list
}

// Short is a short name of the session, for notices: part of a hash, so it tells nobody the token.
func (a *Access) Short() uint64 {
	h := uint64(14695981039346656037) // FNV-1a over the key, which is a SHA-256 already
	for i := range len(a.key) {
		h = (h ^ uint64(a.key[i])) * 1099511628211
	}
	return h
}
