package landscape

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"sort"
	"strings"

	"github.com/metalqr/metalqr/certificate"
	"github.com/metalqr/metalqr/family"
	"github.com/metalqr/metalqr/interval"
)

// A trial compares one proof with a search. The search is in floats, and looks
// at the sign of h′ alone, near minimisers h is flat to rounding. Wherever it
// and the proof disagree, and at everything that the proof claims of a point,
// 256 bits decide.
type trial struct {
	family *family.Family
	rates  []float64
	exact  *oracle[digits]
	quick  *oracle[double]
	r      *rand.Rand

	l      *Landscape
	cert   certificate.Landscape
	bests  []digits // Cᵢ*
	scale  digits   // the largest value of h seen
	noise  float64  // what is drowned, relative to what is added up
	faults []string
}

func newTrial(f *family.Family, rates []float64, seed uint64) *trial {
	t := &trial{family: f, rates: rates, exact: newOracle(f, rates), r: rand.New(rand.NewPCG(seed, 3)), noise: 0x1p-200}
	t.quick = floats(t.exact)
	return t
}

// complain notes a disagreement.
func (t *trial) complain(format string, args ...any) {
	s := fmt.Sprintf(format, args...)
	if len(t.faults) < 20 && !slices.Contains(t.faults, s) {
		t.faults = append(t.faults, s)
	}
}

// String is the family as it was tried.
func (t *trial) String() string {
	f := *t.family
	f.Meta.Inner.Rate = family.Rate{Steps: t.rates}
	f.Meta.Inner.Steps = len(t.rates)
	return string(family.Format(&f))
}

// run proves the family's landscape and tries to show the proof wrong. The
// error is that of New or Prove.
func (t *trial) run(o Options, points int) (*Landscape, error) {
	p, err := New(t.family, t.rates)
	if err != nil {
		return nil, err
	}
	l, err := p.Prove(context.Background(), o)
	if e := (*EmptyError)(nil); errors.As(err, &e) {
		t.emptiness(e, points)
		return nil, err
	}
	if err != nil {
		return nil, err
	}
	t.judge(l, points)
	return l, nil
}

// judge compares a landscape with the search.
func (t *trial) judge(l *Landscape, points int) {
	t.l, t.cert = l, *l.Certificate().Landscape
	t.bests, t.scale = nil, exactly(0)
	for _, d := range l.Domain {
		if o := t.exact.at(exactly(center(interval.New(d.Low.Hi(), d.High.Lo()))), false); o.inside {
			t.seen(o.value)
		}
	}
	for _, s := range l.Stationary {
		if o := t.exact.at(exactly(s.Gain.Mid()), false); o.inside {
			t.seen(o.value)
		}
	}
	for _, f := range t.exact.f {
		best, _ := f.at(f.optimum())
		t.bests = append(t.bests, best.cost)
	}
	t.shape()
	t.ends()
	grid := t.grid(points)
	t.scan(grid)
	minima := t.stationary()
	t.values(minima)
	t.pieces()
	t.singulars(grid)
}

func (t *trial) seen(h digits) {
	if h.abs().cmp(t.scale) > 0 {
		t.scale = h.abs()
	}
}

// limits is where all inner plants are stable, in floats.
func (t *trial) limits() (low, high float64) {
	low, high = math.Inf(-1), math.Inf(1)
	for _, g := range t.quick.g {
		if g.b != 0 {
			reach := 1 / math.Sqrt(float64(g.γ))
			x, y := (float64(g.a)-reach)/float64(g.b), (float64(g.a)+reach)/float64(g.b)
			low, high = max(low, min(x, y)), min(high, max(x, y))
		}
	}
	if math.IsInf(low, -1) {
		low, high = -1, 1
		for i, f := range t.quick.f {
			w, v := float64(f.optimum()), float64(t.quick.g[i].optimum())
			low, high = min(low, 3*w-1e3, 3*v-1e3), max(high, 3*w+1e3, 3*v+1e3)
		}
	}
	return low, high
}

