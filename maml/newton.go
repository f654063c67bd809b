package maml

import (
	"context"
	"math"

	"github.com/metalqr/metalqr/internal/dense"
	"github.com/metalqr/metalqr/objective"
)

// NewtonCG is Newton's method in a trust region, with the exact Hessian:
//
//	minimise  m(s) = ∇hᵀs + ½ sᵀ∇²h s   over ‖s‖ ≤ Δ
//
// by truncated conjugate gradients, along directions of negative curvature
// too. It never leaves the domain and converges superlinearly.
//
// It stays in the basin where it starts. Along s, a step is taken only where
// the model foretold both the value and the slope at its end:
//
//	|h(x+s) − h(x) − m(s)| ≤ ½ |m(s)|
//	|∇h(x+s)ᵀs − (∇hᵀs + sᵀ∇²h s)| ≤ ½ max(|∇hᵀs|, |∇hᵀs + sᵀ∇²h s|)
//
// where the curvatures at both ends fit those values and slopes (smooth), and,
// if s is longer than the step before, where both agree within ¼ at 0.38 s
// too. A step over a barrier, into another basin, meets all that only by
// accident. Otherwise Δ is halved; the conjugate gradients of the larger region
// are kept and cut shorter. Where both errors are below half of that and s ends at the
// border, Δ doubles, up to 1 + ‖x‖.
//
// Where |m(s)| is within the rounding of h, 1e-10 |h|, values are not
// compared; the slope decides, and without negative curvature h must fall
// at all or the gradient shrink.
//
// At a stationary point with a negative eigenvalue it leaves along ± the
// eigenvector.
//
// The zero value is ready for use. T. Steihaug, SIAM J. Numer. Anal. 20
// (1983), 626–637.
type NewtonCG struct {
	Radius float64 // first Δ, relative to 1 + ‖x‖; 0 means 0.05
}

// Advance makes one step.
func (m NewtonCG) Advance(ctx context.Context, o objective.Objective, from *Iterate, s *State) (Move, error) {
	if err := m.prepare(from, s); err != nil {
		return Move{}, err
	}
	if from.Norm == 0 {
		return Move{Status: Stalled}, nil
	}
	path, err := steihaug(ctx, from, s.Radius)
	s.Products += path.products
	if err != nil {
		return Move{}, err
	}
	return m.within(ctx, o, from, s, path.cut)
}

// escape leaves a stationary point along ±v.
func (m NewtonCG) escape(ctx context.Context, o objective.Objective, from *Iterate, s *State, v []float64, curvature float64) (Move, error) {
	if err := m.prepare(from, s); err != nil {
		return Move{}, err
	}
	s.Radius = math.Max(s.Radius, m.first(from))
	sign := 1.0
	if dense.Dot(from.Gradient, v) > 0 {
		sign = -1
	}
	var refused Backtracks
	radius := s.Radius
	for range 2 {
		s.Radius = radius
		move, err := m.within(ctx, o, from, s, func(radius float64) trial {
			t := trial{step: make([]float64, len(v)), image: make([]float64, len(v)), border: true}
			dense.AddScaled(t.step, sign*radius, v)
			dense.AddScaled(t.image, curvature, t.step)
			return t
		})
		if err != nil || move.Status == Running {
			move.Backtracks.add(refused)
			return move, err
		}
		refused.add(move.Backtracks)
		sign = -sign
	}
	return Move{Backtracks: refused, Status: Stalled}, nil
}

func (m NewtonCG) prepare(from *Iterate, s *State) error {
	if !(m.Radius >= 0) || math.IsInf(m.Radius, 1) {
		return &SettingError{Of: "Newton-CG", Field: "radius", Value: m.Radius, Want: "a positive number, or 0 for 0.05"}
	}
	if s.Radius == 0 {
		s.Radius = m.first(from)
	}
	return nil
}

// first is the trust radius of a run's first iteration.
func (m NewtonCG) first(from *Iterate) float64 {
	r := m.Radius
	if r == 0 {
		r = reach
	}
	return r * (1 + dense.Norm(from.X))
}

