package run

import (
	"errors"
	"runtime"
	"sync"

	"github.com/metalqr/metalqr/family"
	"github.com/metalqr/metalqr/fleet"
	"github.com/metalqr/metalqr/internal/parallel"
	"github.com/metalqr/metalqr/lqr"
	"github.com/metalqr/metalqr/maml"
	"github.com/metalqr/metalqr/objective"
)

// A mixture is the meta-objective of a problem: task by task, as package maml
// has it, or eight at a time, as package fleet does. Both answer alike, to
// rounding, and with the same errors.
type mixture interface {
	objective.Bounded
	evaluate(x []float64) (mixed, error)
}

// mixed is a mixture at one gain.
type mixed interface {
	objective.Gapped
	Weight(i int) float64 // normalised
	outcomes() (*outcomes, error)

	// jacobians writes J of every inner step of the tasks lo … hi−1, Dim² numbers
	// each.
	jacobians(dst []float64, lo, hi int) error
}

// outcomes are what tasks come to, one by one.
type outcomes struct {
	values, gaps []float64
	gains        []float64 // Dim for each task, after the inner steps; nil where not asked for
	gradients    []float64 // Dim for each task; likewise
	errs         []error   // nil where no task has one; the numbers of one that has are not to be read
}

func (o *outcomes) err(i int) error {
	if o.errs == nil {
		return nil
	}
	return o.errs[i]
}

// fleetTasks is how many tasks there are at least where a fleet is made of them:
// one full block. A block takes the time of eight tasks whatever it holds, which
// for two of 24 states is more than they take by themselves (BenchmarkMixture);
// full, it takes a fraction at every size.
const fleetTasks = 8

// shared is the fleet of a problem's tasks, made when it is first asked for.
// Problems that are copies of one another share it as long as their tasks are the
// same.
type shared struct {
	mu    sync.Mutex
	first *Task
	tasks int
	fleet *fleet.Fleet // without inner steps; nil: the tasks do not fit
}

// lanes are the tasks as a fleet without inner steps, nil where they make none.
func (p *Problem) lanes() *fleet.Fleet {
	if p.counted || len(p.Tasks) < fleetTasks {
		return nil
	}
	s := p.shared
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.first == &p.Tasks[0] && s.tasks == len(p.Tasks) {
		return s.fleet
	}
	s.first, s.tasks, s.fleet = &p.Tasks[0], len(p.Tasks), nil
	outer, inner := make([]*lqr.Task, len(p.Tasks)), make([]*lqr.Task, len(p.Tasks))
	weights := make([]float64, len(p.Tasks))
	split := false
	for i, t := range p.Tasks {
		f, g := plant(t.Outer), plant(t.Inner)
		if f == nil || g == nil {
			return nil
		}
		outer[i], inner[i], weights[i] = f, g, t.Weight
		split = split || f != g
	}
	if !split {
		inner = nil
	}
	// What does not fit is known by its error, and stays with package maml.
	s.fleet, _ = fleet.New(outer, weights, inner, fleet.Options{})
	return s.fleet
}

// fleetOf is the fleet with inner steps at these rates, nil where the tasks or
// their steps make none. Its rule is the family's; o says the rest.
func (p *Problem) fleetOf(rates []float64, o fleet.Options) *fleet.Fleet {
	in := &p.Family.Meta.Inner
	if len(rates) > 0 && (p.Family.Meta.Algorithm.Proximal() || p.learned != nil) {
		return nil
	}
	all := p.lanes()
	if all == nil {
		return nil
	}
	o.Rates = rates
	switch in.Rule {
	case family.RuleNatural:
		o.Rule = fleet.Natural
	case family.RuleGaussNewton:
		o.Rule = fleet.GaussNewton
	}
	f, err := all.With(o)
	if err != nil {
		return nil // a rate that is no number, which package maml names
	}
	return f
}

// mixture is the meta-objective with one inner step for each rate; with none it
// is the mean cost.
func (p *Problem) mixture(rates []float64) (mixture, error) {
	if f := p.fleetOf(rates, fleet.Options{}); f != nil {
		return lanes{f, p}, nil
	}
	m, err := p.meta(rates)
	if err != nil {
		return nil, err
	}
	return members{m}, nil
}

// narrow is a mixture on one goroutine, for those who ask from many; m is the
// same by package maml.
func (p *Problem) narrow(m *maml.Meta, rates []float64) objective.Objective {
	if f := p.fleetOf(rates, fleet.Options{Workers: 1}); f != nil {
		return lanes{f, p}
	}
	single := *m
	single.Workers = 1
	return &single
}

// members is a mixture of package maml.
type members struct{ *maml.Meta }