// grid is where to look: evenly, finer towards the ends and towards every point
// that matters to a task or to the proof, and wherever the sign or the domain
// changes, by bisection.
func (t *trial) grid(n int) []float64 {
	low, high := t.limits()
	width := high - low
	var grid []float64
	around := func(x float64, from, to, step float64) {
		for e := from; e <= to; e += step {
			d := width * math.Pow(10, -e*(0.95+0.1*t.r.Float64()))
			grid = append(grid, x-d, x+d)
		}
	}
	for i := range n {
		grid = append(grid, low+width*(float64(i)+t.r.Float64())/float64(n))
	}
	around(low, 1, 14, 0.2)
	around(high, 1, 14, 0.2)
	seen := 0
	for _, p := range slices.Concat(t.quick.f, t.quick.g) {
		if seen++; seen <= 12 {
			around(float64(p.optimum()), 1, 13, 0.5)
		}
	}
	if t.l != nil {
		for _, d := range t.l.Domain {
			for _, e := range []interval.Interval{d.Low, d.High} {
				if e.IsBounded() {
					around(e.Lo(), 2, 16, 0.3)
					around(e.Hi(), 2, 16, 0.3)
				}
			}
		}
		for _, s := range t.l.Stationary {
			around(s.Gain.Lo(), 2, 16, 0.4)
			around(s.Gain.Hi(), 2, 16, 0.4)
		}
		for _, u := range t.l.Unresolved {
			if u.IsBounded() {
				for range 20 {
					grid = append(grid, u.Lo()+t.r.Float64()*(u.Hi()-u.Lo()))
				}
			}
		}
	}
	grid = slices.DeleteFunc(grid, func(x float64) bool { return x-x != 0 || math.Abs(x) > 1e200 })
	sort.Float64s(grid)
	grid = slices.Compact(grid)
	state := func(w float64) int {
		if o := t.quick.at(double(w), false); o.inside {
			return o.slope.sign()
		}
		return 2
	}
	before := 2
	for i, n := 0, len(grid); i < n; i++ {
		now := state(grid[i])
		if i > 0 && now != before {
			a, b := grid[i-1], grid[i]
			for range 60 {
				m := a + (b-a)*(0.4+0.2*t.r.Float64())
				if m <= a || m >= b {
					break
				}
				grid = append(grid, m)
				if state(m) == before {
					a = m
				} else {
					b = m
				}
			}
			// and on either side of the change
			for e := 1.0; e < 12; e += 0.5 {
				d := (grid[i] - grid[i-1]) * math.Pow(10, -e)
				grid = append(grid, a-d, b+d)
			}
		}
		before = now
	}
	sort.Float64s(grid)
	return slices.Compact(grid)
}

// expect is what the proof says of a gain: 2 outside, the sign of h′ inside, 3
// where it says nothing.
func (t *trial) expect(w float64) int {
	l := t.l
	for _, u := range l.Unresolved {
		if u.Contains(w) {
			return 3
		}
	}
	for i, d := range l.Domain {
		if d.Low.Contains(w) || d.High.Contains(w) {
			return 3
		}
		if !(w > d.Low.Hi() || math.IsInf(d.Low.Lo(), -1)) || !(w < d.High.Lo() || math.IsInf(d.High.Hi(), 1)) {
			continue
		}
		left, right := -1, -1 // the stationary points next to w
		for j, s := range l.Stationary {
			if s.Gain.Contains(w) {
				return 3
			}
			if !s.Gain.Subset(interval.New(d.Low.Lo(), d.High.Hi())) {
				continue
			}
			if s.Gain.Hi() < w {
				left = j
			} else if right < 0 {
				right = j
			}
		}
		for _, u := range l.Unresolved { // which says nothing across
			if left >= 0 && u.Lo() >= l.Stationary[left].Gain.Lo() && u.Hi() < w {
				left = -1
			}
			if right >= 0 && u.Hi() <= l.Stationary[right].Gain.Hi() && u.Lo() > w {
				right = -1
			}
		}
		sign := 0
		side := func(kind certificate.Kind, s int) {
			if kind == certificate.Maximum {
				s = -s
			}
			if kind != certificate.Minimum && kind != certificate.Maximum {
				t.complain("a stationary point of kind %q", kind)
				return
			}
			if sign == -s {
				t.complain("two stationary points about %v of which one cannot be", w)
			}
			sign = s
		}
		if left >= 0 {
			side(l.Stationary[left].Kind, 1)
		}
		if right >= 0 {
			side(l.Stationary[right].Kind, -1)
		}
		if left < 0 && right < 0 && sign == 0 {
			switch {
			case len(l.Unresolved) > 0:
				return 4 // inside, no more
			case d.LowBorder != nil:
				sign = 1
			case d.HighBorder != nil:
				sign = -1
			default:
				t.complain("component %d has no stationary point, and h falls to neither end", i)
				return 4
			}
		}
		if sign == 0 {
			return 4
		}
		return sign
	}
	return 2
}

