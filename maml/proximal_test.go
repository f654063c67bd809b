package maml_test

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/metalqr/metalqr/maml"
	"github.com/metalqr/metalqr/objective"
)

// bumpy is not convex: the least eigenvalue of its Hessian is −2 at 0.
var bumpy = poly{n: 3, coef: []float64{4, 0.2, -1, 0.1, 0.5}, m: 0.3, l: 0.02}

// both solves with the factor of N and by conjugate gradients.
func both(r maml.Proximal) map[string]maml.Proximal {
	cg := r
	cg.Dense = -1
	return map[string]maml.Proximal{"factored": r, "conjugate gradients": cg}
}

// The step of a quadratic ½(x−c)ᵀA(x−c) is φ = (A + κI)⁻¹(A c + κx), and
// J = κ(A + κI)⁻¹, by gonum's solver. Newton's first step is exact, so that what
// is left is rounding; conjugate gradients leave their tolerance.
func TestProximalQuadraticClosedForm(t *testing.T) {
	const n = 6
	random := rand.New(rand.NewPCG(3, 3))
	q := newQuadratic(random, n)
	x, v := make([]float64, n), make([]float64, n)
	for i := range x {
		x[i], v[i] = 3*random.NormFloat64(), random.NormFloat64()
	}
	for _, κ := range []float64{1e-3, 0.1, 1, 50, 1e6} {
		shifted := mat.NewDense(n, n, nil)
		rhs, want, jv := mat.NewVecDense(n, nil), mat.NewVecDense(n, nil), mat.NewVecDense(n, nil)
		shifted.Copy(q.a)
		rhs.MulVec(q.a, mat.NewVecDense(n, q.c))
		for i := range n {
			shifted.Set(i, i, shifted.At(i, i)+κ)
			rhs.SetVec(i, rhs.AtVec(i)+κ*x[i])
		}
		if err := errors.Join(want.SolveVec(shifted, rhs), jv.SolveVec(shifted, mat.NewVecDense(n, v))); err != nil {
			t.Fatal(err)
		}
		for name, r := range both(maml.Proximal{Objective: q, Strength: κ}) {
			s, err := r.At(x)
			if err != nil {
				t.Fatal(err)
			}
			push, pull := make([]float64, n), make([]float64, n)
			s.Push(push, v)
			s.Pull(pull, v)
			if !slices.Equal(push, pull) {
				t.Errorf("κ = %g, %s: push %v, pull %v", κ, name, push, pull)
			}
			for i := range n {
				near(t, fmt.Sprintf("κ = %g, %s: φ[%d]", κ, name, i), s.To()[i], want.AtVec(i), 3e-12)
				near(t, fmt.Sprintf("κ = %g, %s: (Jv)[%d]", κ, name, i), push[i], κ*jv.AtVec(i), 3e-12)
			}
		}
	}
}

// Push, Pull and PullDeriv agree with differences of φ, solved for anew.
func TestProximalDerivatives(t *testing.T) {
	for _, κ := range []float64{2.5, 10, 1e4} {
		for name, r := range both(maml.Proximal{Objective: bumpy, Strength: κ}) {
			for _, x := range [][]float64{{1, -0.5, 2}, {-2, 1, 0.3}, {0, 0, 0}, {30, -40, 10}} {
				found, err := objective.CheckRule(r, x, 4)
				if err != nil || len(found) != 3 {
					t.Fatal(found, err)
				}
				for _, d := range found {
					if !(d.Relative < 1e-9) {
						t.Errorf("κ = %g, %s at %v: %s off by %.2g", κ, name, x, d.Derivative, d.Relative)
					}
				}
			}
		}
	}
}

