package lqr_test

import (
	"encoding/json"
	"math"
	"os"
	"strconv"
	"testing"

	"github.com/metalqr/metalqr/lqr"
	"github.com/metalqr/metalqr/matrixeq"
)

// number is a decimal string, or a list of lists of them, flattened.
type numbers []float64

func (n *numbers) UnmarshalJSON(b []byte) error {
	var s string
	if json.Unmarshal(b, &s) == nil {
		x, err := strconv.ParseFloat(s, 64)
		*n = numbers{x}
		return err
	}
	var rows [][]string
	if err := json.Unmarshal(b, &rows); err != nil {
		return err
	}
	for _, row := range rows {
		for _, s := range row {
			x, err := strconv.ParseFloat(s, 64)
			if err != nil {
				return err
			}
			*n = append(*n, x)
		}
	}
	return nil
}

type reference struct {
	Name            string
	A, B, Q, R      matrixeq.Matrix
	Sigma0, W, Y, Z matrixeq.Matrix
	Eta             float64
	Optimal         struct{ P, W, Cost, Sigma numbers }
	AtW             struct {
		P, Sigma, E, Cost, Gradient numbers
		Hessian                     numbers `json:"hessian_Z"`
		Third                       numbers `json:"third_YZ"`
	} `json:"at_W"`
}

func (r *reference) task(t testing.TB) *lqr.Task {
	t.Helper()
	task, err := lqr.New(lqr.Spec{Name: r.Name, A: r.A, B: r.B, Q: r.Q, R: r.R, Sigma0: r.Sigma0})
	if err != nil {
		t.Fatal(err)
	}
	return task
}

func references(t testing.TB) []*reference {
	t.Helper()
	data, err := os.ReadFile("testdata/reference.json")
	if err != nil {
		t.Fatal(err)
	}
	var refs []*reference
	if err := json.Unmarshal(data, &refs); err != nil {
		t.Fatal(err)
	}
	if len(refs) != 4 {
		t.Fatalf("%d reference cases, want 4", len(refs))
	}
	return refs
}

// apart is ‖got − want‖_F / ‖want‖_F.
func apart(got, want []float64) float64 {
	if len(got) != len(want) {
		return math.Inf(1)
	}
	var d, w float64
	for i, x := range want {
		d = math.Hypot(d, got[i]-x)
		w = math.Hypot(w, x)
	}
	if math.IsNaN(d) {
		return math.Inf(1)
	}
	if w == 0 {
		return d
	}
	return d / w
}

func near(t testing.TB, what string, got, want []float64, tol float64) {
	t.Helper()
	if d := apart(got, want); !(d <= tol) {
		t.Errorf("%s: %v, want %v (apart %.2g, tolerance %.2g)", what, got, want, d, tol)
	}
}

// Every quantity of the four reference tasks, to 1e-10 of its norm. Observed
// is 4e-13 or better for all but laub-nonnormal, whose closed loop amplifies
// (see TestConditionIsReported); the limit is the promise, not the observation.
func TestReference(t *testing.T) {
	const tol = 1e-10
	for _, ref := range references(t) {
		t.Run(ref.Name, func(t *testing.T) {
			task := ref.task(t)
			opt := task.Optimum()
			near(t, "P*", opt.P.Data, ref.Optimal.P, tol)
			near(t, "W*", opt.Gain.Data, ref.Optimal.W, tol)
			near(t, "C*", []float64{opt.Cost}, ref.Optimal.Cost, tol)
			atOpt, err := task.Evaluate(opt.Gain.Data)
			if err != nil {
				t.Fatal(err)
			}
			near(t, "Σ at W*", atOpt.Sigma().Data, ref.Optimal.Sigma, tol)

			p, err := task.Evaluate(ref.W.Data)
			if err != nil {
				t.Fatal(err)
			}
			near(t, "P", p.P().Data, ref.AtW.P, tol)
			near(t, "Σ", p.Sigma().Data, ref.AtW.Sigma, tol)
			near(t, "C", []float64{p.Value()}, ref.AtW.Cost, tol)
			got := poisoned(task.Dim())
			p.NaturalGrad(got)
			for i := range got {
				got[i] /= 2
			}
			near(t, "E", got, ref.AtW.E, tol)
			p.Grad(got)
			near(t, "∇C", got, ref.AtW.Gradient, tol)
			p.HessVec(got, ref.Z.Data)
			near(t, "∇²C[Z]", got, ref.AtW.Hessian, tol)
			p.Third(got, ref.Y.Data, ref.Z.Data)
			near(t, "∇³C[Y,Z]", got, ref.AtW.Third, tol)
			near(t, "gap", []float64{p.Gap()}, []float64{ref.AtW.Cost[0] - ref.Optimal.Cost[0]}, 1e-8) // the subtraction here loses digits, not Gap
		})
	}
}

func poisoned(n int) []float64 {
	x := make([]float64, n)
	for i := range x {
		x[i] = math.NaN()
	}
	return x
}
