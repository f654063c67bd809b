package run

import (
	"encoding/json"
	"math"
	"os"
	"strconv"
	"testing"

	"github.com/metalqr/metalqr/internal/dense"
	"github.com/metalqr/metalqr/lqr"
	"github.com/metalqr/metalqr/maml"
	"github.com/metalqr/metalqr/matrixeq"
	"github.com/metalqr/metalqr/objective"
)

// decimal is a string of digits, or rows of them, flattened.
type decimal []float64

func (d *decimal) UnmarshalJSON(b []byte) error {
	var rows [][]string
	var one string
	if json.Unmarshal(b, &one) == nil {
		rows = [][]string{{one}}
	} else if err := json.Unmarshal(b, &rows); err != nil {
		return err
	}
	for _, row := range rows {
		for _, s := range row {
			x, err := strconv.ParseFloat(s, 64)
			if err != nil {
				return err
			}
			*d = append(*d, x)
		}
	}
	return nil
}

func apart(got, want []float64) float64 {
	var d, w float64
	for i, x := range want {
		d = math.Hypot(d, got[i]-x)
		w = math.Hypot(w, x)
	}
	if w == 0 {
		return d
	}
	return d / w
}

// The meta-objective of four tasks against 60-digit values (the file's origin
// is described beside it), relative to the norm. 1e-10 is the promise for all
// but one number: the gradient after a policy-iteration step (Gauss–Newton at
// η = ½) of double-integrator, 1e-5 of the gradient before it, is what is left
// where J = (1−2η)I + … all but vanishes, and keeps 1e-10 of that.
func TestMetaReference(t *testing.T) {
	data, err := os.ReadFile("../lqr/testdata/reference.json")
	if err != nil {
		t.Fatal(err)
	}
	var refs []struct {
		Name                     string
		A, B, Q, R, Sigma0, W, Z matrixeq.Matrix
		Eta                      float64
		AtW                      struct{ Gradient decimal } `json:"at_W"`
		Maml                     struct {
			Value, Gradient decimal
			Hessian         decimal `json:"hessian_Z"`
			Value3          decimal `json:"value_3steps"`
			Gradient3       decimal `json:"gradient_3steps"`
		}
		Natural, GaussNewton struct {
			Eta             float64
			Value, Gradient decimal
		}
	}
	var raw []map[string]json.RawMessage
	if err := json.Unmarshal(data, &raw); err != nil {
		t.Fatal(err)
	}
	for _, r := range raw {
		r["GaussNewton"] = r["gauss_newton"]
	}
	if data, err = json.Marshal(raw); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &refs); err != nil {
		t.Fatal(err)
	}
	for _, ref := range refs {
		t.Run(ref.Name, func(t *testing.T) {
			task, err := lqr.New(lqr.Spec{Name: ref.Name, A: ref.A, B: ref.B, Q: ref.Q, R: ref.R, Sigma0: ref.Sigma0})
			if err != nil {
				t.Fatal(err)
			}
			at := func(rules ...objective.Rule) objective.Point {
				m, err := maml.NewMeta([]maml.Member{{Name: ref.Name, Weight: 1, Outer: task, Inner: rules}})
				if err != nil {
					t.Fatal(err)
				}
				p, err := m.At(ref.W.Data)
				if err != nil {
					t.Fatal(err)
				}
				return p
			}
			near := func(what string, got, want []float64, scale float64) {
				t.Helper()
				if d := apart(got, want) * scale; !(d <= 1e-10) {
					t.Errorf("%s: %v, want %v (%.2g)", what, got, want, d)
				}
			}
			g := make([]float64, task.Dim())
			step := maml.Gradient{Objective: task, Rate: ref.Eta}
			p := at(step)
			near("value", []float64{p.Value()}, ref.Maml.Value, 1)
			p.Grad(g)
			near("gradient", g, ref.Maml.Gradient, 1)
			p.HessVec(g, ref.Z.Data)
			near("Hessian", g, ref.Maml.Hessian, 1)
			p = at(step, step, step)
			near("value, 3 steps", []float64{p.Value()}, ref.Maml.Value3, 1)
			p.Grad(g)
			near("gradient, 3 steps", g, ref.Maml.Gradient3, 1)
			p = at(lqr.Natural{Task: task, Rate: ref.Natural.Eta})
			near("natural: value", []float64{p.Value()}, ref.Natural.Value, 1)
			p.Grad(g)
			near("natural: gradient", g, ref.Natural.Gradient, 1)
			p = at(lqr.GaussNewton{Task: task, Rate: ref.GaussNewton.Eta})
			near("Gauss–Newton: value", []float64{p.Value()}, ref.GaussNewton.Value, 1)
			p.Grad(g)
			scale := apart(make([]float64, len(g)), ref.GaussNewton.Gradient) // 1
			if n, n0 := dense.Norm(ref.GaussNewton.Gradient), dense.Norm(ref.AtW.Gradient); n < n0 {
				scale = n / n0
			}
			near("Gauss–Newton: gradient", g, ref.GaussNewton.Gradient, scale)
			t.Logf("Gauss–Newton gradient apart %.2g of itself", apart(g, ref.GaussNewton.Gradient))
		})
	}
}
