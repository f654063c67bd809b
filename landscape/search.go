package landscape

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/metalqr/metalqr/internal/dense"
	"github.com/metalqr/metalqr/lqr"
	"github.com/metalqr/metalqr/maml"
	"github.com/metalqr/metalqr/objective"
)

// SearchOptions bound and watch a [Search]. The zero value has the defaults.
type SearchOptions struct {
	// Starts is the most starts; 0 means 100 for each entry of the gain, at
	// least 400 and at most 1000. The search ends before when every minimiser
	// found has been reached three times.
	Starts int
	Seed   uint64
	// Time is the longest it may take, looked at every 64 starts; 0 means no
	// limit. A result that it cut short is not the same on every machine.
	Time time.Duration
	// Workers is the number of goroutines; 0 means GOMAXPROCS. It changes no
	// bit of the result.
	Workers int
	// As is the same function as the Meta, by something that evaluates it faster
	// than member by member, a fleet; nil: the Meta itself. It is asked from many
	// goroutines at once.
	As objective.Objective
	// Given are gains to start from beside the search's own.
	Given [][]float64
	// Progress, where not nil, is told now and then how many starts are done of
	// how many at most.
	Progress func(done, most int)
}

// batch is the starts between two looks at what they found.
const batch = 64

// Found is a stationary point that a search ran into.
type Found struct {
	Gain  []float64
	Value float64
	Gap   float64   // h − Σ λᵢ Cᵢ*
	Kind  maml.Kind // Minimum, or Degenerate where the Hessian does not tell

	// Least and Most are the extreme eigenvalues of ∇²h, Norm is ‖∇h‖.
	Least, Most, Norm float64
	Soft              []float64 // unit eigenvector of Least

	Reached   int // starts that ended here
	Samples   int // of these, samples of the domain
	Preimages int // and preimages of a Wᵢ*
	Given     int
}

// Searched is what a search found. It proves nothing: neither that the list is
// complete, nor that a point in it is a minimiser.
type Searched struct {
	Minima []Found // ascending in value, then in their gains

	Starts    int // descents begun
	Lost      int // descents that did not converge
	Preimages int // different preimages of a Wᵢ* that were found, inside the domain of h
	// Unseen estimates the share of the descents that end at minimisers not
	// found: that of those whose minimiser no other descent reached (Good and
	// Turing).
	Unseen float64
}

// ErrNoGain is matched by the error about a search that has no gain inside the
// domain to begin with.
var ErrNoGain = errors.New("no gain inside the domain to search from")

// SampleError says that none of the gains a search begins with is inside the
// domain. It proves nothing of others.
type SampleError struct {
	Err error // of the mean of the optima, or of the first gain given
}

func (e *SampleError) Error() string { return fmt.Sprintf("landscape: %v: %v", ErrNoGain, e.Err) }

// Is makes it match [ErrNoGain].
func (e *SampleError) Is(target error) bool { return target == ErrNoGain }
func (e *SampleError) Unwrap() error        { return e.Err }

// A seeker is a search under way.
type seeker struct {
	m       *maml.Meta          // whose members are asked
	h       objective.Objective // the function itself
	optima  [][]float64         // of each member's f; nil where not known
	open    bool                // some f is finite everywhere: the domain has no border to reach for
	anchors [][]float64         // gains inside the domain
	along   []float64           // columns are directions, scaled: L⁻ᵀ with ∇²C̄ = L Lᵀ
	halton  *halton
	seed    uint64
}

