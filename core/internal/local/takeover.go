package local

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/gomsm/msm/core/internal/record"
)

// Load brings a session into memory. With takeover another instance served it last: then what is here, if anything, is
// not the truth any more, and a new version is stored at once, so that the other instance, if it is still there and has
// changes, learns of it. It answers what a replica's Load does, or ErrFull.
func (st *Store) Load(ctx context.Context, token, node string, takeover bool) (*Session, error) {
	if takeover {
		st.takeovers.Add(1)
		if s := st.Get(token); s != nil {
			if err := s.takeOver(ctx, node); !errors.Is(err, ErrLeft) {
				return s, err
			}
		}
	}
	access := st.Replica.Open(token, node)
	var rec *record.Record
	var err error
	if takeover {
		access.LeaveFailover()
		rec, err = access.Write(ctx, func(rec *record.Record) error {
			rec.LastAccess = time.Now()
			return nil
		})
	} else {
		rec, err = access.Load(ctx)
	}
	if err != nil {
		return nil, err
	}
	// The strings are parts of a request's Cookie header, which must not be kept alive for them.
	s := st.session(strings.Clone(token), strings.Clone(access.Home()), rec)
	if err := st.insert(s); err != nil {
		return nil, err
	}
	if access.NeedsHeal() {
		s.saveSoon()
	}
	return s, nil
}

// takeOver replaces what is here by what is stored, and makes the changes to it that were not.
func (s *Session) takeOver(ctx context.Context, node string) error {
	s.beginSaving()
	defer s.endSaving()
	s.mu.Lock()
	never := s.stored.Version == 0
	if !never {
		s.node = strings.Clone(node)
	}
	s.mu.Unlock()
	if never { // so nobody else can have it
		return nil
	}
	return s.run(ctx, s.begin(true))
}
