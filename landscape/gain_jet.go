package landscape

import (
	"slices"
	"sync"

	"github.com/metalqr/metalqr/interval"
)

// A gainJet is a matrix that depends on p variables, as far as a given order: the
// Taylor coefficients X_α of
//
//	X(w + δ) = Σ X_α δ^α,   |α| ≤ order,
//
// each enclosed for every w of a box. A coefficient without rows is zero; the
// first, X₀, is always there.
type gainJet []interval.Matrix

// A gainSpace says which coefficient of a jet is which, and of which pairs the
// coefficients of a product are made.
type gainSpace struct {
	vars, order int
	alpha       [][]int    // α as a sorted list of variables: δ₀δ₂² is 0, 2, 2
	pairs       [][][2]int // of k: the i, j with α_i + α_j = α_k
	up          [][]int    // of k and variable v: where α_k + e_v is; −1 beyond the order
}

var gainSpaces sync.Map // [2]int → *gainSpace

// gainSpaceOf has binom(vars+order, order) coefficients, in ascending order |α|.
func gainSpaceOf(vars, order int) *gainSpace {
	key := [2]int{vars, order}
	if s, ok := gainSpaces.Load(key); ok {
		return s.(*gainSpace)
	}
	s := &gainSpace{vars: vars, order: order}
	index := map[string]int{}
	name := func(α []int) string {
		b := make([]byte, 0, 2*len(α))
		for _, v := range α {
			b = append(b, byte(v>>8), byte(v))
		}
		return string(b)
	}
	layer := [][]int{{}}
	for range order + 1 {
		var next [][]int
		for _, α := range layer {
			index[name(α)] = len(s.alpha)
			s.alpha = append(s.alpha, α)
			last := 0
			if len(α) > 0 {
				last = α[len(α)-1]
			}
			for v := last; v < vars; v++ {
				next = append(next, append(slices.Clone(α), v))
			}
		}
		layer = next
	}
	s.pairs, s.up = make([][][2]int, len(s.alpha)), make([][]int, len(s.alpha))
	join := func(α, β []int) int {
		γ := append(slices.Clone(α), β...)
		slices.Sort(γ)
		if k, ok := index[name(γ)]; ok {
			return k
		}
		return -1
	}
	for i, α := range s.alpha {
		for j, β := range s.alpha {
			if len(α)+len(β) > order {
				break
			}
			k := join(α, β)
			s.pairs[k] = append(s.pairs[k], [2]int{i, j})
		}
		s.up[i] = make([]int, vars)
		for v := range vars {
			s.up[i][v] = join(α, []int{v})
		}
	}
	stored, _ := gainSpaces.LoadOrStore(key, s)
	return stored.(*gainSpace)
}

// times is how often variable v is in α_k.
func (s *gainSpace) times(k, v int) float64 {
	n := 0
	for _, u := range s.alpha[k] {
		if u == v {
			n++
		}
	}
	return float64(n)
}

// accumulate is x + y, where either may be zero.
func accumulate(x, y interval.Matrix) interval.Matrix {
	switch {
	case x.Rows == 0:
		return y
	case y.Rows == 0:
		return x
	}
	return x.Add(y)
}

// coefficient is that of α_k in x·y, by product, without the pairs that skip
// names.
func (s *gainSpace) coefficient(k int, x, y gainJet, product func(x, y interval.Matrix) interval.Matrix, skip func(i, j int) bool) interval.Matrix {
	var sum interval.Matrix
	for _, p := range s.pairs[k] {
		i, j := p[0], p[1]
		if x[i].Rows == 0 || y[j].Rows == 0 || skip != nil && skip(i, j) {
			continue
		}
		sum = accumulate(sum, product(x[i], y[j]))
	}
	return sum
}

// product is x·y.
func (s *gainSpace) product(x, y gainJet, product func(x, y interval.Matrix) interval.Matrix) gainJet {
	z := make(gainJet, len(s.alpha))
	for k := range z {
		z[k] = s.coefficient(k, x, y, product, nil)
	}
	return z
}

func jetMul(x, y interval.Matrix) interval.Matrix   { return x.Mul(y) }
func jetMulTN(x, y interval.Matrix) interval.Matrix { return x.MulTN(y) }

// each applies f to the coefficients that are not zero.
func (x gainJet) each(f func(interval.Matrix) interval.Matrix) gainJet {
	y := make(gainJet, len(x))
	for k := range x {
		if x[k].Rows > 0 {
			y[k] = f(x[k])
		}
	}
	return y
}

// plus is x + y.
func (x gainJet) plus(y gainJet) gainJet {
	z := make(gainJet, len(x))
	for k := range x {
		z[k] = accumulate(x[k], y[k])
	}
	return z
}

// moving is x without X₀.
func (x gainJet) moving() gainJet {
	y := slices.Clone(x)
	y[0] = interval.Matrix{}
	return y
}

// narrow cuts the coefficients of x, over the box at, down to what the mean
// value theorem leaves of them:
//
//	X_α(w) ∈ X_α(c) + Σᵥ (αᵥ + 1) X_{α+eᵥ}(box) (wᵥ − cᵥ),
//
// the highest ones first, of the coefficients below an order to which x is known. It
// reports false where nothing is left: a contradiction, which no data can cause.
func (s *gainSpace) narrow(x, center gainJet, off []interval.Interval, order int) bool {
	for k := len(x) - 1; k >= 0; k-- {
		if len(s.alpha[k]) >= order || x[k].Rows == 0 || center[k].Rows == 0 {
			continue
		}
		m := interval.NewMatrix(x[k].Rows, x[k].Cols)
		copy(m.Data, center[k].Data)
		for v, by := range off {
			d := s.up[k][v]
			if by == zero || x[d].Rows == 0 {
				continue
			}
			by = by.Scale(s.times(d, v))
			for e, y := range x[d].Data {
				m.Data[e] = m.Data[e].Add(y.Mul(by))
			}
		}
		for e, y := range x[k].Data {
			if m.Data[e] = m.Data[e].Intersect(y); m.Data[e].IsEmpty() {
				return false
			}
		}
		x[k] = m
	}
	return true
}