// Search looks for the local minimisers of a meta-objective, in any dimension:
// from a sample of its domain, and from the preimages of each task's optimum
// where that is known, by [maml.NewtonCG], which stays in the basin where it
// starts.
//
// Sample. From one of the gains known inside (the optima Wᵢ* that are, their
// mean, those given), one to three legs, each in a direction of its own for a
// part of the way to the border of the domain, found by doubling and bisection.
// Directions are ∇²C̄^(−1/2)z, C̄ the mean cost at the mean optimum and z normal, so
// that the sample does not change with the units of states and inputs. The
// first leg is a point of Halton's sequence, digits scrambled from the seed;
// later legs, and directions beyond the first 16 entries, are random. Where a
// task's cost is finite everywhere, as one over data is, there is no border to go
// for, and a leg is at most four times 1 + ‖W‖ long.
//
// Preimages. Where F_i(W) = Wᵢ*, task i alone has a minimum, and near it a mixture
// of similar tasks has one. From every sample the equation is solved for one of
// the tasks by Newton's method, the step halved until the residual falls. One
// that is inside the domain of h is a start; these minima crowd at the border,
// where samples are few. Of two preimages W₁, W₂ of one task, W₁ + W₂ − W* is tried
// too: where inputs hardly interact that is the preimage displaced in both, whose
// own basin is thinner than either's.
//
// Descents are compared at their ends: points are one where they are closer
// than 10⁻⁶ (1 + ‖W‖) and ten times the Newton steps ‖∇h‖/λ that remain, which is
// far more than what Newton's method leaves, and less than minimisers of which
// the Hessian is not singular to working precision have between them.
//
// The result depends on the seed and not on Workers. Errors: *[SampleError]
// matching [ErrNoGain], ctx's, and failures other than leaving the domain.
func Search(ctx context.Context, m *maml.Meta, o SearchOptions) (*Searched, error) {
	s, err := newSeeker(m, o)
	if err != nil {
		return nil, err
	}
	most := o.Starts
	if most <= 0 {
		most = min(max(400, 100*m.Dim()), 1000)
	}
	counter := newMeter(ctx, Options{Workers: o.Workers})
	out := &Searched{}
	pre := make([]preimages, len(s.optima))
	for done := 0; done < most; {
		n := min(batch, most-done)
		ends := make([]descent, n, 2*n)
		counter.each(n, func(_, i int) { ends[i] = s.descend(ctx, done+i, o.Given) })
		var sums []sum
		for i := range pre {
			sums = append(sums, pre[i].sums(i, s.optima[i], (batch-len(sums))/(len(pre)-i))...)
		}
		ends = append(ends, make([]descent, len(sums))...)
		counter.each(len(sums), func(_, i int) { ends[n+i] = s.fromPreimage(ctx, sums[i].task, sums[i].gain) })
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		for _, e := range ends {
			if e.err != nil {
				return nil, e.err
			}
			if e.preimage != nil && pre[e.task].add(e.preimage) {
				out.Preimages++
			}
			out.take(e)
		}
		done += n
		if o.Progress != nil {
			o.Progress(done, most)
		}
		if done >= min(most, 2*batch+len(o.Given)) && out.settled(done) ||
			o.Time > 0 && time.Since(counter.begun) > o.Time {
			break
		}
	}
	once, all := 0, 0
	for _, f := range out.Minima {
		all += f.Reached
		if f.Reached == 1 {
			once++
		}
	}
	if all > 0 {
		out.Unseen = float64(once) / float64(all)
	}
	slices.SortFunc(out.Minima, func(x, y Found) int {
		if c := cmp.Compare(x.Gap, y.Gap); c != 0 && !flatBetween(x, y) {
			return c
		}
		return slices.Compare(x.Gain, y.Gain)
	})
	return out, nil
}

// preimages are those of one task's optimum, and how many of their pairs have
// been tried.
type preimages struct {
	known [][]float64
	i, j  int // the next pair, j < i
}

func (p *preimages) add(x []float64) bool {
	if slices.ContainsFunc(p.known, func(y []float64) bool { return apart(x, y) <= 1e-6*(1+dense.Norm(x)) }) {
		return false
	}
	p.known = append(p.known, x)
	return true
}

type sum struct {
	task int
	gain []float64
}

// sums are W₁ + W₂ − W* for at most n pairs not yet tried.
func (p *preimages) sums(task int, opt []float64, n int) []sum {
	var list []sum
	for ; p.i < len(p.known) && len(list) < n; p.j++ {
		if p.j == p.i {
			p.i, p.j = p.i+1, -1
			continue
		}
		x := slices.Clone(p.known[p.i])
		dense.Add(x, x, p.known[p.j])
		dense.AddScaled(x, -1, opt)
		list = append(list, sum{task, x})
	}
	return list
}

