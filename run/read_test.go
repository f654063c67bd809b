package run

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/metalqr/metalqr/family"
	"github.com/metalqr/metalqr/fleet"
	"github.com/metalqr/metalqr/lqr"
)

// laned is the Reader of Read on some workers.
func laned(workers int) family.Reader {
	return family.Reader{Solve: func(specs []lqr.Spec) ([]*lqr.Task, []error) { return fleet.Solve(specs, workers) }}
}

func matrixText(rng *rand.Rand, rows, cols int, s float64) string {
	var b strings.Builder
	for i := range rows {
		sep := "["
		if i == 0 {
			sep = "[["
		} else {
			b.WriteString("], ")
		}
		for range cols {
			fmt.Fprintf(&b, "%s%.6f", sep, s*rng.NormFloat64())
			sep = ", "
		}
	}
	return b.String() + "]]"
}

// listText is a family of count tasks, of which line(i) may be another.
func listText(count int, line func(i int) string) string {
	rng := rand.New(rand.NewPCG(3, 5))
	var b strings.Builder
	b.WriteString("family: many\ndefaults: {Q: [[1, 0, 0], [0, 1, 0], [0, 0, 1]], R: [[1, 0], [0, 1]]}\ntasks:\n")
	for i := range count {
		a, bb := matrixText(rng, 3, 3, 0.5), matrixText(rng, 3, 2, 1)
		text := fmt.Sprintf("{A: %s, B: %s}", a, bb)
		if i%10 == 3 {
			text = fmt.Sprintf("{A: %s, B: %s, discount: 0.9, inner: {A: %s}}", a, bb, matrixText(rng, 3, 3, 0.4))
		}
		if other := line(i); other != "" {
			text = other
		}
		fmt.Fprintf(&b, "  - %s\n", text)
	}
	return b.String()
}

const drawnText = `generate:
  nominal: {A: [[0.9, 0.3], [0, 1.05]], B: [[0.2], [1]], Q: [[1, 0], [0, 1]], R: 1}
  count: 500
  seed: 7
`

// What is solved from a family read in lanes is what is solved task by task, and
// its bits are those of any number of workers.
func TestReadInLanes(t *testing.T) {
	for name, text := range map[string]string{
		"listed": listText(5000, func(int) string { return "" }),
		"within": drawnText + "  within: 0.3\n",
		// A third of these draws has R < 0, and is drawn again.
		"ranges": drawnText + "  ranges: {R: [-0.5, 1]}\n",
	} {
		want, err := family.Parse("many.yaml", []byte(text))
		if err != nil {
			t.Fatal(name, err)
		}
		got, err := laned(1).Parse("many.yaml", []byte(text))
		if err != nil {
			t.Fatal(name, err)
		}
		if !reflect.DeepEqual(want.Drawn, got.Drawn) {
			t.Errorf("%s: drawn %+v, want %+v", name, got.Drawn, want.Drawn)
		}
		a, b := Solve(want), Solve(got)
		for i, x := range a.Tasks {
			y := b.Tasks[i]
			for _, m := range []struct {
				what string
				x, y []float64
			}{{"gain", x.Gain.Data, y.Gain.Data}, {"P", x.P.Data, y.P.Data}, {"cost", []float64{float64(x.Cost)}, []float64{float64(y.Cost)}}} {
				size, most := 0.0, 0.0
				for k := range m.x {
					size, most = max(size, math.Abs(m.x[k])), max(most, math.Abs(m.x[k]-m.y[k]))
				}
				if x.Name != y.Name || !(most <= 1e-12*size) {
					t.Fatalf("%s, task %s, %s: %v, want %v", name, x.Name, m.what, m.y, m.x)
				}
			}
			if f, g := &want.Tasks[i], &got.Tasks[i]; !f.F.Same(g.F) || !f.G.Same(g.G) || (f.F == f.G) != (g.F == g.G) {
				t.Fatalf("%s, task %s: another task", name, x.Name)
			}
		}
		document, _ := json.Marshal(b)
		for _, workers := range []int{2, 5} {
			again, err := laned(workers).Parse("many.yaml", []byte(text))
			if err != nil {
				t.Fatal(name, err)
			}
			if other, _ := json.Marshal(Solve(again)); !bytes.Equal(document, other) {
				t.Errorf("%s: another document with %d workers", name, workers)
			}
		}
	}
}

// The error is that of the first task that has one, with its place and words.
func TestReadInLanesErrors(t *testing.T) {
	const (
		unstabilisable = "{A: [[2, 0, 0], [0, 0, 0], [0, 0, 0]], B: [[0, 0], [1, 0], [0, 1]]}"
		indefinite     = "{A: [[0, 0, 0], [0, 0, 0], [0, 0, 0]], B: [[0, 0], [1, 0], [0, 1]], R: [[1, 0], [0, -1]]}"
		unread         = "{A: [[2, 0, 0], [0, 0"
		unknown        = "{A: [[0, 0, 0], [0, 0, 0], [0, 0, 0]], C: 1}"
		other          = "{A: 0.5, B: 1, Q: 1, R: 1}"
		inner          = "{A: [[0, 0, 0], [0, 0, 0], [0, 0, 0]], B: [[0, 0], [1, 0], [0, 1]], inner: {A: [[2, 0, 0], [0, 0, 0], [0, 0, 0]]}}"
	)
	for _, c := range []struct {
		flaws map[int]string
		line  int // the tasks begin in line 4
	}{
		{map[int]string{77: unstabilisable, 78: indefinite}, 81},
		{map[int]string{77: indefinite, 99: unstabilisable}, 81},
		{map[int]string{77: unstabilisable, 90: unknown}, 81},
		{map[int]string{77: unknown, 90: unstabilisable}, 81},
		{map[int]string{77: other, 78: unstabilisable}, 81},
		{map[int]string{76: unstabilisable, 78: other}, 80},
		{map[int]string{77: inner, 78: unstabilisable}, 81},
		{map[int]string{4200: inner, 4300: unknown}, 4204},
		{map[int]string{0: unstabilisable, 1: other}, 4},
		{map[int]string{149: unread}, 153},
	} {
		count := 150
		for i := range c.flaws {
			count = max(count, i+1)
		}
		text := []byte(listText(count, func(i int) string { return c.flaws[i] }))
		_, want := family.Parse("many.yaml", text)
		_, got := laned(2).Parse("many.yaml", text)
		var e *family.Error
		if !errors.As(got, &e) || got.Error() != want.Error() || len(c.flaws) > 1 && e.Line != c.line {
			t.Errorf("%v: %v\nwant %v in line %d", c.flaws, got, want, c.line)
		}
	}
	// A generator with no valid draw.
	text := []byte(drawnText + "  ranges: {R: [-2, -1]}\n")
	_, want := family.Parse("many.yaml", text)
	_, got := laned(2).Parse("many.yaml", text)
	if want == nil || got == nil || got.Error() != want.Error() || !errors.Is(got, family.ErrDraw) {
		t.Errorf("%v, want %v", got, want)
	}
}
