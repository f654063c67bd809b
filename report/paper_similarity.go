package report

import (
	"fmt"
	"math"
	"strings"

	"github.com/metalqr/metalqr/family"
	"github.com/metalqr/metalqr/landscape"
	"github.com/metalqr/metalqr/run"
)

// similarity measures ε against the distance of the tasks, on Figure 3a's directions
// at other lengths (Section 2.3).
func similarity(at *studying) (*PaperFigure, error) {
	base, err := at.landscape("figure-3a")
	if err != nil {
		return nil, err
	}
	p := about("Section 2.3: ε against the similarity of the tasks", base.Problem().Family)
	p.Setup = "Figure 3a's tasks, their distances from the nominal one multiplied by 10 s" + step(base.Problem().Family)
	m := Measurements{Name: "Figure 3a's directions at other lengths", Columns: []string{"s", "δ", "diameter", "ε", "ε/δ²"}}
	curve := Curve{Label: "proved 𝜀", Shape: Disc, Ink: Blue, Loose: true}
	for _, s := range []float64{.01, .015, .02, .03, .05, .07, .1, .15, .2, .3, .5, .7, 1} {
		f, err := directions(base.Problem().Family, s)
		if err != nil {
			return nil, err
		}
		l, err := prove(at.ctx, f, landscape.Options{})
		if err != nil {
			return nil, err
		}
		δ, diameter := similarityOf(f)
		ε := float64(l.Epsilon)
		m.Rows = append(m.Rows, []run.Number{run.Number(s), run.Number(δ), run.Number(diameter), run.Number(ε), run.Number(ε / (δ * δ))})
		curve.X, curve.Y = append(curve.X, δ), append(curve.Y, ε)
		p.kept = append(p.kept, l)
	}
	p.Measured = []Measurements{m}
	power, factor := fit(curve.X, curve.Y, .0301)
	last := len(curve.X) - 1
	falls := true
	for i := range last {
		falls = falls && curve.Y[i] < curve.Y[i+1]
	}
	p.claim("For every ε there is a δ such that tasks within δ of one another have an ε-global objective (Propositions 2 and 3).", falls, curve.Y[0], Proved,
		"in these directions: ε falls with δ, from %s at δ = %s to %s at δ = %s", six(curve.Y[last]), six(curve.X[last]), six(curve.Y[0]), six(curve.X[0]))
	p.remark("ε is proportional to δ², and not to δ as a Lipschitz constant of the costs would give.", math.Abs(power-2) < .02, power, Measured,
		"least squares over δ ≤ 0.03: ε = %.3g δ^%.3f", factor, power)
	law := Curve{Label: fmt.Sprintf("least squares, slope %.3f", power), Ink: Black, Dash: Dashed}
	for _, x := range []float64{curve.X[0], curve.X[last]} {
		law.X, law.Y = append(law.X, x), append(law.Y, factor*math.Pow(x, power))
	}
	p.figure = &Figure{
		Alt: "The proved ε against the distance δ of the tasks from the nominal one, on logarithmic axes: a line of slope 2.",
		Panels: []Panel{{
			X:      Axis{Label: "distance 𝛿 from the nominal task", Log: true, Grid: true},
			Y:      Axis{Label: "proved 𝜀", Log: true, Grid: true},
			Curves: []Curve{law, curve}, Slopes: []Slope{{Exponent: 2}},
		}},
	}
	return p, nil
}

// directions is Figure 3a's family with its directions multiplied, so that they have
// the length s where the figure has 0.1.
func directions(f *family.Family, s float64) (*family.Family, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "family: figure-3a-s-%v\ntasks:\n", s)
	for _, d := range [][4]int{{}, {2, -2, 3, -3}, {-2, 2, -3, 3}, {3, 1, -2, 2}, {-3, -1, 2, -2}} {
		at := func(k int) float64 { return 1 + s*float64(k)/100 }
		fmt.Fprintf(&b, "  - {A: %v, B: %v, Q: %v, R: %v}\n", at(d[0]), at(d[1]), at(d[2]), at(d[3]))
	}
	fmt.Fprintf(&b, "meta: {inner: {rate: %v}}\n", f.Meta.Inner.Rate.At(0))
	return family.Parse("similarity.yaml", []byte(b.String()))
}

// fit finds y = factor x^power by least squares of the logarithms, over x up to limit.
func fit(x, y []float64, limit float64) (power, factor float64) {
	var n, u, v, uu, uv float64
	for i := range x {
		if x[i] > limit {
			continue
		}
		a, b := math.Log(x[i]), math.Log(y[i])
		n, u, v, uu, uv = n+1, u+a, v+b, uu+a*a, uv+a*b
	}
	power = (n*uv - u*v) / (n*uu - u*u)
	return power, math.Exp((v - power*u) / n)
}
