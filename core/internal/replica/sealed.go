package replica

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/gomsm/msm/core/internal/record"
)

// ErrNoKey is the ErrUnreadable of a session that is sealed with a key that this instance does not have, or not yet. It
// can be destroyed, and nothing else.
var ErrNoKey = fmt.Errorf("%w: it is sealed with a key that this instance does not have; see Config.EncryptionKeys", ErrUnreadable)

// decode decodes a copy. A damaged one counts as absent, nil, so that a good one is written over it; so does one that is
// not what was sealed for this session (rule R10). One whose key is not here stays closed: its copies can be repaired,
// and it can be ended. One of an unknown format ends the request, because a newer program knows what is in it (rule C10),
// unless the request is to end the session.
func (a *Access) decode(ctx context.Context, value []byte) (*record.Record, error) {
	rec, err := record.Decode(value)
	switch {
	case errors.Is(err, record.ErrCorrupt):
		return nil, nil
	case errors.Is(err, record.ErrSealed):
		return a.open(ctx, rec), nil
	case err != nil && a.op.kind == ending:
		a.foreign.Store(true)
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("%w: %w", ErrUnreadable, err)
	case a.seal != nil && !rec.Tombstone && !a.store.Seals.AcceptsPlain(a.store.Clock()):
		a.refuse(ctx, "it is not sealed")
		return nil, nil
	}
	return rec, nil
}

// open opens a sealed copy, if the access is one of a caller that knows the session's token.
func (a *Access) open(ctx context.Context, rec *record.Record) *record.Record {
	if a.seal == nil {
		return rec
	}
	if err := rec.Open(a.seal); errors.Is(err, record.ErrCorrupt) {
		a.refuse(ctx, "it was not sealed for this session, or was changed")
		return nil
	}
	return rec
}

// refuse counts a copy that is not believed.
func (a *Access) refuse(ctx context.Context, why string) {
	a.store.Forged.Add(1)
	a.store.Log.Event(ctx, slog.LevelWarn, "a copy of a session is refused: "+why, "", "key", a.shownKey())
}

// shownKey returns as much of the record's key as the log may have.
func (a *Access) shownKey() string { return a.key[:min(len(a.key), len(a.store.KeyPrefix)+shownOfKey)] }

const shownOfKey = 10 // characters behind the prefix

// seals reports whether the record is to be sealed. A tombstone has nothing to hide.
func (a *Access) seals(rec *record.Record) bool {
	return a.seal != nil && !rec.Tombstone && !rec.Closed() && a.store.Seals.Seals(a.store.Clock())
}

// encode encodes a record that is to be stored.
func (a *Access) encode(rec *record.Record) []byte {
	if a.seals(rec) {
		return rec.AppendSealed(nil, a.seal)
	}
	return rec.Append(nil)
}

// Size returns how many bytes a record takes on a node, at most.
func (s *Store) Size(rec *record.Record) int {
	if s.Seals != nil && !rec.Tombstone && !rec.Closed() {
		return rec.SealedSize()
	}
	return rec.Size()
}
