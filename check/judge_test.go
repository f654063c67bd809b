package check

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/metalqr/metalqr/certificate"
	"github.com/metalqr/metalqr/family"
	"github.com/metalqr/metalqr/interval"
	"github.com/metalqr/metalqr/lqr"
	"github.com/metalqr/metalqr/maml"
	"github.com/metalqr/metalqr/objective"
)

// A judge knows a family's meta-objective from packages lqr and maml, in floating
// point and from other formulas: Stein equations instead of closed forms.
type judge struct {
	meta *maml.Meta
	best float64 // Σ λᵢ Cᵢ*
	near float64 // how far from a zero of h′ its sign can be told
	tiny float64 // what h′ has to exceed for that
}

func newJudge(f *family.Family) (*judge, error) {
	var members []maml.Member
	j := &judge{near: 1e-7}
	total := 0.0
	for _, t := range f.Tasks {
		total += t.Weight
	}
	for _, t := range f.Tasks {
		outer, inner := t.F, t.G
		if f.Meta.Normalize == family.NormalizeOptimalCost {
			c := 1 / t.F.Optimum().Cost
			var err error
			if outer, err = lqr.New(t.F.Spec().ScaleCost(c)); err != nil {
				return nil, err
			}
			if inner, err = lqr.New(t.G.Spec().ScaleCost(c)); err != nil {
				return nil, err
			}
		}
		j.best += t.Weight / total * outer.Optimum().Cost
		m := maml.Member{Name: t.Name, Weight: t.Weight / total, Outer: outer}
		for k := range f.Meta.Inner.Steps {
			η := f.Meta.Inner.Rate.At(k)
			switch f.Meta.Inner.Rule {
			case family.RuleNatural:
				m.Inner = append(m.Inner, lqr.Natural{Task: inner, Rate: η})
			case family.RuleGaussNewton:
				m.Inner = append(m.Inner, lqr.GaussNewton{Task: inner, Rate: η})
			default:
				m.Inner = append(m.Inner, maml.Gradient{Objective: inner, Rate: η})
			}
		}
		members = append(members, m)
	}
	var err error
	j.meta, err = maml.NewMeta(members)
	return j, err
}

// at is h and h′ at w; false outside the domain.
func (j *judge) at(w float64) (h, d float64, ok bool) {
	p, err := j.meta.At([]float64{w})
	if err != nil {
		return math.Inf(1), math.NaN(), false
	}
	g := []float64{0}
	p.Grad(g)
	return p.Value(), g[0], true
}

// curvature is h″ at a gain of the domain.
func (j *judge) curvature(w float64) float64 {
	p, err := j.meta.At([]float64{w})
	if err != nil {
		return math.NaN()
	}
	v := []float64{0}
	p.HessVec(v, []float64{1})
	return v[0]
}

