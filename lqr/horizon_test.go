package lqr_test

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/metalqr/metalqr/lqr"
	"github.com/metalqr/metalqr/maml"
	"github.com/metalqr/metalqr/matrixeq"
	"github.com/metalqr/metalqr/objective"
)

// varying is a random task with everything in it, of T steps.
func varying(rng *rand.Rand, n, r, T int) lqr.HorizonSpec {
	s := lqr.HorizonSpec{Name: "varying", Horizon: T, Discount: 0.9, Terminal: gram(rng, n, n, 0), Sigma0: gram(rng, n, n, .3), Noise: lqr.Series{gram(rng, n, 1, 0)}}
	for range T {
		a, c := random(rng, n, n), random(rng, n, r)
		for i := range a.Data {
			a.Data[i] /= math.Sqrt(float64(n))
		}
		for i := range c.Data {
			c.Data[i] *= 0.1
		}
		s.A, s.B, s.N = append(s.A, a), append(s.B, random(rng, n, r)), append(s.N, c)
		s.Q, s.R = append(s.Q, gram(rng, n, n, .2)), append(s.R, gram(rng, r, r, .5))
	}
	return s
}

func horizon(t testing.TB, s lqr.HorizonSpec) *lqr.Horizon {
	t.Helper()
	h, err := lqr.NewHorizon(s)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// beside is the optimum of h, each entry moved by about size.
func beside(rng *rand.Rand, h *lqr.Horizon, size float64) []float64 {
	x := slices.Clone(h.Optimum().Gains)
	for i := range x {
		x[i] += size * rng.NormFloat64()
	}
	return x
}

var horizonSizes = [][3]int{{1, 1, 6}, {1, 2, 3}, {2, 1, 5}, {3, 2, 4}, {4, 4, 3}, {5, 2, 3}, {9, 3, 2}}

func TestHorizonDerivativesAgainstDifferences(t *testing.T) {
	rng := rand.New(rand.NewPCG(30, 0))
	for _, size := range horizonSizes {
		h := horizon(t, varying(rng, size[0], size[1], size[2]))
		x := beside(rng, h, 0.1)
		one := x[:size[0]*size[1]]
		for _, c := range []struct {
			o objective.Objective
			x []float64
		}{{h, x}, {h.Stationary(), one}} {
			found, err := objective.CheckPoint(c.o, c.x, 2)
			for name, d := range worst(t, found, err) {
				if !(d < differenceTolerance) {
					t.Errorf("%v, %T: %s is %.2g from differences", size, c.o, name, d)
				}
			}
		}
		for _, rule := range []objective.Rule{lqr.HorizonNatural{Task: h, Rate: .02}, lqr.HorizonGaussNewton{Task: h, Rate: .3}, lqr.HorizonGaussNewton{Task: h, Rate: .5}} {
			found, err := objective.CheckRule(rule, x, 2)
			for name, d := range worst(t, found, err) {
				if !(d < differenceTolerance) {
					t.Errorf("%v, %T: %s is %.2g from differences", size, rule, name, d)
				}
			}
		}
	}
}

func TestHorizonPlantedErrorsAreCaught(t *testing.T) {
	rng := rand.New(rand.NewPCG(31, 0))
	h := horizon(t, varying(rng, 2, 1, 4))
	x := beside(rng, h, 0.2)
	for _, which := range []string{"gradient", "hessian", "third"} {
		for _, o := range []objective.Objective{planted{h, which}, planted{h.Stationary(), which}} {
			found, err := objective.CheckPoint(o, x[:o.Dim()], 2)
			if d := worst(t, found, err)[which]; !(d > 1e-5) {
				t.Errorf("planted error in the %s goes unseen: %.2g", which, d)
			}
		}
	}
	for _, rule := range []objective.Rule{lqr.HorizonNatural{Task: h, Rate: .02}, lqr.HorizonGaussNewton{Task: h, Rate: .3}} {
		for _, which := range []string{"push", "pull", "pull derivative"} {
			found, err := objective.CheckRule(plantedLate{rule, which}, x, 2)
			if d := worst(t, found, err)[which]; !(d > 1e-5) {
				t.Errorf("%T: planted error in %s goes unseen: %.2g", rule, which, d)
			}
		}
	}
}

// plantedLate spoils the first entry by 1e-3 of the last: with two entries of
// time 0, as plantedRule has it, nothing would be spoilt, Y₀ being 0.
type plantedLate struct {
	objective.Rule
	which string
}

type plantedLateStep struct {
	objective.Step
	which string
}

func (r plantedLate) At(x []float64) (objective.Step, error) {
	s, err := r.Rule.At(x)
	return plantedLateStep{s, r.which}, err
}

func (s plantedLateStep) spoil(dst []float64, which string) {
	if s.which == which {
		dst[0] += 1e-3 * dst[len(dst)-1]
	}
}

func (s plantedLateStep) Push(dst, z []float64) { s.Step.Push(dst, z); s.spoil(dst, "push") }
func (s plantedLateStep) Pull(dst, v []float64) { s.Step.Pull(dst, v); s.spoil(dst, "pull") }
func (s plantedLateStep) PullDeriv(dst, z, v []float64) {
	s.Step.PullDeriv(dst, z, v)
	s.spoil(dst, "pull derivative")
}

// ⟨Y, H Z⟩ = ⟨H Y, Z⟩, T[Y,Z] = T[Z,Y], ⟨X, T[Y,Z]⟩ = ⟨Y, T[X,Z]⟩; at a rate of zero a
// rule is the identity.
func TestHorizonSymmetries(t *testing.T) {
	rng := rand.New(rand.NewPCG(32, 0))
	for _, size := range horizonSizes {
		h := horizon(t, varying(rng, size[0], size[1], size[2]))
		p, err := h.Evaluate(beside(rng, h, 0.1))
		if err != nil {
			t.Fatal(err)
		}
		m := h.Dim()
		x, y, z := vector(rng, m), vector(rng, m), vector(rng, m)
		hy, hz, tyz, tzy, txz := poisoned(m), poisoned(m), poisoned(m), poisoned(m), poisoned(m)
		p.HessVec(hy, y)
		p.HessVec(hz, z)
		p.Third(tyz, y, z)
		p.Third(tzy, z, y)
		p.Third(txz, x, z)
		if d, scale := math.Abs(dot(y, hz)-dot(hy, z)), math.Sqrt(dot(hz, hz)*dot(y, y)); d > 1e-13*scale {
			t.Errorf("%v: Hessian asymmetric by %.2g of %.2g", size, d, scale)
		}
		near(t, "T[Y,Z] = T[Z,Y]", tyz, tzy, 1e-12)
		if d, scale := math.Abs(dot(x, tyz)-dot(txz, y)), math.Sqrt(dot(tyz, tyz)*dot(x, x)); d > 1e-12*scale {
			t.Errorf("%v: third derivative asymmetric by %.2g of %.2g", size, d, scale)
		}
		for _, rule := range []objective.Rule{lqr.HorizonNatural{Task: h}, lqr.HorizonGaussNewton{Task: h}} {
			s, err := rule.At(x)
			if err != nil {
				t.Fatal(err)
			}
			push, pull, deriv := poisoned(m), poisoned(m), poisoned(m)
			s.Push(push, z)
			s.Pull(pull, y)
			s.PullDeriv(deriv, z, y)
			if !slices.Equal(s.To(), x) || !slices.Equal(push, z) || !slices.Equal(pull, y) || dot(deriv, deriv) != 0 {
				t.Errorf("%v: %T at rate 0 is not the identity", size, rule)
			}
		}
	}
}

// A = B = Q = R = Q_T = 1: the Riccati recursion runs through the Fibonacci
// numbers, P_{T−k} = f(2k+2)/f(2k+1), W_{T−k} = f(2k)/f(2k+1).
func TestHorizonFibonacci(t *testing.T) {
	one := matrixeq.Scalar(1)
	const T = 12
	h := horizon(t, lqr.HorizonSpec{Horizon: T, A: lqr.Series{one}, B: lqr.Series{one}, Q: lqr.Series{one}, R: lqr.Series{one}, Terminal: one})
	f := []float64{0, 1}
	for len(f) < 2*T+3 {
		f = append(f, f[len(f)-1]+f[len(f)-2])
	}
	o := h.Optimum()
	for k := 1; k <= T; k++ {
		near(t, "P", o.P[T-k].Data, []float64{f[2*k+2] / f[2*k+1]}, 0x1p-51)
		near(t, "W", o.Gains[T-k:T-k+1], []float64{f[2*k] / f[2*k+1]}, 0x1p-52)
	}
	near(t, "C*", []float64{o.Cost}, []float64{f[2*T+2] / f[2*T+1]}, 0x1p-51)
}

// One step: C(w) = q − 2nw + rw² + γ p (a − bw)² + γ p v for s₀ = 1 and Q_T = p,
// with the minimiser (γ a b p + n)/(r + γ b² p). Then R = 0: W = A/B brings the
// state to rest in one step, and the rest costs q.
func TestHorizonScalarClosedForms(t *testing.T) {
	s := func(x float64) matrixeq.Matrix { return matrixeq.Scalar(x) }
	const a, b, q, r, n, p, v, γ, w = 1.5, 0.5, 2, 0.25, 0.125, 3, 0.75, 0.5, 0.875
	h := horizon(t, lqr.HorizonSpec{Horizon: 1, A: lqr.Series{s(a)}, B: lqr.Series{s(b)}, Q: lqr.Series{s(q)}, R: lqr.Series{s(r)},
		N: lqr.Series{s(n)}, Noise: lqr.Series{s(v)}, Terminal: s(p), Discount: γ})
	at, err := h.Evaluate([]float64{w})
	if err != nil {
		t.Fatal(err)
	}
	cost := func(w float64) float64 { return q - 2*n*w + r*w*w + γ*p*(a-b*w)*(a-b*w) + γ*p*v }
	best := (γ*a*b*p + n) / (r + γ*b*b*p)
	// √γ is irrational here: a few roundings.
	near(t, "C", []float64{at.Value()}, []float64{cost(w)}, 1e-15)
	near(t, "W*", h.Optimum().Gains, []float64{best}, 1e-15)
	near(t, "C*", []float64{h.LowerBound()}, []float64{cost(best)}, 1e-15)
	near(t, "gap", []float64{at.Gap()}, []float64{(r + γ*b*b*p) * (w - best) * (w - best)}, 1e-15)
	g, hz, third := poisoned(1), poisoned(1), poisoned(1)
	at.Grad(g)
	at.HessVec(hz, []float64{1})
	at.Third(third, []float64{1}, []float64{1})
	near(t, "derivatives", []float64{g[0], hz[0], third[0]}, []float64{-2*n + 2*r*w - 2*γ*p*b*(a-b*w), 2*r + 2*γ*p*b*b, 0}, 1e-15)

	rest := horizon(t, lqr.HorizonSpec{Horizon: 4, A: lqr.Series{s(3)}, B: lqr.Series{s(2)}, Q: lqr.Series{s(q)}, R: lqr.Series{s(0)}, Terminal: s(q)})
	near(t, "deadbeat", rest.Optimum().Gains, []float64{1.5, 1.5, 1.5, 1.5}, 0)
	near(t, "its cost", []float64{rest.LowerBound()}, []float64{q}, 0)
}

// At the optimum the gradient is rounding, the gap zero, and the Hessian at
// each time 2 Sₜ* Zₜ Σₜ and nothing across times, every Eₜ being zero. Beside
// it, the gap is the difference of the costs; near it, where they have no
// digits left, it is ½⟨Z, HZ⟩ t².
func TestHorizonOptimum(t *testing.T) {
	rng := rand.New(rand.NewPCG(33, 0))
	for _, size := range horizonSizes {
		spec := varying(rng, size[0], size[1], size[2])
		h := horizon(t, spec)
		n, r, m := size[0], size[1], h.Dim()
		o := h.Optimum()
		p, err := h.Evaluate(o.Gains)
		if err != nil {
			t.Fatal(err)
		}
		g, hz, z := poisoned(m), poisoned(m), vector(rng, m)
		p.Grad(g)
		p.HessVec(hz, z)
		if s := math.Sqrt(dot(g, g)); s > 1e-13*o.Cost || p.Gap() != 0 {
			t.Errorf("%v: gradient %.2g and gap %v at the optimum", size, s, p.Gap())
		}
		near(t, "C*", []float64{p.Value()}, []float64{o.Cost}, 1e-15)
		want := make([]float64, m)
		for k := range size[2] {
			b := dense(spec.B[k])
			var s, pb, sz mat.Dense
			pb.Mul(dense(o.P[k+1]), b)
			s.Mul(b.T(), &pb)
			s.Scale(spec.Discount, &s)
			s.Add(&s, dense(spec.R[k]))
			sz.Mul(&s, mat.NewDense(r, n, z[k*r*n:(k+1)*r*n]))
			out := mat.NewDense(r, n, want[k*r*n:(k+1)*r*n])
			out.Mul(&sz, dense(p.Sigma(k)))
			out.Scale(2, out)
		}
		near(t, "Hessian", hz, want, 1e-12)

		x := beside(rng, h, 0.3)
		if p, err = h.Evaluate(x); err != nil {
			t.Fatal(err)
		}
		above := p.Value() - o.Cost // itself rounded to ε of the value
		near(t, "gap", []float64{p.Gap()}, []float64{above}, 1e-14*p.Value()/above)
		const tiny = 0x1p-24 // gap 1e-15 of the cost; W* itself is known to ε/tiny of it
		for i := range x {
			x[i] = o.Gains[i] + tiny*z[i]
		}
		if p, err = h.Evaluate(x); err != nil {
			t.Fatal(err)
		}
		near(t, "small gap", []float64{p.Gap()}, []float64{tiny * tiny * dot(z, want) / 2}, 1e-5)
	}
}

// The optimum by the textbook's recursion, with γ where it stands there:
//
//	H = γ BᵀP′A + Nᵀ,   S = R + γ BᵀP′B,   W = S⁻¹H,   P = Q + γ AᵀP′A − HᵀS⁻¹H.
func TestHorizonRiccatiRecursion(t *testing.T) {
	rng := rand.New(rand.NewPCG(41, 0))
	for _, size := range horizonSizes {
		spec := varying(rng, size[0], size[1], size[2])
		o := horizon(t, spec).Optimum()
		rn, γ := size[0]*size[1], spec.Discount
		p := mat.DenseCopyOf(dense(spec.Terminal))
		near(t, "P_T", o.P[size[2]].Data, p.RawMatrix().Data, 1e-15)
		for k := size[2] - 1; k >= 0; k-- {
			a, b := dense(spec.A[k]), dense(spec.B[k])
			var pa, pb, h, s, w, next, hw mat.Dense
			pa.Mul(p, a)
			pb.Mul(p, b)
			h.Mul(b.T(), &pa)
			h.Scale(γ, &h)
			h.Add(&h, dense(spec.N[k]).T())
			s.Mul(b.T(), &pb)
			s.Scale(γ, &s)
			s.Add(&s, dense(spec.R[k]))
			if err := w.Solve(&s, &h); err != nil {
				t.Fatal(err)
			}
			next.Mul(a.T(), &pa)
			next.Scale(γ, &next)
			next.Add(&next, dense(spec.Q[k]))
			hw.Mul(h.T(), &w)
			next.Sub(&next, &hw)
			near(t, "W*", o.Gains[k*rn:(k+1)*rn], w.RawMatrix().Data, 1e-12)
			near(t, "P*", o.P[k].Data, next.RawMatrix().Data, 1e-12)
			p = mat.DenseCopyOf(&next)
		}
	}
}

// A known initial state on an axis: Σ₀ is singular to the last bit, and the gap
// still the difference of the costs. The point shows its matrices, by which
// C = tr(P₀ Σ₀).
func TestHorizonBlindInitialState(t *testing.T) {
	rng := rand.New(rand.NewPCG(42, 0))
	spec := varying(rng, 3, 2, 4)
	spec.Sigma0, spec.Noise, spec.X0 = matrixeq.Matrix{}, nil, []float64{0, 2, 0}
	h := horizon(t, spec)
	x := beside(rng, h, 0.3)
	p, err := h.Evaluate(x)
	if err != nil {
		t.Fatal(err)
	}
	above := p.Value() - h.LowerBound() // itself rounded to ε of the value
	near(t, "gap", []float64{p.Gap()}, []float64{above}, 1e-14*p.Value()/above)
	if s := p.Sigma(0); s.At(1, 1) != 4 || s.At(0, 0) != 0 {
		t.Errorf("Σ₀ = %v", s.Data)
	}
	near(t, "C", []float64{p.Value()}, []float64{4 * p.P(0).At(1, 1)}, 1e-15)
	near(t, "P_T", p.P(4).Data, spec.Terminal.Data, 1e-15)
	// What no gain can lose cannot be gained: W₀ acts on the axis alone.
	x = slices.Clone(h.Optimum().Gains)
	x[0], x[2] = x[0]+1, x[2]-1
	if p, err = h.Evaluate(x); err != nil || !(p.Gap() < 1e-15*h.LowerBound()) {
		t.Errorf("gap %v off the axis, %v", p.Gap(), err)
	}
	g := poisoned(h.Dim())
	p.NaturalGrad(g)
	s, err := lqr.HorizonNatural{Task: h, Rate: 0.5}.At(x)
	if err != nil {
		t.Fatal(err)
	}
	for i := range g {
		g[i] = x[i] - 0.5*g[i]
	}
	near(t, "natural step", s.To(), g, 1e-15)
	if h.Steps() != 4 || h.States() != 3 || h.Inputs() != 2 || h.Name() != "varying" {
		t.Error("shape")
	}
}

// Policy iteration is exact after T steps, one gain from the last at each.
func TestHorizonPolicyIterationEnds(t *testing.T) {
	rng := rand.New(rand.NewPCG(34, 0))
	h := horizon(t, varying(rng, 3, 2, 5))
	best, size := h.Optimum().Gains, 6
	x := vector(rng, h.Dim())
	for k := 1; k <= 5; k++ {
		s, err := lqr.HorizonGaussNewton{Task: h, Rate: 0.5}.At(x)
		if err != nil {
			t.Fatal(err)
		}
		x = s.To()
		near(t, "the last gains", x[(5-k)*size:], best[(5-k)*size:], 1e-13)
		if d := apart(x[:size], best[:size]); k == 1 && !(d > 1e-3) {
			t.Errorf("after one step the first gain is right already, to %.2g", d)
		}
	}
}

// With one gain for all times, a plant that does not vary and no terminal
// cost, the cost of T steps tends to that of the infinite horizon:
//
//	C − C_T = tr((F^T)ᵀ P F^T Σ₀),   F = A − B W,
//
// like ρ^2T, and a k-th derivative, which differentiates the power k times,
// like Tᵏ ρ^2T.
func TestHorizonTendsToInfinity(t *testing.T) {
	// F = A − B W has the eigenvalues 0.9 and 0.4.
	w := []float64{0.7, 0.25}
	f := mat.NewDense(2, 2, []float64{0.9, 0.3, 0, 0.4})
	spec := lqr.Spec{B: rows(t, []float64{1}, []float64{0.5}), Q: rows(t, []float64{2, .5}, []float64{.5, 1}), R: matrixeq.Scalar(.5), Sigma0: rows(t, []float64{1, .2}, []float64{.2, 2})}
	spec.A = matrixeq.New(2, 2)
	for i := range spec.A.Data {
		spec.A.Data[i] = f.At(i/2, i%2) + spec.B.Data[i/2]*w[i%2]
	}
	task, err := lqr.New(spec)
	if err != nil {
		t.Fatal(err)
	}
	finite := func(s lqr.Spec, T int) objective.Objective {
		h := lqr.HorizonSpec{Horizon: T, A: lqr.Series{s.A}, B: lqr.Series{s.B}, Q: lqr.Series{s.Q}, R: lqr.Series{s.R}, Sigma0: s.Sigma0, Discount: s.Discount}
		if !s.N.IsZero() {
			h.N = lqr.Series{s.N}
		}
		if !s.Noise.IsZero() {
			h.Noise = lqr.Series{s.Noise}
		}
		return horizon(t, h).Stationary()
	}
	y, z := []float64{0.3, -1}, []float64{1, 0.6}
	all := func(o objective.Objective, x []float64) [][]float64 {
		at, err := o.At(x)
		if err != nil {
			t.Fatal(err)
		}
		p := at.(objective.Point3)
		g, h, third := poisoned(2), poisoned(2), poisoned(2)
		p.Grad(g)
		p.HessVec(h, z)
		p.Third(third, y, z)
		return [][]float64{{p.Value()}, g, h, third}
	}
	names := []string{"cost", "gradient", "Hessian", "third"}
	want := all(task, w)
	p, err := task.Evaluate(w)
	if err != nil {
		t.Fatal(err)
	}
	const ρ = 0.9
	t40, t80, t400 := all(finite(spec, 40), w), all(finite(spec, 80), w), all(finite(spec, 400), w)
	for k, name := range names {
		e40, e80 := apart(t40[k], want[k]), apart(t80[k], want[k])
		rate := e80 / e40 / math.Pow(ρ, 80)
		if power := math.Pow(2, float64(k)); !(rate > 0.6*power && rate < 1.3*power) {
			t.Errorf("%s: from T = 40 to 80 the distance falls from %.3g to %.3g, %.3g times ρ⁸⁰, want about %v times", name, e40, e80, rate, power)
		}
		near(t, name, t400[k], want[k], 1e-12)
		t.Logf("%s: %.3g at T = 40, %.3g at 80, %.2g at 400", name, e40, e80, apart(t400[k], want[k]))
	}
	var power, tail mat.Dense
	power.Pow(f, 40)
	tail.Mul(power.T(), dense(p.P()))
	tail.Mul(&tail, &power)
	tail.Mul(&tail, dense(spec.Sigma0))
	near(t, "C − C_T", []float64{want[0][0] - t40[0][0]}, []float64{mat.Trace(&tail)}, 1e-10)

	// Cross term, discount and noise: the tail falls like γᵀ.
	spec.N, spec.Discount, spec.Noise = rows(t, []float64{.1}, []float64{-.2}), 0.95, rows(t, []float64{.5, .1}, []float64{.1, .2})
	if task, err = lqr.New(spec); err != nil {
		t.Fatal(err)
	}
	want, got := all(task, w), all(finite(spec, 800), w)
	for k, name := range names {
		near(t, name+" with noise", got[k], want[k], 1e-12)
	}
	// The optimum: the first gain tends to W*, and C_T* to C* from below.
	h := horizon(t, lqr.HorizonSpec{Horizon: 800, A: lqr.Series{spec.A}, B: lqr.Series{spec.B}, Q: lqr.Series{spec.Q}, R: lqr.Series{spec.R},
		N: lqr.Series{spec.N}, Noise: lqr.Series{spec.Noise}, Sigma0: spec.Sigma0, Discount: .95})
	near(t, "W*", h.Optimum().Gains[:2], task.Optimum().Gain.Data, 1e-13)
	near(t, "C*", []float64{h.LowerBound()}, []float64{task.LowerBound()}, 1e-13)
}

// A plant of period 2 is a plant of half as many steps with twice the inputs,
//
//	s″ = A₁A₀ s + [A₁B₀ B₁] (a₀, a₁),   (a₀, a₁) = −[W₀; W₁(A₀ − B₀W₀)] s,
//
// whose cost has a cross term: every second state is a function of s and a₀.
// The same optimal cost; and for ever, the infinite horizon of that plant.
func TestHorizonOfPeriodTwoIsLifted(t *testing.T) {
	rng := rand.New(rand.NewPCG(35, 0))
	const n, r, K = 3, 1, 400
	var a, b, q, rr, w [2]*mat.Dense
	for i := range 2 {
		a[i], b[i] = dense(random(rng, n, n)), dense(random(rng, n, r))
		a[i].Scale(0.3, a[i])
		q[i], rr[i], w[i] = dense(gram(rng, n, n, .1)), dense(gram(rng, r, r, .5)), dense(random(rng, r, n))
		w[i].Scale(0.1, w[i])
	}
	product := func(ms ...mat.Matrix) *mat.Dense {
		var p mat.Dense
		p.CloneFrom(ms[0])
		for _, m := range ms[1:] {
			var x mat.Dense
			x.Mul(&p, m)
			p.CloneFrom(&x)
		}
		return &p
	}
	matrix := func(m *mat.Dense) matrixeq.Matrix {
		r, c := m.Dims()
		return matrixeq.Matrix{Rows: r, Cols: c, Data: mat.DenseCopyOf(m).RawMatrix().Data}
	}
	var lq, lr, ln, lb, lw, loop mat.Dense
	lq.Add(q[0], product(a[0].T(), q[1], a[0]))
	ln.Augment(product(a[0].T(), q[1], b[0]), mat.NewDense(n, r, nil))
	lr.CloneFrom(mat.NewDense(2*r, 2*r, nil))
	var r0 mat.Dense
	r0.Add(rr[0], product(b[0].T(), q[1], b[0]))
	lr.Slice(0, r, 0, r).(*mat.Dense).Copy(&r0)
	lr.Slice(r, 2*r, r, 2*r).(*mat.Dense).Copy(rr[1])
	lb.Augment(product(a[1], b[0]), b[1])
	loop.Sub(a[0], product(b[0], w[0]))
	lw.Stack(w[0], product(w[1], &loop))
	for i := range n { // products of symmetric matrices, symmetric but for rounding
		for k := range i {
			lq.Set(i, k, lq.At(k, i))
		}
	}
	lifted := lqr.Spec{A: matrix(product(a[1], a[0])), B: matrix(&lb), Q: matrix(&lq), R: matrix(&lr), N: matrix(&ln)}
	spec := lqr.HorizonSpec{Horizon: 2 * K}
	slots := make([]int, 2*K)
	for k := range slots {
		i := k % 2
		slots[k] = i
		spec.A, spec.B = append(spec.A, matrix(a[i])), append(spec.B, matrix(b[i]))
		spec.Q, spec.R = append(spec.Q, matrix(q[i])), append(spec.R, matrix(rr[i]))
	}
	h := horizon(t, spec)
	tied, err := h.Tie(slots)
	if err != nil {
		t.Fatal(err)
	}
	p, err := tied.Evaluate(append(slices.Clone(w[0].RawMatrix().Data), w[1].RawMatrix().Data...))
	if err != nil {
		t.Fatal(err)
	}
	half := horizon(t, lqr.HorizonSpec{Horizon: K, A: lqr.Series{lifted.A}, B: lqr.Series{lifted.B}, Q: lqr.Series{lifted.Q}, R: lqr.Series{lifted.R}, N: lqr.Series{lifted.N}})
	q1, err := half.Stationary().Evaluate(lw.RawMatrix().Data)
	if err != nil {
		t.Fatal(err)
	}
	task, err := lqr.New(lifted)
	if err != nil {
		t.Fatal(err)
	}
	q2, err := task.Evaluate(lw.RawMatrix().Data)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "C", []float64{p.Value(), p.Value()}, []float64{q1.Value(), q2.Value()}, 1e-13)
	near(t, "C*", []float64{h.LowerBound(), h.LowerBound()}, []float64{half.LowerBound(), task.LowerBound()}, 1e-13)
	near(t, "gap", []float64{p.Gap(), p.Gap()}, []float64{q1.Gap(), q2.Gap()}, 1e-12)
	near(t, "W₀*", h.Optimum().Gains[:r*n], task.Optimum().Gain.Data[:r*n], 1e-12)
}

