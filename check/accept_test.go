package check_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/metalqr/metalqr/certificate"
	"github.com/metalqr/metalqr/check"
	"github.com/metalqr/metalqr/family"
	"github.com/metalqr/metalqr/landscape"
)

// varied are families of every kind whose landscape can be proved, by a name that
// says what is particular.
func varied(t *testing.T) map[string]string {
	all := map[string]string{}
	add := func(name, defaults, meta string, tasks ...string) {
		if _, twice := all[name]; twice {
			t.Fatalf("two families are called %q", name)
		}
		all[name] = "defaults: {" + defaults + "}\ntasks:\n  - {" + strings.Join(tasks, "}\n  - {") + "}\nmeta: {" + meta + "}\n"
	}
	const (
		unit  = "A: 1, B: 1, Q: 1, R: 1"
		other = "A: 1.2, B: 0.8, Q: 2, R: 1"
	)
	// All rules, up to three steps, of one task and of two, with f = g and not.
	for rule, rates := range map[string]string{"gradient": "[0.03, 0.02, 0.04]", "natural": "[0.1, 0.05, 0.2]", "gauss-newton": "[0.5, 0.3, 0.5]"} {
		for steps := 1; steps <= 3; steps++ {
			cut := strings.Join(strings.Split(strings.Trim(rates, "[]"), ", ")[:steps], ", ")
			meta := fmt.Sprintf("inner: {rule: %s, rate: [%s]}", rule, cut)
			name := fmt.Sprintf("%s, %d steps", rule, steps)
			add(name+", one task", "", meta, unit)
			add(name+", two tasks", "", meta, unit, other)
			add(name+", f ≠ g", "inner: {Q: 1.5, R: 0.8}", meta, unit)
			add(name+", sampled", "sample_time: 0.4", meta, "A: 0.3, B: 1, Q: 1, R: 1", "A: -0.2, B: 0.9, Q: 2, R: 1")
		}
	}
	for name, f := range map[string]struct {
		defaults, meta string
		tasks          []string
	}{
		// Of one task.
		"spurious":                    {"", "inner: {rate: 0.2}", []string{unit}},
		"two components":              {"", "inner: {rate: 0.01}", []string{"A: 1, B: 1, Q: 1.0e-6, R: 1"}},
		"twins":                       {"", "inner: {rate: 0.05}", []string{unit, unit + ", weight: 3"}},
		"proportional, gauss-newton":  {"", "inner: {rule: gauss-newton, rate: 0.7, steps: 2}", []string{unit, "A: 1, B: 1, Q: 4, R: 4"}},
		"proportional, normalized":    {"", "normalize: optimal-cost, inner: {rate: 0.05}", []string{unit, "A: 1, B: 1, Q: 2, R: 2"}},
		"mirrored":                    {"", "inner: {rate: 0.05}", []string{"A: -1, B: -1, Q: 1, R: 1"}},
		"a state that costs nothing":  {"", "inner: {rate: 0.02}", []string{"A: 1.5, B: 1, Q: 0, R: 1"}},
		"cross term":                  {"N: 0.3, x0: [1.5]", "inner: {rate: 0.01, steps: 2}", []string{unit}},
		"f and g of different plants": {"inner: {A: 1.2}", "inner: {rule: natural, rate: 0.05}", []string{unit + ", N: 0.2"}},
		// Of several.
		"figure 3b, as a sum of five": {"A: 1, B: 1", "inner: {rate: 0.01}", []string{"Q: 0.1, R: 1", "Q: 0.3, R: 1", "Q: 1, R: 1", "Q: 3, R: 1", "Q: 10, R: 1"}},
		"islands":                     {"", "inner: {rate: 0.01}", []string{"A: 1, B: 1, Q: 1.0e-6, R: 1", "A: 1, B: 1, Q: 1.0e-5, R: 1"}},
		"no input in one":             {"", "inner: {rule: natural, rate: 0.1}", []string{"A: 0.5, B: 0, Q: 1, R: 1, N: 0.2", unit}},
		"no input at all":             {"", "inner: {rule: natural, rate: 0.1}", []string{"A: 0.5, B: 0, Q: 1, R: 1, N: 0.2", "A: 0.3, B: 0, Q: 1, R: 2"}},
		"weights":                     {"", "inner: {rate: 0.03}", []string{unit + ", weight: 0.001", other + ", weight: 1000"}},
		"discount":                    {"discount: 0.9, Sigma0: 2", "inner: {rate: 0.01}", []string{"A: 1.3, B: 1, Q: 1, R: 1", other}},
		"noise":                       {"discount: 0.8, noise: 0.5", "inner: {rate: 0.02, steps: 2}", []string{unit, other}},
		"average cost":                {"average_cost: true, noise: 0.5", "inner: {rate: 0.05}", []string{unit, other}},
		"normalized":                  {"", "normalize: optimal-cost, inner: {rate: 0.05}", []string{unit, other + ", inner: {Q: 1}"}},
		"normalized, natural":         {"noise: 0.5, discount: 0.9", "normalize: optimal-cost, inner: {rule: natural, rate: 0.1, steps: 2}", []string{unit, other}},
		"gauss-newton to the border":  {"", "inner: {rule: gauss-newton, rate: 0.95}", []string{unit, "A: -1, B: -1.5, Q: 1, R: 1"}},
		"reptile":                     {"", "algorithm: reptile, inner: {rate: 0.05}", []string{unit}},
		"ftml":                        {"", "algorithm: ftml, inner: {rate: 0.02}", []string{unit, other}},
		"fo-maml":                     {"", "algorithm: fo-maml, inner: {rate: 0.02}", []string{unit, other}},
		"hf-maml":                     {"", "algorithm: hf-maml, inner: {rate: 0.02, delta: 0.001}", []string{unit}},
		// Beside the border, where h is so steep that float64 gains are far apart.
		"steep": {"discount: 0.3188313566086015", "normalize: optimal-cost, inner: {rate: [2.59643292153533e-10, 1.9357294996735086e-08, 2.59643292153533e-10]}",
			[]string{"A: 0, B: 0.001448634681044996, Q: 5.748731436865391e-07, R: 1.8, N: 0.00026435762554338603, x0: [0.7462699016028519]", "A: 1.6, B: 1, Q: 0.11413826003355194, R: 68.63061518800907"}},
		// inf h = 0 and W* = 0, which the enclosures of values must not go below.
		"nothing to gain": {"", "inner: {rule: natural, rate: 0.01, steps: 2}", []string{"A: 0.5, B: 1, Q: 0, R: 1", "A: -0.4, B: 1, Q: 0, R: 2"}},
		// The optimal cost is the Q of the file, and stated as that.
		"exact optimum": {"", "inner: {rule: natural, rate: 0.00016365238905524315, steps: 2}", []string{"A: 0, B: -2, Q: 41.97910811501049, R: 1.3, weight: 0.004075364691831794"}},
		// h is constant nearly, and nothing is resolved.
		"no input, nothing resolved": {"", "inner: {rule: gauss-newton, rate: 0.49999999998887745, steps: 2}", []string{"A: -0.1778, B: 0, Q: 0.2328, R: 0.2237", "A: -0.1786, B: 0, Q: 0.2327, R: 0.2236"}},
		// Sampled.
		"sampled, one task":            {"sample_time: 0.5, N: 0.2", "inner: {rate: 0.02, steps: 3}", []string{"A: 0.5, B: 1, Q: 1, R: 1"}},
		"sampled twins":                {"sample_time: 0.1", "inner: {rule: gauss-newton, rate: 0.5, steps: 2}", []string{"A: 0.5, B: -1, Q: 1, R: 1", "A: 0.5, B: -1, Q: 1, R: 1, weight: 2"}},
		"sampled, f ≠ g":               {"sample_time: 0.5, inner: {Q: 2}", "inner: {rule: natural, rate: 0.1, steps: 2}", []string{"A: 0.5, B: 1, Q: 1, R: 1"}},
		"sampled, noise":               {"sample_time: 0.5, discount: 0.9, noise: 1", "inner: {rate: 0.01}", []string{"A: 0.5, B: 1, Q: 1, R: 1", "A: 0, B: 1, Q: 1, R: 2"}},
		"sampled, average":             {"sample_time: 0.1, average_cost: true, noise: 2", "inner: {rate: 0.01}", []string{"A: 1, B: 1, Q: 1, R: 1", "A: -1, B: 1, Q: 2, R: 1"}},
		"sampled, normalized":          {"sample_time: 0.5, discount: 0.9, noise: 0.3, N: 0.2", "normalize: optimal-cost, inner: {rate: 0.02, steps: 2}", []string{"A: 1, B: 1, Q: 1, R: 1", "A: 0, B: 1, Q: 2, R: 1"}},
		"sampled twins, noise":         {"sample_time: 0.5, discount: 0.9, noise: 0.3", "normalize: optimal-cost, inner: {rate: 0.02}", []string{"A: 1, B: 1, Q: 1, R: 1", "A: 1, B: 1, Q: 1, R: 1"}},
		"sampled, no input":            {"sample_time: 0.5", "inner: {rule: natural, rate: 0.1}", []string{"A: -1, B: 0, Q: 1, R: 1", "A: 0.5, B: 1, Q: 1, R: 1"}},
		"sampled, and one that is not": {"", "inner: {rate: 0.02}", []string{"A: 0.5, B: 1, Q: 1, R: 1, sample_time: 0.5", "A: 1, B: 0.5, Q: 1, R: 1"}},
		"sampled, fast":                {"sample_time: 1", "inner: {rule: gauss-newton, rate: 0.3}", []string{"A: -8, B: 3, Q: 1, R: 1", "A: -7, B: 3, Q: 1, R: 2"}},
	} {
		add(name, f.defaults, f.meta, f.tasks...)
	}
	for _, sampled := range []string{"", "sample_time: 0.3"} {
		var tasks []string
		for i := range 50 {
			a, x := 1+0.002*float64(i), 0.5+float64(i*7%50)/50
			if sampled != "" {
				a--
			}
			tasks = append(tasks, fmt.Sprintf("A: %v, B: 1, Q: %v, R: 1", a, x))
		}
		add("fifty tasks "+sampled, sampled, "inner: {rate: 0.02}", tasks...)
	}
	files, err := filepath.Glob("../examples/paper/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal("no families of the paper: ", err)
	}
	for _, file := range append(files, "../examples/scalar.yaml") {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all[filepath.Base(file)] = string(text)
	}
	return all
}

