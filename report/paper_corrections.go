package report

import (
	"math"

	"github.com/metalqr/metalqr/family"
	"github.com/metalqr/metalqr/interval"
	"github.com/metalqr/metalqr/landscape"
	"github.com/metalqr/metalqr/run"
)

// corrections lists where the text of the paper needs one, each with a
// counterexample on Figure 1's task where a number can give it.
func corrections(at *studying) (*PaperFigure, error) {
	l, err := at.landscape("figure-1")
	if err != nil {
		return nil, err
	}
	f := l.Problem().Family
	p := about("where the text of the paper needs correction", f)
	still, err := meanCost(at.ctx, f, landscape.Options{})
	if err != nil {
		return nil, err
	}
	best, _ := global(still)
	w := gainOf(best)
	radius := interval.Of(1).Add(w) // of A − B(−W*)
	p.claim("The optimal gain for a = −W s is W* = −(R + BᵀP*B)⁻¹BᵀP*A.", radius.Hi() < 1, radius.Mid(), Proved,
		"without the minus sign; with it ρ(A − BW) = %s for Figure 1's task, which is unstable", six(radius.Mid()))
	p.read("W is n×n.", "W is r×d: inputs by states")
	p.read("Assumption 1 is about ∇.", "it means ∇ with respect to x")

	const near = .001
	_, inside := p.Tasks[0].derivatives(w)
	_, border := p.Tasks[0].derivatives(interval.Of(near))
	p.claim("The bound of Theorem 1 holds on the whole space of gains.", border.Hi() < 1e3*inside.Lo(), border.Lo(), Proved,
		"no constant does near the border of stability: C″ is %s at W* and %s at w = %v; only the pointwise forms apply", six(inside.Mid()), six(border.Mid()), near)

	p.read("Theorem 2's displayed condition is complete.", "it lacks h: what is meant is ∇h(w) = 0")
	folded := *f
	folded.Meta.Inner.Rate = family.Rate{Steps: []float64{.2}}
	trap, err := prove(at.ctx, &folded, landscape.Options{})
	if err != nil {
		return nil, err
	}
	worst := run.Minimizer{}
	for _, m := range spurious(trap) {
		if m.Excess > worst.Excess {
			worst = m
		}
	}
	if len(spurious(trap)) > 0 {
		p.claim("Theorem 2's last clause: a condition at w* alone makes every stationary point global.", false, float64(worst.Excess), Proved,
			"with η = 0.2 the map is locally open at W*, where 1 − ηC″ = %s, and h has a spurious minimum at w = %s, %s above the global one: the condition is needed at the stationary point itself",
			six(interval.Of(1).Sub(inside.Scale(.2)).Mid()), six(gain(worst)), Number(float64(worst.Excess), 4))
	}
	p.claim("First-order stationarity is sufficient for local minimality.", len(l.Maximizers) == 0, float64(len(l.Maximizers)), Proved,
		"it is necessary: %d stationary points of Figure 1 are local maximisers", len(l.Maximizers))
	p.read("Lemma 3 is about V.", "it means F(V), the image of the neighbourhood under the inner map")
	p.read("Proposition 1 is about one point.", "it mixes w̄ and w*, which are the stationary point and the optimum")
	p.read("Proposition 4 follows from Proposition 3.", "it applies it to C(W, t) instead of h(W, t), on a domain that depends on t")
	return p, nil
}

// read adds a correction that only the text needs.
func (p *PaperFigure) read(sentence, finding string) {
	p.claim(sentence, false, math.NaN(), Read, "%s", finding)
	p.Claims[len(p.Claims)-1].Value = nil
}