// With Tolerance τ the step is within τ(1 + ‖φ‖) of the minimiser, which one at
// 1e-14 stands for, and not much nearer than it must be: what is asked for is
// what is paid for. Newton's estimate is good to a factor of two here.
func TestProximalMeetsItsTolerance(t *testing.T) {
	x := []float64{1, -0.5, 2}
	exact, err := maml.Proximal{Objective: bumpy, Strength: 3, Tolerance: 1e-14}.At(x)
	if err != nil {
		t.Fatal(err)
	}
	last := 0
	for _, τ := range []float64{1e-1, 1e-3, 1e-6, 1e-9, 1e-12} {
		for name, r := range both(maml.Proximal{Strength: 3, Tolerance: τ}) {
			var tally maml.Tally
			r.Objective = tally.Of(bumpy)
			s, err := r.At(x)
			if err != nil {
				t.Fatal(err)
			}
			var off, size float64
			for i, φ := range s.To() {
				off, size = math.Hypot(off, φ-exact.To()[i]), math.Hypot(size, φ)
			}
			if !(off <= 2*τ*(1+size)) {
				t.Errorf("τ = %g, %s: %.3g from the minimiser", τ, name, off/(1+size))
			}
			if name == "factored" {
				if n := tally.Counts().Evaluations; n < last {
					t.Errorf("τ = %g takes %d evaluations, a larger one took %d", τ, n, last)
				} else {
					last = n
				}
			}
		}
	}
	if last > 12 {
		t.Errorf("%d evaluations", last)
	}
}

// mixture is three members of different objectives, weights and numbers of
// steps of iMAML's.
func mixture(t testing.TB, κ float64, dense int) *maml.Meta {
	t.Helper()
	var members []maml.Member
	for i := range 3 {
		g := bumpy
		g.coef = slices.Clone(g.coef)
		g.coef[1] += 0.3 * float64(i)
		f := poly{n: 3, coef: []float64{5, 0.5 - float64(i), 1, 0, 0.3}, m: 0.1, l: 0.01}
		m := maml.Member{Weight: float64(i + 1), Outer: f}
		for range i%2 + 1 {
			m.Inner = append(m.Inner, maml.Proximal{Objective: g, Strength: κ, Dense: dense})
		}
		members = append(members, m)
	}
	meta, err := maml.NewMeta(members)
	if err != nil {
		t.Fatal(err)
	}
	return meta
}

// iMAML's gradient and Hessian agree with differences of its own value, the
// inner problem solved anew at every point.
func TestProximalMetaGradient(t *testing.T) {
	for _, dense := range []int{0, -1} {
		for _, x := range [][]float64{{1, -0.5, 2}, {-1, 0.2, 0.4}} {
			w := worst(t, mixture(t, 3, dense), x)
			if len(w) != 2 {
				t.Fatal(w)
			}
			for name, off := range w {
				if !(off < 1e-9) {
					t.Errorf("Dense %d at %v: %s off by %.2g", dense, x, name, off)
				}
			}
		}
	}
}

// A Pull that forgets I of M = I + ∇²g/κ, or a φ that is not solved for, is seen
// by that test.
func TestProximalMetaGradientPlanted(t *testing.T) {
	for _, tt := range []struct {
		name string
		rule objective.Rule
	}{
		{"pull", planted{maml.Proximal{Objective: bumpy, Strength: 3}}},
		{"tolerance", maml.Proximal{Objective: bumpy, Strength: 3, Tolerance: 1e-2}},
	} {
		meta, err := maml.NewMeta([]maml.Member{{Weight: 1, Outer: poly{n: 3, coef: []float64{5, 1, 1}}, Inner: []objective.Rule{tt.rule}}})
		if err != nil {
			t.Fatal(err)
		}
		if w := worst(t, meta, []float64{1, -0.5, 2}); w["gradient"] < 1e-5 {
			t.Errorf("%s: gradient off by only %.2g", tt.name, w["gradient"])
		}
	}
}

type planted struct{ objective.Rule }

func (p planted) At(x []float64) (objective.Step, error) {
	s, err := p.Rule.At(x)
	return plantedStep{s}, err
}

type plantedStep struct{ objective.Step }

func (s plantedStep) Pull(dst, v []float64) {
	s.Step.Pull(dst, v)
	for i := range dst {
		dst[i] *= 1.001
	}
}

// The envelope's value, gradient, Hessian and third derivative agree with each
// other, and where κ is so large that x − φ loses all but five digits, still.
func TestMoreauDerivatives(t *testing.T) {
	for _, κ := range []float64{2.5, 10, 1e4, 1e11} {
		for name, r := range both(maml.Proximal{Objective: bumpy, Strength: κ}) {
			for _, x := range [][]float64{{1, -0.5, 2}, {-2, 1, 0.3}} {
				w := worst(t, maml.Moreau{Proximal: r}, x)
				if len(w) != 3 {
					t.Fatal(w)
				}
				for d, off := range w {
					if !(off < 1e-9) {
						t.Errorf("κ = %g, %s at %v: %s off by %.2g", κ, name, x, d, off)
					}
				}
			}
		}
	}
}

