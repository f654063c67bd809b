package run

import (
	"context"
	"errors"
	"math"
	"testing"

	"github.com/metalqr/metalqr/landscape"
	"github.com/metalqr/metalqr/matrixeq"
)

// Families of which no landscape over two gains can be proved are told by error, before
// or after the tasks are looked at.
func TestPlanarOfOtherFamilies(t *testing.T) {
	const task = "A: [[1.1, 0.3], [0, 0.8]], B: [[0.5], [1]], Q: [[1, 0], [0, 1]], R: 1"
	for name, tt := range map[string]struct {
		text string
		want error
	}{
		"one gain":   {"tasks: [{A: 1, B: 1, Q: 1, R: 1}]\nmeta: {inner: {rate: 0.01}}\n", landscape.ErrUnsupported},
		"two inputs": {"tasks: [{A: 1, B: [[1, 1]], Q: 1, R: [[1, 0], [0, 1]]}]\nmeta: {inner: {rate: 0.01}}\n", landscape.ErrUnsupported},
		"a horizon":  {"tasks: [{" + task + ", horizon: 3}]\nmeta: {inner: {rate: 0.01}}\n", landscape.ErrUnsupported},
		"imaml":      {"tasks: [{" + task + "}]\nmeta: {algorithm: imaml, inner: {strength: 20}}\n", landscape.ErrUnsupported},
		"Meta-SGD":   {"tasks: [{" + task + "}]\nmeta: {inner: {learn: rates, rate: 0.01}}\n", landscape.ErrUnsupported},
		"two steps":  {"tasks: [{" + task + "}]\nmeta: {inner: {rate: 0.01, steps: 2}}\n", landscape.ErrUnsupported},
		"one x0":     {"tasks: [{" + task + ", x0: [1, 0]}]\nmeta: {inner: {rate: 0.01}}\n", landscape.ErrTask},
	} {
		p := problemOf(t, tt.text)
		if _, err := p.Planar(context.Background(), landscape.PlanarOptions{}); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", name, err, tt.want)
		}
		if want := name == "imaml" || name == "Meta-SGD" || name == "two steps" || name == "one x0"; p.TwoGains() != want {
			t.Errorf("%s: two gains %v", name, !want)
		}
	}
}

func TestRegion(t *testing.T) {
	gain := func(x, y float64) matrixeq.Matrix {
		return matrixeq.Matrix{Rows: 1, Cols: 2, Data: []float64{x, y}}
	}
	b, err := Region(gain(-1, 0.5), gain(0, 2))
	if err != nil || b[0].Lo() != -1 || b[0].Hi() != 0 || b[1].Lo() != 0.5 || b[1].Hi() != 2 {
		t.Errorf("%v, %v", b, err)
	}
	for _, high := range []float64{0.5, 0.4, math.NaN()} {
		var is *RegionError
		if _, err := Region(gain(-1, 0.5), gain(0, high)); !errors.As(err, &is) || is.Entry != 2 || !errors.Is(err, ErrInput) {
			t.Errorf("to %v: %v", high, err)
		}
	}
}
