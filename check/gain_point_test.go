package check

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/metalqr/metalqr/certificate"
	"github.com/metalqr/metalqr/family"
	"github.com/metalqr/metalqr/interval"
	"github.com/metalqr/metalqr/lqr"
	"github.com/metalqr/metalqr/maml"
	"github.com/metalqr/metalqr/matrixeq"
	"github.com/metalqr/metalqr/objective"
)

// metaOf is h, as packages lqr and maml compute it.
func metaOf(t testing.TB, f *family.Family) *maml.Meta {
	t.Helper()
	m, err := maml.NewMeta(membersOf(t, f))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// membersOf are its tasks.
func membersOf(t testing.TB, f *family.Family) []maml.Member {
	t.Helper()
	members := make([]maml.Member, len(f.Tasks))
	for i := range f.Tasks {
		x := &f.Tasks[i]
		outer, inner := x.F, x.G
		if f.Meta.Normalize == family.NormalizeOptimalCost {
			c := 1 / x.F.Optimum().Cost
			divided := func(u *lqr.Task) *lqr.Task {
				v, err := lqr.New(u.Spec().ScaleCost(c))
				if err != nil {
					t.Fatal(err)
				}
				return v
			}
			outer, inner = divided(x.F), divided(x.G)
		}
		var rules []objective.Rule
		for k := range f.Meta.Inner.Steps {
			switch η := f.Meta.Inner.Rate.At(k); f.Meta.Inner.Rule {
			case family.RuleNatural:
				rules = append(rules, lqr.Natural{Task: inner, Rate: η})
			case family.RuleGaussNewton:
				rules = append(rules, lqr.GaussNewton{Task: inner, Rate: η})
			default:
				rules = append(rules, maml.Gradient{Objective: inner, Rate: η})
			}
		}
		members[i] = maml.Member{Name: x.Name, Weight: x.Weight, Outer: outer, Inner: rules}
	}
	return members
}

// thick is the box of gains at most reach from w, entry by entry.
func thick(w matrixeq.Matrix, reach float64) interval.Matrix {
	b := thin(w)
	for i, x := range b.Data {
		b.Data[i] = within(x, reach)
	}
	return b
}

// ∇h and ∇²h at gains of a box lie in the enclosures over it.
func TestGainDerivatives(t *testing.T) {
	boxes := 0
	for seed, variant := range variants {
		for _, shape := range [][2]int{{2, 1}, {2, 2}, {3, 2}, {4, 2}} {
			rng := rand.New(rand.NewPCG(uint64(seed), 11))
			f, w, rates := randomFamily(t, rng, shape[0], shape[1], variant.set)
			for _, rule := range []family.Rule{family.RuleGradient, family.RuleNatural, family.RuleGaussNewton} {
				f.Meta.Inner.Rule, f.Meta.Inner.Rate, f.Meta.Inner.Steps = rule, family.Rate{Steps: []float64{rates[rule], rates[rule] / 2}}, 1+seed%2
				m := metaOf(t, f)
				p, err := newGainProblem(f, w)
				if err != nil {
					t.Fatalf("seed %d %v: %v", seed, shape, err)
				}
				for _, reach := range []float64{0, 1e-7, 1e-5} {
					box := thick(w, reach)
					n := len(w.Data)
					grad, hess := interval.NewMatrix(w.Rows, w.Cols), interval.NewMatrix(n, n)
					ok := true
					for _, k := range p.tasks {
						center, err := k.follow(thin(mid(box)), nil)
						if err != nil {
							ok = false
							break
						}
						r, err := k.follow(box, center)
						if err != nil {
							ok = false
							break
						}
						if grad, err = k.gradient(r, grad); err != nil {
							t.Fatal(err)
						}
						if err := k.hessian(r, hess); err != nil {
							t.Fatal(err)
						}
					}
					if !ok {
						continue
					}
					boxes++
					x, g, e, hv := make([]float64, n), make([]float64, n), make([]float64, n), make([]float64, n)
					for range 3 {
						for k, b := range box.Data {
							x[k] = b.Lo() + (b.Hi()-b.Lo())*rng.Float64()
						}
						at, err := m.At(x)
						if err != nil {
							t.Fatal(err)
						}
						at.Grad(g)
						size := 0.0
						for _, y := range g {
							size = max(size, math.Abs(y))
						}
						in := func(what string, y interval.Interval, v, tol float64) {
							t.Helper()
							if !(y.Lo()-tol <= v && v <= y.Hi()+tol) {
								t.Fatalf("seed %d %v %v reach %g: %s is %v, outside %v", seed, shape, rule, reach, what, v, y)
							}
						}
						for k, y := range grad.Data {
							in("∇h", y, g[k], 1e-9*(1+size))
						}
						for k := range n {
							clear(e)
							e[k] = 1
							at.HessVec(hv, e)
							for j := range n {
								in("∇²h", hess.At(j, k), hv[j], 1e-8*(1+math.Abs(hv[k])+size))
							}
						}
					}
				}
			}
		}
	}
	t.Logf("%d boxes", boxes)
	if boxes < 100 {
		t.Errorf("only %d boxes were enclosed", boxes)
	}
}

// Wherever in a box a gain is, after each of several inner steps of unequal sizes it is
// where the route says, and the Jacobian of all the steps is in all. Both are
// computed with packages lqr and maml. Most boxes are so wide that a Jacobian of other
// steps would be seen.
func TestRoutes(t *testing.T) {
	boxes, caught := 0, 0
	for seed, variant := range variants {
		for _, shape := range [][2]int{{2, 1}, {2, 2}, {3, 2}} {
			rng := rand.New(rand.NewPCG(uint64(seed), 12))
			f, w, rates := randomFamily(t, rng, shape[0], shape[1], variant.set)
			for _, rule := range []family.Rule{family.RuleGradient, family.RuleNatural, family.RuleGaussNewton} {
				η := rates[rule]
				f.Meta.Inner.Rule, f.Meta.Inner.Rate, f.Meta.Inner.Steps = rule, family.Rate{Steps: []float64{η, η / 4, 2 * η}}, 3
				p, err := newGainProblem(f, w)
				if err != nil {
					t.Fatalf("%s %v: %v", variant.name, shape, err)
				}
				rules := insideRules(t, f)
				for _, reach := range []float64{1e-7, 1e-3, 1e-2} {
					box := thick(w, reach)
					for i, k := range p.tasks {
						center, err := k.follow(thin(mid(box)), nil)
						if err != nil {
							continue
						}
						r, err := k.follow(box, center)
						if err != nil {
							continue
						}
						boxes++
						for range 4 {
							x := make([]float64, len(w.Data))
							for v, b := range box.Data {
								x[v] = []float64{b.Lo(), b.Hi()}[rng.IntN(2)]
							}
							ends, j := walked(t, rules[i], x)
							for s, x := range ends {
								at := r.end
								if s < len(r.at) {
									at = r.at[s].w
								}
								for v, b := range at.Data {
									if !within(b, 1e-12*(1+math.Abs(x[v]))).Contains(x[v]) {
										t.Fatalf("%s %v %v, reach %g, step %d: entry %d is %v, outside %v", variant.name, shape, rule, reach, s, v, x[v], b)
									}
								}
							}
							other := r.j[2].Mul(r.j[2])
							seen := false
							for v, y := range j.Data {
								if tol := 1e-9 * (1 + math.Abs(y)); !within(r.all.Data[v], tol).Contains(y) {
									t.Fatalf("%s %v %v, reach %g: entry %d of the Jacobian is %v, outside %v", variant.name, shape, rule, reach, v, y, r.all.Data[v])
								} else if !within(other.Data[v], tol).Contains(y) {
									seen = true
								}
							}
							if seen {
								caught++
							}
						}
					}
				}
			}
		}
	}
	t.Logf("%d boxes; %d times the Jacobian of other steps is told apart", boxes, caught)
	if boxes < 300 || caught < boxes {
		t.Errorf("%d boxes were enclosed, %d times the Jacobian of other steps was told apart", boxes, caught)
	}
}

// insideRules are the inner steps of every task, as packages lqr and maml take them.
func insideRules(t testing.TB, f *family.Family) [][]objective.Rule {
	var list [][]objective.Rule
	for _, m := range membersOf(t, f) {
		list = append(list, m.Inner)
	}
	return list
}

// walked is where a gain is before and after each step, and the Jacobian of all of them.
func walked(t testing.TB, rules []objective.Rule, x []float64) (at [][]float64, j matrixeq.Matrix) {
	t.Helper()
	n := len(x)
	j = matrixeq.Identity(n)
	at = append(at, x)
	for _, rule := range rules {
		s, err := rule.At(x)
		if err != nil {
			t.Fatal(err)
		}
		next := matrixeq.New(n, n)
		for v := range n {
			z, y := make([]float64, n), make([]float64, n)
			for i := range z {
				z[i] = j.At(i, v)
			}
			s.Push(y, z)
			for i := range y {
				next.Set(i, v, y[i])
			}
		}
		j = next
		x = slices.Clone(s.To())
		at = append(at, x)
	}
	return at, j
}

// stationaryNear polishes a gain to a stationary point of h by Newton's method.
func stationaryNear(t testing.TB, f *family.Family, w matrixeq.Matrix) matrixeq.Matrix {
	t.Helper()
	m := metaOf(t, f)
	w = w.Clone()
	n := len(w.Data)
	for range 30 {
		at, err := m.At(w.Data)
		if err != nil {
			t.Fatal(err)
		}
		g, h := matrixeq.New(n, 1), matrixeq.New(n, n)
		at.Grad(g.Data)
		for k := range n {
			e, v := make([]float64, n), make([]float64, n)
			e[k] = 1
			at.HessVec(v, e)
			for i, x := range v {
				h.Set(i, k, x)
			}
		}
		inv, ok := inverse(h)
		if !ok {
			t.Fatal("∇²h is singular")
		}
		step := product(inv, g)
		size := 1.0
		for ; size > 1e-6; size /= 2 {
			to := w.Clone()
			for i, x := range step.Data {
				to.Data[i] -= size * x
			}
			if _, err := m.At(to.Data); err == nil {
				w = to
				break
			}
		}
		if norm(step) < 1e-13*(1+norm(w)) {
			break
		}
	}
	return w
}

// rowsOf is m as rows; boxRows the box at most reach from it.
func rowsOf(m matrixeq.Matrix) [][]float64 {
	rows := make([][]float64, m.Rows)
	for i := range rows {
		rows[i] = m.Row(i)
	}
	return rows
}

func boxRows(m matrixeq.Matrix, reach float64) [][]interval.Interval {
	b := thick(m, reach)
	rows := make([][]interval.Interval, b.Rows)
	for i := range rows {
		rows[i] = b.Data[i*b.Cols : (i+1)*b.Cols]
	}
	return rows
}

const (
	gainOne = `tasks:
  - {A: [[1, 0.3, 0], [0, 0.9, 0.2], [0.1, 0, 0.8]], B: [[0, 1], [1, 0], [0.2, 0.5]], Q: [[1, 0, 0], [0, 2, 0], [0, 0, 1]], R: [[1, 0.1], [0.1, 2]]}
meta: {inner: {rate: RATE}}
`
	gainTwo = `tasks:
  - {A: [[1, 0.3], [0, 0.9]], B: [[0, 1], [1, 0.5]], Q: [[1, 0], [0, 2]], R: [[1, 0], [0, 2]]}
  - {A: [[0.9, 0.2], [0.1, 1]], B: [[0.2, 1], [1, 0.4]], Q: [[2, 0], [0, 1]], R: [[1, 0], [0, 1]], weight: 2}
meta: {inner: {rate: RATE}}
`
)

func TestGainPoints(t *testing.T) {
	num := func(x float64) *float64 { return &x }
	with := func(text, rate string) string { return strings.Replace(text, "RATE", rate, 1) }
	rule := func(text, rule, rate string) string {
		return strings.Replace(text, "{rate: RATE}", "{rule: "+rule+", rate: "+rate+"}", 1)
	}
	one, two := with(gainOne, "0.004"), with(gainTwo, "0.004")
	twin := strings.Replace(one, "tasks:\n", "tasks:\n  - {A: [[1, 0.3, 0], [0, 0.9, 0.2], [0.1, 0, 0.8]], B: [[0, 1], [1, 0], [0.2, 0.5]], Q: [[2, 0, 0], [0, 4, 0], [0, 0, 2]], R: [[2, 0.2], [0.2, 4]], Sigma0: [[0.5, 0, 0], [0, 0.5, 0], [0, 0, 0.5]]}\n", 1)
	factor := strings.Replace(twin, ", Sigma0: [[0.5, 0, 0], [0, 0.5, 0], [0, 0, 0.5]]", "", 1)
	held := strings.Replace(strings.Replace(gainOne, "{A:", "{sample_time: 0.2, A:", 1), "{rate: RATE}", "{rule: gauss-newton, rate: 0.2}", 1)
	heldTwins := strings.Replace(held, "tasks:\n", "tasks:\n  - {sample_time: 0.2, A: [[1, 0.3, 0], [0, 0.9, 0.2], [0.1, 0, 0.8]], B: [[0, 1], [1, 0], [0.2, 0.5]], Q: [[1, 0, 0], [0, 2, 0], [0, 0, 1]], R: [[1, 0.1], [0.1, 2]]}\n", 1)
	start := func(text string) matrixeq.Matrix { return nearMean(parse(t, text), 0) }
	local := func(text string) matrixeq.Matrix { return stationaryNear(t, parse(t, text), start(text)) }
	optimal, minimum := local(one), local(two)
	three := strings.Replace(gainOne, "{rate: RATE}", "{rate: [0.016, 0.016, 0.001]}", 1)
	beside := optimal.Clone() // the zero is beside the box of 1e-5 around it
	beside.Data[0] += 1.05e-5
	moved := minimum.Clone()
	moved.Data[1] += 1e-3
	// One task whose inner step folds the plane: other gains adapt to W*, between them
	// are saddles, and on a fold a local minimum 0.26 above C*.
	fold := "tasks:\n  - {A: [[1, 0.3], [0, 0.9]], B: [[0], [1]], Q: [[1, 0], [0, 1]], R: 1}\nmeta: {inner: {rate: 0.02}}\n"
	row := func(x ...float64) matrixeq.Matrix { return matrixeq.Matrix{Rows: 1, Cols: 2, Data: x} }
	best, preimage := row(0.5545647055512594, 0.7895816002865387), row(0.7301347064006102, 0.5615386439661036)
	saddle, spurious := row(0.44352225502755266, 0.8211408543555122), row(0.5084846211761351, 1.705733570050954)
	both := certificate.Point{Gain: rowsOf(best), Box: [][]interval.Interval{{interval.New(0.44, 0.56), interval.New(0.78, 0.83)}}}
	for _, tt := range []struct {
		name, text string
		at         certificate.Point
		want       string // in the reason; empty: valid
	}{
		{"preimage", fold, certificate.Point{Gain: rowsOf(preimage), Box: boxRows(preimage, 1e-9), Minimum: true, Theorem2: true}, ""},
		{"preimage, Proposition 1", fold, certificate.Point{Gain: rowsOf(preimage), Box: boxRows(preimage, 1e-9), Proposition1: true}, "‖I − F′‖₂ < 1"},
		{"spurious", fold, certificate.Point{Gain: rowsOf(spurious), Gap: num(0.262), Box: boxRows(spurious, 1e-9), Minimum: true}, ""},
		{"spurious, Theorem 2", fold, certificate.Point{Gain: rowsOf(spurious), Box: boxRows(spurious, 1e-9), Theorem2: true}, "nonsingular"},
		{"spurious, Proposition 1", fold, certificate.Point{Gain: rowsOf(spurious), Box: boxRows(spurious, 1e-9), Proposition1: true}, "‖I − F′‖₂ < 1"},
		{"spurious, gap too small", fold, certificate.Point{Gain: rowsOf(spurious), Gap: num(0.261), Box: boxRows(spurious, 1e-9)}, "not verified as a bound"},
		{"saddle", fold, certificate.Point{Gain: rowsOf(saddle), Box: boxRows(saddle, 1e-9)}, ""},
		{"saddle, a minimum", fold, certificate.Point{Gain: rowsOf(saddle), Box: boxRows(saddle, 1e-9), Minimum: true}, "positive definite"},
		{"saddle, Theorem 2", fold, certificate.Point{Gain: rowsOf(saddle), Box: boxRows(saddle, 1e-9), Theorem2: true}, "nonsingular"},
		{"two points in the box", fold, both, "exactly one stationary point is not verified"},
		{"optimum", one, certificate.Point{Gain: rowsOf(optimal), Gap: num(1e-20), Box: boxRows(optimal, 1e-9), Minimum: true, Theorem2: true, Proposition1: true}, ""},
		{"optimum, wide", one, certificate.Point{Gain: rowsOf(optimal), Box: boxRows(optimal, 1e-3), Minimum: true, Theorem2: true, Proposition1: true}, ""},
		{"natural", rule(gainOne, "natural", "0.01"), certificate.Point{Gain: rowsOf(optimal), Box: boxRows(optimal, 1e-8), Minimum: true, Theorem2: true, Proposition1: true}, ""},
		{"gauss-newton", rule(gainOne, "gauss-newton", "0.2"), certificate.Point{Gain: rowsOf(optimal), Box: boxRows(optimal, 1e-8), Minimum: true, Theorem2: true, Proposition1: true}, ""},
		{"gauss-newton at ½", rule(gainOne, "gauss-newton", "0.5"), certificate.Point{Gain: rowsOf(optimal), Box: boxRows(optimal, 1e-8)}, "not verified"},
		{"two steps", strings.Replace(one, "rate:", "steps: 2, rate:", 1), certificate.Point{Gain: rowsOf(optimal), Box: boxRows(optimal, 1e-8), Minimum: true, Theorem2: true, Proposition1: true}, ""},
		{"three steps", three, certificate.Point{Gain: rowsOf(optimal), Box: boxRows(optimal, 1e-5), Minimum: true, Theorem2: true}, ""},
		{"three steps, no zero in the box", three, certificate.Point{Gain: rowsOf(beside), Box: boxRows(beside, 1e-5), Theorem2: true}, "exactly one stationary point is not verified"},
		{"twins", twin, certificate.Point{Gain: rowsOf(optimal), Box: boxRows(optimal, 1e-8), Theorem2: true}, ""},
		{"sampled twins", heldTwins, certificate.Point{Gain: rowsOf(local(held)), Box: boxRows(local(held), 1e-8), Theorem2: true}, ""},
		{"several tasks", two, certificate.Point{Gain: rowsOf(minimum), Gap: num(10), Box: boxRows(minimum, 1e-8), Minimum: true}, ""},
		{"several tasks, not at the zero", two, certificate.Point{Gain: rowsOf(moved), Box: boxRows(moved, 2e-3), Minimum: true}, ""},
		{"several tasks, natural", rule(gainTwo, "natural", "0.01"), certificate.Point{Gain: rowsOf(local(rule(gainTwo, "natural", "0.01"))), Box: boxRows(local(rule(gainTwo, "natural", "0.01")), 1e-8), Minimum: true}, ""},
		{"several tasks, gauss-newton", rule(gainTwo, "gauss-newton", "0.2"), certificate.Point{Gain: rowsOf(local(rule(gainTwo, "gauss-newton", "0.2"))), Box: boxRows(local(rule(gainTwo, "gauss-newton", "0.2")), 1e-8), Minimum: true}, ""},

		{"several tasks, Theorem 2", two, certificate.Point{Gain: rowsOf(minimum), Box: boxRows(minimum, 1e-8), Theorem2: true}, "several different tasks"},
		{"several tasks, Proposition 1", two, certificate.Point{Gain: rowsOf(minimum), Box: boxRows(minimum, 1e-8), Proposition1: true}, "several different tasks"},
		{"a factor, Theorem 2", factor, certificate.Point{Gain: rowsOf(optimal), Box: boxRows(optimal, 1e-8), Theorem2: true}, "several different tasks"},
		{"no zero in the box", two, certificate.Point{Gain: rowsOf(moved), Box: boxRows(moved, 5e-4)}, "exactly one stationary point is not verified"},
		{"no zero in the box, one task", one, certificate.Point{Gain: rowsOf(plus(optimal, 0.01, optimal)), Box: boxRows(plus(optimal, 0.01, optimal), 1e-4), Theorem2: true}, "exactly one stationary point is not verified"},
		{"not in the box", two, certificate.Point{Gain: rowsOf(moved), Box: boxRows(minimum, 1e-8)}, "does not hold the gain"},
		{"a wide box", one, certificate.Point{Gain: rowsOf(optimal), Box: boxRows(optimal, 1)}, "not verified"},
		{"a point for a box", one, certificate.Point{Gain: rowsOf(optimal), Box: boxRows(optimal, 0)}, "not verified"},
		{"outside the domain", one, certificate.Point{Gain: rowsOf(matrixeq.New(2, 3)), Box: boxRows(matrixeq.New(2, 3), 1e-8)}, "stable"},
		{"a minimum of nothing", one, certificate.Point{Gain: rowsOf(optimal), Gap: num(1), Minimum: true}, "no stationary point is claimed"},
		{"an interval for a box", one, certificate.Point{Gain: rowsOf(optimal), Stationary: &interval.Interval{}}, "in a box"},
		{"a box for an interval", scalar("rate: 0.05", unit4), certificate.Point{Gain: [][]float64{{0.6}}, Box: [][]interval.Interval{{interval.New(0.6, 0.7)}}}, "in an interval"},
		{"a row too few", one, certificate.Point{Gain: rowsOf(optimal), Box: boxRows(optimal, 1e-8)[:1]}, "rows"},
		{"an entry too few", one, certificate.Point{Gain: rowsOf(optimal), Box: [][]interval.Interval{boxRows(optimal, 1e-8)[0], boxRows(optimal, 1e-8)[1][:2]}}, "intervals"},
		{"unbounded", one, certificate.Point{Gain: rowsOf(optimal), Box: [][]interval.Interval{boxRows(optimal, 1e-8)[0], {interval.Entire(), interval.Entire(), interval.Entire()}}}, "does not hold the gain"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := report(t, &certificate.Certificate{Family: tt.text, Point: &tt.at})
			t.Log(r.Claim, r.Reason)
			if r.Valid != (tt.want == "") {
				t.Fatalf("valid: %v", r.Valid)
			}
			if !strings.Contains(r.Reason, tt.want) {
				t.Errorf("refused because %s; want %q in it", r.Reason, tt.want)
			}
		})
	}
}