// scan compares what the proof says of every gain with what the search finds.
func (t *trial) scan(grid []float64) {
	checked := 0
	for _, i := range t.r.Perm(len(grid)) {
		if checked == 200 {
			break // where h is flat to rounding the floats disagree at every gain
		}
		w := grid[i]
		want := t.expect(w)
		if want == 3 {
			continue
		}
		got := 2
		if o := t.quick.at(double(w), false); o.inside {
			got = o.slope.sign()
		}
		agrees := func() bool { return got == want || want == 4 && got != 2 }
		if agrees() && (i+len(grid))%50 != 0 {
			continue
		}
		checked++
		o := t.exact.at(exactly(w), false)
		if got = 2; o.inside {
			got = o.slope.sign()
		}
		if got != 2 && want != 2 && t.drowned(o) {
			continue
		}
		if !agrees() {
			t.complain("at w = %v the proof says %s, and it is %s (D %.3g, h′ %.3g)", w, stateName(want), stateName(got), o.least.float(), o.slope.float())
		}
	}
}

// drowned reports whether the sign of h′ is that of the judge's own rounding.
func (t *trial) drowned(o outcome[digits]) bool {
	return o.slope.abs().cmp(o.size.mul(exactly(t.noise))) <= 0
}

func stateName(s int) string {
	return map[int]string{2: "outside", 4: "inside", 1: "h′ > 0", -1: "h′ < 0", 0: "h′ = 0"}[s]
}

// ends compares the ends of the domain.
func (t *trial) ends() {
	check := func(in, out float64) {
		if o := t.exact.at(exactly(out), false); o.inside {
			t.complain("%v is said to be outside or an end, and is inside", out)
		}
		if o := t.exact.at(exactly(in), false); !o.inside {
			t.complain("%v is said to be inside, and task %d excludes it", in, o.task)
		}
	}
	for _, d := range t.l.Domain {
		if d.Low.IsBounded() && !t.unresolved(d.Low) {
			check(d.Low.Hi(), d.Low.Lo())
		}
		if d.High.IsBounded() && !t.unresolved(d.High) {
			check(d.High.Lo(), d.High.Hi())
		}
	}
}

func (t *trial) unresolved(x interval.Interval) bool {
	return slices.ContainsFunc(t.l.Unresolved, func(u interval.Interval) bool { return !u.Disjoint(x) })
}

// between closes in on the sign change of h′ between two gains.
func (t *trial) between(low, high digits) digits {
	fl, fh := t.exact.at(low, false).slope, t.exact.at(high, false).slope
	tiny := digits{new(big.Float).SetMantExp(high.sub(low).abs().Float, -60)}
	if fl.sign()*fh.sign() >= 0 {
		if fl.sign() == 0 {
			return low
		}
		return high
	}
	side := 0
	two := exactly(2)
	for i := range 400 {
		if high.sub(low).abs().cmp(tiny) < 0 {
			break
		}
		// Illinois, and now and then the middle.
		x := low.add(high).div(two)
		if i < 30 || i%3 != 2 {
			x = low.sub(fl.mul(high.sub(low)).div(fh.sub(fl)))
		}
		o := t.exact.at(x, false)
		switch {
		case !o.inside || o.slope.sign() == 0:
			return x
		case o.slope.sign() == fl.sign():
			low, fl = x, o.slope
			if side == -1 {
				fh = fh.div(two)
			}
			side = -1
		default:
			high, fh = x, o.slope
			if side == 1 {
				fl = fl.div(two)
			}
			side = 1
		}
	}
	return low.add(high).div(two)
}

