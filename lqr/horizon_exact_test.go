package lqr_test

import (
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/metalqr/metalqr/lqr"
	"github.com/metalqr/metalqr/matrixeq"
	"github.com/metalqr/metalqr/objective"
)

// A jet is a polynomial over the rationals in three directions whose squares
// vanish, by the subset of directions: an exact value with its first, second
// and third derivative along them.
type jet [8]*big.Rat

func constant(x float64) (j jet) {
	for i := range j {
		j[i] = new(big.Rat)
	}
	j[0].SetFloat64(x)
	return j
}

func (j jet) plus(k jet) jet {
	s := constant(0)
	for i := range s {
		s[i].Add(j[i], k[i])
	}
	return s
}

func (j jet) times(k jet) jet {
	p, t := constant(0), new(big.Rat)
	for a := range 8 {
		for b := range 8 {
			if a&b == 0 && j[a].Sign() != 0 && k[b].Sign() != 0 {
				p[a|b].Add(p[a|b], t.Mul(j[a], k[b]))
			}
		}
	}
	return p
}

// simulated is the cost of s at the gains w by adding up the stages of
// trajectories, in the caller's own terms and without rounding: one from each
// column of start, and one from each column of noise[t] at every time t+1.
// Covariances and costs to go appear nowhere. Sigma0 and Noise of s are not
// looked at.
func simulated(s lqr.HorizonSpec, start []matrixeq.Matrix, noise [][]matrixeq.Matrix, w []jet) jet {
	n, r := s.A[0].Rows, s.B[0].Cols
	at := func(m lqr.Series, t int) matrixeq.Matrix {
		if len(m) == 1 {
			return m[0]
		}
		return m[t]
	}
	form := func(x []jet, m matrixeq.Matrix, y []jet) jet {
		sum := constant(0)
		for i := range x {
			for k := range y {
				sum = sum.plus(x[i].times(constant(m.At(i, k))).times(y[k]))
			}
		}
		return sum
	}
	γ := constant(s.Discount)
	if s.Discount == 0 {
		γ = constant(1)
	}
	power := []jet{constant(1)}
	for t := range s.Horizon {
		power = append(power, power[t].times(γ))
	}
	total := constant(0)
	run := func(from int, x matrixeq.Matrix) {
		state := make([]jet, n)
		for i := range state {
			state[i] = constant(x.Data[i])
		}
		for t := from; t < s.Horizon; t++ {
			input := make([]jet, r)
			for i := range input {
				input[i] = constant(0)
				for k := range state {
					input[i] = input[i].plus(constant(-1).times(w[(t*r+i)*n+k]).times(state[k]))
				}
			}
			stage := form(state, at(s.Q, t), state).plus(form(input, at(s.R, t), input))
			if len(s.N) > 0 {
				stage = stage.plus(constant(2).times(form(state, at(s.N, t), input)))
			}
			total = total.plus(power[t].times(stage))
			next := make([]jet, n)
			for i := range next {
				next[i] = constant(0)
				for k := range state {
					next[i] = next[i].plus(constant(at(s.A, t).At(i, k)).times(state[k]))
				}
				for k := range input {
					next[i] = next[i].plus(constant(at(s.B, t).At(i, k)).times(input[k]))
				}
			}
			state = next
		}
		if !s.Terminal.IsZero() {
			total = total.plus(power[s.Horizon].times(form(state, s.Terminal, state)))
		}
	}
	for _, x := range start {
		run(0, x)
	}
	for t, vs := range noise {
		for _, x := range vs {
			run(t+1, x)
		}
	}
	return total
}

// dyadic is a random matrix of multiples of 1/8 in [−2, 2].
func dyadic(rng *rand.Rand, rows, cols int) matrixeq.Matrix {
	m := matrixeq.New(rows, cols)
	for i := range m.Data {
		m.Data[i] = float64(rng.IntN(33)-16) / 8
	}
	return m
}

// square is G Gᵀ of a dyadic G, exactly, and the columns of G.
func square(rng *rand.Rand, n int) (matrixeq.Matrix, []matrixeq.Matrix) {
	g, m := dyadic(rng, n, n), matrixeq.New(n, n)
	dense(m).Mul(dense(g), dense(g).T())
	columns := make([]matrixeq.Matrix, n)
	for k := range n {
		columns[k] = matrixeq.New(n, 1)
		for i := range n {
			columns[k].Data[i] = g.At(i, k)
		}
	}
	return m, columns
}