// within tries the step that propose makes for a radius, halving the radius
// until the model agrees with what is found.
func (m NewtonCG) within(ctx context.Context, o objective.Objective, from *Iterate, s *State, propose func(radius float64) trial) (Move, error) {
	var refused Backtracks
	for range maxBacktracks {
		if err := ctx.Err(); err != nil {
			return Move{}, err
		}
		t := propose(s.Radius)
		if !dense.Finite(t.step) { // gᵀg or sᵀ∇²h s overflowed
			return Move{}, &NotFiniteError{What: "Newton step"}
		}
		x := along(from.X, 1, t.step)
		if equal(x, from.X) {
			break
		}
		to, left, err := try(o, x, s)
		if err != nil {
			return Move{}, err
		}
		if left != nil {
			refused.Domain++
			s.Radius = dense.Norm(t.step) / 2
			continue
		}
		v := t.judge(from, to)
		if v >= agrees {
			s.Products++
			if !t.smooth(from, to) {
				v = disagrees
			}
		}
		length := dense.Norm(t.step)
		if v >= agrees && length > s.Length {
			way := t.fraction(probe)
			between, left, err := try(o, along(from.X, 1, way.step), s)
			if err != nil {
				return Move{}, err
			}
			if left != nil || way.judge(from, between) < agreesWell {
				v = disagrees
			}
		}
		switch v {
		case lower:
			refused.Decrease++
		case disagrees:
			refused.Agreement++
		case agrees:
			s.Length = length
			return Move{To: to, Backtracks: refused}, nil
		case agreesWell:
			if t.border && refused.Total() == 0 {
				s.Radius = math.Min(growth*s.Radius, 1+dense.Norm(to.X))
			}
			s.Length = length
			return Move{To: to, Backtracks: refused}, nil
		}
		s.Radius = length / 2
	}
	return Move{Backtracks: refused, Status: Stalled}, nil
}

// A trial is a step s with its image ∇²h s.
type trial struct {
	step, image []float64
	border      bool // ‖s‖ is the trust radius
}

// probe is where, on the way of a step longer than the last, the model is
// checked too: away from the simple fractions at which periodic functions
// repeat.
const probe = 0.381966

// fraction is the step to a part of the way.
func (t trial) fraction(f float64) trial {
	zero := make([]float64, len(t.step))
	return trial{step: along(zero, f, t.step), image: along(zero, f, t.image)}
}

// A verdict on a trial step.
type verdict int

const (
	lower      verdict = iota // h would not fall
	disagrees                 // h falls, but the model is not to be believed
	agrees                    // both errors within ½
	agreesWell                // both errors within ¼
)

// judge compares what was found at the end of the step with what the model
// foretold there.
func (t trial) judge(from, to *Iterate) verdict {
	slope, bend := dense.Dot(from.Gradient, t.step), dense.Dot(t.step, t.image)
	foretold := slope + bend/2
	end := slope + bend // the slope foretold at the end of the step
	off := math.Abs(dense.Dot(to.Gradient, t.step)-end) / math.Max(math.Abs(slope), math.Abs(end))

	change := to.Value - from.Value
	if rounding := flat * math.Abs(from.Value); math.Abs(foretold) <= rounding {
		if change > rounding || bend >= 0 && change >= 0 && to.Norm >= from.Norm {
			return lower
		}
	} else {
		if change >= 0 {
			return lower
		}
		off = math.Max(off, math.Abs(change-foretold)/math.Abs(foretold))
	}
	switch {
	case off <= 0.25:
		return agreesWell
	case off <= 0.5:
		return agrees
	}
	return disagrees
}

// smooth compares with quintic Hermite interpolation along the step. With
// φ(t) = h(x + t s), a φ that is smooth on the scale of s has, to fifth and
// third order,
//
//	φ(1) − φ(0) = (φ′(0) + φ′(1))/2 − (φ″(1) − φ″(0))/12
//	φ′(1) − φ′(0) = (φ″(0) + φ″(1))/2
//
// It costs one product. The tolerances let Newton's step away from a pole of
// any order pass, 1/x (0.005 and 0.09) and −log x (0.02 and 0.13) among them.
func (t trial) smooth(from, to *Iterate) bool {
	image := make([]float64, len(t.step))
	to.Point.HessVec(image, t.step)
	a, b := dense.Dot(from.Gradient, t.step), dense.Dot(to.Gradient, t.step)
	p, q := dense.Dot(t.step, t.image), dense.Dot(t.step, image)
	size := math.Max(math.Max(math.Abs(a), math.Abs(b)), math.Max(math.Abs(p), math.Abs(q)))
	if !(math.Abs(b-a-(p+q)/2) <= 0.2*size) {
		return false
	}
	value := (a+b)/2 - (q-p)/12
	rounding := flat * math.Abs(from.Value)
	return math.Abs(value) <= rounding || math.Abs(to.Value-from.Value-value) <= 0.05*size
}
