package landscape

import (
	"context"
	"fmt"
	"math"
	"math/big"
	"slices"

	"github.com/metalqr/metalqr/certificate"
	"github.com/metalqr/metalqr/family"
	"github.com/metalqr/metalqr/interval"
	"github.com/metalqr/metalqr/lqr"
	"github.com/metalqr/metalqr/matrixeq"
)

// A ball is the set of the tasks (a, b, q, r) within δ of a nominal one in the
// paper's metric,
//
//	|a − a₀| + |b − b₀| + |q − q₀| + |r − r₀| ≤ δ,
//
// everything else as it has it.
type ball struct {
	whole *cell // nil where its optima are not enclosed in one
	cells []cell
	steps []step
}

// A cell is a set of tasks: those of the ball, or those of a box of parameters.
type cell struct {
	center *plant     // one of them, and all other points of the set are seen from it along a line in it
	wide   *plant     // a box that holds the set
	δ      float64    // the set is the ball, of this radius; 0: it is the box
	half   [4]float64 // how far the box reaches from the center
	optBy  partials   // of W*, over the box
}

// The box around the ball is cut in three along each parameter, and the pieces
// that meet the ball are kept: in the 16 at the corners |Δ| > δ/3 for all four
// parameters, where no other piece has them, and Σ |Δ| > δ.
const thirds = 3

// partials are derivatives with respect to a, b, q and r.
type partials [4]interval.Interval

// ball is that about the problem's first task. It reports false where the
// optima of its tasks cannot be enclosed, as where some task in it has none.
func (p *Problem) ball(δ float64) (*ball, bool) {
	t := &p.tasks[0]
	b := &ball{steps: t.steps}
	around := interval.New(-δ, δ)
	if c, ok := t.f.cell([4]interval.Interval{around, around, around, around}); ok {
		c.center, c.δ = t.f, δ
		b.whole = &c
	}
	third := interval.Of(δ).Div(interval.Of(thirds))
	ends := [thirds]interval.Interval{
		interval.New(-δ, -third.Lo()), interval.New(-third.Hi(), third.Hi()), interval.New(third.Lo(), δ),
	}
	var by [4]interval.Interval
	for k := range thirds * thirds * thirds * thirds {
		outer, rest := 0, k
		for i := range by {
			if rest%thirds != 1 {
				outer++
			}
			by[i], rest = ends[rest%thirds], rest/thirds
		}
		if outer == len(by) {
			continue
		}
		c, ok := t.f.cell(by)
		if !ok {
			b.cells = nil // all of them, or none
			return b, b.whole != nil
		}
		if c.wide != nil {
			b.cells = append(b.cells, c)
		}
	}
	return b, true
}

// cell is that of the tasks with changes of a, b, q and r in a box. Its wide is
// nil where none of them is a task.
func (p *plant) cell(by [4]interval.Interval) (cell, bool) {
	wide := *p
	wide.a, wide.b, wide.q, wide.r = p.a.Add(by[0]), p.b.Add(by[1]), p.q.Add(by[2]), p.r.Add(by[3])
	if p.n == zero { // Q ⪰ 0 is asked of a task; with n, of q − n²/r
		wide.q = wide.q.Intersect(interval.New(0, math.Inf(1)))
	}
	if wide.q.IsEmpty() || wide.r.Hi() <= 0 {
		return cell{}, true
	}
	if !wide.complete() || !wide.controlled() {
		return cell{}, false
	}
	center := *p
	center.a, center.b, center.q, center.r = interval.Of(wide.a.Mid()), interval.Of(wide.b.Mid()), interval.Of(wide.q.Mid()), interval.Of(wide.r.Mid())
	if !center.complete() {
		return cell{}, false
	}
	c := cell{center: &center, wide: &wide, half: [4]float64{
		wide.a.Sub(center.a).Mag(), wide.b.Sub(center.b).Mag(), wide.q.Sub(center.q).Mag(), wide.r.Sub(center.r).Mag(),
	}}
	// M(W*) = 0 and M′ = 2T.
	m := wide.mBy(wide.opt)
	for i := range m {
		c.optBy[i] = m[i].Div(two.Mul(wide.tOpt)).Neg()
	}
	return c, true
}

