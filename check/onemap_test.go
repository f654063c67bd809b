package check

import (
	"strings"
	"testing"

	"github.com/metalqr/metalqr/certificate"
)

// Which families come to one task. The factors are exact in binary where they
// must be; 0.1 and 0.3 are not in the ratio of 3 as float64s.
func TestOneMap(t *testing.T) {
	const (
		plain   = "Q: 1, R: 2, N: 0.5"
		doubled = "Q: 2, R: 4, N: 1"
		clock   = ", sample_time: 0.25"
		noise   = ", discount: 0.5, noise: 1"
	)
	family := func(rule, normalize, first, second string) string {
		return "defaults: {A: 1.25, B: 1}\ntasks:\n  - {" + first + "}\n  - {" + second + "}\n" +
			"meta: {normalize: " + normalize + ", inner: {rule: " + rule + ", rate: 0.05}}\n"
	}
	for _, tt := range []struct {
		name, first, second string
		want                map[string]bool // by rule; "*" for normalised costs
	}{
		{"the same", plain, plain, map[string]bool{"gradient": true, "natural": true, "gauss-newton": true, "gradient*": true, "natural*": true, "gauss-newton*": true}},
		{"other weights", plain, plain + ", weight: 3", map[string]bool{"gradient": true, "natural": true, "gauss-newton": true, "gradient*": true, "natural*": true, "gauss-newton*": true}},
		{"another plant", plain, plain + ", A: 1", map[string]bool{}},
		{"another discount", plain, plain + ", discount: 0.9", map[string]bool{}},
		{"another Q", plain, "Q: 1.5, R: 2, N: 0.5", map[string]bool{}},
		{"twice the cost", plain, doubled, map[string]bool{"gauss-newton": true, "gradient*": true, "natural*": true, "gauss-newton*": true}},
		{"half the start", plain, plain + ", Sigma0: 0.5", map[string]bool{"natural": true, "gauss-newton": true, "gradient*": true, "gauss-newton*": true}},
		{"twice the cost, half the start", plain, doubled + ", Sigma0: 0.5", map[string]bool{"gradient": true, "gauss-newton": true, "gradient*": true, "gauss-newton*": true}},
		{"not quite proportional", "Q: 0.1, R: 1", "Q: 0.3, R: 3", map[string]bool{}},
		// f = 2 C, but the same inner step.
		{"twice the outer cost", plain, doubled + ", inner: {Q: 1, R: 2, N: 0.5}", map[string]bool{"gradient": true, "natural": true, "gauss-newton": true, "gauss-newton*": true}},
		{"another inner Q", plain, plain + ", inner: {Q: 2}", map[string]bool{}},
		{"another inner plant", plain, plain + ", inner: {A: 1}", map[string]bool{}},
		{"another inner start", plain, plain + ", inner: {Sigma0: 2}", map[string]bool{"natural": true, "gauss-newton": true, "natural*": true, "gauss-newton*": true}},
		{"sampled", plain + clock, plain + clock, map[string]bool{"gradient": true, "natural": true, "gauss-newton": true, "gradient*": true, "natural*": true, "gauss-newton*": true}},
		{"sampled, another time", plain + clock, plain + ", sample_time: 0.5", map[string]bool{}},
		{"sampled, or not", plain + clock, plain, map[string]bool{}},
		{"sampled, twice the cost", plain + clock, doubled + clock, map[string]bool{"gauss-newton": true, "gradient*": true, "natural*": true, "gauss-newton*": true}},
		{"sampled, half the start", plain + clock + noise, plain + clock + ", Sigma0: 0.5, discount: 0.5, noise: 1", map[string]bool{"natural": true, "gauss-newton": true, "gauss-newton*": true}},
		{"sampled, half of all noise", plain + clock + noise, plain + clock + ", Sigma0: 0.5, discount: 0.5, noise: 0.5", map[string]bool{"natural": true, "gauss-newton": true, "gradient*": true, "gauss-newton*": true}},
		{"sampled, twice the cost, half of all noise", plain + clock + noise, doubled + clock + ", Sigma0: 0.5, discount: 0.5, noise: 0.5", map[string]bool{"gradient": true, "gauss-newton": true, "gradient*": true, "gauss-newton*": true}},
		{"proportional inner", plain + ", inner: {Q: 4}", plain + ", inner: {Q: 8, R: 4, N: 1}", map[string]bool{"gauss-newton": true, "gauss-newton*": true}},
	} {
		for _, rule := range []string{"gradient", "natural", "gauss-newton"} {
			for star, normalize := range map[string]string{"": "none", "*": "optimal-cost"} {
				p, err := newProblem(parse(t, family(rule, normalize, tt.first, tt.second)))
				if err != nil {
					t.Fatal(err)
				}
				if got, want := p.oneMap == nil, tt.want[rule+star]; got != want {
					t.Errorf("%s, %s%s: one map is %v, want %v (%v)", tt.name, rule, star, got, want, p.oneMap)
				}
				if p.oneMap != nil {
					continue
				}
				// The maps agree, and so do h′ and its factors.
				f, g := p.tasks[0], p.tasks[1]
				for _, w := range []float64{0.5, 0.75, 1, 1.25} {
					a, b := f.read(exactly(w)), g.read(exactly(w))
					if a.where != b.where || a.where == inside && a.z.sub(b.z).high() > 1e-60 {
						t.Errorf("%s, %s%s: at %v the tasks adapt to %v and %v", tt.name, rule, star, w, a.z.round(), b.z.round())
					}
				}
			}
		}
	}
}

