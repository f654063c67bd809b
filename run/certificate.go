package run

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"

	"github.com/metalqr/metalqr/family"
	"github.com/metalqr/metalqr/internal/dense"
	"github.com/metalqr/metalqr/maml"
	"github.com/metalqr/metalqr/matrixeq"
	"github.com/metalqr/metalqr/objective"
)

// The verdicts of a certificate. They are found in floating point: none of
// them is called a proof.
const (
	Met          = "met"            // every condition holds by its margin
	NotMet       = "not-met"        // one does not
	DoesNotApply = "does-not-apply" // the theorem is not about this problem
	Undetermined = "undetermined"   // none fails, but one is not known
)

// The theorems whose conditions are checked, of Molybog & Lavaei
// (arXiv 2006.00453), both about one task (one map F):
//
//	theorem-2      ∇h(w) = 0, F(w) stabilising, Σ₀ ≻ 0, and I − η∇²C(w_k) = J
//	               non-singular at every inner step: then ∇C(F(w)) = 0 and w is
//	               a global minimiser. The argument needs J alone, whatever the
//	               rule.
//	proposition-1  f ε-global, ∇h(w) = 0, ∇²h(w) ≻ 0, η‖∇²g(w_k)‖₂ < 1: then
//	               h(w) − min h ≤ ε. For an LQR task with Σ₀ ≻ 0, ε = 0, and so
//	               for a convex f; for others it is what the user declares. It
//	               is about gradient steps.
const (
	theorem2     = "theorem-2"
	proposition1 = "proposition-1"
)

// A Certificate holds the conditions of the paper's pointwise theorems at the
// gain found. The gap beside it is a bound whatever the verdict.
type Certificate struct {
	Verdict    string      `json:"verdict"`
	Reason     string      `json:"reason"`
	Theorems   []Theorem   `json:"theorems"`
	Epsilon    *Epsilon    `json:"epsilon,omitempty"` // of f, where it is no LQR task and an ε is known
	Conditions []Condition `json:"conditions"`
}

// An Epsilon is what the ε-globality of f rests on.
type Epsilon struct {
	Value Number `json:"value"`
	From  string `json:"from"` // "convex", or "declared": nothing checks that
}

// A Theorem is what the conditions of one theorem come to.
type Theorem struct {
	Name    string `json:"name"`
	Verdict string `json:"verdict"`
}

// A Condition is one measured number against its limit.
type Condition struct {
	Name   string `json:"name"`
	Task   string `json:"task"`
	Step   int    `json:"step"`  // inner step, from 0; for conditions at F(w), the number of steps
	Value  Number `json:"value"` // null where it was not formed
	Limit  Number `json:"limit"`
	Sense  string `json:"sense"`  // "<" or ">": how value must stand to limit
	Margin Number `json:"margin"` // by how much it must clear the limit; null where no margin is known to be enough
	Holds  bool   `json:"holds"`

	// Undetermined: the value was not formed, or is known only from the side
	// that flatters it, and does not fail.
	Undetermined bool `json:"undetermined,omitempty"`

	flattering bool // value is a bound from the side that lets it hold
	theorems   []string
}

func (c *Condition) decide() {
	v, l, m := float64(c.Value), float64(c.Limit), float64(c.Margin)
	if c.Sense == "<" {
		c.Holds = v <= l-m && v < l
	} else {
		c.Holds = v >= l+m && v > l
	}
	if c.Holds && c.flattering {
		c.Holds, c.Undetermined = false, true
	}
}