// stable holds every gain that stabilises a task of the ball.
func (b *ball) stable() interval.Interval {
	if b.whole != nil {
		return b.whole.wide.stable
	}
	all := interval.Empty()
	for _, c := range b.cells {
		all = all.Hull(c.wide.stable)
	}
	return all
}

// mBy, dBy and tBy are the partials of M(w), D(w) and T(w):
//
//	M   2γ(brw² − 2raw + 2an − bq)   2γ((ra − 2bn)w² + 2bqw − aq)   2γb(bw − a)   2w(γabw + 1 − γa²)
//	D   −2γu                         2γuw                           0             0
//	T   2γr(bw − a)                  2γ((ra − 2bn)w + bq)           γb²           2γabw + 1 − γa²
func (p *plant) mBy(w interval.Interval) partials {
	rest := one.Sub(p.γ.Mul(p.a.Sqr()))
	twice := two.Mul(p.γ)
	return partials{
		twice.Mul(p.r.Mul(w).Mul(p.b.Mul(w).Sub(two.Mul(p.a))).Add(two.Mul(p.a).Mul(p.n)).Sub(p.b.Mul(p.q))),
		twice.Mul(p.r.Mul(p.a).Sub(two.Mul(p.b).Mul(p.n)).Mul(w.Sqr()).Add(p.q.Mul(two.Mul(p.b).Mul(w).Sub(p.a)))),
		twice.Mul(p.b).Mul(p.u(w)).Neg(),
		two.Mul(w).Mul(p.γ.Mul(p.a).Mul(p.b).Mul(w).Add(rest)),
	}
}

func (p *plant) dBy(w interval.Interval) partials {
	by := two.Mul(p.γ).Mul(p.u(w))
	return partials{by.Neg(), by.Mul(w), zero, zero}
}

func (p *plant) tBy(w interval.Interval) partials {
	twice := two.Mul(p.γ)
	return partials{
		twice.Mul(p.r).Mul(p.u(w)).Neg(),
		twice.Mul(p.r.Mul(p.a).Sub(two.Mul(p.b).Mul(p.n)).Mul(w).Add(p.b.Mul(p.q))),
		p.γ.Mul(p.b.Sqr()),
		twice.Mul(p.a).Mul(p.b).Mul(w).Add(one).Sub(p.γ.Mul(p.a.Sqr())),
	}
}

// by encloses the partials of F at a fixed gain, F = w − ηM/Θ:
//
//	gradient      −ηs(M_θ D − 2M D_θ)/D³
//	natural       −η(M_θ D − M D_θ)/D²
//	Gauss–Newton  −η(M_θ T − M T_θ)/T²
func (s step) by(p *plant, l *local) partials {
	out := partials{zero, zero, zero, zero}
	if s.η == 0 {
		return out
	}
	η := interval.Of(-s.η)
	m := p.mBy(l.w)
	below, scale, power := p.dBy(l.w), l.d, l.d.Sqr()
	switch s.rule {
	case family.RuleNatural:
	case family.RuleGaussNewton:
		below, scale, power = p.tBy(l.w), l.t, l.t.Sqr()
	default:
		η, power = η.Mul(p.s), power.Mul(l.d)
		for i := range below {
			below[i] = two.Mul(below[i])
		}
	}
	for i := range out {
		out[i] = η.Mul(m[i].Mul(scale).Sub(l.m.Mul(below[i]))).Div(power)
	}
	return out
}

// spread encloses Σ xᵢ Δᵢ over the cell: with Σ |Δᵢ| ≤ δ at most δ max |xᵢ|.
func (c *cell) spread(x partials) interval.Interval {
	most := 0.0
	for i, v := range x {
		if c.δ > 0 {
			most = max(most, interval.MulUp(c.δ, v.Mag()))
		} else if c.half[i] > 0 {
			most = interval.AddUp(most, interval.MulUp(c.half[i], v.Mag()))
		}
	}
	if !(most <= maxFloat) {
		return interval.Entire()
	}
	return interval.New(-most, most)
}

