package maml

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"sort"

	"github.com/metalqr/metalqr/internal/dense"
	"github.com/metalqr/metalqr/objective"
)

// Algorithm1 is the method as the paper prints it: sample a batch of tasks
// from p(T), the weights, with replacement, and step by a constant rate,
//
//	x ← x − β G,   G = (1/b) Σ_{i ∈ batch} ∇hᵢ(x)   or, with Sum, b times that,
//
// where hᵢ = fᵢ ∘ Fᵢ,K ∘ … ∘ Fᵢ,1 and b = Batch. The mean is an unbiased
// estimate of ∇h. Batch 0 takes every task: then G = ∇h = Σ λᵢ ∇hᵢ and, with
// Sum, N ∇h (which is Σ ∇hᵢ for equal weights).
//
// Where the points are [Directed], the directions of members take the place of
// their gradients: FO-MAML, HF-MAML and Reptile are this method over their points.
//
// Nothing is enforced. A step that leaves the domain ends the run as
// LeftDomain, at the last iterate inside, with the error of the task it left;
// Result.Best is the best iterate. Every iterate is evaluated on all tasks, so
// that the trace is exact; the batch is a choice of method, not of cost. Only
// Fresh tasks cost an evaluation of their own.
//
// Draws are those of math/rand/v2's PCG at (Seed, iteration), or with Epochs at
// (Seed, epoch): they depend on nothing before.
//
// A batch needs a point with members, as that of a Meta has. Without, and where
// settings are out of range or contradict each other, the error is a
// *SettingError.
//
// I. Molybog and J. Lavaei, arXiv 2006.00453, Algorithm 1.
type Algorithm1 struct {
	Rate  float64 // β, positive and finite
	Batch int     // tasks in a batch; 0 means all of them, unsampled
	Sum   bool    // add the gradients up instead of taking their mean
	Seed  uint64

	// Last and Over make β fall, or rise, linearly from Rate to Last over the
	// first Over iterations; Over 0 means a constant β.
	Last float64
	Over int

	// Epochs draws batches without replacement: each epoch is a new order of the
	// tasks, cut into batches of at most N, the last of which may be smaller. A
	// task's gradient then counts N λᵢ times, so that the mean over a batch is an
	// unbiased estimate of ∇h, and an epoch of equal batches has the mean ∇h at one x.
	Epochs bool

	// Clip bounds ‖G‖₂, after Sum: a longer G is shortened to it, which
	// State.Clipped counts where the step is made. 0 means no bound. The estimate
	// of ∇h is then biased.
	Clip float64

	// Fresh, where not nil, draws new tasks at every iteration in place of
	// batches of known ones.
	Fresh Source
}

// A Source draws tasks from p(T).
type Source interface {
	// Draw returns the mean over size tasks drawn for an iteration, as an
	// objective whose gradient is G. Draws depend on the iteration alone, so that
	// a run resumed draws the same. G is an unbiased estimate of what the source's
	// tasks have for a mean, which need not be the objective of the run.
	Draw(iteration, size int) (objective.Objective, error)
}

// members is what a batch asks of a point.
type members interface {
	Len() int
	Weight(i int) float64
	MemberGrad(i int) []float64
}

// Advance makes one step.
func (m Algorithm1) Advance(_ context.Context, o objective.Objective, from *Iterate, s *State) (Move, error) {
	group, _ := from.Point.(members)
	known := 0
	if group != nil {
		known = group.Len()
	}
	if err := m.check(known); err != nil {
		return Move{}, err
	}
	g := from.Gradient
	count := 1.0
	switch {
	case m.Fresh != nil:
		drawn, err := m.Fresh.Draw(s.Iteration, m.Batch)
		if err != nil {
			return Move{}, err
		}
		if d := drawn.Dim(); d != len(from.X) {
			return Move{}, &DimensionError{What: "the fresh task", Dim: d, Want: len(from.X)}
		}
		at, left, err := try(drawn, from.X, s)
		if err != nil {
			return Move{}, err
		}
		if left != nil {
			return Move{Status: LeftDomain, Cause: left}, nil
		}
		g, count = at.Gradient, float64(m.Batch)
	case m.Epochs:
		batch := m.epoch(known, s.Iteration)
		n := float64(known)
		g = mean(group, batch, func(i int) float64 { return n * group.Weight(i) })
		count = float64(len(batch))
	case m.Batch > 0:
		g = mean(group, m.draw(group, s.Iteration), func(int) float64 { return 1 })
		count = float64(m.Batch)
	case known > 0:
		count = float64(known)
	}
	if m.Sum {
		g = along(make([]float64, len(g)), count, g)
	}
	if length := dense.Norm(g); m.Clip > 0 && length > m.Clip {
		g = along(make([]float64, len(g)), m.Clip/length, g)
		s.Clipped++
	}
	return plain(o, along(from.X, -m.rate(s.Iteration), g), s)
}