// Sharing gains sums derivatives: of one gain the sum over all times; and a
// Tied of a gain for each time is the horizon itself.
func TestTiedSumsOverTimes(t *testing.T) {
	rng := rand.New(rand.NewPCG(36, 0))
	const n, r, T = 3, 2, 5
	h := horizon(t, varying(rng, n, r, T))
	x, y, z := vector(rng, n*r), vector(rng, n*r), vector(rng, n*r)
	repeat := func(x []float64) []float64 { return slices.Repeat(x, T) }
	sum := func(x []float64) []float64 {
		s := make([]float64, n*r)
		for i, v := range x {
			s[i%(n*r)] += v
		}
		return s
	}
	one := h.Stationary()
	p, err1 := one.Evaluate(x)
	q, err2 := h.Evaluate(repeat(x))
	each, err3 := h.Tie([]int{0, 1, 2, 3, 4})
	if err1 != nil || err2 != nil || err3 != nil {
		t.Fatal(err1, err2, err3)
	}
	same, err := each.Evaluate(repeat(x))
	if err != nil {
		t.Fatal(err)
	}
	if p.Value() != q.Value() || p.Gap() != q.Gap() || one.LowerBound() != h.LowerBound() || same.Value() != q.Value() || p.Horizon().Value() != q.Value() {
		t.Error("values differ")
	}
	for _, d := range []struct {
		name string
		of   func(p objective.Point3, dst []float64, times int)
	}{
		{"gradient", func(p objective.Point3, dst []float64, _ int) { p.Grad(dst) }},
		{"Hessian", func(p objective.Point3, dst []float64, times int) { p.HessVec(dst, slices.Repeat(z, times)) }},
		{"third", func(p objective.Point3, dst []float64, times int) {
			p.Third(dst, slices.Repeat(y, times), slices.Repeat(z, times))
		}},
	} {
		a, b, c := poisoned(n*r), poisoned(T*n*r), poisoned(T*n*r)
		d.of(p, a, 1)
		d.of(q, b, T)
		d.of(same, c, T)
		near(t, d.name, a, sum(b), 1e-15)
		if !slices.Equal(b, c) {
			t.Errorf("%s: a gain for each time differs from the horizon", d.name)
		}
	}
	if one.Dim() != n*r || each.Dim() != T*n*r || one.Horizon() != h || !slices.Equal(each.Slots(), []int{0, 1, 2, 3, 4}) {
		t.Error("shapes differ")
	}
}