// flatBetween reports whether two values differ by rounding only, so that the
// order of the gains decides.
func flatBetween(x, y Found) bool {
	return math.Abs(x.Gap-y.Gap) <= 1e-11*max(math.Abs(x.Value), math.Abs(y.Value))
}

// settled reports whether every minimiser has been reached three times, and new
// ones have become rare.
func (s *Searched) settled(done int) bool {
	for _, f := range s.Minima {
		if f.Reached < 3 {
			return false
		}
	}
	return done >= 24*len(s.Minima)
}

func newSeeker(m *maml.Meta, o SearchOptions) (*seeker, error) {
	single := *m
	single.Workers = 1 // the starts are what is done in parallel
	s := &seeker{m: &single, h: &single, seed: o.Seed}
	if o.As != nil {
		s.h = o.As
	}
	dim := m.Dim()
	mean := make([]float64, dim)
	for i := range m.Len() {
		f := m.Member(i).Outer
		if _, ok := f.(*lqr.Task); !ok {
			s.open = true
		}
		var optimum []float64
		if t, ok := f.(objective.Minimized); ok {
			optimum = t.Minimizer()
		}
		s.optima = append(s.optima, optimum)
		switch {
		case optimum == nil:
			mean = nil
		case mean != nil:
			dense.AddScaled(mean, m.Member(i).Weight, optimum)
		}
	}
	for _, x := range o.Given {
		if len(x) != dim {
			return nil, &maml.DimensionError{What: "a given start", Dim: len(x), Want: dim}
		}
	}
	candidates := slices.Concat([][]float64{mean}, o.Given, s.optima)
	closest := errUnknown
	for _, x := range candidates {
		if x == nil {
			continue
		}
		_, err := s.h.At(x)
		switch {
		case err == nil:
			s.anchors = append(s.anchors, slices.Clone(x))
		case !errors.Is(err, objective.ErrDomain):
			return nil, err
		case closest == errUnknown:
			closest = err
		}
	}
	if len(s.anchors) == 0 {
		return nil, &SampleError{Err: closest}
	}
	s.scale()
	s.halton = newHalton(min(dim, haltonDims)+1, o.Seed)
	return s, nil
}

// errUnknown is why there is no gain to begin with where no optimum is known.
var errUnknown = errors.New("no task's optimum is known, and no start is given")

// scale takes the directions from the Hessian of the mean cost: at each task's
// own optimum, where it is 2 S ⊗ Σ and positive.
func (s *seeker) scale() {
	dim := s.m.Dim()
	h := make([]float64, dim*dim)
	for i, x := range s.optima {
		if x == nil {
			continue
		}
		at, err := s.m.Member(i).Outer.At(x)
		if err != nil {
			continue
		}
		one, _ := objective.DenseHessian(at, dim)
		dense.AddScaled(h, s.m.Member(i).Weight, one)
	}
	l := make([]float64, dim*dim)
	if !dense.Cholesky(l, h, dim) {
		dense.Identity(l, dim)
	}
	s.along = l
}

// direction is ∇²C̄^(−1/2) z, up to a rotation.
func (s *seeker) direction(z []float64) {
	dense.BackwardSolve(s.along, z, len(z), 1)
}

// A descent is one start and where it ended.
type descent struct {
	err      error
	task     int
	preimage []float64 // of that task's optimum
	ends     []ended
}

type ended struct {
	Found
	ok bool
}

// descend makes the starts of one sample: the sample itself, and a preimage of
// one task's optimum. Given starts come first.
func (s *seeker) descend(ctx context.Context, k int, given [][]float64) descent {
	var d descent
	if k < len(given) {
		d.polish(ctx, s, given[k], Found{Given: 1})
		return d
	}
	k -= len(given)
	if k < len(s.anchors) { // these belong to the sample, too
		d.polish(ctx, s, s.anchors[k], Found{Samples: 1})
	}
	x, err := s.sample(k)
	if err != nil {
		d.err = err
		return d
	}
	d.polish(ctx, s, x, Found{Samples: 1})
	if d.err != nil {
		return d
	}
	p := s.fromPreimage(ctx, k%len(s.optima), x)
	p.ends = append(d.ends, p.ends...)
	return p
}

