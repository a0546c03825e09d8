package quorum

import "testing"

// TestChoose checks which of the records that a full look shows counts as the session's.
func TestChoose(t *testing.T) { play(t, "choose.txt", chosen) }

// TestSilence checks when silent nodes keep a copy from being believed.
func TestSilence(t *testing.T) { play(t, "silence.txt", chosen) }

// chosen returns what is chosen, or why nothing is.
func chosen(t *testing.T, s *scenario) string {
	d, verdict := s.view(t).Choose()
	if verdict != Found {
		return verdict.String()
	}
	return tell(d)
}

// TestAbsence checks what it means that no node has shown a record.
func TestAbsence(t *testing.T) {
	play(t, "absence.txt", func(t *testing.T, s *scenario) string {
		if s.command[0] == "again" {
			return s.view(t).AbsenceWithoutHome().String()
		}
		return s.view(t).Absence().String()
	})
}

// TestStalled checks when this instance has most likely stood still.
func TestStalled(t *testing.T) {
	play(t, "stalled.txt", func(t *testing.T, s *scenario) string {
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
	play(t, "held.txt", func(t *testing.T, s *scenario) string {
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