// everywhere evaluates a plant at all gains of w, and cut says that D ≤ 0 is not
// excluded for some of them.
func (p *plant) everywhere(w interval.Interval) local {
	l := local{w: w, d: p.d(w), d1: p.d1(w), t: p.t(w)}
	l.cut = !l.d.Positive()
	l.m = p.m(w, l.t)
	return l
}

// smooth reports whether F is smooth at all the gains of l, in the domain or not:
// that of the Gauss–Newton rule is where T > 0, for D does not enter it.
func (s step) smooth(l *local) bool {
	if s.rule == family.RuleGaussNewton {
		return l.t.Positive()
	}
	return !l.cut
}

// A bundle is what the tasks of a cell do at the gains of an interval: every
// enclosure holds for each gain and each task of the cell in whose domain it is.
type bundle struct {
	end    local             // the wide plant at x_K
	off    interval.Interval // G = x_K − W*
	x1, x2 interval.Interval // x_K′, x_K″
	inside bool              // every task has all of the interval in its domain
}

// follow is that for an interval of gains, and false where no task of the cell
// has any of them in its domain.
//
// As long as F is smooth wherever the tasks take the interval, with c its middle and
// θ_c the center
//
//	x_k(w, θ) ∈ x_k(c, θ_c) + x_k′(w − c) + Σ ∂x_k/∂θᵢ Δᵢ,
//
// the derivatives taken over the interval and the cell, which is convex. This is
// what makes the bounds proportional to δ with the right factor.
func (c *cell) follow(steps []step, w interval.Interval) (bundle, bool) {
	x, x1, x2 := w, one, zero
	by := partials{zero, zero, zero, zero}
	inside := w.Subset(c.wide.stable)
	w = w.Intersect(c.wide.stable)
	if w.IsEmpty() {
		return bundle{}, false
	}
	at := interval.Of(center(w)) // x_k(c, θ_c)
	from := w.Sub(at)
	smooth := true
	for _, s := range steps {
		l, ok := c.wide.at(x)
		if !ok {
			return bundle{}, false
		}
		smooth = smooth && s.smooth(&l) && x.Subset(l.w)
		inside = inside && !l.cut && x.Subset(l.w)
		j := s.deriv(c.wide, &l)
		x2 = s.deriv2(c.wide, &l).Mul(x1.Sqr()).Add(j.Mul(x2))
		x1 = j.Mul(x1)
		x = s.to(c.wide, &l)
		if smooth {
			f := s.by(c.wide, &l)
			for i := range by {
				by[i] = j.Mul(by[i]).Add(f[i])
			}
			m := c.center.everywhere(at)
			if smooth = s.smooth(&m); smooth {
				at = s.to(c.center, &m)
				x = x.Intersect(at.Add(x1.Mul(from)).Add(c.spread(by)))
			}
		}
		if x.IsEmpty() {
			return bundle{}, false
		}
	}
	l, ok := c.wide.at(x)
	if !ok {
		return bundle{}, false
	}
	inside = inside && !l.cut && x.Subset(l.w)
	off := l.w.Sub(c.wide.opt)
	if smooth {
		for i := range by {
			by[i] = by[i].Sub(c.optBy[i])
		}
		off = off.Intersect(at.Sub(c.center.opt).Add(x1.Mul(from)).Add(c.spread(by)))
	}
	if off.IsEmpty() {
		return bundle{}, false
	}
	l.m = l.m.Intersect(off.Mul(l.t.Add(c.wide.tOpt)))
	return bundle{l, off, x1, x2, inside}, true
}