// Whatever digit of the box, of the gain or of the rate is altered, and the hashes
// computed again: what passes has a zero of ∇h in its box, as Newton's method in
// floating point finds it, and the gain in it.
func TestEveryDigitOfABoxIsTrueOrRefused(t *testing.T) {
	text := strings.Replace(gainTwo, "RATE", "0.004", 1)
	w := stationaryNear(t, parse(t, text), nearMean(parse(t, text), 0))
	data, err := certificate.Encode(certificate.Certificate{Family: text, Point: &certificate.Point{Gain: rowsOf(w), Box: boxRows(w, 1e-6), Minimum: true}})
	if err != nil {
		t.Fatal(err)
	}
	if r, err := Check(data); err != nil || !r.Valid {
		t.Fatal(r, err)
	}
	tried, valid := 0, 0
	for i, was := range data {
		data[i] = was ^ 1
		if r, err := Check(data); err != nil || r.Valid {
			t.Errorf("byte %d altered from %q, without the hashes: %v, %v", i, was, r, err)
		}
		data[i] = was
		if was < '0' || was > '9' {
			continue
		}
		data[i] = '0' + (was-'0'+byte(1+i%9))%10
		altered := again(data)
		data[i] = was
		if altered == nil {
			continue
		}
		tried++
		r, err := Check(altered)
		if err != nil {
			t.Errorf("digit %d: %v", i, err)
		}
		if r == nil || !r.Valid {
			continue
		}
		valid++
		c, err := certificate.Decode(altered)
		if err != nil {
			t.Fatal(err)
		}
		f := parse(t, c.Family)
		gain, err := gainOf(f, c.Point.Gain)
		if err != nil {
			t.Fatal(err)
		}
		zero := stationaryNear(t, f, gain)
		for k, x := range zero.Data {
			if b := c.Point.Box[k/w.Cols][k%w.Cols]; !within(b, 1e-12).Contains(x) || !b.Contains(gain.Data[k]) {
				t.Errorf("digit %d, after %.30q: passes, but the stationary point has %v, outside %v", i, data[max(0, i-30):i], x, b)
			}
		}
	}
	t.Logf("%d altered digits, %d of them leave a true certificate", tried, valid)
	if tried < 200 || valid < 20 {
		t.Errorf("only %d alterations were tried, %d of which were verified", tried, valid)
	}
}

