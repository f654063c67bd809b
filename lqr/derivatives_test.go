package lqr_test

import (
	"testing"

	"github.com/metalqr/metalqr/lqr"
	"github.com/metalqr/metalqr/objective"
)

// Differences with Ridders' extrapolation agree to about 1e-10 on these tasks;
// a wrong term shows at its own relative size, 1e-3 at the least below.
const differenceTolerance = 1e-7

func worst(t *testing.T, found []objective.Discrepancy, err error) map[string]float64 {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]float64{}
	for _, d := range found {
		out[d.Derivative] = d.Relative
	}
	return out
}

func TestDerivativesAgainstDifferences(t *testing.T) {
	ts, gains := tasks(t, 14)
	for i, task := range ts {
		found, err := objective.CheckPoint(task, gains[i], 2)
		for name, d := range worst(t, found, err) {
			if !(d < differenceTolerance) {
				t.Errorf("task %d: %s is %.2g from differences", i, name, d)
			}
		}
		for _, rule := range []objective.Rule{lqr.Natural{Task: task, Rate: .02}, lqr.GaussNewton{Task: task, Rate: .3}, lqr.GaussNewton{Task: task, Rate: .5}} {
			found, err := objective.CheckRule(rule, gains[i], 2)
			for name, d := range worst(t, found, err) {
				if !(d < differenceTolerance) {
					t.Errorf("task %d, %T: %s is %.2g from differences", i, rule, name, d)
				}
			}
		}
	}
}

// planted spoils one derivative of a task by a relative 1e-3 of one component
// along another, as a forgotten term would.
type planted struct {
	objective.Objective
	which string
}

type plantedPoint struct {
	objective.Point3
	which string
}

func (p planted) At(x []float64) (objective.Point, error) {
	at, err := p.Objective.At(x)
	if err != nil {
		return nil, err
	}
	return plantedPoint{at.(objective.Point3), p.which}, nil
}

func (p plantedPoint) Grad(dst []float64) {
	p.Point3.Grad(dst)
	if p.which == "gradient" {
		dst[0] += 1e-3 * dst[1]
	}
}

func (p plantedPoint) HessVec(dst, v []float64) {
	p.Point3.HessVec(dst, v)
	if p.which == "hessian" {
		dst[0] += 1e-3 * dst[1]
	}
}

func (p plantedPoint) Third(dst, y, z []float64) {
	p.Point3.Third(dst, y, z)
	if p.which == "third" {
		dst[0] += 1e-3 * dst[1]
	}
}

type plantedRule struct {
	objective.Rule
	which string
}

type plantedStep struct {
	objective.Step
	which string
}

func (r plantedRule) At(x []float64) (objective.Step, error) {
	s, err := r.Rule.At(x)
	return plantedStep{s, r.which}, err
}

func (s plantedStep) Push(dst, z []float64) {
	s.Step.Push(dst, z)
	if s.which == "push" {
		dst[0] += 1e-3 * dst[1]
	}
}

func (s plantedStep) Pull(dst, v []float64) {
	s.Step.Pull(dst, v)
	if s.which == "pull" {
		dst[0] += 1e-3 * dst[1]
	}
}

func (s plantedStep) PullDeriv(dst, z, v []float64) {
	s.Step.PullDeriv(dst, z, v)
	if s.which == "pull derivative" {
		dst[0] += 1e-3 * dst[1]
	}
}

// A wrong term in any one derivative is caught, and charged to that one or to
// the one that is checked against it.
func TestPlantedErrorsAreCaught(t *testing.T) {
	task, err := lqr.New(boeing(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, which := range []string{"gradient", "hessian", "third"} {
		found, err := objective.CheckPoint(planted{task, which}, boeingStart, 2)
		if d := worst(t, found, err)[which]; !(d > 1e-5) {
			t.Errorf("planted error in the %s goes unseen: %.2g", which, d)
		}
	}
	for _, rule := range []objective.Rule{lqr.Natural{Task: task, Rate: .001}, lqr.GaussNewton{Task: task, Rate: .3}} {
		for _, which := range []string{"push", "pull", "pull derivative"} {
			found, err := objective.CheckRule(plantedRule{rule, which}, boeingStart, 2)
			if d := worst(t, found, err)[which]; !(d > 1e-5) {
				t.Errorf("%T: planted error in %s goes unseen: %.2g", rule, which, d)
			}
		}
	}
}
