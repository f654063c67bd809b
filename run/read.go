package run

import (
	"github.com/metalqr/metalqr/family"
	"github.com/metalqr/metalqr/fleet"
	"github.com/metalqr/metalqr/lqr"
)

// Read is family.Read, with the Riccati equations of many small tasks solved in
// lanes: the same family to rounding, and the same errors.
func Read(path string) (*family.Family, error) {
	return family.Reader{Solve: func(specs []lqr.Spec) ([]*lqr.Task, []error) { return fleet.Solve(specs, 0) }}.Read(path)
}
