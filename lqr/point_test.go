package lqr_test

import (
	"errors"
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/metalqr/metalqr/lqr"
	"github.com/metalqr/metalqr/matrixeq"
	"github.com/metalqr/metalqr/objective"
)

func boeing(t testing.TB) lqr.Spec {
	return lqr.Spec{
		Name: "boeing",
		A: rows(t, []float64{1.22, .03, -.02, -.32}, []float64{.01, 4.7, 0, 0},
			[]float64{.02, -.06, .4, 0}, []float64{.01, -.04, .72, 1.55}),
		B: rows(t, []float64{.01, .99}, []float64{-3.44, 1.66}, []float64{-.83, .44}, []float64{-.47, .25}),
		Q: matrixeq.Identity(4), R: matrixeq.Identity(2),
	}
}

var boeingStart = []float64{
	.61343269, -1.53543838, .30279836, .39631415,
	.88802018, .60382034, -.14729954, -.58220629,
}

// Figures of published experiments. Toso, Zhan, Anderson, Wang 2024 (modified
// Boeing 747); Wang et al. 2023 (FedLQR); Toso et al. 2023 (SVRPG); Pan & Zhu
// 2024. The digits are those of a 60-digit evaluation of their systems.
func TestPublishedExperiments(t *testing.T) {
	value := func(spec lqr.Spec, gain []float64) float64 {
		t.Helper()
		task, err := lqr.New(spec)
		if err != nil {
			t.Fatal(err)
		}
		if gain == nil {
			return task.Optimum().Cost
		}
		p, err := task.Evaluate(gain)
		if err != nil {
			t.Fatal(err)
		}
		return p.Value()
	}
	b := boeing(t)
	b.X0 = []float64{.25, .55, .35, .45}
	fed := lqr.Spec{
		A: rows(t, []float64{1.2, .5, .4}, []float64{.01, .75, .3}, []float64{.1, .02, 1.5}),
		B: matrixeq.Identity(3), Q: matrixeq.Diagonal(2, 2, 2), R: matrixeq.Diagonal(.5, .5, .5),
	}
	svrpg := fed
	svrpg.B, svrpg.R = rows(t, []float64{.25}, []float64{1}, []float64{.5}), matrixeq.Scalar(.5)
	pan := boeing(t)
	pan.A = pan.A.Clone()
	for i := range pan.A.Data {
		pan.A.Data[i] /= 5.17011172970335
	}
	pan.AverageCost, pan.Noise = true, matrixeq.Diagonal(.05, .05, .05, .05)

	const tol = 1e-11 // printed to 16 digits; the closed loop at K₀ has ρ = 0.95 and amplifies by 1e3
	for _, tt := range []struct {
		name string
		got  float64
		want float64
	}{
		{"Boeing J(K₀)", value(b, boeingStart), 22.54637037740276},
		{"Boeing J*", value(b, nil), 2.7147945921976566},
		{"FedLQR tr P*", value(fed, nil), 8.033311832829753},
		{"FedLQR tr P(K₀)", value(fed, []float64{1.62, 0, 0, 0, 1.62, 0, 0, 0, 1.62}), 32.68814399293653},
		{"SVRPG tr P*", value(svrpg, nil), 375.59672339536365},
		{"SVRPG tr P(K₀)", value(svrpg, []float64{.15, -.45, 3.80}), 405.7054124333504},
		{"Pan & Zhu J*", value(pan, nil), 0.214251154410105},
	} {
		near(t, tt.name, []float64{tt.got}, []float64{tt.want}, tol)
	}

	task, err := lqr.New(b)
	if err != nil {
		t.Fatal(err)
	}
	p, err := task.Evaluate(boeingStart)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "Boeing gap", []float64{p.Gap()}, []float64{19.8315757852}, 1e-11)
	ρ, err := p.Radius()
	if err != nil {
		t.Fatal(err)
	}
	near(t, "ρ at K₀", []float64{ρ}, []float64{.95018978}, 1e-8) // eight digits printed

	// η‖∇²C(K₀)‖ = 7.2 at η = 8e-6, and an eigenvalue of −3345.
	b = boeing(t)
	b.Sigma0 = matrixeq.New(4, 4)
	for i := range b.Sigma0.Data {
		b.Sigma0.Data[i] = .25
	}
	for i := range 4 {
		b.Sigma0.Data[5*i] += 1e-6
	}
	if task, err = lqr.New(b); err != nil {
		t.Fatal(err)
	}
	if p, err = task.Evaluate(boeingStart); err != nil {
		t.Fatal(err)
	}
	s := objective.Spectrum(p, task.Dim(), 0)
	if got := 8e-6 * s.Norm; math.Abs(got-7.2) > 0.05 || !s.Exact {
		t.Errorf("η‖∇²C(K₀)‖ = %v, want 7.2", got)
	}
	if math.Abs(s.Min+3345) > 0.5 {
		t.Errorf("λmin = %v, want −3345", s.Min)
	}
}

