package replica_test

import (
	"testing"
	"testing/synctest"

	"github.com/gomsm/msm/core/internal/scenario"
)

// TestWrites shows in which order copies are written, and what happens if two instances write at once.
func TestWrites(t *testing.T) { playScenarios(t, "writes.txt") }

// TestFailovers shows what a request does without a node, and what that node gets when it is back.
func TestFailovers(t *testing.T) { playScenarios(t, "failovers.txt") }

// TestHalfDone shows what becomes of writes that an instance did not finish.
func TestHalfDone(t *testing.T) { playScenarios(t, "half_done.txt") }

// TestEnds shows how a session ends, also where its copies are out of reach.
func TestEnds(t *testing.T) { playScenarios(t, "ends.txt") }

func playScenarios(t *testing.T, file string) {
	scenario.Play(t, file, func(t *testing.T, s *scenario.Scenario) {
		synctest.Test(t, func(t *testing.T) {
			p := newStage(t, s.Steps[0].Lines[0])
			if lines := s.Steps[0].Lines; lines[1] != "begin" {
				p.do("begin")
				p.seen()
			}
			for i, step := range s.Steps {
				for j, line := range step.Lines {
					if i+j > 0 {
						p.do(line)
					}
				}
				step.Gives(t, p.seen()...)
			}
		})
	})
}