// believes returns nil if everything that a landscape certificate claims of h seems
// to be true, judged by h′ at n gains and beside every stated point.
func (j *judge) believes(l *certificate.Landscape, n int) error {
	unresolved := func(w float64) bool {
		for _, u := range l.Unresolved {
			if u.Contains(w) {
				return true
			}
		}
		return false
	}
	// Gains between the ends of the domain, crowded towards them, as stationary
	// points are; from either end of the enclosures, one of which may be far off.
	outer, inner := [2]float64{math.Inf(1), math.Inf(-1)}, [2]float64{math.Inf(1), math.Inf(-1)}
	for _, d := range l.Domain {
		outer = [2]float64{min(outer[0], d.Low.Lo()), max(outer[1], d.High.Hi())}
		inner = [2]float64{min(inner[0], d.Low.Hi()), max(inner[1], d.High.Lo())}
	}
	if len(l.Domain) == 0 || math.IsInf(outer[1]-outer[0], 0) {
		return fmt.Errorf("this judge wants a bounded domain")
	}
	pad := (outer[1] - outer[0]) / 10
	gains := []float64{outer[0] - pad, outer[1] + pad}
	for i := range n + 1 {
		for _, ends := range [2][2]float64{outer, inner} {
			gains = append(gains, ends[0]+(ends[1]-ends[0])*(1-math.Cos(math.Pi*float64(i)/float64(n)))/2)
		}
	}
	slices.Sort(gains)
	lowest := math.Inf(1)
	var minima []float64
	was, wasIn := 0.0, false
	changes := 0
	for _, w := range gains {
		h, d, in := j.at(w)
		claimed, open := false, unresolved(w)
		for _, c := range l.Domain {
			claimed = claimed || c.Low.Hi() <= w && w <= c.High.Lo()
			open = open || c.Low.Contains(w) || c.High.Contains(w)
		}
		if in != claimed && !open {
			return fmt.Errorf("%v in the domain: %v, claimed %v", w, in, claimed)
		}
		if in && math.Abs(d) < j.tiny {
			continue
		}
		if in && wasIn && d*was < 0 {
			changes++
		}
		if in {
			lowest = min(lowest, h)
		}
		was, wasIn = d, in
	}
	for i, s := range l.Stationary {
		a, b := s.Gain.Lo()-j.near, s.Gain.Hi()+j.near
		if i > 0 && l.Stationary[i-1].Gain.Hi() >= s.Gain.Lo() {
			return fmt.Errorf("boxes %d and %d overlap", i-1, i)
		}
		_, da, ok1 := j.at(a)
		_, db, ok2 := j.at(b)
		want := map[certificate.Kind][2]bool{certificate.Minimum: {false, true}, certificate.Maximum: {true, false}}[s.Kind]
		if !ok1 || !ok2 || (da > 0) != want[0] || (db > 0) != want[1] {
			return fmt.Errorf("%v is no %v: h′ = %v and %v", s.Gain, s.Kind, da, db)
		}
		for range 40 {
			m := (a + b) / 2
			if _, d, _ := j.at(m); (d > 0) == (db > 0) {
				b = m
			} else {
				a = m
			}
		}
		h, _, _ := j.at((a + b) / 2)
		if tol := 1e-12 * math.Abs(h); h < s.Value.Lo()-tol || h > s.Value.Hi()+tol {
			return fmt.Errorf("h = %v at %v, claimed %v", h, s.Gain, s.Value)
		}
		if s.Optimal && math.Abs(h-j.best) > 1e-10*math.Abs(h) {
			return fmt.Errorf("h = %v at %v, not the optimum %v", h, s.Gain, j.best)
		}
		if s.Kind == certificate.Minimum {
			minima = append(minima, h)
		}
		lowest = min(lowest, h)
	}
	if len(l.Unresolved) == 0 && changes != len(l.Stationary) {
		return fmt.Errorf("h′ changes its sign %d times, claimed %d", changes, len(l.Stationary))
	}
	tol := 1e-12 * math.Abs(lowest)
	if lowest < l.Infimum.Lo()-tol || lowest > l.Infimum.Hi()+1e-6*math.Abs(lowest) {
		return fmt.Errorf("inf h is about %v, claimed %v", lowest, l.Infimum)
	}
	worst := 0.0
	for _, h := range minima {
		worst = max(worst, h-lowest)
	}
	if l.Epsilon != nil && *l.Epsilon < worst-tol {
		return fmt.Errorf("ε is about %v, claimed at most %v", worst, *l.Epsilon)
	}
	if l.EpsilonLow > worst+tol {
		return fmt.Errorf("ε is about %v, claimed at least %v", worst, l.EpsilonLow)
	}
	switch {
	case l.Verdict == certificate.Global && (worst > tol || len(minima) == 0):
		return fmt.Errorf("ε is about %v, claimed to be 0", worst)
	case l.Verdict == certificate.NotGlobal && worst < 10*tol:
		return fmt.Errorf("ε is about %v, claimed to be positive", worst)
	}
	return nil
}

var _ objective.Objective = (*maml.Meta)(nil)