// fromPreimage starts from a preimage of task i's optimum, if there is one to be
// found from x.
func (s *seeker) fromPreimage(ctx context.Context, i int, x []float64) descent {
	d := descent{task: i}
	if s.optima[i] == nil {
		return d
	}
	y, ok, err := s.preimage(i, x)
	if err != nil {
		d.err = err
	}
	if !ok {
		return d
	}
	if _, err := s.h.At(y); err == nil {
		d.preimage = y
		d.polish(ctx, s, y, Found{Preimages: 1})
	} else if !errors.Is(err, objective.ErrDomain) {
		d.err = err
	}
	return d
}

// sample is gain k of the sample of the domain.
func (s *seeker) sample(k int) ([]float64, error) {
	dim := s.m.Dim()
	rng := rand.New(rand.NewPCG(s.seed, 0x736561726368+uint64(k)))
	u := s.halton.point(k)
	x := slices.Clone(s.anchors[k%len(s.anchors)])
	z := make([]float64, dim)
	for leg := range 1 + k/len(s.anchors)%3 {
		part := rng.Float64()
		for i := range z {
			z[i] = rng.NormFloat64()
		}
		if leg == 0 {
			part = u[0]
			for i := 0; i < dim && i+1 < len(u); i++ {
				z[i] = normal(u[i+1])
			}
		}
		s.direction(z)
		reach, err := s.border(x, z)
		if err != nil {
			return nil, err
		}
		// Denser towards the border, where the basins are thin.
		dense.AddScaled(x, reach*(1-(1-part)*(1-part)), z)
	}
	return x, nil
}

// border is t > 0 such that the gains from x to x + t z are inside, as far as
// was looked, and those soon beyond are not; or so far that nothing changes.
func (s *seeker) border(x, z []float64) (float64, error) {
	y := make([]float64, len(x))
	inside := func(t float64) (bool, error) {
		copy(y, x)
		dense.AddScaled(y, t, z)
		_, err := s.h.At(y)
		if err == nil {
			return true, nil
		}
		if errors.Is(err, objective.ErrDomain) {
			return false, nil
		}
		return false, err
	}
	length := dense.Norm(z)
	if length == 0 {
		return 0, nil
	}
	if s.open {
		high := 4 * (1 + dense.Norm(x)) / length
		if ok, err := inside(high); ok || err != nil {
			return high, err
		}
	}
	low, high := 0.0, 0.01*(1+dense.Norm(x))/length
	far := 1e3 * (1 + dense.Norm(x)) / length
	for high < far {
		ok, err := inside(high)
		if err != nil {
			return 0, err
		}
		if !ok {
			break
		}
		low, high = high, 1.7*high
	}
	for range 12 {
		mid := low + (high-low)/2
		ok, err := inside(mid)
		if err != nil {
			return 0, err
		}
		if ok {
			low = mid
		} else {
			high = mid
		}
	}
	return low, nil
}