// Whatever the prover writes is accepted.
func TestProofsAreAccepted(t *testing.T) {
	t.Parallel()
	count := map[string]int{}
	for name, text := range varied(t) {
		t.Run(name, func(t *testing.T) {
			f, err := family.Parse("test.yaml", []byte(text))
			if err != nil {
				t.Fatal(err)
			}
			rates := make([]float64, f.Meta.Inner.Steps)
			for k := range rates {
				rates[k] = f.Meta.Inner.Rate.At(k)
			}
			p, err := landscape.New(f, rates)
			if err != nil {
				t.Fatal(err)
			}
			l, err := p.Prove(context.Background(), landscape.Options{Boxes: 100_000})
			if err != nil {
				t.Fatal(err)
			}
			data, err := certificate.Encode(l.Certificate())
			if err != nil {
				t.Fatal(err)
			}
			r, err := check.Check(data)
			if err != nil {
				t.Fatal(err)
			}
			if !r.Valid {
				t.Fatal(r.Reason)
			}
			t.Log(r.Claim)
			count["families"]++
			count[string(l.Verdict)]++
			if l.OneMap {
				count["one-map"]++
			}
			if len(l.Domain) > 1 {
				count["disconnected"]++
			}
			if len(l.Unresolved) > 0 {
				count["unresolved"]++
			}
			// The stationary points, as claims of a gain.
			for _, s := range l.Stationary {
				w := s.Gain.Mid()
				at, err := p.Locate(w)
				if err != nil {
					continue // a degenerate point, or one that float64 cannot separate so
				}
				gap := s.Gap.Hi()*(1+0x1p-30) + 1e-20
				data, err := certificate.Encode(certificate.Certificate{Family: l.Certificate().Family, Point: &certificate.Point{
					Gain: [][]float64{{w}}, Gap: &gap, Stationary: &at.Gain, Theorem2: at.Theorem2, Proposition1: at.Proposition1,
				}})
				if err != nil {
					t.Fatal(err)
				}
				if r, err := check.Check(data); err != nil || !r.Valid {
					t.Errorf("at %v: %+v, %v", w, r, err)
				}
				count["points"]++
				if at.Theorem2 {
					count["theorem 2"]++
				}
				if at.Proposition1 {
					count["proposition 1"]++
				}
			}
		})
	}
	t.Log(count)
	for what, least := range map[string]int{
		"families": 60, "one-map": 15, "disconnected": 2, "global": 15, "not-global": 8, "points": 100, "theorem 2": 15, "proposition 1": 10,
	} {
		if count[what] < least {
			t.Errorf("%s: %d, want at least %d", what, count[what], least)
		}
	}
}