// families are of every kind that is supported.
var families = map[string]string{
	"gradient":       scalar("rate: 0.05", [4]float64{1, 1, 1, .1}, [4]float64{1, 1, .1, 1}),
	"natural":        scalar("rule: natural, rate: 0.04, steps: 2", [4]float64{1.3, .7, 1, 1}, [4]float64{1.1, .8, 2, 1}),
	"gauss-newton":   scalar("rule: gauss-newton, rate: [0.3, 0.5, 0.7]", [4]float64{1.3, -.7, 1, 1}, [4]float64{1.1, -.8, 2, 1}),
	"three steps":    scalar("rate: [0.01, 0.02, 0.03]", unit4, [4]float64{.9, 1.1, 1, 1}),
	"negative b":     scalar("rate: 0.02", [4]float64{-1.2, -1, 1, 1}, [4]float64{-1.1, -.9, 1, 2}),
	"discount":       "defaults: {discount: 0.9, noise: 0.5, Sigma0: 2}\n" + scalar("rate: 0.01", [4]float64{1.3, 1, 1, 1}, [4]float64{1.2, 1, 2, 1}),
	"average cost":   "defaults: {average_cost: true, noise: 0.5}\n" + scalar("rate: 0.05", unit4, [4]float64{1.2, 1, 2, 1}),
	"cross term":     "defaults: {N: 0.3, x0: [1.5]}\n" + scalar("rate: 0.01", [4]float64{1.3, 1, 1, 1}, [4]float64{1.2, 1, 2, 1}),
	"cross, natural": "defaults: {N: -0.3, discount: 0.95}\n" + scalar("rule: natural, rate: 0.05", [4]float64{1.3, 1, 1, 1}, [4]float64{1.2, 1, 2, 1}),
	"cross, gn":      "defaults: {N: -0.3, discount: 0.95}\n" + scalar("rule: gauss-newton, rate: 0.4", [4]float64{1.3, 1, 1, 1}, [4]float64{1.2, 1, 2, 1}),
	"inner":          "defaults: {inner: {Q: 2, Sigma0: 0.5}}\n" + scalar("rate: 0.02, steps: 2", unit4, [4]float64{1.1, 1, 1, 1}),
	"inner plant":    "defaults: {inner: {A: 1.2, R: 0.7}}\n" + scalar("rule: natural, rate: 0.05", unit4, [4]float64{1.1, 1, 1, 1}),
	"normalised": "tasks: [{A: 1, B: 1, Q: 3, R: 1, weight: 3}, {A: 1, B: 1, Q: 1, R: 2, inner: {Q: 2}}]\n" +
		"meta: {normalize: optimal-cost, inner: {rate: 0.05}}\n",
	"normalised, natural": "tasks: [{A: 1, B: 1, Q: 3, R: 1, weight: 3}, {A: 1, B: 1, Q: 1, R: 2, Sigma0: 3}]\n" +
		"meta: {normalize: optimal-cost, inner: {rule: natural, rate: 0.05, steps: 2}}\n",
	"sampled":         "defaults: {sample_time: 0.25, N: 0.3}\n" + scalar("rate: 0.02", [4]float64{0.5, 1, 1, 1}, [4]float64{-0.2, 0.8, 2, 1}),
	"sampled, noise":  "defaults: {sample_time: 0.5, discount: 0.9, noise: 0.5}\n" + scalar("rule: natural, rate: 0.05, steps: 2", [4]float64{0.3, 1, 1, 1}, [4]float64{0, 0.7, 2, 1}),
	"sampled average": "defaults: {sample_time: 0.1, average_cost: true, noise: 2, inner: {Q: 3}}\n" + scalar("rule: gauss-newton, rate: 0.4", [4]float64{1, 1, 1, 1}, [4]float64{0.5, 1, 2, 1}),
	"sampled, normalised": "defaults: {sample_time: 0.5, discount: 0.95, noise: 1, inner: {R: 2}}\n" +
		"tasks: [{A: 0.5, B: 1, Q: 3, R: 1}, {A: 1, B: 1, Q: 1, R: 2, weight: 2}]\nmeta: {normalize: optimal-cost, inner: {rate: 0.02}}\n",
	"no input": "tasks: [{A: 0.5, B: 0, Q: 1, R: 1, N: 0.2}, {A: 1, B: 1, Q: 1, R: 1}]\nmeta: {inner: {rule: natural, rate: 0.1}}\n",
}