// stationary compares kinds and values, and returns the values of the minima.
func (t *trial) stationary() (minima []digits) {
	last := math.Inf(-1)
	for _, s := range t.l.Stationary {
		if !(s.Gain.Lo() >= last) {
			t.complain("stationary points are not in order at %v", s.Gain)
		}
		last = s.Gain.Lo()
		low, high := t.exact.at(exactly(s.Gain.Lo()), false), t.exact.at(exactly(s.Gain.Hi()), false)
		if !low.inside || !high.inside {
			t.complain("%s %v is not inside", s.Kind, s.Gain)
			continue
		}
		if t.unresolved(s.Gain) {
			continue
		}
		before := low.slope.sign()
		if s.Kind == certificate.Maximum {
			before = -before
		}
		known := s.Kind == certificate.Minimum || s.Kind == certificate.Maximum
		crosses := before == -1 && high.slope.sign() == -low.slope.sign() || t.drowned(low) || t.drowned(high)
		if !(s.Gain.Lo() < s.Gain.Hi()) || !known || !crosses {
			t.complain("%q %v: h′ is %.3g and %.3g at its ends", s.Kind, s.Gain, low.slope.float(), high.slope.float())
			continue
		}
		w := t.between(exactly(s.Gain.Lo()), exactly(s.Gain.Hi()))
		value := t.exact.at(w, false).value
		t.holds("value", s.Value, value, s)
		gap := value
		for i, c := range t.bests {
			gap = gap.sub(t.exact.weights[i].mul(c))
		}
		t.holds("gap", s.Gap, gap, s)
		if s.Kind == certificate.Minimum {
			minima = append(minima, value)
		}
		if (!s.Value.IsBounded() || !s.Gap.IsBounded()) && s.Gain.Mag() < 1e100 {
			t.complain("value %v, gap %v of a stationary point", s.Value, s.Gap)
		}
	}
	return minima
}

// slack is what the judge's own rounding may make of a value of size x.
func (t *trial) slack(x digits) digits {
	sum := x.abs().add(t.scale)
	for i, c := range t.bests {
		sum = sum.add(t.exact.weights[i].mul(c).abs())
	}
	return sum.mul(exactly(0x1p50 * t.noise))
}

func (t *trial) holds(what string, x interval.Interval, v digits, s Stationary) {
	// v is that next to the point, where the search's bisection ended, not at it.
	e := t.slack(v).add(t.scale.mul(exactly(0x1p-120)))
	if x.IsEmpty() || v.add(e).sub(digits{bound(x.Lo())}).sign() < 0 || v.sub(e).sub(digits{bound(x.Hi())}).sign() > 0 {
		t.complain("%s of the %s %v: %v does not hold %.40g", what, s.Kind, s.Gain, x, v)
	}
}

// bound is an end of an interval; infinities are far away.
func bound(x float64) *big.Float {
	if math.IsInf(x, 0) {
		return new(big.Float).SetPrec(precision).SetMantExp(big.NewFloat(math.Copysign(1, x)), 4000)
	}
	return exactly(x).Float
}