// A plant and a cost that change at every step, with cross term, noise,
// discount, terminal cost and Σ₀: value and three derivatives against exact
// sums over trajectories, of which they are polynomials; with a gain for each
// time, one for all, and two in turn. The largest is of size 1e6 and some 1e2
// operations deep: what is left is rounding.
func TestHorizonAgainstExactTrajectories(t *testing.T) {
	for k, tt := range []struct {
		n, r, T int
		plain   bool
	}{{1, 1, 1, true}, {1, 1, 3, false}, {2, 1, 3, false}, {1, 2, 3, true}, {2, 2, 4, false}, {3, 1, 3, true}} {
		rng := rand.New(rand.NewPCG(20, uint64(k)))
		spec := lqr.HorizonSpec{Horizon: tt.T}
		var start []matrixeq.Matrix
		var noise [][]matrixeq.Matrix
		for range tt.T {
			q, _ := square(rng, tt.n)
			r, _ := square(rng, tt.r)
			for i := range tt.r {
				r.Data[i*tt.r+i] += 8 // beside N: S* ≻ 0
			}
			for i := range tt.n {
				q.Data[i*tt.n+i] += 8
			}
			spec.A, spec.B = append(spec.A, dyadic(rng, tt.n, tt.n)), append(spec.B, dyadic(rng, tt.n, tt.r))
			spec.Q, spec.R = append(spec.Q, q), append(spec.R, r)
			if !tt.plain {
				v, columns := square(rng, tt.n)
				spec.N, spec.Noise = append(spec.N, dyadic(rng, tt.n, tt.r)), append(spec.Noise, v)
				// γ scales the cost of noise by its time: that is in the stages.
				noise = append(noise, columns)
			}
		}
		if tt.plain {
			spec.X0 = dyadic(rng, tt.n, 1).Data
			spec.X0[0] = 1
			start = append(start, matrixeq.Matrix{Rows: tt.n, Cols: 1, Data: spec.X0})
		} else {
			spec.Sigma0, start = square(rng, tt.n)
			spec.Terminal, _ = square(rng, tt.n)
			spec.Discount = 0.75
		}
		h, err := lqr.NewHorizon(spec)
		if err != nil {
			t.Fatal(err)
		}
		turns := make([]int, tt.T)
		for i := range turns {
			turns[i] = i % 2
		}
		tied, err := h.Tie(turns)
		if err != nil {
			t.Fatal(err)
		}
		each := make([]int, tt.T)
		for i := range each {
			each[i] = i
		}
		for _, o := range []struct {
			name  string
			o     objective.Objective
			slots []int
		}{{"per time", h, each}, {"stationary", h.Stationary(), make([]int, tt.T)}, {"in turn", tied, turns}} {
			dim := o.o.Dim()
			size := tt.n * tt.r
			x, y, z := dyadic(rng, dim, 1).Data, dyadic(rng, dim, 1).Data, dyadic(rng, dim, 1).Data
			at, err := o.o.At(x)
			if err != nil {
				t.Fatal(err)
			}
			p := at.(objective.Point3)
			grad, hess, third := poisoned(dim), poisoned(dim), poisoned(dim)
			x0, y0, z0 := slices.Clone(x), slices.Clone(y), slices.Clone(z)
			p.Grad(grad)
			p.HessVec(hess, y)
			p.Third(third, y, z)
			if !slices.Equal(x, x0) || !slices.Equal(y, y0) || !slices.Equal(z, z0) {
				t.Errorf("%+v, %s: an input was modified", tt, o.name)
			}
			wantValue, wantGrad, wantHess, wantThird := 0.0, make([]float64, dim), make([]float64, dim), make([]float64, dim)
			for i := range dim {
				w := make([]jet, tt.T*size)
				for step, slot := range o.slots {
					for j := range size {
						v := slot*size + j
						g := constant(x[v])
						if v == i {
							g[1].SetInt64(1)
						}
						g[2].SetFloat64(y[v])
						g[4].SetFloat64(z[v])
						w[step*size+j] = g
					}
				}
				c := simulated(spec, start, noise, w)
				wantValue, _ = c[0].Float64()
				wantGrad[i], _ = c[1].Float64()
				wantHess[i], _ = c[3].Float64()
				wantThird[i], _ = c[7].Float64()
			}
			near(t, o.name+": value", []float64{p.Value()}, []float64{wantValue}, 1e-14)
			above := wantValue - h.LowerBound()
			near(t, o.name+": gap", []float64{p.(objective.Gapped).Gap()}, []float64{above}, 1e-14*wantValue/above)
			near(t, o.name+": gradient", grad, wantGrad, 1e-14)
			near(t, o.name+": Hessian", hess, wantHess, 1e-14)
			near(t, o.name+": third", third, wantThird, 1e-14)
		}
	}
}