// harmless reports whether no family of the ball, of whatever size and with
// whatever weights λᵢ, has a local minimiser in the interval w that lies more
// than ε above Σ λᵢ Cᵢ*. With G = x_K − W*, the derivatives of a member are
//
//	h′ = ψG,  ψ = s(T + T*) x_K′/D²        T, D at x_K
//	h″ = (2s/D³)((TD − MD′)x_K′² + ½MD x_K″)
//
// and one of these suffices:
//
//	outside   no task of the ball has a gain of w in its domain
//	slope     h′ has one sign for all members: so has their mean
//	bend      h″ < 0 for all members, which is no minimum
//	gap       cG² ≤ ε for all members, c = sS*/D(x_K)
//	mixture   ψ has one sign, and max(c/|ψ|) max|ψ| (−G₋G₊) ≤ ε, where G is
//	          in [G₋, G₊]: where Σ μᵢGᵢ = 0, μᵢ = λᵢψᵢ, as at a stationary
//	          point, (G − G₋)(G₊ − G) ≥ 0 gives Σ μᵢGᵢ² ≤ −G₋G₊ Σ μᵢ
//
// Where floor is positive, the gap of every member is also to be at least that.
// The ball is tried in one, then cell by cell.
func (b *ball) harmless(w interval.Interval, ε, floor float64) (certificate.RadiusReason, bool) {
	within := interval.Entire() // G
	if b.whole != nil {
		v := newVerdict()
		v.add(b.whole, b.steps, w)
		if why, ok := v.settles(within, ε, floor); ok {
			return why, true
		}
		within = v.off
	}
	if len(b.cells) == 0 {
		return "", false
	}
	v := newVerdict()
	for i := range b.cells {
		if v.add(&b.cells[i], b.steps, w); v.hopeless(ε) {
			return "", false
		}
	}
	return v.settles(within, ε, floor)
}

// A verdict gathers what is known of the members at some gains.
type verdict struct {
	off, turn   interval.Interval // G, x_K′
	bends       bool              // h″ < 0
	cups        bool              // h″ > 0, at all the gains for all members
	gap, least  float64           // at least, and at most, cG²
	rise, ratio float64           // at least |ψ| and c/|ψ|
}

func newVerdict() verdict {
	return verdict{off: interval.Empty(), turn: interval.Empty(), bends: true, cups: true, least: math.Inf(1)}
}

func (v *verdict) add(c *cell, steps []step, w interval.Interval) {
	k, ok := c.follow(steps, w)
	if !ok {
		v.cups = false
		return
	}
	v.off, v.turn = v.off.Hull(k.off), v.turn.Hull(k.x1)
	l := &k.end
	bend := l.t.Mul(l.d).Sub(l.m.Mul(l.d1)).Mul(k.x1.Sqr()).Add(half.Mul(l.m).Mul(l.d).Mul(k.x2))
	v.bends = v.bends && bend.Negative()
	v.cups = v.cups && k.inside && bend.Positive()
	steep := c.wide.tOpt.Div(c.wide.d(c.wide.opt)) // S*
	sum, turn := l.t.Add(c.wide.tOpt), k.x1.Abs()
	inf := math.Inf(1)
	gap := c.wide.s.Mul(steep).Mul(k.off.Sqr()).Div(l.d)
	v.least = min(v.least, gap.Lo())
	if l.d.Lo() <= 0 || !steep.Positive() || !sum.Positive() {
		v.gap, v.rise, v.ratio = inf, inf, inf
		return
	}
	v.gap = max(v.gap, gap.Hi())
	v.rise = max(v.rise, c.wide.s.Mul(sum).Mul(turn).Div(l.d.Sqr()).Hi())
	if turn.Positive() {
		v.ratio = max(v.ratio, steep.Mul(l.d).Div(sum.Mul(turn)).Hi())
	} else {
		v.ratio = inf
	}
}

// hopeless reports whether nothing that is added can settle it any more.
func (v *verdict) hopeless(ε float64) bool {
	return !v.bends && v.gap > ε && v.turn.Sign() == 0 && !v.turn.IsEmpty()
}

// settles says which of the reasons of harmless holds, G being known to be within
// an interval, if one does.
func (v *verdict) settles(within interval.Interval, ε, floor float64) (certificate.RadiusReason, bool) {
	off := v.off.Intersect(within)
	switch {
	case off.IsEmpty():
		return certificate.Outside, true
	case v.least < floor:
		return "", false
	case v.turn.Sign() != 0 && off.Sign() != 0:
		return certificate.Sloping, true
	case v.bends:
		return certificate.Bending, true
	case v.gap <= ε:
		return certificate.Near, true
	case v.turn.Sign() == 0:
		return "", false
	}
	pair := interval.Of(off.Lo()).Neg().Mul(interval.Of(off.Hi()))
	return certificate.Mixed, interval.MulUp(interval.MulUp(v.ratio, v.rise), pair.Hi()) <= ε
}