// values compares the infimum, ε and the verdict.
func (t *trial) values(minima []digits) {
	l := t.l
	complete := len(l.Unresolved) == 0
	var infimum *digits
	least := func(v digits) {
		if infimum == nil || v.cmp(*infimum) < 0 {
			infimum = &v
		}
	}
	for _, v := range minima {
		least(v)
	}
	falls := false
	for _, d := range l.Domain {
		for _, end := range []struct {
			border *interval.Interval
			x      interval.Interval
			in     float64
			toward float64
		}{{d.LowBorder, d.Low, d.Low.Hi(), -1}, {d.HighBorder, d.High, d.High.Lo(), 1}} {
			if end.x.IsBounded() && !t.unresolved(end.x) {
				// h next to the end
				in, out := exactly(end.in), exactly(end.x.Hi())
				if end.toward < 0 {
					out = exactly(end.x.Lo())
				}
				if end.border == nil {
					continue
				}
				falls = true
				for range 160 {
					mid := in.add(out).div(exactly(2))
					if t.exact.at(mid, false).inside {
						in = mid
					} else {
						out = mid
					}
				}
				o := t.exact.at(in, false)
				if s := float64(o.slope.sign()); o.inside && s*end.toward >= 0 {
					t.complain("h does not fall to the end in %v: h′ = %.3g", end.x, o.slope.float())
				}
				least(o.value)
				// The limit differs by less than 2⁻¹⁰⁰.
				v := o.value.float()
				if !end.border.Contains(v) && math.Abs(v-end.border.Mid()) > 0.51*end.border.Width()+1e-14*math.Abs(v) {
					t.complain("h falls to %v at the end in %v, not in %v", v, end.x, *end.border)
				}
			}
		}
	}
	if complete && infimum == nil {
		t.complain("complete, and no minimum and no end to which h falls")
		return
	}
	if infimum == nil {
		return
	}
	slack := t.slack(*infimum)
	if infimum.add(slack).sub(digits{bound(l.Infimum.Lo())}).sign() < 0 {
		t.complain("h reaches %.30g, below the infimum's enclosure %v", infimum.Float, l.Infimum)
	}
	// The search ends next to a minimum, not at it: where that is 0 there is no
	// relative slack, and less than float64 has a number for is nothing.
	if complete && !falls && infimum.sub(slack).sub(digits{bound(l.Infimum.Hi() + math.SmallestNonzeroFloat64)}).sign() > 0 {
		t.complain("inf h is %.30g, above its enclosure %v", infimum.Float, l.Infimum)
	}
	worst := *infimum
	for _, v := range minima {
		if v.cmp(worst) > 0 {
			worst = v
		}
	}
	ε := worst.sub(*infimum)
	if falls {
		slack = slack.add(digits{new(big.Float).SetMantExp(infimum.abs().Float, -100)})
	}
	if len(minima) > 0 && complete && ε.add(slack).sub(digits{bound(l.Epsilon.Lo())}).sign() < 0 {
		t.complain("ε is %.20g, below [%v, %v]", ε.Float, l.Epsilon.Lo(), l.Epsilon.Hi())
	}
	if ε.sub(slack).sub(digits{bound(l.Epsilon.Hi())}).sign() > 0 {
		t.complain("ε is at least %.20g, above [%v, %v]", ε.Float, l.Epsilon.Lo(), l.Epsilon.Hi())
	}
	equal := ε.cmp(slack) <= 0
	if l.Spurious() != (l.Epsilon.Lo() > 0) || l.Spurious() && equal && complete {
		t.complain("spurious %v, ε = %.3g", l.Spurious(), ε.Float)
	}
	switch l.Verdict {
	case certificate.Global:
		if len(minima) == 0 || !complete || !equal || l.Epsilon.Hi() != 0 {
			t.complain("global, and ε = %.3g, unresolved %v", ε.Float, l.Unresolved)
		}
	case certificate.NotGlobal:
		if !l.Spurious() {
			t.complain("not global, and not spurious")
		}
	case certificate.EpsilonGlobal:
		if !complete || l.Spurious() || math.IsInf(l.Epsilon.Hi(), 1) {
			t.complain("ε-global, and ε in %v, unresolved %v", l.Epsilon, l.Unresolved)
		}
		if len(minima) == 1 && !falls {
			t.complain("ε-global with one minimum")
		}
	case certificate.Undecided:
		if complete && len(minima) > 0 {
			t.complain("undecided, and nothing is unresolved")
		}
	default:
		t.complain("verdict %q", l.Verdict)
	}
}