// Scalar tasks with dyadic data against exact rationals:
//
//	C = (q + r w²)/(1 − (a − b w)²) and its derivatives by the quotient rule.
//
// The wants are rounded once, so only our own few roundings remain.
func TestScalarAgainstExactRationals(t *testing.T) {
	rat := func(x float64) *big.Rat { return new(big.Rat).SetFloat64(x) }
	for _, tt := range []struct{ a, b, q, r, w float64 }{
		{1.25, 1, 1, .5, 1}, {1.25, 1, 1, .5, 9. / 32}, {.5, 2, 0, 1, .125}, {-3, -1, 4, .25, 2.5}, {1, 1, 1, 1, 2 - 1./1024},
	} {
		task, err := lqr.New(lqr.Spec{A: matrixeq.Scalar(tt.a), B: matrixeq.Scalar(tt.b), Q: matrixeq.Scalar(tt.q), R: matrixeq.Scalar(tt.r)})
		if err != nil {
			t.Fatal(err)
		}
		p, err := task.Evaluate([]float64{tt.w})
		if err != nil {
			t.Fatal(err)
		}
		// Taylor coefficients of numerator and denominator at w, then of the
		// quotient: c_k = (n_k − Σ_{j≥1} d_j c_{k−j}) / d_0; C⁽ᵏ⁾ = k! c_k.
		a, b, q, r, w := rat(tt.a), rat(tt.b), rat(tt.q), rat(tt.r), rat(tt.w)
		mul := func(x ...*big.Rat) *big.Rat {
			z := big.NewRat(1, 1)
			for _, y := range x {
				z.Mul(z, y)
			}
			return z
		}
		aw := new(big.Rat).Sub(a, mul(b, w))
		num := []*big.Rat{new(big.Rat).Add(q, mul(r, w, w)), mul(big.NewRat(2, 1), r, w), r, new(big.Rat)}
		den := []*big.Rat{new(big.Rat).Sub(big.NewRat(1, 1), mul(aw, aw)), mul(big.NewRat(2, 1), aw, b), new(big.Rat).Neg(mul(b, b)), new(big.Rat)}
		c := make([]float64, 4)
		var coef []*big.Rat
		factorial := int64(1)
		for k := range 4 {
			x := new(big.Rat).Set(num[k])
			for j := 1; j <= k; j++ {
				x.Sub(x, mul(den[j], coef[k-j]))
			}
			x.Quo(x, den[0])
			coef = append(coef, x)
			if k > 0 {
				factorial *= int64(k)
			}
			c[k], _ = mul(x, big.NewRat(factorial, 1)).Float64()
		}
		got := make([]float64, 4)
		got[0] = p.Value()
		p.Grad(got[1:2])
		p.HessVec(got[2:3], []float64{1})
		p.Third(got[3:4], []float64{1}, []float64{1})
		for k := range 4 {
			// 1 − (a−bw)² near the border loses digits of 1; the last case has 2⁻⁹.
			near(t, "derivative", got[k:k+1], c[k:k+1], 1e-12)
		}
	}
}

// At the optimum E = 0 and the Hessian is 2 S ⊗ Σ exactly.
func TestHessianAtOptimum(t *testing.T) {
	task, err := lqr.New(boeing(t))
	if err != nil {
		t.Fatal(err)
	}
	opt := task.Optimum()
	p, err := task.Evaluate(opt.Gain.Data)
	if err != nil {
		t.Fatal(err)
	}
	n, r := task.States(), task.Inputs()
	var s, t1 mat.Dense
	t1.Mul(dense(opt.P), dense(task.Spec().B))
	s.Mul(dense(task.Spec().B).T(), &t1)
	s.Add(&s, dense(task.Spec().R))
	got, z := poisoned(r*n), make([]float64, r*n)
	for k := range z {
		clear(z)
		z[k] = 1
		p.HessVec(got, z)
		i, j := k/n, k%n
		want := make([]float64, r*n)
		for a := range r {
			for b := range n {
				want[a*n+b] = 2 * s.At(a, i) * p.Sigma().At(j, b)
			}
		}
		near(t, "column", got, want, 1e-11)
	}
}

