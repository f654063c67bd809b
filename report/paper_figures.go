package report

import (
	"fmt"
	"math"

	"github.com/metalqr/metalqr/family"
	"github.com/metalqr/metalqr/landscape"
	"github.com/metalqr/metalqr/run"
)

func figure1(at *studying) (*PaperFigure, error) {
	l, err := at.landscape("figure-1")
	if err != nil {
		return nil, err
	}
	p := about("one task: several local minimisers, all global", l.Problem().Family)
	n := len(l.Minimizers)
	p.claim("With one task the MAML objective can have several strict local minimisers.", n > 1, float64(n), Proved,
		"%d: at w = %s", n, listed(gainsOf(l.Minimizers)))
	p.claim("All of them are global (Theorem 2).", l.Equal && l.Epsilon == 0, float64(l.Epsilon), Proved,
		"ε = %s: each adapts to the task's optimum, so that all have the value %s", six(l.Epsilon), six(l.Minimum))
	away := math.Inf(1)
	for _, m := range l.Minimizers {
		away = min(away, float64(m.Singular))
	}
	p.claim("Theorem 2's condition, a locally open inner map, is met at each (Definition 3, Lemma 3).", away > 0, away, Proved,
		"the nearest gain where ηC″ = 1 is %s away", six(away))
	total, shares := 0.0, []string{}
	for _, m := range l.Minimizers {
		total += float64(m.Share)
		shares = append(shares, fmt.Sprintf("%.1f %%", 100*float64(m.Share)))
	}
	p.claim("From almost every initial point MAML converges to a global minimum.", l.Equal && total > 1-1e-9, total, Proved,
		"the three basins are %s of the domain; only the %d local maximisers between them belong to none", listed(shares), len(l.Maximizers))
	return p, p.show(l)
}

const sameUpToScale = "two tasks of one optimum: costs that differ by a factor of 2"

func figure2a(at *studying) (*PaperFigure, error) {
	l, err := at.landscape("figure-2")
	if err != nil {
		return nil, err
	}
	p := about(sameUpToScale, l.Problem().Family)
	x, y := p.Tasks[0], p.Tasks[1]
	best, _ := global(l)
	p.claim("The two tasks have the same optimal gain.", x.A == y.A && x.B == y.B && y.Q == 2*x.Q && y.R == 2*x.R, gain(best), Proved,
		"W* = %s for both: the second cost is twice the first, exactly", six(gain(best)))
	p.claim("That gain is a global minimiser of the MAML objective.", best.Kind == "global" && float64(best.Gap) < 1e-12, float64(best.Value), Proved,
		"h = %s there, which is the lower bound Σ λᵢCᵢ*", six(best.Value))
	bad := spurious(l)
	p.claim("There are spurious local minimisers all the same: identical tasks, up to the scale of the cost, are not enough for global convergence.",
		len(bad) > 0, float64(len(bad)), Proved, "%d: at w = %s", len(bad), listed(gainsOf(bad)))
	share := 0.0
	for _, m := range bad {
		share += float64(m.Share)
	}
	p.remark("Much of the domain leads to them.", share > .1, share, Proved,
		"descent on h from %.1f %% of the domain ends in a spurious minimum", 100*share)
	return p, p.show(l)
}