// shape checks what needs no numbers: that covers cover, and that the pieces
// and the boxes left are those of the result.
func (t *trial) shape() {
	if _, err := family.Parse("again", []byte(t.l.Certificate().Family)); err != nil {
		t.complain("the certificate's family is refused: %v", err)
	}
	covers := [][]certificate.Piece{t.cert.DomainCover}
	for _, c := range t.cert.Covers {
		covers = append(covers, c.Pieces)
	}
	for k, c := range covers {
		for i := 1; i < len(c); i++ {
			if gap := c[i].Box.Lo() - c[i-1].Box.Hi(); gap != 0 && (k == 0 || gap < 0 || slices.ContainsFunc(t.l.Domain, func(d Component) bool {
				return d.Low.Lo() < c[i].Box.Lo() && d.High.Hi() > c[i-1].Box.Hi()
			})) && !(k > 0 && len(t.l.Unresolved) > 0) {
				t.complain("cover %d: %v is followed by %v", k, c[i-1], c[i])
			}
		}
	}
	basins := 0.0
	for _, s := range t.l.Stationary {
		if s.Kind == certificate.Minimum && len(t.l.Unresolved) == 0 && !(s.Share > 0 && s.Basin[0].Hull(s.Basin[1]).Contains(s.Gain.Mid())) {
			t.complain("basin %v of the minimum %v, share %v", s.Basin, s.Gain, s.Share)
		}
		basins += s.Share
	}
	if basins > 1+1e-9 {
		t.complain("the basins are %v of the domain", basins)
	}
}

// pieces looks into the pieces of the covers.
func (t *trial) pieces() {
	sample := func(box interval.Interval) (w []float64) {
		low, high := max(box.Lo(), -1e9), min(box.Hi(), 1e9)
		if low > high {
			return nil
		}
		f := t.r.Float64()
		if t.r.IntN(2) == 0 {
			f = math.Pow(10, -12*f)
		}
		w = []float64{low + f*(high-low)}
		if t.r.IntN(3) == 0 {
			w = append(w, low, high)
		}
		return w
	}
	few := func(n int) bool { return n < 25 || t.r.IntN(n) < 25 }
	for _, p := range t.cert.DomainCover {
		if p.Is != certificate.In && p.Is != certificate.Out || !few(len(t.cert.DomainCover)) {
			continue
		}
		for _, w := range sample(p.Box) {
			switch p.Is {
			case certificate.In:
				if o := t.exact.at(exactly(w), false); !o.inside {
					t.complain("%v of the piece %v is outside", w, p)
				}
			case certificate.Out:
				least := exactly(1)
				if _, _, _, ok := t.exact.follow(p.Task, exactly(w), &least); ok {
					t.complain("%v of the piece %v is inside for its task", w, p)
				}
			}
		}
	}
	for _, c := range t.cert.Covers {
		if c.Of != certificate.Slope {
			continue
		}
		for _, p := range c.Pieces {
			if p.Is != certificate.Free || !few(len(c.Pieces)) {
				continue
			}
			sign := 0
			for _, w := range append(sample(p.Box), sample(p.Box)...) {
				o := t.exact.at(exactly(w), false)
				if !o.inside {
					continue
				}
				s := o.slope.sign()
				if t.drowned(o) {
					continue
				}
				if s == 0 || sign == -s {
					t.complain("h′ changes its sign in the piece %v", p)
				}
				sign = s
			}
		}
	}
}