// tasks are random systems of many shapes, each with a gain inside its domain.
func tasks(t testing.TB, seed uint64) (out []*lqr.Task, gains [][]float64) {
	t.Helper()
	rng := rand.New(rand.NewPCG(seed, 0))
	for _, size := range [][2]int{{1, 1}, {1, 2}, {2, 1}, {2, 2}, {3, 1}, {4, 2}, {3, 5}, {8, 3}, {12, 4}} {
		n, r := size[0], size[1]
		spec := lqr.Spec{A: random(rng, n, n), B: random(rng, n, r), Q: gram(rng, n, n, .1), R: gram(rng, r, r, .5), Sigma0: gram(rng, n, n, .3)}
		for i := range spec.A.Data {
			spec.A.Data[i] *= 1.1 / math.Sqrt(float64(n))
		}
		task, err := lqr.New(spec)
		if err != nil {
			t.Fatal(err)
		}
		gain := slices.Clone(task.Optimum().Gain.Data)
		for s := 0.1; ; s /= 2 {
			x := slices.Clone(gain)
			for i := range x {
				x[i] += s * rng.NormFloat64()
			}
			if _, err := task.Evaluate(x); err == nil {
				gain = x
				break
			} else if !errors.Is(err, lqr.ErrUnstable) {
				t.Fatal(err)
			}
		}
		out, gains = append(out, task), append(gains, gain)
	}
	return out, gains
}

func vector(rng *rand.Rand, n int) []float64 {
	x := make([]float64, n)
	for i := range x {
		x[i] = rng.NormFloat64()
	}
	return x
}

func dot(x, y []float64) float64 {
	s := 0.0
	for i := range x {
		s += x[i] * y[i]
	}
	return s
}

// The Hessian and the third derivative are symmetric, which no formula above
// shows at a glance: ⟨Y, H Z⟩ = ⟨H Y, Z⟩ and T[Y,Z] = T[Z,Y], ⟨X, T[Y,Z]⟩ = ⟨Y, T[X,Z]⟩.
// Inputs stay as they were.
func TestSymmetries(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	ts, gains := tasks(t, 5)
	for i, task := range ts {
		gain := slices.Clone(gains[i])
		p, err := task.Evaluate(gain)
		if err != nil {
			t.Fatal(err)
		}
		m := task.Dim()
		x, y, z := vector(rng, m), vector(rng, m), vector(rng, m)
		y0, z0 := slices.Clone(y), slices.Clone(z)
		hy, hz, tyz, tzy, txz := poisoned(m), poisoned(m), poisoned(m), poisoned(m), poisoned(m)
		p.HessVec(hy, y)
		p.HessVec(hz, z)
		p.Third(tyz, y, z)
		p.Third(tzy, z, y)
		p.Third(txz, x, z)
		scale := math.Sqrt(dot(hz, hz) * dot(y, y))
		if d := math.Abs(dot(y, hz) - dot(hy, z)); d > 1e-12*scale {
			t.Errorf("task %d: Hessian asymmetric by %.2g of %.2g", i, d, scale)
		}
		near(t, "T[Y,Z] = T[Z,Y]", tyz, tzy, 1e-11)
		scale = math.Sqrt(dot(tyz, tyz) * dot(x, x))
		if d := math.Abs(dot(x, tyz) - dot(txz, y)); d > 1e-10*scale {
			t.Errorf("task %d: third derivative asymmetric by %.2g of %.2g", i, d, scale)
		}
		if !slices.Equal(y, y0) || !slices.Equal(z, z0) || !slices.Equal(gain, gains[i]) {
			t.Errorf("task %d: an input was modified", i)
		}
	}
}