// check refuses settings out of range or that contradict each other, where the
// objective has so many members.
func (m Algorithm1) check(known int) error {
	bad := func(field string, value any, want string) error {
		return &SettingError{Of: "Algorithm 1", Field: field, Value: value, Want: want}
	}
	positive := func(x float64) bool { return x > 0 && !math.IsInf(x, 1) }
	switch {
	case !positive(m.Rate):
		return bad("rate", m.Rate, "a positive number")
	case m.Batch < 0:
		return bad("batch", m.Batch, "a number of tasks, or 0 for all")
	case m.Over < 0:
		return bad("over", m.Over, "a number of iterations, or 0 for a constant rate")
	case m.Over > 0 && !positive(m.Last):
		return bad("last", m.Last, fmt.Sprintf("a positive number, the rate to end with, as over is %d", m.Over))
	case m.Over == 0 && m.Last != 0:
		return bad("over", m.Over, fmt.Sprintf("a number of iterations, as last is %v", m.Last))
	case !(m.Clip >= 0) || math.IsInf(m.Clip, 1):
		return bad("clip", m.Clip, "a positive number, or 0 for none")
	case m.Fresh != nil && m.Epochs:
		return bad("epochs", m.Epochs, "false with fresh tasks, which have no end")
	case m.Fresh != nil && m.Batch == 0:
		return bad("batch", m.Batch, "a number of tasks to draw, as fresh tasks have no end")
	case m.Epochs && m.Batch == 0:
		return bad("batch", m.Batch, "a number of tasks, as epochs are cut into batches")
	case m.Batch > 0 && m.Fresh == nil && known == 0:
		return bad("batch", m.Batch, "0, as the objective has no members to sample")
	case m.Epochs && m.Batch > known:
		return bad("batch", m.Batch, fmt.Sprintf("%d at most, as epochs draw each task once", known))
	}
	return nil
}

// rate is β at an iteration.
func (m Algorithm1) rate(iteration int) float64 {
	switch {
	case m.Over == 0:
		return m.Rate
	case iteration >= m.Over:
		return m.Last
	}
	share := float64(iteration) / float64(m.Over)
	return (1-share)*m.Rate + share*m.Last
}

// mean is (1/b) Σ factor(i) ∇hᵢ over a batch.
func mean(group members, batch []int, factor func(i int) float64) []float64 {
	grads := make([][]float64, len(batch))
	for k, i := range batch {
		grads[k] = group.MemberGrad(i)
	}
	g := make([]float64, len(grads[0]))
	for j := range g {
		g[j] = objective.Sum(len(batch), func(k int) float64 { return factor(batch[k]) * grads[k][j] }) / float64(len(batch))
	}
	return g
}

// draw samples the batch of an iteration, by inversion of the cumulative
// weights.
func (m Algorithm1) draw(group members, iteration int) []int {
	cumulative := make([]float64, group.Len())
	var total float64
	for i := range cumulative {
		total += group.Weight(i)
		cumulative[i] = total
	}
	random := rand.New(rand.NewPCG(m.Seed, uint64(iteration)))
	batch := make([]int, m.Batch)
	for k := range batch {
		u := random.Float64() * total
		batch[k] = min(sort.Search(len(cumulative), func(i int) bool { return cumulative[i] > u }), len(cumulative)-1)
	}
	return batch
}

// epoch is the batch of an iteration without replacement.
func (m Algorithm1) epoch(n, iteration int) []int {
	batches := (n + m.Batch - 1) / m.Batch
	order := rand.New(rand.NewPCG(m.Seed, uint64(iteration/batches))).Perm(n)
	from := iteration % batches * m.Batch
	return order[from:min(from+m.Batch, n)]
}

// plain accepts x unless it is outside the domain.
func plain(o objective.Objective, x []float64, s *State) (Move, error) {
	to, left, err := try(o, x, s)
	if err != nil {
		return Move{}, err
	}
	if left != nil {
		return Move{Status: LeftDomain, Cause: left}, nil
	}
	return Move{To: to}, nil
}
