package maml_test

import (
	"context"
	"errors"
	"testing"

	"github.com/metalqr/metalqr/maml"
	"github.com/metalqr/metalqr/objective"
)

// overflowing is finite, but the squares of its gradient and curvature are not.
type overflowing struct{}

func (overflowing) Dim() int                              { return 2 }
func (overflowing) At([]float64) (objective.Point, error) { return overflowing{}, nil }
func (overflowing) Value() float64                        { return 1e200 }
func (overflowing) Grad(dst []float64)                    { dst[0], dst[1] = 1e200, 2e200 }
func (overflowing) HessVec(dst, v []float64)              { dst[0], dst[1] = 1e200*v[0], 1e200*v[1] }

// A step that such squares make no number is refused before anything is evaluated at it.
func TestNewtonStepThatIsNoNumber(t *testing.T) {
	s := maml.NewState([]float64{1, 1})
	_, err := maml.Minimize(context.Background(), overflowing{}, maml.NewtonCG{}, s, maml.Stop{}, nil)
	if !errors.Is(err, maml.ErrNotFinite) || !errors.Is(err, objective.ErrDomain) {
		t.Errorf("%v", err)
	}
}
