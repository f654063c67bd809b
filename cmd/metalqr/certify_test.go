package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/metalqr/metalqr/run"
)

// Of a trained gain of several numbers the stationary point is proved, and of one task
// that it is global; the other program agrees.
func TestCertifyMatrixGains(t *testing.T) {
	single := func(name string) string {
		text, err := os.ReadFile("../../examples/" + name + ".yaml")
		if err != nil {
			t.Fatal(err)
		}
		before, after, ok := strings.Cut(string(text), "  count: ")
		_, after, cut := strings.Cut(after, "\n")
		if !ok || !cut {
			t.Fatal("the example has no count")
		}
		return write(t, name+".yaml", before+"  count: 1\n"+after)
	}
	carts, err := filepath.Abs("../../examples/carts.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, path string
		one        bool
	}{
		{"boeing, one task", single("boeing"), true},
		{"crazyflie, one task", single("crazyflie"), true}, // 4×12, sampled
		{"carts, two tasks", carts, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			var r run.Result
			succeed(t, "train", tt.path, "--out", "run", "--json").decode(t, &r)
			var c certified
			succeed(t, "certify", tt.path, "--gain", "run/gain.csv", "--json").decode(t, &c)
			if len(c.Box) != r.Gain.Rows || c.Stationary != nil || !c.Minimum || c.Theorem2 != tt.one || c.Proposition1 != tt.one {
				t.Errorf("%+v", c)
			}
			for i, row := range c.Box {
				for j, x := range row {
					if !x.Contains(r.Gain.At(i, j)) || x.Width() > 1e-6 {
						t.Errorf("entry %d of row %d, %v, is proved in %v", j+1, i+1, r.Gain.At(i, j), x)
					}
				}
			}
			contains(t, "check", succeed(t, "check", "certificate.json").stdout, "exactly one stationary point", "strict local minimiser")
			if tt.one {
				contains(t, "the claim", c.Claim, "global minimiser, by Theorem 2")
				return
			}
			if len(c.Missing) != 2 {
				t.Errorf("%+v", c.Missing)
			}
			for _, m := range c.Missing {
				contains(t, m.Claim, m.Reason, "several different tasks")
			}
			// Far from any stationary point only the gap is proved, with a reason.
			var far certified
			succeed(t, "certify", tt.path, "--gain", write(t, "far.csv", "1.2,1.6\n"), "--out", "far.json", "--json").decode(t, &far)
			if far.Box != nil || far.Minimum || !(far.Gap > 0) || len(far.Missing) != 4 || far.Missing[0].Claim != "stationary" {
				t.Errorf("%+v", far)
			}
		})
	}
}