// A change of state coordinates s = T s' turns (A, B, Q, Σ₀, W) into
// (T⁻¹AT, T⁻¹B, TᵀQT, T⁻¹Σ₀T⁻ᵀ, WT) and changes no cost; gradients become
// ∇C T⁻ᵀ.
func TestStateCoordinates(t *testing.T) {
	rng := rand.New(rand.NewPCG(6, 7))
	ts, gains := tasks(t, 8)
	for i, task := range ts {
		n, r := task.States(), task.Inputs()
		tr := random(rng, n, n)
		for k := range tr.Data {
			tr.Data[k] /= math.Sqrt(float64(n))
		}
		for k := range n {
			tr.Data[k*n+k] += 4 // singular values in [2, 6]
		}
		var inv mat.Dense
		if err := inv.Inverse(dense(tr)); err != nil {
			t.Fatal(err)
		}
		product := func(ms ...mat.Matrix) matrixeq.Matrix {
			var p mat.Dense
			p.CloneFrom(ms[0])
			for _, m := range ms[1:] {
				var q mat.Dense
				q.Mul(&p, m)
				p.CloneFrom(&q)
			}
			rows, cols := p.Dims()
			return matrixeq.Matrix{Rows: rows, Cols: cols, Data: p.RawMatrix().Data}
		}
		symmetric := func(m matrixeq.Matrix) matrixeq.Matrix {
			for a := range m.Rows {
				for b := range a {
					v := (m.At(a, b) + m.At(b, a)) / 2
					m.Set(a, b, v)
					m.Set(b, a, v)
				}
			}
			return m
		}
		spec, T := task.Spec(), dense(tr)
		spec.A = product(&inv, dense(spec.A), T)
		spec.B = product(&inv, dense(spec.B))
		spec.Q = symmetric(product(T.T(), dense(spec.Q), T))
		spec.Sigma0 = symmetric(product(&inv, dense(spec.Sigma0), inv.T()))
		moved, err := lqr.New(spec)
		if err != nil {
			t.Fatal(err)
		}
		w := mat.NewDense(r, n, gains[i])
		wt := product(w, T)
		p, err := task.Evaluate(gains[i])
		if err != nil {
			t.Fatal(err)
		}
		q, err := moved.Evaluate(wt.Data)
		if err != nil {
			t.Fatal(err)
		}
		// Inverting T and forming the products rounds by some 1e2 ε.
		near(t, "C*", []float64{moved.Optimum().Cost}, []float64{task.Optimum().Cost}, 1e-11)
		near(t, "C", []float64{q.Value()}, []float64{p.Value()}, 1e-11)
		g, h := poisoned(r*n), poisoned(r*n)
		p.Grad(g)
		q.Grad(h)
		near(t, "∇C", h, product(mat.NewDense(r, n, g), inv.T()).Data, 1e-10)
	}
}

// Multiplying the cost by c multiplies value and derivatives by c and leaves
// W*, the natural step at η/c and the Gauss–Newton step at η where they are.
func TestCostScale(t *testing.T) {
	ts, gains := tasks(t, 9)
	for i, task := range ts {
		for _, c := range []float64{0x1p-20, 8, 0x1p300} { // exact
			scaled, err := lqr.New(task.Spec().ScaleCost(c))
			if err != nil {
				t.Fatal(err)
			}
			near(t, "W*", scaled.Optimum().Gain.Data, task.Optimum().Gain.Data, 1e-12)
			near(t, "C*", []float64{scaled.Optimum().Cost / c}, []float64{task.Optimum().Cost}, 1e-12)
			s1, err1 := (lqr.GaussNewton{Task: task, Rate: .3}).At(gains[i])
			s2, err2 := (lqr.GaussNewton{Task: scaled, Rate: .3}).At(gains[i])
			if err1 != nil || err2 != nil {
				t.Fatal(err1, err2)
			}
			near(t, "Gauss–Newton step", s2.To(), s1.To(), 1e-13)
		}
	}
}

