package msm

// Update changes an attribute's value atomically, also across instances. f gets the present value, or the zero value if
// there is none, and returns the new one, which Update returns, too. If another request stores the session before this
// one does, f is called again on what that one stored. So f must only compute, and what is stored in the end may be
// newer than what Update returned. f is called while its request runs and in its goroutine, never later: in sticky mode
// the session is written before the request is answered, unless no node is available. If f uses the session or writes
// the response, Update panics. If f panics when it is called again, that is the commit's error, and nothing of the
// request is stored.
//
// A stored value that does not decode into T is not overwritten: the commit fails with an AttributeError. An error is
// kept, as with Session.Set; Update returns the zero value if f could not be called.
func Update[T any](s *Session, name string, f func(T) T) T {
	return update(s, name, f, false)
}

// update is Update. pure says that f is one of ours and refers only to values, so that it may be called when the
// request is over.
func update[T any](s *Session, name string, f func(T) T, pure bool) T {
	s.enter()
	defer s.mu.Unlock()
	var result T
	if !s.writable() || !s.takes(name) {
		return result
	}
	coder := s.coder
	compute := func(old []byte, ok bool) ([]byte, error) {
		var value T
		if ok {
			if err := coder.Unmarshal(old, &value); err != nil {
				return nil, attributeError(name, storable(value), err)
			}
		}
		result = f(value)
		data, err := coder.Marshal(storable(result))
		if err != nil {
			return nil, attributeError(name, storable(result), err)
		}
		return data, nil
	}
	c := change{kind: updateAttribute, name: name, update: compute}
	if !pure {
		c.kind, c.updating = callUpdate, &s.updating
	}
	old, ok := s.draft.attribute(name)
	var err error
	if c.value, err = c.compute(old, ok); err != nil {
		s.fail(err)
		return result
	}
	answer := result
	s.apply(c)
	return answer
}