// A Similarity is the answer for one δ.
type Similarity struct {
	Proved bool    // every family of the ball is ε-global
	Gain   float64 // where it was not proved, NaN if nowhere in particular
	Why    string  // why not

	cover []certificate.RadiusPiece
	bowl  *certificate.RadiusBowl
}

// A Nominal is a scalar task about which families are judged.
type Nominal struct {
	family *family.Family // of the one task, its rates numbers
	whole  *family.Family // it was taken from, its rates numbers
	one    *Problem
}

// NewNominal takes the first task of a family, with its rule and inner rates.
// Errors: those of [New], and *[RadiusError] for a task of which the ball of the
// paper's metric is not that of its entries: sampled from continuous time, with
// normalised costs, with inner steps that see another task, or with a proximal
// inner problem.
func NewNominal(f *family.Family, rates []float64) (*Nominal, error) {
	if has := f.Beyond(); has != "" {
		return nil, &KindError{has}
	}
	t := &f.Tasks[0]
	refuse := func(why string) (*Nominal, error) { return nil, &RadiusError{Task: t.Name, Why: why} }
	switch {
	case f.Meta.Algorithm.Proximal():
		return refuse("its inner problem is a proximal one, and the proofs are about steps")
	case f.Meta.Normalize != family.NormalizeNone:
		return refuse("costs are normalised, so that a change of one parameter changes them all")
	case t.G != t.F:
		return refuse("its inner steps see another task")
	case t.Outer.SampleTime != 0:
		return refuse("it is sampled from continuous time")
	}
	one := &family.Family{Name: f.Name, Meta: f.Meta, Tasks: []family.Task{*t}}
	one.Tasks[0].Weight = 1
	p, err := New(one, rates)
	if err != nil {
		return nil, err
	}
	if !p.tasks[0].f.controlled() {
		return refuse("its input does nothing")
	}
	whole := *f
	whole.Drawn, whole.Meta = nil, p.family.Meta
	return &Nominal{p.family, &whole, p}, nil
}

// Similar tries to prove that every family of tasks within δ of the nominal
// one, of any size and with any positive weights, is ε-global: Proposition 2 of
// the paper, with numbers. A negative answer proves nothing. The only error is
// that of ctx.
//
// Every local minimiser lies in the common domain of the members; the line is
// covered by intervals that are harmless.
func (n *Nominal) Similar(ctx context.Context, δ, ε float64, o Options) (Similarity, error) {
	s := n.similar(δ, ε, newMeter(ctx, o))
	return s, ctx.Err()
}

func (n *Nominal) similar(δ, ε float64, m *meter) Similarity {
	b, ok := n.one.ball(δ)
	if !ok {
		return Similarity{Gain: math.NaN(), Why: "the optima of the tasks so far from the nominal one are not enclosed: some may have none"}
	}
	s := b.settle(ε, nil, 0, m)
	if s.Proved || m.spent {
		return s
	}
	if bowl, floor, ok := b.bowl(); ok {
		if with := b.settle(ε, bowl, floor, m); with.Proved || m.spent {
			return with
		}
	}
	return s
}

// settle covers the gains. Those of a bowl are left to it, and the gaps elsewhere
// are then to be at least floor.
func (b *ball) settle(ε float64, bowl *certificate.RadiusBowl, floor float64, m *meter) Similarity {
	s := Similarity{Gain: math.NaN(), bowl: bowl}
	all := b.stable()
	stack := []interval.Interval{all}
	if bowl != nil {
		stack = []interval.Interval{interval.New(bowl.Box.Hi(), all.Hi()), bowl.Box, interval.New(all.Lo(), bowl.Box.Lo())}
	}
	const batch = 256
	for done := 0; len(stack) > 0; done++ {
		if done%batch == 0 && !m.round("similar tasks", batch) {
			s.Why = "the budget ran out"
			return s
		}
		w := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if bowl != nil && w == bowl.Box {
			s.cover = covered(s.cover, w, certificate.Bowled)
			continue
		}
		if why, ok := b.harmless(w, ε, floor); ok {
			s.cover = covered(s.cover, w, why)
			continue
		}
		mid := w.Mid()
		_, ok := b.harmless(interval.Of(mid), ε, floor)
		if !ok || !(w.Lo() < mid && mid < w.Hi()) {
			// No cut helps: the middle stays in a piece.
			s.Gain, s.Why = mid, fmt.Sprintf("near the gain %.6g a local minimum further above the infimum is not excluded", mid)
			return s
		}
		stack = append(stack, interval.New(mid, w.Hi()), interval.New(w.Lo(), mid))
	}
	s.Proved = true
	return s
}

