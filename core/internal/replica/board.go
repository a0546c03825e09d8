package replica

import (
	"context"
	"encoding/binary"
	"errors"
	"time"

	"github.com/gomsm/msm/core/internal/node"
)

// board is a list of short messages that instances leave for each other under a key of a node. Whoever it is for reads it
// several times a second, so that messages need not stay for long.
type board struct {
	key  string
	size int // bytes of a message; its last four are when it was left
}

const (
	boardLength = 512 // messages on one node
	boardLife   = 10 * time.Second
	boardTries  = 8 // of which each meets another message that is being left
)

// leave adds a message.
func (s *Store) leave(ctx context.Context, at string, b board, message []byte) error {
	where, known := s.Cluster.Node(at)
	if !known {
		return notListed(at)
	}
	err := node.ErrConflict
	for try := 0; try < boardTries && (errors.Is(err, node.ErrConflict) || errors.Is(err, node.ErrExists)); try++ {
		var old node.Item
		if old, err = where.Get(ctx, b.key); err != nil && !errors.Is(err, node.ErrMiss) {
			return err
		}
		value := append(b.recent(old.Value, left(message)), message...)
		if old.Token == 0 {
			err = where.Add(ctx, b.key, node.Item{Value: value}, boardLife)
		} else {
			err = where.CompareAndSwap(ctx, b.key, node.Item{Value: value, Token: old.Token}, boardLife)
		}
	}
	return err
}

// recent leaves out what everyone has had time to read, and what is no message.
func (b board) recent(list []byte, now time.Time) []byte {
	list = list[:len(list)/b.size*b.size]
	list = list[max(0, len(list)-(boardLength-1)*b.size):]
	for len(list) > 0 && now.Sub(left(list[:b.size])) > boardLife {
		list = list[b.size:]
	}
	return list[:len(list):len(list)]
}

// left is when a message was.
func left(message []byte) time.Time {
	return time.Unix(int64(binary.BigEndian.Uint32(message[len(message)-4:])), 0)
}

func appendLeft(message []byte, at time.Time) []byte {
	return binary.BigEndian.AppendUint32(message, uint32(at.Unix()))
}
