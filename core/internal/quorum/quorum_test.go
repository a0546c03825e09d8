package quorum

import (
	"testing"

	"github.com/gomsm/msm/core/internal/record"
)

// TestChoose checks which of the records that a full look shows counts as the session's.
func TestChoose(t *testing.T) { play(t, "choose.txt", chosen) }

// TestSilence checks when silent nodes keep a copy from being believed.
func TestSilence(t *testing.T) { play(t, "silence.txt", chosen) }

// chosen returns what is chosen, or why nothing is.
func chosen(t *testing.T, s *situation) string {
	d, verdict := s.view(t).Choose()
	if verdict != Found {
		return verdict.String()
	}
	return tell(d)
}

// TestAbsence checks what it means that no node has shown a record.
func TestAbsence(t *testing.T) {
	play(t, "absence.txt", func(t *testing.T, s *situation) string {
		if s.command[0] == "again" {
			return s.view(t).AbsenceWithoutHome().String()
		}
		return s.view(t).Absence().String()
	})
}

// TestStalled checks when this instance has most likely stood still.
func TestStalled(t *testing.T) {
	play(t, "stalled.txt", func(t *testing.T, s *situation) string {
		v := s.view(t)
		yes := v.Stalled()
		if s.command[0] == "unprobed" {
			yes = v.Unprobed()
		}
		return map[bool]string{true: "yes", false: "no"}[yes]
	})
}

// TestHeld checks how what the caller holds, or has stored last, is compared with what the nodes have.
func TestHeld(t *testing.T) {
	play(t, "held.txt", func(t *testing.T, s *situation) string {
		v, held := s.view(t), s.held(t)
		d, _ := v.Choose()
		if s.command[0] == "floor" {
			return map[bool]string{true: "outdated", false: "good"}[Outdated(held, d.Rec)] +
				map[bool]string{true: ", below it", false: ""}[Below(held, d.Rec)]
		}
		if d.TakeHeld(held) {
			return "restored: " + tell(Restore(held, v.First, v.Seen, d.Top))
		}
		if d.Rec == held {
			return "held"
		}
		return tell(d)
	})
}

// TestDecision checks what follows from a decision.
func TestDecision(t *testing.T) {
	play(t, "decision.txt", func(t *testing.T, s *situation) string {
		v := s.view(t)
		if s.command[0] == "damaged" {
			return tell(Overwrite(&record.Record{}, v.Seen, v.First))
		}
		d, _ := v.Choose()
		switch s.command[0] {
		case "uneven":
			return map[bool]string{true: "yes", false: "no"}[d.Uneven()]
		case "before":
			if d = d.BeforeAttempt(); d == nil {
				return "it is no attempt"
			}
		case "move":
			d.Move("n3")
			return tell(d) + ", after " + d.WriteFirst
		case "raise":
			d.Raise(s.held(t))
		}
		return tell(d)
	})
}

// TestVouches checks when the word of the node that was asked first is enough.
func TestVouches(t *testing.T) {
	play(t, "vouches.txt", func(t *testing.T, s *situation) string {
		v := s.view(t)
		n, _ := v.node(v.First)
		c, _ := v.Seen.Of(v.First)
		return map[bool]string{true: "yes", false: "no"}[Vouches(n.ID, n.Epoch, c.Rec)]
	})
}

// TestOutlived: a token counts in the epoch in which it was read, and that there is no value is true in any.
func TestOutlived(t *testing.T) {
	for name, c := range map[string]struct {
		copy CopyState
		want bool
	}{
		"of the present epoch":    {CopyState{Token: 7, Epoch: 1}, false},
		"of another epoch":        {CopyState{Token: 7, Epoch: 2}, true},
		"nothing, another epoch":  {CopyState{Epoch: 2}, false},
		"nothing, no epoch known": {CopyState{}, false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := c.copy.Outlived(present); got != c.want {
				t.Error(got)
			}
		})
	}
}