// bowl finds an interval of gains around the nominal optimum on which every h is
// finite and convex, and a bound of every gap at that optimum. Where no gap is less
// elsewhere, inf h is attained in the interval: at the one local minimiser there, for
// every family, however far it is above Σ λᵢ Cᵢ*. False where there is none.
func (b *ball) bowl() (*certificate.RadiusBowl, float64, bool) {
	if b.whole == nil {
		return nil, 0, false
	}
	at := b.whole.center.opt.Mid()
	cups, floor := b.cups(interval.Of(at))
	if !cups || !(floor < maxFloat) {
		return nil, 0, false
	}
	all := b.stable()
	reach := func(end float64) float64 {
		near, far := at, end
		for range 10 {
			mid := near + (far-near)/2
			if !b.convex(interval.New(min(at, mid), max(at, mid)), 8) {
				far = mid
			} else {
				near = mid
			}
		}
		return near
	}
	box := interval.New(reach(all.Lo()), reach(all.Hi()))
	return &certificate.RadiusBowl{Box: box, At: at}, floor, box.Lo() < at && at < box.Hi()
}

// cups reports whether every h is finite and h″ > 0 at the gains of w, and bounds the
// gaps there.
func (b *ball) cups(w interval.Interval) (bool, float64) {
	v := newVerdict()
	if v.add(b.whole, b.steps, w); v.cups {
		return true, v.gap
	}
	v = newVerdict()
	for i := range b.cells {
		if v.add(&b.cells[i], b.steps, w); !v.cups {
			return false, 0
		}
	}
	return len(b.cells) > 0, v.gap
}

// convex reports whether every h is found to be convex on w, cut at most so often in
// a row.
func (b *ball) convex(w interval.Interval, cuts int) bool {
	if cups, _ := b.cups(w); cups {
		return true
	}
	mid := w.Mid()
	if cuts == 0 || !(w.Lo() < mid && mid < w.Hi()) {
		return false
	}
	if cups, _ := b.cups(interval.Of(mid)); !cups {
		return false
	}
	return b.convex(interval.New(w.Lo(), mid), cuts-1) && b.convex(interval.New(mid, w.Hi()), cuts-1)
}

// covered adds a piece to a cover, to the last one where it is there for the same
// reason: each holds gain by gain.
func covered(cover []certificate.RadiusPiece, w interval.Interval, why certificate.RadiusReason) []certificate.RadiusPiece {
	if n := len(cover); n > 0 && cover[n-1].Is == why {
		cover[n-1].Box = cover[n-1].Box.Hull(w)
		return cover
	}
	return append(cover, certificate.RadiusPiece{Box: w, Is: why})
}

// A Radius says how similar tasks must be for every family of them to be
// ε-global.
type Radius struct {
	Epsilon  float64
	Proved   float64 // every family within this of the nominal task is ε-global, of any size and with any weights; 0: none is known
	Searched float64 // one within this is not, which is proved too; +Inf: none was found
	None     bool    // the nominal task by itself is not ε-global, and so there is no δ

	Nominal interval.Interval // ε of the nominal task by itself
	Worst   *family.Family    // the family at Searched; the nominal task itself where None, nil where there is none
	Excess  interval.Interval // its ε
	Why     string            // what keeps Proved from being larger
	Boxes   int               // examined
	Tried   int               // families

	proof certificate.Certificate
}

// Certificate is the proof of δ, as package check verifies it; false where none is
// proved.
func (r *Radius) Certificate() (certificate.Certificate, bool) {
	return r.proof, r.proof.Radius != nil
}