const (
	// stationaryLimit bounds ‖∇h‖ (1 + ‖w‖)/|h| where w counts as stationary,
	// whatever tolerance the run was given.
	stationaryLimit = maml.DefaultTolerance

	// gapLimit bounds (h − C*)/|C*| of one task. At a stationary w the theorems
	// say 0. Where h is convex between w and the minimiser w̄ nearest to it,
	//
	//	h(w) − h(w̄) ≤ ‖∇h(w)‖ ‖w − w̄‖ ≤ ‖∇h(w)‖ (1 + ‖w‖)   for ‖w − w̄‖ ≤ 1 + ‖w‖,
	//
	// which is what stationaryLimit leaves room for.
	gapLimit = stationaryLimit

	// gapRounding is what the gap of an optimum may be, relative to C*.
	gapRounding = 1e-14

	// jacobianRounding is what a singular value of J must clear, relative to
	// 1 + ‖J‖: J comes from solves whose measured residuals are below 1e-12,
	// and w is no nearer to a spurious minimiser, where σ_min = 0, than about
	// 1e-8 when that point is degenerate.
	jacobianRounding = 1e-7

	// drift multiplies the change of J over the Newton step to the stationary
	// point, which is its distance to first order.
	drift = 2

	tiny = 0x1p-1022
)

// certify measures the conditions at the point a training run ended with. The
// conditions are those of every task; with several different tasks they decide
// nothing, and the verdict says so. pt is the meta-objective there, with its
// gradient, whatever direction the algorithm steps along.
//
// Cost: up to objective.DenseLimit parameters, dim products with ∇²h and dim
// with every J and ∇²g; above, Lanczos steps, and what they cannot show is
// undetermined.
func (p *Problem) certify(res *maml.Result, pt mixed, x []float64, rates []float64) (*Certificate, error) {
	if p.learned != nil || p.Family.Meta.Algorithm.Proximal() {
		return &Certificate{Verdict: DoesNotApply, Conditions: []Condition{},
			Reason:   "Theorem 2 and Proposition 1 are about inner steps at a given rate",
			Theorems: []Theorem{{theorem2, DoesNotApply}, {proposition1, DoesNotApply}}}, nil
	}
	dim := p.Dim()
	g := make([]float64, dim)
	pt.Grad(g)
	rounding := float64(dim) * 0x1p-52
	both := []string{theorem2, proposition1}
	c := &Certificate{}
	add := func(cond Condition) {
		cond.decide()
		c.Conditions = append(c.Conditions, cond)
	}
	add(Condition{Name: "stationary", Value: Number(dense.Norm(g) * (1 + dense.Norm(x)) / math.Max(math.Abs(pt.Value()), tiny)),
		Limit: stationaryLimit, Sense: "<", Margin: Number(64 * rounding), theorems: both})
	curvature := res.Curvature
	if len(curvature.MinVec) == 0 {
		curvature = objective.Spectrum(pt, dim, 0)
	}
	add(Condition{Name: "meta-hessian-min", Value: Number(curvature.Min), Sense: ">",
		Margin:     Number((curvature.Asymmetry + rounding) * curvature.Norm),
		flattering: !curvature.Exact, theorems: []string{proposition1}})

	tasks := p.Tasks
	if p.single() {
		tasks = tasks[:1]
		if t := plant(tasks[0].Outer); t != nil {
			add(Condition{Name: "gap", Task: tasks[0].Name, Step: len(rates), Value: Number(pt.Gap() / math.Max(math.Abs(t.Optimum().Cost), tiny)),
				Limit: gapLimit, Sense: "<", Margin: gapRounding, theorems: both})
		}
	}
	gradient := p.Family.Meta.Inner.Rule == family.RuleGradient
	var near mixed
	if dim <= objective.DenseLimit {
		var err error
		if near, err = p.stationaryPoint(pt, x, rates); err != nil {
			return nil, err
		}
	}
	by := make([][]Condition, len(tasks))
	err := p.conditions(by, pt, near, x, rates)
	if err != nil {
		return nil, err
	}
	for _, list := range by {
		for _, cond := range list {
			cond.decide()
			c.Conditions = append(c.Conditions, cond)
		}
	}
	p.judge(c, gradient)
	return c, nil
}

