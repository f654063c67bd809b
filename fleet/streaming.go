package fleet

import (
	"fmt"
	"math"
	"time"

	"github.com/metalqr/metalqr/objective"
)

// A Source hands out tasks chunk by chunk, as Stream wants them: an *NPZ, or a
// generator.
type Source interface {
	Next() (Arrays, error) // io.EOF after the last
	Close() error
}

// Streaming is the meta-objective over more tasks than memory holds, as an
// objective to train on: every evaluation, and every product with the Hessian,
// opens the source anew and passes over all of it, which must hand out the same
// tasks every time. Values, gradients and products have the bits of the same
// tasks held by a [Fleet].
//
// Methods that ask for few products suit it, as maml.LBFGS, which asks for none
// on its way; Minimize classifies what it ends at by Dim of them.
type Streaming struct {
	States, Inputs int // d and r
	Open           func() (Source, error)
	Options        StreamOptions // Progress is told of every pass
}

// Dim is r·d.
func (s Streaming) Dim() int { return s.States * s.Inputs }

// At passes over the tasks. The errors are those of Open and of [Stream].
func (s Streaming) At(x []float64) (objective.Point, error) {
	if len(x) != s.Dim() {
		return nil, &ArraysError{Name: "gain", Task: -1, Problem: fmt.Sprintf("has %d numbers, want %d", len(x), s.Dim())}
	}
	if err := s.Options.check(); err != nil {
		return nil, err
	}
	x = append([]float64(nil), x...)
	out, err := s.pass(x, nil)
	if err != nil {
		return nil, err
	}
	p := &streamedPoint{of: s, x: x, out: out}
	if s.Options.Bound {
		return boundedPoint{p}, nil
	}
	return p, nil
}

func (s Streaming) pass(x, v []float64) (_ *Streamed, err error) {
	src, err := s.Open()
	if err != nil {
		return nil, err
	}
	defer func() {
		if e := src.Close(); err == nil {
			err = e
		}
	}()
	o := s.Options
	o.Bound = o.Bound && v == nil
	return stream{o: o, x: x, v: v, begin: time.Now()}.run(src.Next)
}

type streamedPoint struct {
	of  Streaming
	x   []float64
	out *Streamed
}

func (p *streamedPoint) Value() float64     { return p.out.Value }
func (p *streamedPoint) Grad(dst []float64) { copy(dst, p.out.Grad) }

// Direction is that of a fleet's point.
func (p *streamedPoint) Direction() string { return p.of.Options.direction() }

// HessVec is another pass. Where that fails, which the first did not, as on a
// file that is gone, dst is NaN.
func (p *streamedPoint) HessVec(dst, v []float64) {
	out, err := p.of.pass(p.x, v)
	if err != nil {
		for j := range dst {
			dst[j] = math.NaN()
		}
		return
	}
	copy(dst, out.Grad)
}

// boundedPoint knows its gap.
type boundedPoint struct{ *streamedPoint }

func (p boundedPoint) Gap() float64 { return p.out.Gap }

var (
	_ objective.Objective = Streaming{}
	_ objective.Gapped    = boundedPoint{}
	_ Source              = (*NPZ)(nil)
)