// m(x) = min of g + proximal term: of ½a x², m = ½ aκ/(a + κ) x². As κ → ∞ it is
// g, as κ → 0 its minimum; the gap is exact however small.
func TestMoreauQuadraticClosedForm(t *testing.T) {
	const a, x = 2.0, 3.0
	g := poly{n: 1, coef: []float64{0, 0, a / 2}}
	for _, κ := range []float64{1e-6, 0.5, 2, 1e3, 1e9} {
		p, err := maml.Moreau{Proximal: maml.Proximal{Objective: g, Strength: κ}}.At([]float64{x})
		if err != nil {
			t.Fatal(err)
		}
		c := a * κ / (a + κ)
		d, h := []float64{0}, []float64{0}
		p.Grad(d)
		p.HessVec(h, []float64{1})
		near(t, fmt.Sprintf("κ = %g: m", κ), p.Value()/(c*x*x/2), 1, 1e-14)
		near(t, fmt.Sprintf("κ = %g: m′", κ), d[0]/(c*x), 1, 1e-14)
		near(t, fmt.Sprintf("κ = %g: m″", κ), h[0]/c, 1, 1e-14)
	}

	task := scalar{1, 1, 1, 1}
	w, bound := task.optimum()
	m := maml.Moreau{Proximal: maml.Proximal{Objective: task, Strength: 5}}
	if m.LowerBound() != bound {
		t.Errorf("bound %g, want %g", m.LowerBound(), bound)
	}
	const step = 1e-10
	p, err := m.At([]float64{w + step})
	if err != nil {
		t.Fatal(err)
	}
	// Near the minimum g ≈ bound + ½ C″ (x − w)², C″ = 2(1 + p)σ.
	sigma := 1 / (1 - (1-w)*(1-w))
	curvature := 2 * (1 + bound) * sigma
	near(t, "gap / analytic", p.(objective.Gapped).Gap()/(curvature*5/(curvature+5)*step*step/2), 1, 1e-5)
}

// iMAML and the envelope differ though f = g: g(φ) against g(φ) + (κ/2)‖φ − x‖².
func TestMoreauIsNotIMAML(t *testing.T) {
	task := scalar{1, 1, 1, 1}
	r := maml.Proximal{Objective: task, Strength: 5}
	meta, err := maml.NewMeta([]maml.Member{{Weight: 1, Outer: task, Inner: []objective.Rule{r}}})
	if err != nil {
		t.Fatal(err)
	}
	h, err := meta.Evaluate([]float64{1})
	if err != nil {
		t.Fatal(err)
	}
	m, err := maml.Moreau{Proximal: r}.At([]float64{1})
	if err != nil {
		t.Fatal(err)
	}
	away := h.Adapted(0)[0] - 1
	near(t, "difference", m.Value()-h.Value(), 2.5*away*away, 1e-15)
	if math.Abs(away) < 0.1 {
		t.Errorf("φ − x = %g", away)
	}
}

// Outside the domain of g the problem starts elsewhere, and its derivatives are
// as good; with no start, the error is g's.
func TestProximalOutsideTheDomain(t *testing.T) {
	task := scalar{1, 1, 1, 1} // stable for 0 < w < 2
	for _, x := range []float64{-1, 0, 2, 7} {
		r := maml.Proximal{Objective: task, Strength: 0.5, Start: []float64{0.6}}
		found, err := objective.CheckRule(r, []float64{x}, 2)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range found {
			if !(d.Relative < 1e-9) {
				t.Errorf("x = %g: %s off by %.2g", x, d.Derivative, d.Relative)
			}
		}
		for name, off := range worst(t, maml.Moreau{Proximal: r}, []float64{x}) {
			if !(off < 1e-9) {
				t.Errorf("x = %g: envelope's %s off by %.2g", x, name, off)
			}
		}
		r.Start = nil
		var out *outsideError
		if _, err := r.At([]float64{x}); !errors.As(err, &out) || !errors.Is(err, objective.ErrDomain) {
			t.Errorf("x = %g without a start: %v", x, err)
		}
		r.Start = []float64{3}
		if _, err := r.At([]float64{x}); !errors.As(err, &out) || out.radius != 2 {
			t.Errorf("x = %g with a start outside: %v", x, err)
		}
		r.Start = []float64{1, 1}
		if _, err := r.At([]float64{x}); !errors.Is(err, maml.ErrDimension) {
			t.Errorf("x = %g with a start of two: %v", x, err)
		}
	}
	// Inside, the start is not looked at.
	a, errA := maml.Proximal{Objective: task, Strength: 0.5}.At([]float64{1})
	b, errB := maml.Proximal{Objective: task, Strength: 0.5, Start: []float64{3, 3}}.At([]float64{1})
	if errA != nil || errB != nil || a.To()[0] != b.To()[0] {
		t.Error(errA, errB)
	}
}