// RadiusOptions bound the work of [Nominal.Radius].
type RadiusOptions struct {
	Options
	Seed   uint64 // of the search for families
	Rounds int    // changes tried to the worst family; 0 means 1000, negative: no search
}

// Radius brackets the radius of similarity for an ε > 0: it proves a δ, by
// bisection on [Nominal.Similar], and searches for families that are not
// ε-global, the nearest of which [Problem.Prove] confirms. Errors: *[EmptyError] for a
// nominal task whose own domain is empty, and that of ctx.
func (n *Nominal) Radius(ctx context.Context, ε float64, o RadiusOptions) (*Radius, error) {
	if o.Rounds == 0 {
		o.Rounds = 1000
	}
	m := newMeter(ctx, o.Options)
	r := &Radius{Epsilon: ε, Searched: math.Inf(1), Nominal: interval.New(0, math.Inf(1)), Excess: interval.New(0, math.Inf(1))}
	alone, err := n.one.Prove(ctx, Options{Boxes: m.o.Boxes, Workers: o.Workers})
	if err != nil {
		return nil, err
	}
	r.Nominal = alone.Epsilon
	if alone.Epsilon.Lo() > ε {
		r.None, r.Worst, r.Excess, r.Searched = true, n.family, alone.Epsilon, 0
		r.Why = fmt.Sprintf("the nominal task by itself has a local minimum at least %.6g above its infimum", alone.Epsilon.Lo())
		r.Boxes = alone.Boxes
		return r, nil
	}
	if best := r.prove(n, ε, m); best.Proved {
		r.proof = n.certificate(r.Proved, ε, &best)
	}
	if o.Rounds > 0 && ctx.Err() == nil {
		if err := r.search(ctx, n, alone, ε, o); err != nil {
			return nil, err
		}
	}
	r.Boxes = alone.Boxes + m.examined
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return r, nil
}

// prove bisects, from below, to a thousandth, and returns the proof of the largest.
func (r *Radius) prove(n *Nominal, ε float64, m *meter) (best Similarity) {
	size := n.size()
	fails := size
	for k := 0; k < 64 && r.Proved == 0; k++ {
		δ := math.Ldexp(size, -k-1)
		s := n.similar(δ, ε, m)
		switch {
		case s.Proved:
			r.Proved, best = δ, s
		case m.spent:
			r.Why = s.Why
			return best
		default:
			fails, r.Why = δ, s.Why
		}
	}
	for r.Proved > 0 && fails > 1.001*r.Proved {
		δ := r.Proved + (fails-r.Proved)/2
		s := n.similar(δ, ε, m)
		switch {
		case s.Proved:
			r.Proved, best = δ, s
		case m.spent:
			r.Why = s.Why
			return best
		default:
			fails, r.Why = δ, s.Why
		}
	}
	return best
}

// certificate states a δ that is proved. The first and the last piece of the cover
// reach a little beyond the gains that a task has in its domain, however those are
// enclosed: for gains that no task has, every reason holds.
func (n *Nominal) certificate(δ, ε float64, s *Similarity) certificate.Certificate {
	c := certificate.Radius{Epsilon: ε, Delta: δ, Bowl: s.bowl, Cover: slices.Clone(s.cover)}
	first, last := &c.Cover[0].Box, &c.Cover[len(c.Cover)-1].Box
	beyond := (last.Hi() - first.Lo()) * 0x1p-20
	*first = interval.New(first.Lo()-beyond, first.Hi())
	*last = interval.New(last.Lo(), last.Hi()+beyond)
	c.Family = farthest(n.Distances()) <= δ
	return certificate.Certificate{Family: string(family.Format(n.whole)), Radius: &c}
}

// size is |a| + |b| + |q| + |r|, the nominal task's distance from nothing.
func (n *Nominal) size() float64 {
	p := n.one.tasks[0].f
	return p.a.Mag() + p.b.Mag() + p.q.Mag() + p.r.Mag()
}

