package report

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/metalqr/metalqr/family"
	"github.com/metalqr/metalqr/landscape"
	"github.com/metalqr/metalqr/run"
)

func provedOf(t *testing.T, text string, o landscape.Options) *run.Landscape {
	t.Helper()
	f, err := family.Parse("test.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	l, err := prove(context.Background(), f, o)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestProvedFigure(t *testing.T) {
	const three = "tasks: [{A: 1, B: 1, Q: 1, R: 1}, {A: 1, B: 1, Q: 2, R: 1}]\nmeta: {inner: {rate: 0.02, steps: 3}}\n"
	for _, tt := range []struct {
		name, text string
		boxes      int
		panels     int
		rug        string // its label
		undecided  bool
	}{
		{name: "three minimisers", panels: 1, rug: "𝜂𝐶ᵢ″ = 1", text: "tasks: [{A: 1, B: 1, Q: 1, R: 0.1}, {A: 1, B: 1, Q: 0.1, R: 1}]\nmeta: {inner: {rate: 0.05}}\n"},
		// A component of width 0.001, whose minimiser is 0.005 from the next one's.
		{name: "disconnected", panels: 2, rug: "𝜂𝐶ᵢ″ = 1", text: "tasks: [{A: 1, B: 1, Q: 1e-6, R: 1}]\nmeta: {inner: {rate: 0.01}}\n"},
		{name: "unbounded", panels: 1, text: "tasks: [{A: 0.5, B: 0, Q: 1, R: 1}]\nmeta: {inner: {rate: 0.01}}\n"},
		{name: "clusters", panels: 3, rug: "singular set", text: three},
		{name: "undecided", panels: 1, boxes: 60, undecided: true, text: three},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := provedOf(t, tt.text, landscape.Options{Boxes: tt.boxes})
			f, err := ProvedFigure(l)
			if err != nil {
				t.Fatal(err)
			}
			if len(f.Panels) != tt.panels || f.Alt == "" {
				t.Errorf("%d panels, want %d; alt %q", len(f.Panels), tt.panels, f.Alt)
			}
			labelled := map[float64]bool{}
			for _, p := range f.Panels {
				for _, m := range p.Marks {
					if m.Text != "" && m.Kind != Maximiser {
						labelled[m.X] = true
					}
					if m.X < p.X.Min || m.X > p.X.Max {
						t.Errorf("mark at %v outside [%v, %v]", m.X, p.X.Min, p.X.Max)
					}
				}
			}
			if len(labelled) != len(l.Minimizers) {
				t.Errorf("%d of %d minimisers have a label", len(labelled), len(l.Minimizers))
			}
			p := f.Panels[0]
			if tt.rug != "" && (len(p.Rugs) != 1 || p.Rugs[0].Label != tt.rug) {
				t.Errorf("rugs %v, want %q", p.Rugs, tt.rug)
			}
			shown := false
			for _, b := range p.Bands {
				shown = shown || b.Label == "undecided"
			}
			for _, r := range p.Rugs {
				shown = shown || r.Label == "undecided"
			}
			if shown != tt.undecided {
				t.Errorf("undecided boxes shown: %v, want %v", shown, tt.undecided)
			}
			if math.IsInf(float64(l.Domain[0][0]), 0) && (p.Domain[0].Lo >= p.X.Min || p.Domain[0].Hi <= p.X.Max) {
				t.Errorf("the unbounded domain ends in the window: %v in [%v, %v]", p.Domain, p.X.Min, p.X.Max)
			}
			if err := f.files(map[string][]byte{}, "f"); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestKeepLandscape(t *testing.T) {
	l := provedOf(t, "tasks: [{A: 1, B: 1, Q: 1, R: 1}]\nmeta: {inner: {rate: 0.05}}\n", landscape.Options{})
	dir := filepath.Join(t.TempDir(), "out")
	paths, err := KeepLandscape(l, dir)
	if err != nil || len(paths) != 3 {
		t.Fatalf("%v, %v", paths, err)
	}
	for _, name := range []string{"landscape.svg", "landscape.png", "landscape.pdf", "landscape.json", "certificate.json", "spec.yaml"} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Size() == 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
	var exists *run.DirectoryError
	if _, err := KeepLandscape(l, dir); !errors.As(err, &exists) {
		t.Errorf("again: %v", err)
	}
}