// Between the minima of ¼(x² − 1)² + 1, where g″ = −1, κ = ½ is too small: at
// x = 0, by symmetry stationary, the least eigenvalue is −½ and κ must exceed 1.
// Beside it φ falls into one of two wells: F jumps there, and is a function of x
// alone. With κ = 2 there is one minimum and no jump.
func TestProximalBreakdown(t *testing.T) {
	double := poly{n: 1, coef: []float64{1.25, 0, -0.5, 0, 0.25}}
	for name, r := range both(maml.Proximal{Objective: double, Strength: 0.5}) {
		_, err := r.At([]float64{0})
		var b *maml.BreakdownError
		if !errors.As(err, &b) || !errors.Is(err, maml.ErrBreakdown) || !errors.Is(err, objective.ErrDomain) {
			t.Fatalf("%s: %v", name, err)
		}
		if b.Strength != 0.5 || b.Curvature != -0.5 || !math.IsNaN(b.Distance) || !strings.Contains(err.Error(), "κ = 0.5 would have to exceed 1") {
			t.Errorf("%s: %v: %+v", name, err, b)
		}
		// The roots of φ³ − φ/2 = x/2 next to ±1/√2 where x = ±1e-9.
		for _, sign := range []float64{-1, 1} {
			s, err := r.At([]float64{sign * 1e-9})
			if err != nil {
				t.Fatal(err)
			}
			near(t, name, s.To()[0], sign*math.Sqrt(0.5), 1e-9)
		}
		r.Strength = 2
		s, err := r.At([]float64{0})
		if err != nil || s.To()[0] != 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
	// At κ = 1, M is singular at 0, where F is x^{1/3}: no derivative.
	var b *maml.BreakdownError
	if _, err := (maml.Proximal{Objective: double, Strength: 1}).At([]float64{0}); !errors.As(err, &b) || b.Curvature != 0 {
		t.Errorf("κ = 1: %v", err)
	}
	// A tolerance below rounding cannot be met and is not said to be.
	_, err := maml.Proximal{Objective: bumpy, Strength: 3, Tolerance: 1e-30}.At([]float64{1, -0.5, 2})
	if !errors.As(err, &b) || !(b.Distance > 1e-30 && b.Distance < 1e-14) || b.Limit != 1e-30 || !math.IsNaN(b.Curvature) {
		t.Errorf("tolerance 1e-30: %v", err)
	}
	t.Log(err)
	// A problem without a minimum: −x⁴ outruns any κ.
	_, err = maml.Proximal{Objective: poly{n: 1, coef: []float64{0, 1, 0, 0, -1}}, Strength: 0.1}.At([]float64{1})
	if !errors.As(err, &b) || !math.IsNaN(b.Distance) {
		t.Errorf("unbounded below: %v", err)
	}
	t.Log(err)
}

func TestProximalRefuses(t *testing.T) {
	quartic := poly{n: 1, coef: []float64{1, 0, 1, 0, 1}}
	directed, err := maml.NewMeta([]maml.Member{{Weight: 1, Outer: quartic, Inner: []objective.Rule{maml.FirstOrder{Rule: maml.Gradient{Objective: quartic, Rate: 0.1}}}}})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		field string
		rule  maml.Proximal
	}{
		{"strength", maml.Proximal{Objective: quartic}},
		{"strength", maml.Proximal{Objective: quartic, Strength: -1}},
		{"strength", maml.Proximal{Objective: quartic, Strength: math.NaN()}},
		{"strength", maml.Proximal{Objective: quartic, Strength: math.Inf(1)}},
		{"tolerance", maml.Proximal{Objective: quartic, Strength: 1, Tolerance: -1}},
		{"tolerance", maml.Proximal{Objective: quartic, Strength: 1, Tolerance: 1}},
		{"tolerance", maml.Proximal{Objective: quartic, Strength: 1, Tolerance: math.NaN()}},
		{"objective", maml.Proximal{Objective: directed, Strength: 1}},
	} {
		var s *maml.SettingError
		if _, err := tt.rule.At([]float64{1}); !errors.As(err, &s) || s.Field != tt.field {
			t.Errorf("%+v: %v", tt.rule, err)
		}
		if _, err := (maml.Moreau{Proximal: tt.rule}).At([]float64{1}); !errors.As(err, &s) || s.Field != tt.field {
			t.Errorf("envelope of %+v: %v", tt.rule, err)
		}
	}
	// Without a third derivative there is no step, but an envelope, whose points
	// do not claim one.
	r := maml.Proximal{Objective: blunt{quartic}, Strength: 1}
	if _, err := r.At([]float64{1}); !errors.Is(err, maml.ErrNoThird) {
		t.Error(err)
	}
	if w := worst(t, maml.Moreau{Proximal: r}, []float64{1}); len(w) != 2 || !(w["hessian"] < 1e-9) {
		t.Error(w)
	}
}

