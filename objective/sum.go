package objective

import "math"

// Sum returns the sum of n terms, term(0) + … + term(n−1), along a fixed
// binary tree over the index, each addition's rounding error carried along
// (Knuth's TwoSum) and added at the end. The bits depend on the terms alone:
// not on who computed them, when, or in what order. The error is one rounding
// of the result plus O((ε log₂ n)²) Σ|term|.
//
// T. Ogita, S. M. Rump, S. Oishi, SIAM J. Sci. Comput. 26 (2005), 1955–1988.
func Sum(n int, term func(i int) float64) float64 {
	if n <= 0 {
		return 0
	}
	s, e := sumTree(0, n, term)
	if math.IsInf(s, 0) {
		return s // the error term is Inf − Inf
	}
	return s + e
}

func sumTree(lo, hi int, term func(i int) float64) (s, e float64) {
	if hi-lo == 1 {
		return term(lo), 0
	}
	mid := lo + (hi-lo+1)/2
	a, ea := sumTree(lo, mid, term)
	b, eb := sumTree(mid, hi, term)
	s = float64(a + b)
	t := float64(s - a)
	e = float64(float64(a-float64(s-t)) + float64(b-t))
	return s, e + (ea + eb)
}