// Policy iteration: from W₁ on, C(W_{k+1}) − C* ≤ κ (C(W_k) − C*)², so the ratio of
// gap to squared gap stays bounded until rounding, whose floor is far below
// the first gaps. Gradient and natural steps reach the same optimum.
func TestDirectMethods(t *testing.T) {
	ts, gains := tasks(t, 10)
	for i, task := range ts {
		d, err := task.Descend(gains[i], lqr.GaussNewtonGradient, 0.5, 1e-26, 30)
		if err != nil {
			t.Fatal(err)
		}
		c := task.Optimum().Cost
		worst, floor := 0.0, 1e-24*c
		for k := 1; k < len(d.Gaps) && d.Gaps[k] > floor; k++ {
			worst = max(worst, d.Gaps[k]*c/(d.Gaps[k-1]*d.Gaps[k-1]))
		}
		if worst > 1e3 || len(d.Gaps) > 9 {
			t.Errorf("task %d: gaps %.3g do not square (ratio %.3g)", i, d.Gaps, worst)
		}
		// A step of twice the rate converges linearly only: |1 − 2η| = ½.
		slow, err := task.Descend(gains[i], lqr.GaussNewtonGradient, 0.25, 1e-10, 60)
		if err != nil || !slow.Converged {
			t.Errorf("task %d: half steps: %v, gaps %.3g", i, err, slow.Gaps)
		} else if k := len(slow.Gaps) - 1; math.Abs(slow.Gaps[k]/slow.Gaps[k-1]-.25) > .01 {
			t.Errorf("task %d: rate of half steps %v, want ¼", i, slow.Gaps[k]/slow.Gaps[k-1])
		}
	}
	// Gradient and natural gradient from near the optimum of a 2×2 task, where
	// they differ: the gap falls at every step, and by the factor
	// (1 − η λ)² of the slowest mode in the end, λ the least eigenvalue of
	// ∇²C(W*) = 2 S* ⊗ Σ, or of 2 S*.
	task := ts[3]
	opt := task.Optimum()
	p, err := task.Evaluate(opt.Gain.Data)
	if err != nil {
		t.Fatal(err)
	}
	h := objective.Spectrum(p, task.Dim(), 0)
	var s, t1 mat.Dense
	t1.Mul(dense(opt.P), dense(task.Spec().B))
	s.Mul(dense(task.Spec().B).T(), &t1)
	s.Add(&s, dense(task.Spec().R))
	var eig mat.EigenSym
	if !eig.Factorize(mat.NewSymDense(2, s.RawMatrix().Data), false) {
		t.Fatal("no eigenvalues of S*")
	}
	v := eig.Values(nil)
	start := slices.Clone(opt.Gain.Data)
	for i := range start {
		start[i] += 1e-3 * float64(i+1)
	}
	for _, m := range []struct {
		name       string
		d          lqr.Direction
		rate, slow float64
	}{{"gradient", lqr.Gradient, 1 / h.Norm, h.Min}, {"natural", lqr.NaturalGradient, 1 / (2 * v[1]), 2 * v[0]}} {
		d, err := task.Descend(start, m.d, m.rate, 1e-18, 20000)
		if err != nil || !d.Converged {
			t.Fatalf("%s: %v, gap %v", m.name, err, d.Gaps[len(d.Gaps)-1])
		}
		k := len(d.Gaps) - 1
		want := (1 - m.rate*m.slow) * (1 - m.rate*m.slow)
		if got := d.Gaps[k] / d.Gaps[k-1]; math.Abs(got-want) > .02 {
			t.Errorf("%s: the gap shrinks by %v at last, want %v", m.name, got, want)
		}
		if !slices.IsSortedFunc(d.Gaps, func(a, b float64) int {
			if a > b {
				return -1
			}
			return 1
		}) {
			t.Errorf("%s: gaps do not fall", m.name)
		}
	}
	if d, err := task.Descend(start, lqr.Gradient, 1e-6, 1e-30, -1); err != nil || d.Iterations != 0 {
		t.Errorf("no iterations: %d, %v", d.Iterations, err)
	}
}

// Gauss–Newton with 0 < η < 1 lands on a stabilising gain from any.
func TestGaussNewtonStabilises(t *testing.T) {
	for seed := range uint64(20) {
		ts, gains := tasks(t, 100+seed)
		for i, task := range ts {
			for _, η := range []float64{1e-3, .3, .5, .7, .999} {
				s, err := (lqr.GaussNewton{Task: task, Rate: η}).At(gains[i])
				if err != nil {
					t.Fatal(err)
				}
				if _, err := task.Evaluate(s.To()); err != nil {
					t.Errorf("seed %d, task %d, η = %v: %v", seed, i, η, err)
				}
			}
		}
	}
}

