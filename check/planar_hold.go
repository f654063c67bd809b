package check

import (
	"fmt"
	"math"
)

// A fineMatrix is a square matrix of 256-bit numbers.
type fineMatrix [][]fine

func newFineMatrix(n int, at func(i, j int) fine) fineMatrix {
	m := make(fineMatrix, n)
	for i := range m {
		m[i] = make([]fine, n)
		for j := range m[i] {
			m[i][j] = at(i, j)
		}
	}
	return m
}

func (m fineMatrix) t() fineMatrix {
	return newFineMatrix(len(m), func(i, j int) fine { return m[j][i] })
}

func (m fineMatrix) add(n fineMatrix) fineMatrix {
	return newFineMatrix(len(m), func(i, j int) fine { return m[i][j].add(n[i][j]) })
}

func (m fineMatrix) times(c fine) fineMatrix {
	return newFineMatrix(len(m), func(i, j int) fine { return m[i][j].mul(c) })
}

func (m fineMatrix) mul(n fineMatrix) fineMatrix {
	return newFineMatrix(len(m), func(i, j int) fine {
		s := exactly(0)
		for k := range m {
			s = s.add(m[i][k].mul(n[k][j]))
		}
		return s
	})
}

// norm bounds the row sums of |m| and of |mᵀ|.
func (m fineMatrix) norm() fine {
	most := exactly(0)
	for _, x := range [2]fineMatrix{m, m.t()} {
		for _, row := range x {
			s := exactly(0)
			for _, y := range row {
				s = s.add(exactly(0).hull(y).hull(y.neg()))
			}
			most = most.hull(s)
		}
	}
	if !most.ok() {
		return fine{}
	}
	return fine{most.hi, most.hi}
}

// planarHoldTerms is the order of the series summed: (3/2)⁷⁰/70! < 2⁻²⁹⁰.
const planarHoldTerms = 70

// A planarHold encloses, for symmetric Γ,
//
//	grow = e^{Mh},   gram = ∫₀ʰ e^{Mᵀt} Γ e^{Mt} dt,   mean = ∫₀ʰ∫₀ᵗ e^{Mᵀs} Γ e^{Ms} ds dt.
//
// After Van Loan, with E = e^{Mt}, e^{Mᵀt}X the first and e^{Mᵀt}Y the second integral,
//
//	E′ = ME,   X′ = −MᵀX + ΓE,   Y′ = −MᵀY + X,   from E = I, X = Y = 0.
//
// For τ = h/2ᵏ with μ = ‖M‖τ ≤ ½ and time in units of τ, E, X/‖Γ‖ and Y/‖Γ‖ have Taylor
// terms whose largest norm falls by (μ + 1)/j from the (j−1)-th to the j-th, so that from
// j = 4 on at least by half: all that is left out is no larger than the last. Then τ is
// doubled, k times, the integrals split in the middle.
//
// C. Van Loan, IEEE Trans. Automatic Control 23 (1978), 395–404.
type planarHold struct{ grow, gram, mean fineMatrix }

