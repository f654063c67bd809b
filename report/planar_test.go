package report

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/metalqr/metalqr/family"
	"github.com/metalqr/metalqr/interval"
	"github.com/metalqr/metalqr/landscape"
	"github.com/metalqr/metalqr/run"
)

const planarTwo = `family: two-gains
defaults: {A: [[1, 0.4], [0, 1]], B: [[0.08], [0.4]]}
tasks: [{Q: [[1, 0], [0, 0.5]], R: 0.5}, {Q: [[2, 0], [0, 1]], R: 1}]
meta: {inner: {rule: gauss-newton, rate: 0.3}}
`

func planarOf(t *testing.T, o landscape.PlanarOptions) *run.PlanarLandscape {
	t.Helper()
	f, err := family.Parse("test.yaml", []byte(planarTwo))
	if err != nil {
		t.Fatal(err)
	}
	p, err := run.NewProblem(f)
	if err != nil {
		t.Fatal(err)
	}
	l, err := p.Planar(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// Minimisers are marked by kind where they are, the region and what is undecided are
// drawn, and the window holds every mark.
func TestPlanarFigure(t *testing.T) {
	region := interval.Box{interval.New(0.5, 1.1), interval.New(1, 2)}
	for _, tt := range []struct {
		name      string
		o         landscape.PlanarOptions
		kinds     string
		undecided bool
	}{
		{"whole", landscape.PlanarOptions{}, "global minimiser, global minimiser, spurious minimiser", false},
		{"region", landscape.PlanarOptions{Region: region}, "global minimiser", false},
		{"budget", landscape.PlanarOptions{Options: landscape.Options{Boxes: 300}}, "global minimiser, global minimiser, spurious minimiser", true},
		{"nothing there", landscape.PlanarOptions{Region: interval.Box{interval.New(0.5, 0.6), interval.New(1, 1.1)}}, "", false},
	} {
		l := planarOf(t, tt.o)
		f, err := PlanarFigure(l)
		if err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		p := f.Panels[0]
		var kinds []string
		for i, m := range p.Marks {
			kinds = append(kinds, m.Kind.String())
			if m.X != l.Minimizers[i].Gain.Data[0] || m.Y != l.Minimizers[i].Gain.Data[1] || m.X < p.X.Min || m.X > p.X.Max || m.Y < p.Y.Min || m.Y > p.Y.Max || m.Text == "" {
				t.Errorf("%s: mark %+v", tt.name, m)
			}
		}
		if got := strings.Join(kinds, ", "); got != tt.kinds {
			t.Errorf("%s: marks %s, want %s", tt.name, got, tt.kinds)
		}
		labels := map[string]bool{}
		for _, c := range p.Curves {
			labels[c.Label] = true
		}
		for _, b := range p.Bands {
			labels[b.Label] = true
		}
		if labels["undecided"] != tt.undecided || labels["region"] != (tt.o.Region != nil) || len(p.Contours) == 0 {
			t.Errorf("%s: %v, %d contours", tt.name, labels, len(p.Contours))
		}
		if !strings.Contains(f.Alt, "two-gains over its two gains") || !strings.Contains(f.Alt, l.Reason) {
			t.Errorf("%s: alt %q", tt.name, f.Alt)
		}
	}
}

func TestKeepPlanar(t *testing.T) {
	l := planarOf(t, landscape.PlanarOptions{})
	dir := filepath.Join(t.TempDir(), "out")
	paths, err := KeepPlanar(l, dir)
	if err != nil || len(paths) != len(formats) {
		t.Fatalf("%v, %v", paths, err)
	}
	spec, err := os.ReadFile(filepath.Join(dir, "spec.yaml"))
	if err != nil || !strings.Contains(string(spec), "two-gains") {
		t.Errorf("spec.yaml: %q, %v", spec, err)
	}
	if _, err := KeepPlanar(l, dir); err == nil {
		t.Error("files that exist are replaced")
	}
}