// Where products are not those of a matrix, conjugate gradients do not converge:
// the answer is NaN, and a Meta says that x is outside its domain. Along the tiny
// steps at the end of Newton's method warped's are right.
func TestProximalConjugateGradientsFail(t *testing.T) {
	r := maml.Proximal{Objective: warped{bumpy}, Strength: 3, Dense: -1}
	x := []float64{1, -0.5, 2}
	s, err := r.At(x)
	if err != nil {
		t.Fatal(err)
	}
	dst := make([]float64, 3)
	s.Push(dst, []float64{1, 2, 3})
	if !math.IsNaN(dst[0]) {
		t.Errorf("%v", dst)
	}
	meta, err := maml.NewMeta([]maml.Member{{Weight: 1, Outer: bumpy, Inner: []objective.Rule{r}}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := meta.Evaluate(x); !errors.Is(err, maml.ErrNotFinite) || !errors.Is(err, objective.ErrDomain) {
		t.Error(err)
	}
}

// warped adds to the products with the Hessian what is not linear.
type warped struct{ poly }

func (o warped) At(x []float64) (objective.Point, error) {
	p, err := o.poly.At(x)
	return warpedPoint{p.(objective.Point3)}, err
}

type warpedPoint struct{ objective.Point3 }

func (p warpedPoint) HessVec(dst, v []float64) {
	p.Point3.HessVec(dst, v)
	for i := range dst {
		dst[i] += 0.1 * v[i] * v[i] * v[i]
	}
}

// The outer methods work over proximal steps: all reach the same minimiser, from
// a start that no task can be evaluated at.
func TestProximalTraining(t *testing.T) {
	var members []maml.Member
	for _, s := range spread(3) {
		members = append(members, maml.Member{Weight: 1, Outer: s,
			Inner: []objective.Rule{maml.Proximal{Objective: s, Strength: 2, Start: []float64{0.6}}}})
	}
	meta, err := maml.NewMeta(members)
	if err != nil {
		t.Fatal(err)
	}
	var want float64
	for i, m := range []maml.Method{maml.NewtonCG{}, maml.LBFGS{}, maml.GradientDescent{}, maml.Algorithm1{Rate: 0.5}} {
		s := maml.NewState([]float64{2.5})
		r, err := maml.Minimize(t.Context(), meta, m, s, maml.Stop{}, nil)
		if err != nil || r.Status != maml.Converged || r.Kind != maml.Minimum {
			t.Fatalf("%T: %v, %v, %v", m, err, r.Status, r.Kind)
		}
		if i == 0 {
			want = s.X[0]
		}
		near(t, fmt.Sprintf("%T", m), s.X[0], want, 1e-8)
	}
}
