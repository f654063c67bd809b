package landscape

import (
	"math"
	"math/rand/v2"
)

// A halton is Halton's sequence with scrambled digits: coordinate i of point k is
// the radical inverse of k in the i-th prime, its digits permuted, 0 too.
//
// H. Faure, C. Lemieux, Generalized Halton sequences in 2008, ACM Trans. Model.
// Comput. Simul. 19 (2009): unscrambled, the larger primes run in lines.
type halton struct {
	digits [][]int // permutations
}

var primes = [...]int{2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59}

// haltonDims is how many coordinates beside the first one there are.
const haltonDims = len(primes) - 1

func newHalton(dims int, seed uint64) *halton {
	rng := rand.New(rand.NewPCG(seed, 0x68616c746f6e))
	h := &halton{}
	for _, p := range primes[:dims] {
		h.digits = append(h.digits, rng.Perm(p))
	}
	return h
}

// point is point k, its coordinates inside (0, 1).
func (h *halton) point(k int) []float64 {
	u := make([]float64, len(h.digits))
	for i, digit := range h.digits {
		p := float64(primes[i])
		// Digits of k + 1, and as many zeros behind them as a float64 shows.
		for n, unit := k+1, 1/p; unit > 0x1p-53; n, unit = n/primes[i], unit/p {
			u[i] += unit * float64(digit[n%primes[i]])
		}
		u[i] = min(max(u[i], 0x1p-53), 1-0x1p-53)
	}
	return u
}

// normal is the normal variate with the distribution function u.
func normal(u float64) float64 { return -math.Sqrt2 * math.Erfcinv(2*u) }
