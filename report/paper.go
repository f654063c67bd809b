package report

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/metalqr/metalqr/examples/paper"
	"github.com/metalqr/metalqr/family"
	"github.com/metalqr/metalqr/landscape"
	"github.com/metalqr/metalqr/run"
)

// PaperSource is the paper whose figures are computed anew.
const PaperSource = `I. Molybog, J. Lavaei, "Global Convergence of MAML for LQR", arXiv 2006.00453`

// A Paper holds the figures of the paper computed anew, and what they say of its
// sentences. The families are reconstructed: the paper's table of parameters was not
// available.
type Paper struct {
	Source  string        `json:"source"`
	Figures []PaperFigure `json:"figures"`
	Studies []PaperFigure `json:"studies"` // what goes beyond one figure
}

// A PaperFigure is one figure of the paper, a study of one of its sections, or the
// list of corrections, which has nothing to draw.
type PaperFigure struct {
	Name     string         `json:"name"`
	Title    string         `json:"title"`
	Family   string         `json:"family"` // of Tasks
	Setup    string         `json:"setup"`  // the tasks and the inner step, in words
	Tasks    []PaperTask    `json:"tasks"`
	Rule     family.Rule    `json:"rule"`
	Rate     run.Number     `json:"rate"`
	Claims   []Claim        `json:"claims"`
	Measured []Measurements `json:"measured,omitempty"`

	Landscape *run.Landscape `json:"landscape,omitempty"` // of a figure that shows one

	figure *Figure
	kept   []*run.Landscape // those whose certificates belong to the figure
}

// A PaperTask is one scalar task; the second moment of its initial state is 1.
type PaperTask struct {
	Name string     `json:"name"`
	A    run.Number `json:"A"`
	B    run.Number `json:"B"`
	Q    run.Number `json:"Q"`
	R    run.Number `json:"R"`
}

// A Claim is a sentence and what was found about it.
type Claim struct {
	Sentence string      `json:"sentence"` // in our words
	Value    *run.Number `json:"value"`    // the number that decides; null where none does
	Finding  string      `json:"finding"`  // what the number is, with others
	Holds    bool        `json:"holds"`
	How      How         `json:"how"`
	Ours     bool        `json:"ours,omitempty"` // not a sentence of the paper but a remark on it
}

// A How says how a claim was decided.
type How string

const (
	Proved   How = "proved"   // in intervals or exactly, as the certificates show
	Measured How = "measured" // from proved numbers, by random draws or a fit
	Read     How = "read"     // by reading the text
)

// Measurements are the numbers behind a figure that shows no landscape.
type Measurements struct {
	Name    string         `json:"name"`
	Columns []string       `json:"columns"`
	Rows    [][]run.Number `json:"rows"`
}

// studies are the figures of the paper, then those that it does not have. Each is
// independent of the others.
var studies = []struct {
	name   string
	figure bool // of the paper
	make   func(*studying) (*PaperFigure, error)
}{
	{"1", true, figure1},
	{"2a", true, figure2a},
	{"2b", true, figure2b},
	{"3a", true, figure3a},
	{"3b", true, figure3b},
	{"3c", true, figure3c},
	{"3d", true, figure3d},
	{"remedies", false, remedies},
	{"similarity", false, similarity},
	{"tasks", false, moreTasks},
	{"corrections", false, corrections},
}

// PaperNames are the names that [StudyPaper] knows, in its order.
func PaperNames() []string {
	var names []string
	for _, s := range studies {
		names = append(names, s.name)
	}
	return names
}

// ErrPaperName is matched by the error about a name that is not in [PaperNames].
var ErrPaperName = errors.New("the paper has no such figure")

// CheckPaperNames returns an error that matches [ErrPaperName] and lists the known
// names, or nil.
func CheckPaperNames(names []string) error {
	for _, n := range names {
		if !slices.Contains(PaperNames(), n) {
			return fmt.Errorf("%w: %q; there are %s", ErrPaperName, n, strings.Join(PaperNames(), ", "))
		}
	}
	return nil
}

// StudyPaper computes the figures of these names, all where there are none, in the
// order of [PaperNames]. begin, if not nil, is called before each. Besides that of
// [CheckPaperNames] the only error to be expected is ctx's.
func StudyPaper(ctx context.Context, names []string, begin func(name string)) (*Paper, error) {
	if err := CheckPaperNames(names); err != nil {
		return nil, err
	}
	at := &studying{ctx: ctx, proved: map[string]*run.Landscape{}}
	p := &Paper{Source: PaperSource, Figures: []PaperFigure{}, Studies: []PaperFigure{}}
	for _, s := range studies {
		if len(names) > 0 && !slices.Contains(names, s.name) {
			continue
		}
		if begin != nil {
			begin(s.name)
		}
		f, err := s.make(at)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", s.name, err)
		}
		f.Name = s.name
		if s.figure {
			p.Figures = append(p.Figures, *f)
		} else {
			p.Studies = append(p.Studies, *f)
		}
	}
	return p, nil
}

