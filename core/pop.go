package msm

import "context"

// Pop returns an attribute's value, as Get does, and removes the attribute. Of all requests of the session one gets the
// value, even if they run at the same time: the removal is stored before Pop returns, and stays if the request fails
// later. If it cannot be stored, Pop returns the zero value, and Err the error. If there is no such attribute, nothing
// is written. What is popped after a Renew in the same request may be seen once more by a request that has the old id.
//
// A stored value that does not decode into T is kept; Pop logs it and returns the zero value.
func Pop[T any](s *Session, name string) T {
	s.enter()
	defer s.mu.Unlock()
	var value, zero T
	decode := func(data []byte) error { return s.coder.Unmarshal(data, &value) }
	data, err := s.pop(name, decode)
	if value = zero; data != nil {
		err = decode(data)
	}
	if err != nil {
		s.tell(attributeError(name, storable(zero), err))
		return zero
	}
	return value
}

// Pop returns the attribute's value and removes the attribute; see the function Pop.
func (k Key[T]) Pop(s *Session) T { return Pop[T](s, k.name) }

// AddFlash keeps a message for the next page that the visitor sees; Flashes returns it there. For messages of another
// type, or of several kinds, use a Key of a slice, its Update and its Pop. An error is kept, as with Set.
func (s *Session) AddFlash(message string) {
	update(s, flashes, func(list []string) []string { return append(list, message) }, true)
}

// Flashes returns the messages of AddFlash, oldest first, and removes them: each is returned once, as with Pop.
func (s *Session) Flashes() []string { return Pop[[]string](s, flashes) }

// pop removes an attribute, if there is one that decodes, and returns its bytes; nil if it removed nothing.
func (s *Session) pop(name string, decode func([]byte) error) ([]byte, error) {
	if s.load() != nil {
		return nil, nil
	}
	data, ok := s.draft.attribute(name)
	if !ok || !s.writable() {
		return nil, nil
	}
	if err := decode(data); err != nil {
		return nil, err
	}
	if s.draft.base == nil || s.draft.list.decide(name) { // no other request can have it
		s.apply(change{kind: deleteAttribute, name: name})
		return data, nil
	}
	taken, err := s.popStored(name)
	if err != nil {
		s.fail(err)
		return nil, nil
	}
	return taken, nil
}

// popStored removes an attribute from the stored session, and returns what it was at that moment.
func (s *Session) popStored(name string) ([]byte, error) {
	s.wrote = true
	p := &popCall{name: name}
	rest := s.draft.list[:0:0]
	for _, c := range s.draft.list {
		if c.updates() && c.name == name {
			p.first = append(p.first, c)
		} else {
			rest = append(rest, c)
		}
	}
	stored, err := s.at.pop(context.WithoutCancel(s.visit.ctx), s.draft.base, p)
	if err != nil {
		return nil, gone(err)
	}
	p.over.Store(true)
	s.draft.list = rest
	return p.value(), s.rebase(stored)
}