// singulars compares the zeros of x_K′.
func (t *trial) singulars(grid []float64) {
	index := func(name string) int {
		return slices.IndexFunc(t.family.Tasks, func(x family.Task) bool { return x.Name == name })
	}
	known := map[int][]interval.Interval{}
	for _, s := range t.l.Singular {
		i := index(s.Task)
		known[i] = append(append(known[i], s.Points...), s.Unresolved...)
		for _, x := range s.Points {
			least := exactly(1)
			_, j1, _, ok1 := t.exact.follow(i, exactly(x.Lo()), &least)
			_, j2, _, ok2 := t.exact.follow(i, exactly(x.Hi()), &least)
			if !ok1 || !ok2 || j1.sign()*j2.sign() != -1 {
				t.complain("singular point %v of %s: x_K′ is %.3g and %.3g at its ends", x, s.Task, j1.float(), j2.float())
			}
		}
	}
	if len(t.l.Unresolved) > 0 {
		return
	}
	for i := range known {
		last, lastSign := 0.0, 0
		for _, w := range grid {
			if t.expect(w) == 2 {
				lastSign = 0
				continue
			}
			var least double = 1
			_, j, _, ok := t.quick.follow(i, double(w), &least)
			if !ok {
				lastSign = 0
				continue
			}
			s := j.sign()
			if s*lastSign == -1 && !slices.ContainsFunc(known[i], func(x interval.Interval) bool { return x.Hi() >= last && x.Lo() <= w }) {
				// Both gains in one component, and the floats right?
				one := exactly(1)
				_, j1, _, ok1 := t.exact.follow(i, exactly(last), &one)
				_, j2, _, ok2 := t.exact.follow(i, exactly(w), &one)
				together := slices.ContainsFunc(t.l.Domain, func(d Component) bool { return d.Low.Hi() < last && w < d.High.Lo() })
				if ok1 && ok2 && together && j1.sign()*j2.sign() == -1 {
					t.complain("x_K′ of task %d changes its sign between %v and %v, and no singular point is known there", i, last, w)
				}
			}
			last, lastSign = w, s
		}
	}
}

// emptiness tries to show that a domain said to be empty is not, or that the
// tasks named do not exclude each other.
func (t *trial) emptiness(e *EmptyError, points int) {
	named := *t.quick
	exact := *t.exact
	named.f, named.g, named.weights, exact.f, exact.g, exact.weights = nil, nil, nil, nil, nil, nil
	for i, x := range t.family.Tasks {
		if slices.Contains(e.Tasks, x.Name) {
			named.f, named.g, named.weights = append(named.f, t.quick.f[i]), append(named.g, t.quick.g[i]), append(named.weights, t.quick.weights[i])
			exact.f, exact.g, exact.weights = append(exact.f, t.exact.f[i]), append(exact.g, t.exact.g[i]), append(exact.weights, t.exact.weights[i])
		}
	}
	if len(named.f) != len(e.Tasks) || len(e.Tasks) == 0 {
		t.complain("%v names tasks that are not there", e)
		return
	}
	sub := *t
	sub.l, sub.quick = nil, &named
	if low, high := sub.limits(); !(low < high) {
		return
	}
	for _, w := range sub.grid(2 * points) {
		if named.at(double(w), false).inside && exact.at(exactly(w), false).inside {
			t.complain("%v, and w = %v is inside for them", e, w)
			return
		}
	}
}

// report is the disagreements and the family, or nothing.
func (t *trial) report() string {
	if len(t.faults) == 0 {
		return ""
	}
	s := strings.Join(t.faults, "\n") + "\n" + t.String()
	if t.l != nil {
		s += t.l.dump()
	}
	return s
}

// dump is a landscape in a few lines.
func (l *Landscape) dump() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s ε %v inf %v one map %v boxes %d unresolved %v\n", l.Verdict, l.Epsilon, l.Infimum, l.OneMap, l.Boxes, l.Unresolved)
	for _, d := range l.Domain {
		fmt.Fprintln(&b, "  domain", d.Low, d.High, d.LowBorder, d.HighBorder)
	}
	for _, s := range l.Stationary {
		fmt.Fprintf(&b, "  %q %v %v gap %v optimal %v share %.3g singular %.3g\n", s.Kind, s.Gain, s.Value, s.Gap, s.Optimal, s.Share, s.Singular)
	}
	for _, s := range l.Singular[:min(6, len(l.Singular))] {
		fmt.Fprintln(&b, "  singular", s.Task, s.Points, s.Unresolved)
	}
	return b.String()
}
