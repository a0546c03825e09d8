package history

import "github.com/anishathalye/porcupine"

// state is what a session is after some requests.
type state struct {
	gone  bool
	id    int
	count int
	text  string
}

func (l *Log) model() porcupine.Model {
	return porcupine.Model{
		Init: func() any { return state{count: l.first.Count, text: l.first.Text} },
		Step: func(s, in, out any) (bool, any) { return s.(state).step(in.(Input), out) },
	}
}

// step does a request to a session. It is false if the request cannot have seen that; an output of nil is not known.
func (s state) step(in Input, output any) (bool, state) {
	out, known := output.(Output)
	there := !s.gone && in.ID == s.id
	switch {
	case known && in.Kind == Destroy:
		// A logout succeeds, whether it is the first one or not.
	case known && out.Gone == there:
		return false, s
	}
	if !there {
		return true, s
	}
	next := s.after(in)
	return !known || in.saw(s, next, out), next
}

func (s state) after(in Input) state {
	switch in.Kind {
	case Add:
		s.count++
	case Set:
		s.text = in.Text
	case Delete, Pop:
		s.text = ""
	case Renew:
		s.id++
	case Destroy:
		s.gone = true
	}
	return s
}

// saw: what the client was told is what there was, or what it made of it.
func (in Input) saw(before, after state, out Output) bool {
	switch in.Kind {
	case Read:
		return out.Count == before.count && out.Text == before.text
	case Add:
		return out.Count == after.count
	case Pop:
		return out.Text == before.text
	}
	return true
}