// Meta-learning over them works unchanged: the meta-gradient and the
// meta-Hessian are exact, and Newton-CG converges.
func TestMetaLearningOverHorizons(t *testing.T) {
	rng := rand.New(rand.NewPCG(37, 0))
	const n, r, T = 2, 1, 6
	base := varying(rng, n, r, T)
	var tasks []*lqr.Horizon
	for range 3 {
		s := base
		s.A = nil
		for _, a := range base.A {
			a = a.Clone()
			for i := range a.Data {
				a.Data[i] += 0.1 * rng.NormFloat64()
			}
			s.A = append(s.A, a)
		}
		tasks = append(tasks, horizon(t, s))
	}
	for _, c := range []struct {
		name   string
		member func(h *lqr.Horizon) maml.Member
	}{
		{"stationary", func(h *lqr.Horizon) maml.Member {
			o := h.Stationary()
			step := maml.Gradient{Objective: o, Rate: 0.005}
			return maml.Member{Outer: o, Inner: []objective.Rule{step, step}}
		}},
		{"per time", func(h *lqr.Horizon) maml.Member {
			return maml.Member{Outer: h, Inner: []objective.Rule{maml.Gradient{Objective: h, Rate: 0.01}}}
		}},
		{"natural", func(h *lqr.Horizon) maml.Member {
			return maml.Member{Outer: h, Inner: []objective.Rule{lqr.HorizonNatural{Task: h, Rate: 0.01}}}
		}},
		{"Gauss–Newton", func(h *lqr.Horizon) maml.Member {
			return maml.Member{Outer: h, Inner: []objective.Rule{lqr.HorizonGaussNewton{Task: h, Rate: 0.2}}}
		}},
	} {
		var members []maml.Member
		for _, h := range tasks {
			m := c.member(h)
			m.Weight = 1
			members = append(members, m)
		}
		meta, err := maml.NewMeta(members)
		if err != nil {
			t.Fatal(err)
		}
		x := make([]float64, meta.Dim())
		found, err := objective.CheckPoint(meta, x, 2)
		for name, d := range worst(t, found, err) {
			if !(d < differenceTolerance) {
				t.Errorf("%s: meta-%s is %.2g from differences", c.name, name, d)
			}
		}
		state := maml.NewState(x)
		result, err := maml.Minimize(context.Background(), meta, maml.NewtonCG{}, state, maml.Stop{}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if result.Status != maml.Converged || result.Kind != maml.Minimum || result.Gap == nil || !(*result.Gap > 0) {
			t.Errorf("%s: %v at a %v, gap %v", c.name, result.Status, result.Kind, result.Gap)
		}
		t.Logf("%s: %d iterations, h = %.6g, gap %.3g", c.name, state.Iteration, result.Value, *result.Gap)
	}
	// One task: its own optimum is a minimiser, with nothing above the bound.
	h := tasks[0]
	meta, err := maml.NewMeta([]maml.Member{{Weight: 1, Outer: h, Inner: []objective.Rule{maml.Gradient{Objective: h, Rate: 0.01}}}})
	if err != nil {
		t.Fatal(err)
	}
	result, err := maml.Minimize(context.Background(), meta, maml.NewtonCG{}, maml.NewState(make([]float64, h.Dim())), maml.Stop{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if !(*result.Gap < 1e-15*h.LowerBound()) {
		t.Errorf("one task: gap %v", *result.Gap)
	}
}

// Whatever float64 cannot hold is outside the domain, and says what it was.
func TestHorizonOverflow(t *testing.T) {
	s := func(x float64) lqr.Series { return lqr.Series{matrixeq.Scalar(x)} }
	var over *lqr.OverflowError
	h := horizon(t, lqr.HorizonSpec{Name: "long", Horizon: 400, A: s(10), B: s(1), Q: s(1), R: s(1)})
	for _, o := range []objective.Objective{h, h.Stationary()} {
		_, err := o.At(make([]float64, o.Dim()))
		if !errors.As(err, &over) || over.Task != "long" || over.Quantity != "the cost" || !errors.Is(err, objective.ErrDomain) {
			t.Errorf("%T: %v", o, err)
		}
	}
	// Nothing costs anything until the end, but the state is out of reach.
	free := horizon(t, lqr.HorizonSpec{Name: "free", Horizon: 400, A: s(10), B: s(1), Q: s(0), R: s(1)})
	if _, err := free.Evaluate(make([]float64, 400)); !errors.As(err, &over) || over.Quantity != "the state correlation" {
		t.Errorf("free: %v", err)
	}
	var bad *lqr.SpecError
	if _, err := lqr.NewHorizon(lqr.HorizonSpec{Horizon: 400, A: s(10), B: s(0), Q: s(1), R: s(1)}); !errors.As(err, &bad) || bad.Field != "horizon" {
		t.Errorf("no input: %v", err)
	}
	x := make([]float64, 400)
	x[7] = math.NaN()
	if _, err := h.At(x); !errors.Is(err, matrixeq.ErrNotFinite) || errors.Is(err, objective.ErrDomain) || !strings.Contains(err.Error(), "gain[7]") {
		t.Errorf("NaN: %v", err)
	}
}

// Two inputs that do the same to a state that costs 1e11 times as much: R
// drowns in BᵀPB. Only Gauss–Newton divides by it.
func TestHorizonRedundantInputs(t *testing.T) {
	one := matrixeq.Scalar(1)
	h := horizon(t, lqr.HorizonSpec{Name: "twins", Horizon: 30, A: lqr.Series{one}, B: lqr.Series{rows(t, []float64{1, 1})},
		Q: lqr.Series{one}, R: lqr.Series{matrixeq.Diagonal(1e-11, 1e-11)}, Terminal: one})
	x := slices.Repeat([]float64{2, 2}, 30) // A − B W = −3
	var over *lqr.OverflowError
	_, err := (lqr.HorizonGaussNewton{Task: h, Rate: .5}).At(x)
	if !errors.As(err, &over) || over.Task != "twins" || !strings.Contains(err.Error(), "at time") || !errors.Is(err, objective.ErrDomain) {
		t.Errorf("Gauss–Newton: %v", err)
	}
	if _, err := (lqr.HorizonNatural{Task: h, Rate: .5}).At(x); err != nil {
		t.Errorf("natural: %v", err)
	}
}

// Each setting refused, by its own error, with the time in its name.
func TestHorizonSpecErrors(t *testing.T) {
	good := func() lqr.HorizonSpec { return varying(rand.New(rand.NewPCG(38, 0)), 2, 1, 3) }
	negative := matrixeq.Diagonal(1, -1)
	for _, tt := range []struct {
		name string
		set  func(*lqr.HorizonSpec)
		is   error
		text string
	}{
		{"no horizon", func(s *lqr.HorizonSpec) { s.Horizon = 0 }, lqr.ErrSpec, "horizon must be at least 1, got 0"},
		{"endless horizon", func(s *lqr.HorizonSpec) {
			*s = lqr.HorizonSpec{Horizon: math.MaxInt, A: s.A[:1], B: s.B[:1], Q: s.Q[:1], R: s.R[:1]}
		}, lqr.ErrSpec, "horizon is so long"},
		{"A missing", func(s *lqr.HorizonSpec) { s.A = nil }, lqr.ErrSpec, "A is missing"},
		{"empty B", func(s *lqr.HorizonSpec) { s.B = lqr.Series{{}} }, lqr.ErrSpec, "B is missing"},
		{"R missing", func(s *lqr.HorizonSpec) { s.R = nil }, lqr.ErrSpec, "R is missing"},
		{"two of three", func(s *lqr.HorizonSpec) { s.B = s.B[:2] }, lqr.ErrSpec, "B must be one matrix or 3, one for each time 0 … 2, got 2"},
		{"four of three", func(s *lqr.HorizonSpec) { s.N = append(s.N, s.N[0]) }, lqr.ErrSpec, "N must be one matrix or 3"},
		{"A changes shape", func(s *lqr.HorizonSpec) { s.A[2] = matrixeq.New(3, 3) }, matrixeq.ErrShape, "A[2] is 3×3, want 2×2"},
		{"N of the wrong shape", func(s *lqr.HorizonSpec) { s.N = lqr.Series{matrixeq.New(1, 2)} }, matrixeq.ErrShape, "N is 1×2, want 2×1"},
		{"R too large", func(s *lqr.HorizonSpec) { s.R[0] = matrixeq.New(2, 2) }, matrixeq.ErrShape, "R[0]"},
		{"terminal", func(s *lqr.HorizonSpec) { s.Terminal = matrixeq.New(3, 3) }, matrixeq.ErrShape, "terminal"},
		{"NaN", func(s *lqr.HorizonSpec) { s.B[1].Data[0] = math.NaN() }, matrixeq.ErrNotFinite, "B[1]"},
		{"infinite terminal", func(s *lqr.HorizonSpec) { s.Terminal.Data[3] = math.Inf(1) }, matrixeq.ErrNotFinite, "terminal"},
		{"asymmetric Q", func(s *lqr.HorizonSpec) { s.Q[1].Data[1]++ }, matrixeq.ErrNotSymmetric, "Q[1]"},
		{"negative Q", func(s *lqr.HorizonSpec) { s.Q[2] = negative }, matrixeq.ErrNotPositiveSemidefinite, "Q[2]"},
		{"negative R", func(s *lqr.HorizonSpec) { s.R[1] = matrixeq.Scalar(-1) }, matrixeq.ErrNotPositiveSemidefinite, "R[1]"},
		{"negative terminal", func(s *lqr.HorizonSpec) { s.Terminal = negative }, matrixeq.ErrNotPositiveSemidefinite, "terminal"},
		{"negative noise", func(s *lqr.HorizonSpec) { s.Noise = lqr.Series{negative} }, matrixeq.ErrNotPositiveSemidefinite, "noise"},
		{"negative Sigma0", func(s *lqr.HorizonSpec) { s.Sigma0 = negative }, matrixeq.ErrNotPositiveSemidefinite, "Sigma0"},
		{"x0 and Sigma0", func(s *lqr.HorizonSpec) { s.X0 = []float64{1, 1} }, lqr.ErrSpec, "x0 contradicts Sigma0"},
		{"short x0", func(s *lqr.HorizonSpec) { s.Sigma0, s.X0 = matrixeq.Matrix{}, []float64{1} }, matrixeq.ErrShape, "x0"},
		{"empty x0", func(s *lqr.HorizonSpec) { s.Sigma0, s.X0 = matrixeq.Matrix{}, []float64{} }, matrixeq.ErrShape, "x0"},
		{"huge x0", func(s *lqr.HorizonSpec) { s.Sigma0, s.X0 = matrixeq.Matrix{}, []float64{1e200, 0} }, lqr.ErrSpec, "x0 overflows"},
		{"discount", func(s *lqr.HorizonSpec) { s.Discount = 1.5 }, lqr.ErrSpec, "discount must lie in (0, 1], got 1.5"},
		{"NaN discount", func(s *lqr.HorizonSpec) { s.Discount = math.NaN() }, lqr.ErrSpec, "discount"},
		{"at rest", func(s *lqr.HorizonSpec) { s.Noise, s.Sigma0 = nil, matrixeq.New(2, 2) }, lqr.ErrSpec, "every gain would cost nothing"},
		{"free input", func(s *lqr.HorizonSpec) { s.R[1], s.B[1] = matrixeq.Scalar(0), matrixeq.New(2, 1) }, matrixeq.ErrNotPositiveDefinite, "R + BᵀPB at time 1"},
		{"strong N", func(s *lqr.HorizonSpec) { s.N[2].Data[0] = 1e3 }, matrixeq.ErrNotPositiveDefinite, "R + BᵀPB at time 1"},
	} {
		s := good()
		tt.set(&s)
		_, err := lqr.NewHorizon(s)
		var named *lqr.TaskError
		if !errors.Is(err, tt.is) || !errors.As(err, &named) || !strings.Contains(err.Error(), tt.text) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
	if _, err := lqr.NewHorizon(good()); err != nil {
		t.Error(err)
	}
	h := horizon(t, good())
	for _, tt := range []struct {
		slots []int
		text  string
	}{
		{[]int{0, 0}, "which gain each of the 3 times uses, got 2"},
		{[]int{0, -1, 0}, "at time 1 must lie in 0 … 2, got -1"},
		{[]int{-1, -1, -1}, "at time 0"},
		{[]int{0, 1, 3}, "at time 2 must lie in 0 … 2, got 3"},
		{[]int{0, 2, 2}, "no time uses gain, got 1"},
	} {
		if _, err := h.Tie(tt.slots); !errors.Is(err, lqr.ErrSpec) || !strings.Contains(err.Error(), tt.text) {
			t.Errorf("%v: %v", tt.slots, err)
		}
	}
}

// A change of the caller's matrices afterwards changes nothing.
func TestHorizonCopiesItsSpec(t *testing.T) {
	s := varying(rand.New(rand.NewPCG(39, 0)), 2, 1, 3)
	h := horizon(t, s)
	x := slices.Clone(h.Optimum().Gains)
	before, err := h.Evaluate(x)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range []lqr.Series{s.A, s.B, s.Q, s.R, s.N, s.Noise, {s.Terminal, s.Sigma0}} {
		for i := range m {
			clear(m[i].Data)
		}
	}
	again := horizon(t, h.Spec())
	after, err := h.Evaluate(x)
	if err != nil || before.Value() != after.Value() || again.LowerBound() != h.LowerBound() {
		t.Error("the task shares memory with its spec")
	}
}

// No sweep allocates: beyond a pooled workspace, which the garbage collector
// may take now and then (and the race detector at will), nothing, whatever T.
func TestHorizonAllocations(t *testing.T) {
	rng := rand.New(rand.NewPCG(40, 0))
	h := horizon(t, varying(rng, 5, 2, 50))
	x := beside(rng, h, 0.01)
	dst, y := make([]float64, len(x)), vector(rng, len(x))
	p, err := h.Evaluate(x)
	if err != nil {
		t.Fatal(err)
	}
	s, err := lqr.HorizonGaussNewton{Task: h, Rate: .1}.At(x)
	if err != nil {
		t.Fatal(err)
	}
	tied, err := h.Stationary().Evaluate(x[:10])
	if err != nil {
		t.Fatal(err)
	}
	for name, run := range map[string]func(){
		"evaluate":     func() { p, err = h.Evaluate(x) },
		"gap":          func() { p.Gap() },
		"gradient":     func() { p.Grad(dst) },
		"Hessian":      func() { p.HessVec(dst, y) },
		"third":        func() { p.Third(dst, y, x) },
		"pull":         func() { s.Pull(dst, y) },
		"push":         func() { s.Push(dst, y) },
		"pull deriv":   func() { s.PullDeriv(dst, y, x) },
		"tied third":   func() { tied.Third(dst[:10], y[:10], x[:10]) },
		"tied Hessian": func() { tied.HessVec(dst[:10], y[:10]) },
	} {
		if a := testing.AllocsPerRun(20, run); a > 3 {
			t.Errorf("%s: %v allocations", name, a)
		}
	}
}