// studying proves the landscapes of embedded families, each once.
type studying struct {
	ctx    context.Context
	proved map[string]*run.Landscape
}

func embedded(name string) ([]byte, error) {
	return fs.ReadFile(paper.Families, name+".yaml")
}

// landscape is that of an embedded family.
func (at *studying) landscape(name string) (*run.Landscape, error) {
	if l := at.proved[name]; l != nil {
		return l, nil
	}
	data, err := embedded(name)
	if err != nil {
		return nil, err
	}
	f, err := family.Parse(name+".yaml", data)
	if err != nil {
		return nil, err
	}
	l, err := prove(at.ctx, f, landscape.Options{})
	if err == nil {
		at.proved[name] = l
	}
	return l, err
}

func prove(ctx context.Context, f *family.Family, o landscape.Options) (*run.Landscape, error) {
	p, err := run.NewProblem(f)
	if err != nil {
		return nil, err
	}
	return p.Landscape(ctx, o)
}

// meanCost is the landscape of Σ λᵢ Cᵢ, without adaptation: that of steps of rate 0.
func meanCost(ctx context.Context, f *family.Family, o landscape.Options) (*run.Landscape, error) {
	still := *f
	still.Meta.Inner = family.Inner{Rule: family.RuleGradient, Rate: family.Rate{Steps: []float64{0}}, Steps: 1}
	return prove(ctx, &still, o)
}

// about begins the figure of a family.
func about(title string, f *family.Family) *PaperFigure {
	p := &PaperFigure{Title: title, Family: f.Name, Rule: f.Meta.Inner.Rule, Rate: run.Number(f.Meta.Inner.Rate.At(0))}
	for _, t := range f.Tasks {
		s := t.Outer
		p.Tasks = append(p.Tasks, PaperTask{
			Name: t.Name, A: run.Number(s.A.Data[0]), B: run.Number(s.B.Data[0]),
			Q: run.Number(s.Q.Data[0]), R: run.Number(s.R.Data[0]),
		})
	}
	p.Setup = tuples(p.Tasks) + step(f)
	return p
}

func step(f *family.Family) string {
	return fmt.Sprintf("; one %s step at rate %v", f.Meta.Inner.Rule, f.Meta.Inner.Rate.At(0))
}

// tuples writes few tasks out, and counts many.
func tuples(tasks []PaperTask) string {
	const few = 5
	if len(tasks) > few {
		return fmt.Sprintf("%d tasks (A, B, Q, R), Q from %.4g to %.4g", len(tasks), float64(tasks[0].Q), float64(tasks[len(tasks)-1].Q))
	}
	var list []string
	for _, t := range tasks {
		list = append(list, fmt.Sprintf("(%.4g, %.4g, %.4g, %.4g)", float64(t.A), float64(t.B), float64(t.Q), float64(t.R)))
	}
	if len(tasks) == 1 {
		return "task (A, B, Q, R) = " + list[0]
	}
	return "tasks (A, B, Q, R) = " + strings.Join(list, ", ")
}

// All are the figures, then the studies.
func (p *Paper) All() []*PaperFigure {
	var all []*PaperFigure
	for i := range p.Figures {
		all = append(all, &p.Figures[i])
	}
	for i := range p.Studies {
		all = append(all, &p.Studies[i])
	}
	return all
}

// show makes a proved landscape the figure's.
func (p *PaperFigure) show(l *run.Landscape) error {
	f, err := ProvedFigure(l)
	if err != nil {
		return err
	}
	p.Landscape, p.figure, p.kept = l, &f, []*run.Landscape{l}
	return nil
}

// claim adds a sentence of the paper; value is what decides it.
func (p *PaperFigure) claim(sentence string, holds bool, value float64, how How, finding string, args ...any) {
	v := run.Number(value)
	p.Claims = append(p.Claims, Claim{Sentence: sentence, Value: &v, Holds: holds, How: how, Finding: fmt.Sprintf(finding, args...)})
}

// remark adds a sentence of ours.
func (p *PaperFigure) remark(sentence string, holds bool, value float64, how How, finding string, args ...any) {
	p.claim(sentence, holds, value, how, finding, args...)
	p.Claims[len(p.Claims)-1].Ours = true
}

// six shows a number as the tables do.
func six[T ~float64](x T) string { return fmt.Sprintf("%.6g", float64(x)) }

// listed joins words as a sentence does.
func listed(words []string) string {
	if n := len(words); n > 1 {
		return strings.Join(words[:n-1], ", ") + " and " + words[n-1]
	}
	return strings.Join(words, "")
}
