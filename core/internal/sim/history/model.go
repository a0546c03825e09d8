package history

import "github.com/anishathalye/porcupine"

// state is what a session is after some requests.
type state struct {
	gone  bool
	id    int
	count int
	text  string
}

// model returns the model of a session for porcupine. After that many steps nothing is possible any more, so that the
// search ends.
func (l *Log) model(steps *int) porcupine.Model {
	model := porcupine.NondeterministicModel{
		Init: func() []any { return []any{state{count: l.first.Count, text: l.first.Text}} },
		Step: func(s, in, out any) []any {
			if *steps--; *steps < 0 {
				return nil
			}
			var next []any
			for _, n := range s.(state).step(in.(Input), out) {
				next = append(next, n)
			}
			return next
		},
	}
	return model.ToModel()
}

// step returns what a request may have made of a session; nothing, if it cannot have seen what it saw. An output of nil
// is unknown.
func (s state) step(in Input, output any) []state {
	out, known := output.(Output)
	there := !s.gone && in.ID == s.id
	switch {
	case known && out.Maybe && there:
		return []state{s, s.after(in)}
	case known && out.Gone && there && in.Kind != Read: // it was made just before the session ended or got another id
		return []state{s.after(in)}
	case known && out.Maybe, known && in.Kind == Destroy && !there:
		return []state{s} // a logout succeeds, whether it is the first one or not
	case known && in.Kind != Destroy && out.Gone == there:
		return nil
	case !there:
		return []state{s}
	}
	next := s.after(in)
	if known && !in.saw(s, next, out) {
		return nil
	}
	return []state{next}
}

// after returns what a request makes of a session.
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

// saw reports whether the client was told what there was, or what it made of that.
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