// conditions fills in those of the first len(by) tasks, at pt and, unless it is
// nil, at the stationary point near it.
func (p *Problem) conditions(by [][]Condition, pt, near mixed, x, rates []float64) error {
	both := []string{theorem2, proposition1}
	dim, steps := p.Dim(), len(rates)
	rounding := float64(dim) * 0x1p-52
	gradient := p.Family.Meta.Inner.Rule == family.RuleGradient
	after, err := pt.outcomes()
	if err != nil {
		return err
	}
	var all [][]slope
	if gradient {
		some := *p
		some.Tasks = p.Tasks[:len(by)]
		if all, err = some.slopesAlong(x, rates); err != nil {
			return err
		}
	}
	small := dim <= objective.DenseLimit
	// Jacobians of so many tasks at a time as take some megabytes.
	chunk := len(by)
	if small {
		chunk = max(1, min(chunk, 1<<19/max(1, steps*dim*dim)))
	}
	var at, moved []float64
	for lo := 0; lo < len(by); lo += chunk {
		hi := min(len(by), lo+chunk)
		if size := (hi - lo) * steps * dim * dim; small {
			if at == nil {
				at, moved = make([]float64, size), make([]float64, size)
			}
			if err := pt.jacobians(at[:size], lo, hi); err != nil {
				return err
			}
			if near != nil {
				if err := near.jacobians(moved[:size], lo, hi); err != nil {
					return err
				}
			}
		}
		err := everyTask(hi-lo, func(j int) error {
			i := lo + j
			t := &p.Tasks[i]
			add := func(cond Condition) { by[i] = append(by[i], cond) }
			outer := plant(t.Outer)
			if outer != nil {
				lo, hi := symmetricRange(outer.Sigma0())
				add(Condition{Name: "sigma0-min", Task: t.Name, Value: Number(lo), Sense: ">",
					Margin: Number(float64(outer.States()) * 0x1p-52 * hi), theorems: both})
			}
			for k := range rates {
				if gradient {
					s := all[k][i]
					add(Condition{Name: "inner-rate", Task: t.Name, Step: k, Value: Number(math.Abs(rates[k]) * s.norm), Limit: 1, Sense: "<",
						Margin: Number(rounding), flattering: !s.exact, theorems: []string{proposition1}})
				}
				// σ_min(J) is how far F is from not being locally open at w_k
				// (Definition 3): for the gradient rule J = I − η∇²g.
				open := Condition{Name: "jacobian-sigma-min", Task: t.Name, Step: k, Sense: ">", theorems: []string{theorem2}}
				if !small {
					open.Value, open.Margin, open.Undetermined = Number(math.NaN()), infinite, true
				} else {
					jacobian := at[(j*steps+k)*dim*dim:][:dim*dim]
					least, greatest := objective.SingularValues(jacobian, dim)
					margin := math.Inf(1)
					if near != nil {
						change := moved[(j*steps+k)*dim*dim:][:dim*dim]
						dense.Sub(change, change, jacobian)
						margin = jacobianRounding*(1+greatest) + drift*dense.Norm(change)
					}
					open.Value, open.Margin = Number(least), Number(margin)
				}
				add(open)
			}
			if outer == nil {
				return nil
			}
			gain := after.gains[i*dim : (i+1)*dim]
			ρ, err := outer.Radius(gain)
			if err != nil {
				return err
			}
			a, b := outer.Plant()
			scale := dense.Norm(a.Data) + dense.Norm(b.Data)*dense.Norm(gain)
			add(Condition{Name: "adapted-radius", Task: t.Name, Step: steps, Value: Number(ρ), Limit: Number(1 / math.Sqrt(outer.Discount())), Sense: "<",
				Margin: Number(float64(a.Rows) * 0x1p-52 * scale), theorems: both})
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// stationaryPoint is the meta-objective at w − (∇²h)⁻¹ ∇h, the stationary point
// near w = x to first order. It is nil where there is none to speak of: ∇²h is
// singular to working precision, or the step leaves the domain.
func (p *Problem) stationaryPoint(pt mixed, x, rates []float64) (mixed, error) {
	dim := len(x)
	h, asymmetry := objective.DenseHessian(pt, dim)
	var eigen mat.EigenSym
	if !dense.Finite(h) || !eigen.Factorize(mat.NewSymDense(dim, h), true) {
		return nil, nil
	}
	var vectors mat.Dense
	eigen.VectorsTo(&vectors)
	values := eigen.Values(nil)
	norm := math.Max(math.Abs(values[0]), math.Abs(values[dim-1]))
	g := make([]float64, dim)
	pt.Grad(g)
	to, v := slices.Clone(x), make([]float64, dim)
	for k, λ := range values {
		if !(math.Abs(λ) > (asymmetry+float64(dim)*0x1p-52)*norm) {
			return nil, nil
		}
		mat.Col(v, k, &vectors)
		dense.AddScaled(to, -dense.Dot(v, g)/λ, v)
	}
	m, err := p.mixture(rates)
	if err != nil {
		return nil, err
	}
	near, err := m.evaluate(to)
	if err != nil {
		if isDomain(err) {
			return nil, nil
		}
		return nil, err
	}
	return near, nil
}

func (p *Problem) judge(c *Certificate, gradient bool) {
	verdict := func(theorem string) string {
		out := Met
		for _, cond := range c.Conditions {
			for _, t := range cond.theorems {
				switch {
				case t != theorem:
				case cond.Undetermined:
					out = Undetermined
				case !cond.Holds:
					return NotMet
				}
			}
		}
		return out
	}
	if !p.single() {
		c.Verdict = DoesNotApply
		c.Reason = "Theorem 2 and Proposition 1 are about one task; with several different tasks they say nothing, whatever the numbers"
		c.Theorems = []Theorem{{theorem2, DoesNotApply}, {proposition1, DoesNotApply}}
		return
	}
	t2, p1 := verdict(theorem2), verdict(proposition1)
	f := p.Tasks[0].Outer
	if plant(f) == nil || !same(f, p.Tasks[0].Inner) {
		t2 = DoesNotApply // it speaks of f = g = C
	}
	if !gradient {
		p1 = DoesNotApply
	}
	if plant(f) == nil {
		if ε, why := epsilon(f); why != "" {
			c.Epsilon = &Epsilon{Number(ε), why}
		} else {
			p1 = DoesNotApply
		}
	}
	c.Theorems = []Theorem{{theorem2, t2}, {proposition1, p1}}
	c.Verdict = Met
	for _, v := range []string{t2, p1} {
		if v == NotMet || v == Undetermined && c.Verdict != NotMet {
			c.Verdict = v
		}
	}
	if t2 == DoesNotApply && p1 == DoesNotApply {
		c.Verdict = DoesNotApply
		c.Reason = "Theorem 2 needs f = g, and Proposition 1 gradient steps"
		if plant(f) == nil {
			c.Reason = "Theorem 2 is about infinite-horizon LQR, and Proposition 1 needs gradient steps and f to be ε-global for an ε that is known"
		}
		return
	}
	c.Reason = map[string]string{
		Met:          "every condition holds: the gain is a global minimiser, as far as floating point can tell",
		NotMet:       "a condition does not hold; the gap is a bound all the same",
		Undetermined: fmt.Sprintf("no condition fails, but above %d parameters some are known from one side only, or not at all", objective.DenseLimit),
	}[c.Verdict]
	if e := c.Epsilon; e != nil && c.Verdict == Met {
		c.Reason = fmt.Sprintf("every condition of Proposition 1 holds: the value is at most ε = %g (%s) above its minimum, as far as floating point can tell", float64(e.Value), e.From)
	}
}

// symmetricRange is λ_min and λ_max.
func symmetricRange(m matrixeq.Matrix) (lo, hi float64) {
	var e mat.EigenSym
	if !e.Factorize(mat.NewSymDense(m.Rows, m.Data), false) {
		return math.NaN(), math.NaN()
	}
	v := e.Values(nil)
	return v[0], v[len(v)-1]
}