func (m members) evaluate(x []float64) (mixed, error) {
	pt, err := m.Evaluate(x)
	if err != nil {
		return nil, err
	}
	return membersAt{pt, m.Meta}, nil
}

type membersAt struct {
	*maml.Point
	meta *maml.Meta
}

func (p membersAt) outcomes() (*outcomes, error) {
	n, dim := p.Len(), p.meta.Dim()
	o := &outcomes{values: make([]float64, n), gaps: make([]float64, n), gains: make([]float64, n*dim)}
	for i := range n {
		path := p.Path(i)
		o.values[i], o.gaps[i] = path.Outer.Value(), gap(p.meta.Member(i).Outer, path.Outer)
		copy(o.gains[i*dim:], path.Adapted())
	}
	return o, nil
}

func (p membersAt) jacobians(dst []float64, lo, hi int) error {
	dim := p.meta.Dim()
	return everyTask(hi-lo, func(i int) error {
		steps := p.Path(lo + i).Steps
		for k, s := range steps {
			copy(dst[(i*len(steps)+k)*dim*dim:], objective.DenseJacobian(s, dim))
		}
		return nil
	})
}

// lanes is a mixture of package fleet.
type lanes struct {
	*fleet.Fleet
	p *Problem
}

// At has points with members, as Algorithm 1 wants them.
func (l lanes) At(x []float64) (objective.Point, error) {
	pt, err := l.Evaluate(x)
	if err != nil {
		return nil, l.p.named(err)
	}
	return pt, nil
}

func (l lanes) evaluate(x []float64) (mixed, error) {
	pt, err := l.Evaluate(x)
	if err != nil {
		return nil, l.p.named(err)
	}
	return lanesAt{pt, l.p}, nil
}

type lanesAt struct {
	*fleet.Point
	p *Problem
}

func (l lanesAt) outcomes() (*outcomes, error) {
	t, err := l.Tasks(fleet.Want{Gains: true})
	if err != nil {
		return nil, l.p.named(err)
	}
	return &outcomes{values: t.Values, gaps: t.Gaps, gains: t.Gains}, nil
}

func (l lanesAt) jacobians(dst []float64, lo, hi int) error {
	return l.p.named(l.Jacobians(dst, lo, hi))
}

// named is an error of a fleet as package maml has it of the problem's tasks.
func (p *Problem) named(err error) error {
	if e := (*fleet.MemberError)(nil); errors.As(err, &e) {
		return &maml.MemberError{Member: p.Tasks[e.Index].Name, Index: e.Index, Step: e.Step, Err: finite(e.Err)}
	}
	return finite(err)
}

// alone is what a task of a fleet said itself.
func alone(err error) error {
	if e := (*fleet.MemberError)(nil); errors.As(err, &e) {
		err = e.Err
	}
	return finite(err)
}

func finite(err error) error {
	if e := (*fleet.NotFiniteError)(nil); errors.As(err, &e) {
		return &maml.NotFiniteError{What: e.What}
	}
	return err
}

// apart evaluates every f by itself, without inner steps, at one gain or at one
// for each task.
func (p *Problem) apart(gains []float64, gradients bool) *outcomes {
	n, dim := len(p.Tasks), p.Dim()
	if f := p.lanes(); f != nil {
		t := f.Each(gains, fleet.Want{Gradients: gradients})
		for i, err := range t.Errs {
			t.Errs[i] = alone(err)
		}
		return &outcomes{values: t.Values, gaps: t.Gaps, gradients: t.Gradients, errs: t.Errs}
	}
	o := &outcomes{values: make([]float64, n), gaps: make([]float64, n), errs: make([]error, n)}
	if gradients {
		o.gradients = make([]float64, n*dim)
	}
	_ = everyTask(n, func(i int) error {
		x := gains
		if len(gains) != dim {
			x = gains[i*dim : (i+1)*dim]
		}
		f := p.Tasks[i].Outer
		at, err := f.At(x)
		if err != nil {
			o.errs[i] = err
			return nil
		}
		o.values[i], o.gaps[i] = at.Value(), gap(f, at)
		if gradients {
			at.Grad(o.gradients[i*dim : (i+1)*dim])
		}
		return nil
	})
	return o
}

// everyTask calls body for 0 … n−1 on all processors, and returns the error of
// lowest index.
func everyTask(n int, body func(i int) error) error {
	const grain = 16 // indices handed out at a time
	errs := make([]error, (n+grain-1)/grain)
	parallel.Each(len(errs), runtime.GOMAXPROCS(0), func(_, c int) bool {
		for i := c * grain; i < min(n, (c+1)*grain); i++ {
			if errs[c] = body(i); errs[c] != nil {
				return false
			}
		}
		return true
	})
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