// At a rate of zero every rule is the identity.
func TestZeroRate(t *testing.T) {
	rng := rand.New(rand.NewPCG(11, 12))
	ts, gains := tasks(t, 13)
	for i, task := range ts {
		for _, rule := range []objective.Rule{lqr.Natural{Task: task}, lqr.GaussNewton{Task: task}} {
			s, err := rule.At(gains[i])
			if err != nil {
				t.Fatal(err)
			}
			m := task.Dim()
			z, v := vector(rng, m), vector(rng, m)
			push, pull, deriv := poisoned(m), poisoned(m), poisoned(m)
			s.Push(push, z)
			s.Pull(pull, v)
			s.PullDeriv(deriv, z, v)
			if !slices.Equal(s.To(), gains[i]) || !slices.Equal(push, z) || !slices.Equal(pull, v) || dot(deriv, deriv) != 0 {
				t.Errorf("task %d: %T at rate 0 is not the identity", i, rule)
			}
		}
	}
}

// The gap keeps its relative accuracy where a subtraction has none: at
// W* + t Z it is t²⟨Z, S*ZΣ⟩ (1 + O(t)), here for t down to 1e-8.
func TestGapIsAccurate(t *testing.T) {
	task, err := lqr.New(lqr.Spec{A: matrixeq.Scalar(1), B: matrixeq.Scalar(1), Q: matrixeq.Scalar(1), R: matrixeq.Scalar(1)})
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range []float64{1e-4, 1e-6, 1e-8} {
		w := task.Optimum().Gain.Data[0] + h
		p, err := task.Evaluate([]float64{w})
		if err != nil {
			t.Fatal(err)
		}
		// Exactly S* Δ²/(1 − (1−w)²); W* = (√5−1)/2 and S* = 1 + φ are irrational, Δ has ε/h of error.
		φ := (1 + math.Sqrt(5)) / 2
		Δ := w - (φ - 1)
		want := (1 + φ) * Δ * Δ / (1 - (1-w)*(1-w))
		near(t, "gap", []float64{p.Gap()}, []float64{want}, 4*0x1p-52/h)
	}
}

// A deterministic x₀ sees only part of the state: A = diag(.5, 1.2),
// B = (0,1)ᵀ, x₀ = (1,0). Every stabilising (0, k) has the same cost, 4/3 for
// Q = I.
func TestBlindInitialState(t *testing.T) {
	task, err := lqr.New(lqr.Spec{A: matrixeq.Diagonal(.5, 1.2), B: rows(t, []float64{0}, []float64{1}),
		Q: matrixeq.Identity(2), R: matrixeq.Scalar(1), X0: []float64{1, 0}})
	if err != nil {
		t.Fatal(err)
	}
	if task.Definite() {
		t.Error("Σ₀ = x₀x₀ᵀ reported definite")
	}
	for _, k := range []float64{.3, 1, 2.1} {
		p, err := task.Evaluate([]float64{0, k})
		if err != nil {
			t.Fatal(err)
		}
		near(t, "C", []float64{p.Value()}, []float64{4. / 3}, 1e-15)
		if g := p.Gap(); g > 1e-15 {
			t.Errorf("gap %v at k = %v, want 0", g, k)
		}
	}
}

// Where conditioning forbids digits, it is reported: the reference task
// laub-nonnormal has a closed loop whose transients reach 1e2.
func TestConditionIsReported(t *testing.T) {
	for _, ref := range references(t) {
		p, err := ref.task(t).Evaluate(ref.W.Data)
		if err != nil {
			t.Fatal(err)
		}
		// ‖L⁻¹‖₂ is attained at I: the norm of X = A_W X A_Wᵀ + I.
		n := ref.A.Rows
		var aw, bw mat.Dense
		bw.Mul(dense(ref.B), dense(ref.W))
		aw.Sub(dense(ref.A), &bw)
		x, power := mat.NewDense(n, n, nil), mat.NewDense(n, n, nil)
		for i := range n {
			power.Set(i, i, 1)
		}
		for range 2000 {
			var next, term mat.Dense
			term.Mul(power, power.T())
			x.Add(x, &term)
			next.Mul(&aw, power)
			power.Copy(&next)
		}
		var e mat.EigenSym
		if !e.Factorize(mat.NewSymDense(n, x.RawMatrix().Data), false) {
			t.Fatal("no eigenvalues")
		}
		want := e.Values(nil)[n-1]
		c, r := p.Condition(), p.Residual()
		if math.Abs(c/want-1) > 1e-9 || !(r < 1e-13) {
			t.Errorf("%s: condition %.10g, want %.10g; residual %.3g", ref.Name, c, want, r)
		}
		if e := apart(p.P().Data, ref.AtW.P); e > 10*c*0x1p-52*float64(ref.A.Rows) {
			t.Errorf("%s: error %.3g beyond condition %.3g", ref.Name, e, c)
		}
		t.Logf("%s: condition %.3g, residual %.2g, error of P %.2g", ref.Name, c, r, apart(p.P().Data, ref.AtW.P))
	}
}