// preimage solves F_K ∘ … ∘ F_1 (W) = W* for task i, from x.
func (s *seeker) preimage(i int, x []float64) ([]float64, bool, error) {
	const steps, halvings = 40, 12
	dim := s.m.Dim()
	want := s.optima[i]
	rules := s.m.Member(i).Inner
	// residual is F(x) − W*, and the Jacobian where asked for.
	residual := func(x []float64, jacobian []float64) ([]float64, error) {
		at := x
		product := jacobian
		for k, rule := range rules {
			step, err := rule.At(at)
			if err != nil {
				return nil, err
			}
			if product != nil {
				j := objective.DenseJacobian(step, dim)
				if k == 0 {
					copy(product, j)
				} else {
					c := make([]float64, dim*dim)
					dense.Mul(c, j, product, dim, dim, dim)
					copy(product, c)
				}
			}
			at = step.To()
		}
		r := make([]float64, dim)
		dense.Sub(r, at, want)
		return r, nil
	}
	if len(rules) == 0 {
		return nil, false, nil
	}
	x = slices.Clone(x)
	j := make([]float64, dim*dim)
	pivots := make([]int, dim)
	r, err := residual(x, j)
	for range steps {
		if err != nil {
			if errors.Is(err, objective.ErrDomain) {
				return nil, false, nil
			}
			return nil, false, err
		}
		norm := dense.Norm(r)
		if norm <= 1e-12*(1+dense.Norm(want)) {
			return x, true, nil
		}
		if !dense.LU(j, pivots, dim) {
			return nil, false, nil
		}
		dense.LUSolve(j, pivots, r, dim, 1)
		moved := false
		for h, t := 0, 1.0; h < halvings; h, t = h+1, t/2 {
			y := slices.Clone(x)
			dense.AddScaled(y, -t, r)
			if !dense.Finite(y) {
				continue
			}
			next, e := residual(y, nil)
			if e != nil && !errors.Is(e, objective.ErrDomain) {
				return nil, false, e
			}
			if e == nil && dense.Norm(next) <= (1-t/4)*norm {
				x, moved = y, true
				break
			}
		}
		if !moved {
			return nil, false, nil
		}
		r, err = residual(x, j)
	}
	return nil, false, nil
}

// polish descends from x and notes where it ended.
func (d *descent) polish(ctx context.Context, s *seeker, x []float64, from Found) {
	state := maml.NewState(x)
	r, err := maml.Minimize(ctx, s.h, maml.NewtonCG{}, state, maml.Stop{Tolerance: 1e-11, Iterations: 300}, nil)
	if err != nil {
		if !errors.Is(err, objective.ErrDomain) {
			d.err = err
		}
		return // a sample at the very border
	}
	e := ended{Found: from}
	// Stalled within rounding of a stationary point is there, too.
	near := r.GradientNorm*(1+dense.Norm(state.X)) <= 1e-7*math.Abs(r.Value)
	if r.Status == maml.Converged || r.Status == maml.Stalled && near {
		e.ok = true
		e.Gain, e.Value, e.Norm = slices.Clone(state.X), r.Value, r.GradientNorm
		if g, ok := r.Point.(objective.Gapped); ok {
			e.Gap = g.Gap()
		}
		spectrum := r.Curvature
		if r.Status != maml.Converged {
			spectrum = objective.Spectrum(r.Point, len(state.X), 0)
		}
		e.Least, e.Most, e.Soft, e.Kind = spectrum.Min, spectrum.Max, spectrum.MinVec, r.Kind
		if r.Status != maml.Converged || r.Kind == maml.Saddle || r.Kind == maml.Maximum {
			e.Kind = maml.Degenerate
			if e.Least > 1e-6*e.Most {
				e.Kind = maml.Minimum
			}
		}
	}
	d.ends = append(d.ends, e)
}

// take counts the ends of a descent among the minimisers.
func (s *Searched) take(d descent) {
	for _, e := range d.ends {
		s.Starts++
		if !e.ok {
			s.Lost++
			continue
		}
		e.Reached = 1
		i := slices.IndexFunc(s.Minima, func(f Found) bool { return same(f, e.Found) })
		if i < 0 {
			s.Minima = append(s.Minima, e.Found)
			continue
		}
		f := &s.Minima[i]
		f.Reached++
		f.Samples += e.Samples
		f.Preimages += e.Preimages
		f.Given += e.Given
		if e.Norm < f.Norm { // the one that is closer stands for both
			e.Reached, e.Samples, e.Preimages, e.Given = f.Reached, f.Samples, f.Preimages, f.Given
			*f = e.Found
		}
	}
}

// same reports whether two ends of descents are one point.
func same(x, y Found) bool {
	limit := 1e-6 * (1 + dense.Norm(x.Gain))
	for _, f := range []Found{x, y} {
		if f.Least > 0 {
			limit = max(limit, min(10*f.Norm/f.Least, 1e-3*(1+dense.Norm(f.Gain))))
		}
	}
	return apart(x.Gain, y.Gain) <= limit
}

func apart(x, y []float64) float64 {
	sum := 0.0
	for i := range x {
		sum = math.Hypot(sum, x[i]-y[i])
	}
	return sum
}