func figure2b(at *studying) (*PaperFigure, error) {
	l, err := at.landscape("figure-2")
	if err != nil {
		return nil, err
	}
	p := about("the spurious minimisers of Figure 2a, enlarged", l.Problem().Family)
	var own []*run.Landscape // of each task by itself
	for i := range l.Problem().Family.Tasks {
		one := *l.Problem().Family
		one.Tasks = one.Tasks[i : i+1]
		alone, err := prove(at.ctx, &one, landscape.Options{})
		if err != nil {
			return nil, err
		}
		own = append(own, alone)
	}
	p.Landscape, p.kept = l, []*run.Landscape{l}
	p.figure = &Figure{Width: Page, Columns: 2, Alt: describe(l)}
	for i, m := range spurious(l) {
		side := []string{"left", "right"}[i]
		e := excess(m, l)
		p.claim(fmt.Sprintf("Enlarged, the minimiser on the %s is strict and lies above the global minimum.", side), e.Positive(), e.Lo(), Proved,
			"w = %s, h = %s: %s above", six(gain(m)), six(m.Value), six(e.Lo()))
		a, b := nearest(own[0], gain(m)), nearest(own[1], gain(m))
		lo, hi := min(gain(a), gain(b)), max(gain(a), gain(b))
		p.remark("It lies between the gains from which one task and the other would reach its optimum in the step.", lo < gain(m) && gain(m) < hi, hi-lo, Proved,
			"those are %s and %s: the curves of the tasks have minima of their own, apart", six(gain(a)), six(gain(b)))
		// The window holds both tasks' minima, and the domain's end.
		window := Axis{Min: lo - .8*(hi-lo), Max: hi + .8*(hi-lo)}
		window.Min = max(window.Min, float64(l.Domain[0][0])-.05*(hi-lo))
		window.Max = min(window.Max, float64(l.Domain[0][1])+.05*(hi-lo))
		panel, err := ProvedPanel(l, window, Axis{Min: 1.4, Max: 4.6})
		if err != nil {
			return nil, err
		}
		panel.label("𝑤 = %.4f\nℎ = %.4f")
		panel.Title = fmt.Sprintf("spurious minimum on the %s", side)
		p.figure.Panels = append(p.figure.Panels, panel)
	}
	return p, nil
}

func figure3a(at *studying) (*PaperFigure, error) {
	l, err := at.landscape("figure-3a")
	if err != nil {
		return nil, err
	}
	f := l.Problem().Family
	p := about("five similar tasks: spurious minima, but low ones", f)
	δ, diameter := similarityOf(f)
	p.claim("Where tasks are similar, the objective is ε-global with a small ε (Propositions 2 and 3).", float64(l.Epsilon) < .01*float64(l.Minimum), float64(l.Epsilon), Proved,
		"ε = %s, which is %.2f %% of the minimum, %s", six(l.Epsilon), 100*float64(l.Epsilon/l.Minimum), six(l.Minimum))
	p.remark("Similar is meant in the paper's metric, ‖ΔA‖ + ‖ΔB‖ + ‖ΔQ‖ + ‖ΔR‖.", δ < .02, δ, Measured,
		"each is within δ = %s of the nominal task, and any two are within %s", six(δ), six(diameter))
	bad := spurious(l)
	words := []string{}
	for _, m := range bad {
		words = append(words, fmt.Sprintf("%s (%s above)", six(gain(m)), six(excess(m, l).Lo())))
	}
	p.remark("ε-global is not global: small as it is, ε is not 0.", len(bad) > 0, float64(len(bad)), Proved,
		"%d spurious minimisers, at %s", len(bad), listed(words))
	alone := *f
	alone.Tasks = f.Tasks[:1]
	nominal, err := prove(at.ctx, &alone, landscape.Options{})
	if err != nil {
		return nil, err
	}
	moved := 0.0
	for _, m := range l.Minimizers {
		moved = max(moved, math.Abs(gain(m)-gain(nearest(nominal, gain(m)))))
	}
	p.remark("Each minimiser stands near one of the nominal task's, which are global.", nominal.Equal && len(nominal.Minimizers) == len(l.Minimizers), moved, Proved,
		"none is farther than %s from its own; the nominal task's are %s", six(moved), listed(gainsOf(nominal.Minimizers)))
	return p, p.show(l)
}

// similarityOf is the largest distance from the first task, and the diameter.
func similarityOf(f *family.Family) (δ, diameter float64) {
	for _, t := range f.Tasks {
		δ = max(δ, family.Distance(f.Tasks[0].Outer, t.Outer))
	}
	diameter, _, _ = family.Diameter(f)
	return δ, diameter
}

