package report

import (
	"fmt"

	"github.com/metalqr/metalqr/family"
	"github.com/metalqr/metalqr/landscape"
	"github.com/metalqr/metalqr/run"
)

// remedies shows that a step, or a cost, that ignores the scale of the cost has none
// of Figure 2's spurious minimisers (Section 2.2).
func remedies(at *studying) (*PaperFigure, error) {
	plain, err := at.landscape("figure-2")
	if err != nil {
		return nil, err
	}
	p := about("Section 2.2: what removes Figure 2's spurious minimisers", plain.Problem().Family)
	fig := &Figure{Width: Page, Columns: 3, Legend: LegendBelow, Alt: "Figure 2's family with gradient steps, with normalised costs, and with Gauss–Newton steps."}
	for _, x := range []struct {
		name, title, sentence string
		window                Axis
	}{
		{"figure-2", "gradient steps", "", Axis{Min: 1.4, Max: 7.4}},
		{"figure-2-normalized", "normalised costs", "Dividing each cost by its optimum (normalize: optimal-cost) removes them.", Axis{}},
		{"figure-2-gauss-newton", "Gauss–Newton steps", "The Gauss–Newton step (rule: gauss-newton), at the same rate, removes them.", Axis{Min: 1.4, Max: 7.4}},
	} {
		l, err := at.landscape(x.name)
		if err != nil {
			return nil, err
		}
		panel, err := ProvedPanel(l, Axis{Min: -.07, Max: 2.07}, x.window)
		if err != nil {
			return nil, err
		}
		panel.label("𝑤 = %.4f")
		panel.Title, panel.Height = x.title, 42
		fig.Panels = append(fig.Panels, panel)
		p.kept = append(p.kept, l)
		if x.sentence == "" {
			bad := spurious(l)
			p.claim("With gradient steps the scale of a cost acts as its own inner rate, and spurious minimisers appear.", l.Spurious, float64(l.EpsilonLow), Proved,
				"%d of them, at %s; ε = %s", len(bad), listed(gainsOf(bad)), six(l.Epsilon))
			continue
		}
		p.remark(x.sentence, l.Epsilon == 0, float64(l.Epsilon), Proved, "ε = 0: %s", l.Reason)
	}
	p.figure = fig
	return p, p.scales(at, plain)
}

// scales measures ε for tasks (1, 1, 1, 1) and (1, 1, c, c).
func (p *PaperFigure) scales(at *studying, plain *run.Landscape) error {
	m := Measurements{Name: "factor c of the second cost", Columns: []string{"c", "local minimisers", "ε", "share of spurious basins"}}
	least, none := 0.0, 0.0
	for _, c := range []float64{1.01, 1.1, 1.5, 2, 3, 5, 10, 20, 50, 100} {
		text := fmt.Sprintf("family: figure-2-factor-%v\ndefaults: {A: 1, B: 1}\ntasks: [{Q: 1, R: 1}, {Q: %v, R: %v}]\nmeta: {inner: {rate: %v}}\n", c, c, c, float64(p.Rate))
		f, err := family.Parse("figure-2.yaml", []byte(text))
		if err != nil {
			return err
		}
		l, err := prove(at.ctx, f, landscape.Options{})
		if err != nil {
			return err
		}
		share := run.Number(0)
		for _, x := range spurious(l) {
			share += x.Share
		}
		m.Rows = append(m.Rows, []run.Number{run.Number(c), run.Number(len(l.Minimizers)), l.Epsilon, share})
		switch {
		case l.Spurious && (least == 0 || c < least):
			least = c
		case l.Epsilon == 0 && none == 0:
			none = c
		}
	}
	p.Measured = append(p.Measured, m)
	p.remark("A very unequal pair has no spurious minimiser: the large cost alone then decides.", none > least && least > 0, none, Proved,
		"spurious minimisers for c = %v to 10, none for c = %v, 50 and 100 (table below)", least, none)
	return nil
}