// Families of several tasks that come to one, and f ≠ g, as the judge sees them.
func TestOneMapLandscapes(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"duplicates":     scalar("rate: 0.05", unit4, unit4, unit4),
		"proportional":   scalar("rule: gauss-newton, rate: 0.7, steps: 2", unit4, [4]float64{1, 1, 2, 2}),
		"normalised":     "tasks: [{A: 1, B: 1, Q: 1, R: 2}, {A: 1, B: 1, Q: 2, R: 4}]\nmeta: {normalize: optimal-cost, inner: {rate: 0.05}}\n",
		"f and g differ": "tasks: [{A: 1, B: 1, Q: 1, R: 1, inner: {Q: 2}}]\nmeta: {inner: {rate: 0.05, steps: 2}}\n",
		"f ≠ g, natural": "tasks: [{A: 1, B: 1, Q: 1, R: 1, N: 0.2, inner: {A: 1.2}}]\nmeta: {inner: {rule: natural, rate: 0.05}}\n",
		"f ≠ g, gn":      "tasks: [{A: 1, B: 1, Q: 1, R: 1, N: 0.2, inner: {Q: 2}}]\nmeta: {inner: {rule: gauss-newton, rate: 0.5}}\n",
		"gn, order 2^2":  scalar("rule: gauss-newton, rate: [0.5, 0.3, 0.5]", [4]float64{1.3, -.7, 1, 1}),
		"gn, order 2^3":  scalar("rule: gauss-newton, rate: 0.5, steps: 3", [4]float64{-1.1, 1, 1, 1}),
		"gn far":         scalar("rule: gauss-newton, rate: 0.9, steps: 2", [4]float64{1.3, 1, 1, 1}),
		"sampled":        "defaults: {sample_time: 0.5, discount: 0.95, noise: 1, Sigma0: 2}\n" + scalar("rate: 0.02", [4]float64{0.5, 1, 1, 1}, [4]float64{0.5, 1, 1, 1}),
		"sampled, f ≠ g": "defaults: {sample_time: 0.5, average_cost: true, noise: 1, inner: {Q: 2}}\n" + scalar("rule: natural, rate: 0.1, steps: 2", [4]float64{0.5, 1, 1, 1}),
		"discount":       "defaults: {discount: 0.9, N: 0.2, noise: 1}\n" + scalar("rate: 0.005, steps: 3", [4]float64{1.3, 1, 1, 1}),
	} {
		t.Run(name, func(t *testing.T) {
			c := landscapeOf(t, text, certificate.OneMap)
			r := report(t, c)
			if !r.Valid {
				t.Fatal(r.Reason)
			}
			t.Log(r.Claim)
			if len(c.Landscape.Unresolved) > 0 {
				t.Errorf("unresolved: %v", c.Landscape.Unresolved)
			}
			j, err := newJudge(parse(t, text))
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(name, "order 2^") {
				j.near, j.tiny = 0.1, 1e-13 // h′ is of the order (w − W*)¹⁵
			}
			if err := j.believes(c.Landscape, 4000); err != nil {
				t.Error(err)
			}
		})
	}
}