// search looks for the worst family and confirms it.
func (r *Radius) search(ctx context.Context, n *Nominal, alone *Landscape, ε float64, o RadiusOptions) error {
	t := &n.one.tasks[0]
	a := &adversary{nominal: quickOf(t.f), steps: t.steps, cap: n.size(), grid: 600}
	a.beside(alone)
	s, δ := a.search(ctx, ε, r.Proved, o.Seed, o.Rounds)
	r.Tried = a.tried
	if s == nil {
		return ctx.Err()
	}
	for grow := 0x1p-24; grow < 0.05; grow *= 4 {
		f, err := n.member(s, δ*(1+grow))
		if err != nil {
			continue
		}
		p, err := New(f, stepRates(t.steps))
		if err != nil {
			continue
		}
		l, err := p.Prove(ctx, Options{Workers: o.Workers})
		if err != nil {
			if ctx.Err() != nil {
				return err
			}
			continue
		}
		if l.Epsilon.Lo() > ε {
			r.Worst, r.Excess, r.Searched = f, l.Epsilon, farthest(n.distances(f))
			return nil
		}
	}
	return nil
}

func stepRates(steps []step) []float64 {
	rates := make([]float64, len(steps))
	for k, s := range steps {
		rates[k] = s.η
	}
	return rates
}

// member is the family of a shape at a size.
func (n *Nominal) member(s shape, δ float64) (*family.Family, error) {
	nominal := &n.family.Tasks[0]
	f := &family.Family{Name: n.family.Name + "-worst", Meta: n.family.Meta}
	for i, m := range s {
		spec := nominal.Outer
		spec.Name = fmt.Sprintf("worst-%d", i+1)
		for j, entry := range []*matrixeq.Matrix{&spec.A, &spec.B, &spec.Q, &spec.R} {
			*entry = matrixeq.Scalar(entry.Data[0] + δ*m.Shift[j])
		}
		task, err := lqr.New(spec)
		if err != nil {
			return nil, err
		}
		f.Tasks = append(f.Tasks, family.Task{Name: spec.Name, Weight: m.Weight, Outer: spec, F: task, G: task})
	}
	return f, nil
}

// Distances are enclosures of |Δa| + |Δb| + |Δq| + |Δr| between the nominal task and
// each of the family it was taken from; all numbers for a task that differs from it
// in something else: its cross term, discount or initial state, noise included, an
// inner task, or sampling.
func (n *Nominal) Distances() []interval.Interval { return n.distances(n.whole) }

func (n *Nominal) distances(f *family.Family) []interval.Interval {
	from := &n.family.Tasks[0].Outer
	list := make([]interval.Interval, len(f.Tasks))
	for i, t := range f.Tasks {
		to := &t.Outer
		if t.Inner != nil || !alike(from, to) {
			list[i] = interval.New(0, math.Inf(1))
			continue
		}
		list[i] = zero
		for _, x := range [4][2]matrixeq.Matrix{{from.A, to.A}, {from.B, to.B}, {from.Q, to.Q}, {from.R, to.R}} {
			list[i] = list[i].Add(interval.Of(x[0].Data[0]).Sub(interval.Of(x[1].Data[0])).Abs())
		}
	}
	return list
}

// alike reports whether two tasks differ in A, B, Q and R alone.
func alike(x, y *lqr.Spec) bool {
	entry := func(m matrixeq.Matrix) float64 {
		if m.IsZero() {
			return 0
		}
		return m.Data[0]
	}
	discount := func(s *lqr.Spec) float64 {
		if s.Discount == 0 {
			return 1
		}
		return s.Discount
	}
	// The second moment of the initial state, which average costs have none of.
	start := func(s *lqr.Spec) *big.Rat {
		r := new(big.Rat)
		switch {
		case s.AverageCost:
		case s.X0 != nil:
			r.SetFloat64(s.X0[0])
			r.Mul(r, r)
		case s.Sigma0.IsZero():
			r.SetInt64(1)
		default:
			r.SetFloat64(s.Sigma0.Data[0])
		}
		return r
	}
	return x.SampleTime == y.SampleTime && x.AverageCost == y.AverageCost && discount(x) == discount(y) &&
		entry(x.N) == entry(y.N) && entry(x.Noise) == entry(y.Noise) && start(x).Cmp(start(y)) == 0
}

// farthest is an upper bound of distances.
func farthest(distances []interval.Interval) float64 {
	most := 0.0
	for _, d := range distances {
		most = max(most, d.Hi())
	}
	return most
}