// An enclosure that were wrong by a little would be seen: a wrong number in a task
// moves ∇h out of it.
func TestGainPlanted(t *testing.T) {
	text := strings.Replace(gainTwo, "RATE", "0.004", 1)
	f := parse(t, text)
	w := stationaryNear(t, f, nearMean(f, 0))
	nudge := func(m interval.Matrix, k int) { m.Data[k] = m.Data[k].AddFloat(1e-4) }
	for name, spoil := range map[string]func(p *gainProblem){
		"nothing": func(*gainProblem) {},
		"λ":       func(p *gainProblem) { p.tasks[0].λ = p.tasks[0].λ.Scale(1 + 1e-4) },
		"η":       func(p *gainProblem) { p.tasks[0].steps[0].r = p.tasks[0].steps[0].r.Scale(1.01) },
		"A":       func(p *gainProblem) { nudge(p.tasks[0].outer.a, 1) },
		"R":       func(p *gainProblem) { nudge(p.tasks[1].outer.r, 0) },
		"Σ₀":      func(p *gainProblem) { nudge(p.tasks[1].outer.s0, 0) },
	} {
		p, err := newGainProblem(f, w)
		if err != nil {
			t.Fatal(err)
		}
		spoil(p)
		_, err = p.isolated(thick(w, 1e-8))
		if (err == nil) != (name == "nothing") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Without Σ₀ ≻ 0 a stationary point is proved, but no theorem.
func TestGainPointOfOneStart(t *testing.T) {
	text := "tasks:\n  - {A: [[1, 0.3], [0, 0.9]], B: [[0], [1]], Q: [[1, 0], [0, 1]], R: 1, x0: [1, 0.5]}\nmeta: {inner: {rate: 0.001}}\n"
	f := parse(t, text)
	w := stationaryNear(t, f, nearMean(f, 0))
	at := certificate.Point{Gain: rowsOf(w), Box: boxRows(w, 1e-9)}
	t.Log(report(t, &certificate.Certificate{Family: text, Point: &at}))
	at.Theorem2 = true
	if r := report(t, &certificate.Certificate{Family: text, Point: &at}); r.Valid {
		t.Error(r.Claim)
	} else {
		t.Log(r.Reason)
	}
}