// Two inputs that do the same, near the border: BᵀPB has rank one and is so
// large that R drowns in its rounding. The Gauss–Newton direction is an error
// there, not noise; the gradient remains.
func TestRedundantInputs(t *testing.T) {
	task, err := lqr.New(lqr.Spec{Name: "twins", A: matrixeq.Scalar(1), B: rows(t, []float64{1, 1}),
		Q: matrixeq.Scalar(1), R: matrixeq.Diagonal(1e-11, 1e-11)})
	if err != nil {
		t.Fatal(err)
	}
	x := []float64{1 - 1e-8, 1 - 1e-8} // A − B W = −1 + 2e-8
	p, err := task.Evaluate(x)
	if err != nil {
		t.Fatal(err)
	}
	var over *lqr.OverflowError
	if err := p.GaussNewton(make([]float64, 2)); !errors.As(err, &over) || over.Task != "twins" || !errors.Is(err, objective.ErrDomain) {
		t.Errorf("direction: %v", err)
	}
	if _, err := (lqr.GaussNewton{Task: task, Rate: .5}).At(x); !errors.As(err, &over) {
		t.Errorf("step: %v", err)
	}
	if _, err := (lqr.Natural{Task: task, Rate: .5}).At(x); err != nil {
		t.Errorf("natural step: %v", err)
	}
}

// The tolerance of a descent is relative to C*, and Σ₀ = I is definite.
func TestDescendToleranceIsRelative(t *testing.T) {
	task, err := lqr.New(boeing(t))
	if err != nil {
		t.Fatal(err)
	}
	if !task.Definite() {
		t.Error("Σ₀ = I reported singular")
	}
	scaled, err := lqr.New(boeing(t).ScaleCost(0x1p40))
	if err != nil {
		t.Fatal(err)
	}
	a, err1 := task.Descend(boeingStart, lqr.GaussNewtonGradient, .25, 1e-6, 100)
	b, err2 := scaled.Descend(boeingStart, lqr.GaussNewtonGradient, .25, 1e-6, 100)
	if err1 != nil || err2 != nil || !a.Converged || a.Iterations != b.Iterations {
		t.Errorf("%d iterations, scaled %d: %v, %v", a.Iterations, b.Iterations, err1, err2)
	}
}

// Two large inputs that cancel: A − B W is formed with an error of 1e8 ε, and no
// gain that is exactly outside the stabilising set may pass for one inside.
func TestUnstableByRoundingAlone(t *testing.T) {
	rng := rand.New(rand.NewPCG(15, 16))
	rat := func(x float64) *big.Rat { return new(big.Rat).SetFloat64(x) }
	const b = 1.23456789e8
	for _, cross := range []float64{0, 0.3e8} {
		spec := lqr.Spec{A: matrixeq.Scalar(1.1), B: rows(t, []float64{b, b}), Q: matrixeq.Scalar(1), R: matrixeq.Diagonal(1e16, 1e16)}
		if cross != 0 {
			spec.N = rows(t, []float64{cross, -cross})
		}
		task, err := lqr.New(spec)
		if err != nil {
			t.Fatal(err)
		}
		outside, inside := 0, 0
		for range 20000 {
			w := 1 + rng.Float64()
			// A − B W = ±1 within a few of its own roundings.
			edge := 0.1
			if rng.IntN(2) == 0 {
				edge = 2.1
			}
			x := []float64{w, edge/b - w + 1e-16*rng.NormFloat64()}
			loop := rat(1.1)
			for _, v := range x {
				loop.Sub(loop, new(big.Rat).Mul(rat(b), rat(v)))
			}
			stable := loop.Abs(loop).Cmp(big.NewRat(1, 1)) < 0
			_, err := task.Evaluate(x)
			switch {
			case !stable && err == nil:
				t.Fatalf("W = %v: |A − B W| = %s passes for stable", x, loop.FloatString(20))
			case !stable:
				outside++
			case err == nil:
				inside++
			}
		}
		if outside < 1000 {
			t.Errorf("only %d gains were outside, %d shown inside", outside, inside)
		}
	}
}
