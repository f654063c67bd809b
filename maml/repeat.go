package maml

import (
	"context"
	"errors"

	"github.com/metalqr/metalqr/objective"
)

// Repeat is x ← F(x): an inner rule as an outer method, which on one task
// makes the direct methods (gradient, natural gradient, Gauss–Newton with a
// constant rate). Nothing is enforced: a step that leaves the domain of the
// objective ends the run as LeftDomain, at the last iterate inside.
type Repeat struct {
	Rule objective.Rule
}

// Advance makes one step.
func (m Repeat) Advance(_ context.Context, o objective.Objective, from *Iterate, s *State) (Move, error) {
	if m.Rule == nil {
		return Move{}, &SettingError{Of: "repeated rule", Field: "rule", Value: m.Rule, Want: "an inner rule"}
	}
	step, err := m.Rule.At(from.X)
	if errors.Is(err, objective.ErrDomain) {
		return Move{Status: LeftDomain, Cause: err}, nil
	}
	if err != nil {
		return Move{}, err
	}
	return plain(o, append([]float64(nil), step.To()...), s)
}

// plain accepts x unless it is outside the domain.
func plain(o objective.Objective, x []float64, s *State) (Move, error) {
	to, left, err := try(o, x, s)
	if err != nil {
		return Move{}, err
	}
	if left != nil {
		return Move{Status: LeftDomain, Cause: left}, nil
	}
	return Move{To: to}, nil
}
