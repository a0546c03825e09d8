package msm

import (
	"fmt"
	"time"
)

// flashes is the attribute that holds the messages of AddFlash. Keys leaves it out.
const flashes = "_flash"

// Has reports whether there is an attribute of that name. It is false if the session could not be loaded.
func (s *Session) Has(name string) bool {
	s.enter()
	defer s.mu.Unlock()
	if s.load() != nil {
		return false
	}
	_, ok := s.draft.attribute(name)
	return ok
}

// Keys returns the names of all attributes, sorted, without the one that holds the messages of AddFlash. It is nil if
// there is no session, or it could not be loaded.
func (s *Session) Keys() []string {
	s.enter()
	defer s.mu.Unlock()
	if s.load() != nil || s.draft.view() == nil {
		return nil
	}
	keys := make([]string, 0, len(s.draft.view().Attributes))
	for _, a := range s.draft.view().Attributes {
		if a.Name != flashes {
			keys = append(keys, a.Name)
		}
	}
	return keys
}

// Set gives an attribute a value, which is encoded at once. A value that the session's transcoder could not read back
// into the value's own type, or only as another value, is refused with an AttributeError that says how to mend it;
// package transcoder lists these. So is a name that is empty or has more than 65,535 bytes, and any attribute beyond the
// 10,000th. A session cannot begin after the response has (ErrCommitted). On an error nothing is set: Err returns it, and
// the commit fails with it.
func (s *Session) Set(name string, value any) {
	s.enter()
	defer s.mu.Unlock()
	if !s.writable() || !s.takes(name) {
		return
	}
	data, err := s.coder.Marshal(value)
	if err != nil {
		s.fail(attributeError(name, value, err))
		return
	}
	s.apply(change{kind: setAttribute, name: name, value: data})
}

// Delete removes an attribute, if there is one. An error is kept, as with Set.
func (s *Session) Delete(name string) {
	s.enter()
	defer s.mu.Unlock()
	if s.hasSomething() {
		s.apply(change{kind: deleteAttribute, name: name})
	}
}

// Clear removes all attributes. The session itself stays; see Destroy. An error is kept, as with Set.
func (s *Session) Clear() {
	s.enter()
	defer s.mu.Unlock()
	if s.hasSomething() {
		s.apply(change{kind: clearAttributes})
	}
}

// SetIdleTimeout gives this session an idle timeout of its own in place of Config.IdleTimeout, of at least one second.
// It does not change how long the client keeps its cookie; see Persist. An error is kept, as with Set.
func (s *Session) SetIdleTimeout(d time.Duration) {
	s.enter()
	defer s.mu.Unlock()
	if d < minIdleTimeout {
		s.fail(fmt.Errorf("msm: SetIdleTimeout: %v must be at least %v", d, minIdleTimeout))
		return
	}
	if s.writable() {
		s.apply(change{kind: setIdleTimeout, idle: d})
	}
}