// Enclosures hold what packages lqr and maml compute, up to their rounding: the
// relative error of a Stein solution near the border of stability is about
// ε/(1 − ρ²).
func TestEnclosuresHoldTheTruth(t *testing.T) {
	t.Parallel()
	for name, text := range families {
		t.Run(name, func(t *testing.T) {
			f := parse(t, text)
			j, err := newJudge(f)
			if err != nil {
				t.Fatal(err)
			}
			p, err := newProblem(f)
			if err != nil {
				t.Fatal(err)
			}
			if best := p.optimum.round(); math.Abs(best.Mid()-j.best) > 1e-13*j.best {
				t.Errorf("optimum %v, want %v", best, j.best)
			}
			c := &checker{problem: p}
			box := p.tasks[0].f.near.stable
			for _, k := range p.tasks {
				box = box.Intersect(k.g.near.stable)
			}
			in := 0
			const n = 400
			for i := range n {
				w := box.Lo() - .01 + (box.Width()+.02)*(float64(i)+.37)/n
				h, d, ok := j.at(w)
				dd := j.curvature(w)
				for _, r := range []float64{0, 1e-9, 1e-3, 0.3} {
					b := interval.New(w-r, w+r/2)
					v := p.over(&c.lens, b)
					if ok && v.where == outside || !ok && v.where == inside {
						t.Fatalf("%v: in the domain %v, but the box %v is found to be %v", w, ok, b, v.where)
					}
					if !ok {
						continue
					}
					for _, q := range []struct {
						what string
						want float64
						got  interval.Interval
					}{
						{"h", h, v.h.Add(p.optimum.round())}, {"h′", d, v.d}, {"h″", dd, v.dd},
					} {
						tol := 1e-9 * (math.Abs(h) + math.Abs(d) + math.Abs(dd))
						if q.want < q.got.Lo()-tol || q.want > q.got.Hi()+tol {
							t.Errorf("%s = %v at %v, enclosed in %v over %v", q.what, q.want, w, q.got, b)
						}
						if r == 0 && q.got.Width() > tol {
							t.Errorf("%s at %v is enclosed in %v", q.what, w, q.got)
						}
					}
				}
				fh, fd, where := p.at(exactly(w))
				if (where == inside) != ok {
					t.Errorf("%v in the domain: %v in 256 bits, want %v", w, where, ok)
				}
				if !ok {
					continue
				}
				in++
				if v := p.over(&c.lens, point(w)); !fh.within(v.h) || !fd.within(v.d) {
					t.Errorf("%v: 256 bits say %v, %v, float64 %v, %v", w, fh.round(), fd.round(), v.h, v.d)
				}
			}
			if in < n/20 {
				t.Errorf("only %d of %d gains are in the domain", in, n)
			}
		})
	}
}

// Every certificate that the plain prover makes is believed by the judge.
func TestJudgeAgrees(t *testing.T) {
	t.Parallel()
	for name, text := range families {
		t.Run(name, func(t *testing.T) {
			c := landscapeOf(t, text, certificate.Sum)
			r := report(t, c)
			t.Log(r.Claim, len(c.Landscape.Covers[0].Pieces), len(c.Landscape.Unresolved))
			if !r.Valid {
				t.Fatal(r.Reason)
			}
			j, err := newJudge(parse(t, text))
			if err != nil {
				t.Fatal(err)
			}
			if err := j.believes(c.Landscape, 4000); err != nil {
				t.Error(err)
			}
		})
	}
}
