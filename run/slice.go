package run

import (
	"errors"
	"fmt"
	"math"

	"github.com/metalqr/metalqr/internal/dense"
	"github.com/metalqr/metalqr/matrixeq"
	"github.com/metalqr/metalqr/objective"
)

// A Slice is a line or a plane of gains, W = origin + Σ t_k axis_k with axes of
// length 1 at right angles, and where the minimisers found stand to it.
type Slice struct {
	Origin matrixeq.Matrix   `json:"origin"`
	Axes   []matrixeq.Matrix `json:"axes"`  // one of a line, two of a plane
	Whole  bool              `json:"whole"` // the gain has two entries, which are the coordinates
	Points []SlicePoint      `json:"points"`

	search *Search
}

// A SlicePoint is a minimiser seen from a slice.
type SlicePoint struct {
	Index    int      `json:"index"`    // in minimizers, from 0
	At       []Number `json:"at"`       // coordinates of its nearest point in the slice
	Distance Number   `json:"distance"` // ‖·‖_F from there
}

// A SliceError says why points do not span a line or a plane.
type SliceError struct {
	Why string
}

func (e *SliceError) Error() string { return "a slice goes through " + e.Why }

// Unwrap makes it match [ErrInput].
func (e *SliceError) Unwrap() error { return ErrInput }

// flatSlice is how small a direction may be, relative to the gains.
const flatSlice = 1e-9

// Through is the line through two gains or the plane through three. The error is
// a *[SliceError].
func (s *Search) Through(points ...matrixeq.Matrix) (*Slice, error) {
	if len(points) < 2 || len(points) > 3 {
		return nil, &SliceError{fmt.Sprintf("two gains or three, found %d", len(points))}
	}
	for _, x := range points {
		if err := matrixeq.CheckShape("slice", x, s.problem.rows, s.problem.cols); err != nil {
			return nil, &SliceError{err.Error()}
		}
	}
	slice := &Slice{Origin: s.problem.gain(points[0].Data), search: s}
	scale := 0.0
	for _, x := range points {
		scale = max(scale, dense.Norm(x.Data))
	}
	for _, x := range points[1:] {
		v := make([]float64, len(x.Data))
		dense.Sub(v, x.Data, slice.Origin.Data)
		for range 2 { // twice is enough
			for _, a := range slice.Axes {
				dense.AddScaled(v, -dense.Dot(a.Data, v), a.Data)
			}
		}
		length := dense.Norm(v)
		if !(length > flatSlice*scale) {
			return nil, &SliceError{"gains that differ, and three that are not on a line"}
		}
		dense.Scale(v, 1/length, v)
		slice.Axes = append(slice.Axes, s.problem.gain(v))
	}
	slice.place()
	return slice, nil
}

// Automatic is the slice that shows most of what was found: of gains with two
// entries the plane itself; otherwise the plane through the lowest minimiser, the
// highest, and the one furthest from the line between them; with two the line
// through them, with one that in the direction of least curvature. It is nil
// where nothing was found.
func (s *Search) Automatic() *Slice {
	if s.problem.Dim() == 2 {
		slice := &Slice{Origin: s.problem.gain([]float64{0, 0}), Whole: true, search: s}
		slice.Axes = []matrixeq.Matrix{s.problem.gain([]float64{1, 0}), s.problem.gain([]float64{0, 1})}
		slice.place()
		return slice
	}
	n := len(s.Minimizers)
	if n == 0 {
		return nil
	}
	first := s.Minimizers[0].Gain
	if n == 1 {
		beside := s.problem.gain(first.Data)
		dense.AddScaled(beside.Data, 1+dense.Norm(first.Data), s.found.Minima[0].Soft)
		slice, _ := s.Through(first, beside)
		return slice
	}
	// Of several highest, or of all where they are alike, the furthest one.
	highest, far := first, 0.0
	for _, x := range s.Minimizers[1:] {
		if float64(s.Epsilon-x.Excess) <= 1e-9*math.Abs(float64(x.Value)) {
			if d := distanceBetween(x.Gain, first); d > far {
				highest, far = x.Gain, d
			}
		}
	}
	line, err := s.Through(first, highest)
	if err != nil {
		return nil
	}
	third, off := -1, flatSlice*(1+dense.Norm(first.Data))
	for _, x := range line.Points {
		if float64(x.Distance) > off {
			third, off = x.Index, float64(x.Distance)
		}
	}
	if third < 0 {
		return line
	}
	plane, err := s.Through(first, highest, s.Minimizers[third].Gain)
	if err != nil {
		return line
	}
	return plane
}

func distanceBetween(a, b matrixeq.Matrix) float64 {
	v := make([]float64, len(a.Data))
	dense.Sub(v, a.Data, b.Data)
	return dense.Norm(v)
}

// place finds where the minimisers stand.
func (s *Slice) place() {
	for i, m := range s.search.Minimizers {
		v := make([]float64, len(m.Gain.Data))
		dense.Sub(v, m.Gain.Data, s.Origin.Data)
		p := SlicePoint{Index: i}
		for _, a := range s.Axes {
			t := dense.Dot(a.Data, v)
			dense.AddScaled(v, -t, a.Data)
			p.At = append(p.At, Number(t))
		}
		p.Distance = Number(dense.Norm(v))
		s.Points = append(s.Points, p)
	}
}

// On reports whether a minimiser is in the slice, to working precision.
func (s *Slice) On(p SlicePoint) bool {
	return float64(p.Distance) <= 1e-8*(1+dense.Norm(s.search.Minimizers[p.Index].Gain.Data))
}

// Minimizer is one of the points of the slice.
func (s *Slice) Minimizer(p SlicePoint) SearchedMinimizer { return s.search.Minimizers[p.Index] }

// Search is what the slice is through.
func (s *Slice) Search() *Search { return s.search }

// At evaluates h at coordinates in the slice, exactly as it is elsewhere; +Inf
// outside the domain. It is safe for concurrent use.
func (s *Slice) At(t ...float64) float64 {
	w := make([]float64, len(s.Origin.Data))
	copy(w, s.Origin.Data)
	for k, a := range s.Axes {
		dense.AddScaled(w, t[k], a.Data)
	}
	return heightAt(s.search.h, w)
}

// heightAt is h at a gain; +Inf outside the domain, NaN where it cannot be evaluated.
func heightAt(m objective.Objective, w []float64) float64 {
	at, err := m.At(w)
	if err != nil {
		if !errors.Is(err, objective.ErrDomain) {
			return math.NaN()
		}
		return math.Inf(1)
	}
	return at.Value()
}

// Reach is how far the domain reaches along the slice from a point of it, in the
// direction given by coordinates: t > 0 to which h is finite on a grid of steps
// of a ratio, at most far.
func (s *Slice) Reach(from, direction []float64, far float64) float64 {
	return reach(s.At, from, direction, far)
}

// reach is how far a function is finite from a point in a direction, as Reach of a
// Slice has it.
func reach(f func(x ...float64) float64, from, direction []float64, far float64) float64 {
	at := func(t float64) bool {
		x := make([]float64, len(from))
		copy(x, from)
		dense.AddScaled(x, t, direction)
		v := f(x...)
		return !math.IsNaN(v) && !math.IsInf(v, 0)
	}
	low, high := 0.0, far/256
	for high < far && at(high) {
		low, high = high, 1.3*high
	}
	if high >= far {
		return far
	}
	for range 30 {
		mid := low + (high-low)/2
		if at(mid) {
			low = mid
		} else {
			high = mid
		}
	}
	return low
}