func figure3b(at *studying) (*PaperFigure, error) {
	l, err := at.landscape("figure-3b")
	if err != nil {
		return nil, err
	}
	p := about("two tasks that want opposite things", l.Problem().Family)
	best, ok := global(l)
	least, words := math.Inf(1), []string{}
	for _, t := range p.Tasks {
		slope, _ := t.derivatives(gainOf(best))
		least = min(least, slope.Mig())
		words = append(words, six(slope.Mid()))
	}
	p.claim("The global minimiser of the MAML objective is a stationary point of neither task's cost.", ok && least > 0, least, Proved,
		"at w = %s (h = %s) the costs have the slopes %s", six(gain(best)), six(best.Value), listed(words))
	bad := spurious(l)
	words = nil
	for _, m := range bad {
		words = append(words, fmt.Sprintf("%s (h = %s, %s above)", six(gain(m)), six(m.Value), six(excess(m, l).Lo())))
	}
	p.claim("Dissimilar tasks give spurious local minimisers.", len(bad) > 0, float64(len(bad)), Proved, "%d: at w = %s", len(bad), listed(words))
	mean := meanOptimum(l.Problem())
	for _, m := range l.Minimizers {
		if float64(m.Basin[0]) < mean && mean < float64(m.Basin[1]) {
			p.remark("The mean of the two optima is not a good initial point.", m.Kind == "spurious", mean, Proved,
				"descent on h from %s ends at %s", six(mean), six(gain(m)))
		}
	}
	if len(bad) == 0 {
		return p, p.show(l)
	}
	worst := bad[0]
	for _, m := range bad {
		if m.Excess > worst.Excess {
			worst = m
		}
	}
	top, words := 0.0, nil
	for _, t := range p.Tasks {
		_, second := t.derivatives(gainOf(worst))
		c := second.Scale(float64(p.Rate))
		top = max(top, c.Mag())
		words = append(words, fmt.Sprintf("%.2g", c.Mid()))
	}
	p.remark("Theorem 2 and Proposition 1 do not extend to several tasks: their conditions hold for each task at a spurious minimiser.", top < 1, float64(worst.Excess), Proved,
		"at w = %s, which lies %s above the minimum, h′ = 0, h″ > 0 and η|C″| is %s", six(gain(worst)), six(worst.Excess), listed(words))
	return p, p.show(l)
}

// spread adds what the paper says of Figures 3c and 3d.
func (p *PaperFigure) spread(at *studying, l *run.Landscape) error {
	mean, err := meanCost(at.ctx, l.Problem().Family, landscape.Options{})
	if err != nil {
		return err
	}
	best, ok := global(l)
	center, single := global(mean)
	others := []string{}
	for _, m := range spurious(l) {
		others = append(others, fmt.Sprintf("%.3g", math.Abs(gain(m)-gain(center))))
	}
	d := math.Abs(gain(best) - gain(center))
	p.claim("The global minimiser is close to the minimiser of the mean cost.", ok && single && gain(nearest(l, gain(center))) == gain(best), d, Proved,
		"w = %s (h = %s) and %s; the other local minimisers are %s away", six(gain(best)), six(best.Value), six(gain(center)), listed(others))
	bad := spurious(l)
	words := []string{}
	for _, m := range bad {
		words = append(words, fmt.Sprintf("%s (h = %s)", six(gain(m)), six(m.Value)))
	}
	p.claim("Local minimisers on the flanks are spurious.", len(bad) > 0, float64(len(bad)), Proved,
		"%d: at w = %s; ε = %s", len(bad), listed(words), six(l.Epsilon))
	return p.show(l)
}

func figure3c(at *studying) (*PaperFigure, error) {
	l, err := at.landscape("figure-3c")
	if err != nil {
		return nil, err
	}
	p := about("five tasks, Q from 0.1 to 10", l.Problem().Family)
	return p, p.spread(at, l)
}

func figure3d(at *studying) (*PaperFigure, error) {
	l, err := at.landscape("figure-3d")
	if err != nil {
		return nil, err
	}
	fewer, err := at.landscape("figure-3c")
	if err != nil {
		return nil, err
	}
	p := about("eleven tasks, Q from 0.1 to 10", l.Problem().Family)
	if err := p.spread(at, l); err != nil {
		return nil, err
	}
	p.claim("With more tasks the landscape is better than in Figure 3c.", l.Epsilon < fewer.EpsilonLow, float64(l.Epsilon), Proved,
		"ε falls from %s to %s, for these two numbers of tasks; from two tasks to five it rises (metalqr paper tasks)", six(fewer.Epsilon), six(l.Epsilon))
	best, _ := global(l)
	before, _ := global(fewer)
	p.remark("The basin of the global minimiser grows.", best.Share > before.Share, float64(best.Share), Proved,
		"from %.1f %% of the domain to %.1f %%", 100*float64(before.Share), 100*float64(best.Share))
	return p, nil
}