func newPlanarHold(m, γ fineMatrix, h float64, terms int) (s planarHold, err error) {
	const most = 40 // doublings
	n := len(m)
	size := m.norm()
	if !size.ok() || !(h > 0 && h-h == 0) {
		return s, errUnbounded
	}
	k := 0
	for k <= most && !(size.times(math.Ldexp(h, -k)).high() <= 0.5) {
		k++
	}
	if k > most {
		return s, fmt.Errorf("%w: ‖A‖ times sample_time is %.3g", errSample, size.times(h).high())
	}
	τ := exactly(h).times(math.Ldexp(1, -k))
	zero, one := exactly(0), exactly(1)
	m = m.times(τ)
	e := newFineMatrix(n, func(i, j int) fine {
		if i == j {
			return one
		}
		return zero
	})
	x := newFineMatrix(n, func(int, int) fine { return zero })
	y := x
	minus := m.t().times(exactly(-1))
	sumE, sumX, sumY := e, x, y
	for j := 1; j <= terms; j++ {
		c := one.div(exactly(float64(j)))
		e, x, y = m.mul(e).times(c), minus.mul(x).add(γ.mul(e)).times(c), minus.mul(y).add(x).times(c)
		sumE, sumX, sumY = sumE.add(e), sumX.add(x), sumY.add(y)
	}
	weight := γ.norm()
	rest := e.norm()
	if !weight.isZero() {
		rest = rest.hull(x.norm().div(weight)).hull(y.norm().div(weight))
	}
	widen := func(m fineMatrix, by fine) fineMatrix {
		by = by.hull(by.neg())
		return newFineMatrix(n, func(i, j int) fine { return m[i][j].add(by) })
	}
	s.grow = widen(sumE, rest)
	s.gram = s.grow.t().mul(widen(sumX, rest.mul(weight)))
	s.mean = s.grow.t().mul(widen(sumY, rest.mul(weight)))
	for t := one; k > 0; k-- {
		s.mean = s.mean.add(s.gram.times(t)).add(s.grow.t().mul(s.mean).mul(s.grow))
		s.gram = s.gram.add(s.grow.t().mul(s.gram).mul(s.grow))
		s.grow = s.grow.mul(s.grow)
		t = t.times(2)
	}
	s.gram, s.mean = s.gram.times(τ), s.mean.times(τ.sqr())
	return s, nil
}

// A planarStatement is a task's numbers: symmetric matrices as m₁₁, m₁₂, m₂₂.
type planarStatement struct {
	a, b    []fine
	q       [3]fine
	n       []fine
	r       fine
	noise   [3]fine
	between fine // what noise costs between two samples
	noisy   bool
}

// sample replaces those of a continuous plant by those of its samples after h, with
// M = [A B; 0 0] and Γ = [Q N; Nᵀ R]; noise of intensity V becomes ∫e^{At}Ve^{Aᵀt}dt, and
// costs the trace of V times the double integral of e^{Aᵀt}Qe^{At} between samples.
func (p *planarStatement) sample(h float64, terms int) error {
	zero := exactly(0)
	state := func(x []fine) fineMatrix { return newFineMatrix(2, func(i, j int) fine { return x[2*i+j] }) }
	form := func(x [3]fine) fineMatrix { return newFineMatrix(2, func(i, j int) fine { return x[i+j] }) }
	a, q, v := state(p.a), form(p.q), form(p.noise)
	m := newFineMatrix(3, func(i, j int) fine {
		switch {
		case i == 2:
			return zero
		case j == 2:
			return p.b[i]
		}
		return a[i][j]
	})
	γ := newFineMatrix(3, func(i, j int) fine {
		switch {
		case i == 2 && j == 2:
			return p.r
		case i == 2:
			return p.n[j]
		case j == 2:
			return p.n[i]
		}
		return q[i][j]
	})
	s, err := newPlanarHold(m, γ, h, terms)
	if err != nil {
		return err
	}
	p.a = []fine{s.grow[0][0], s.grow[0][1], s.grow[1][0], s.grow[1][1]}
	p.b = []fine{s.grow[0][2], s.grow[1][2]}
	p.q = [3]fine{s.gram[0][0], s.gram[0][1], s.gram[1][1]}
	p.n = []fine{s.gram[0][2], s.gram[1][2]}
	p.r = s.gram[2][2]
	if !p.noisy {
		return nil
	}
	cost, err := newPlanarHold(a, q, h, terms)
	if err != nil {
		return err
	}
	added, err := newPlanarHold(a.t(), v, h, terms)
	if err != nil {
		return err
	}
	p.noise = [3]fine{added.gram[0][0], added.gram[0][1], added.gram[1][1]}
	w := v.mul(cost.mean)
	p.between = w[0][0].add(w[1][1])
	return nil
}
