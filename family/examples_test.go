package family_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/metalqr/metalqr/family"
)

// examples are the families that the repository ships, by name.
func examples(tb testing.TB) map[string][]byte {
	tb.Helper()
	paths, err := filepath.Glob("../examples/*.yaml")
	if err != nil || len(paths) < 5 {
		tb.Fatalf("examples: %v, %v", paths, err)
	}
	files := map[string][]byte{"template": family.Template()}
	for _, p := range paths {
		data, err := os.ReadFile(p)
		if err != nil {
			tb.Fatal(err)
		}
		files[filepath.Base(p)] = data
	}
	return files
}

func TestExamples(t *testing.T) {
	shapes := map[string][3]int{ // tasks, states, inputs; of a model, columns and rows
		"template": {3, 2, 1}, "boeing.yaml": {10, 4, 2}, "carts.yaml": {2, 2, 1}, "scalar.yaml": {2, 1, 1},
		"pendulum-continuous.yaml": {5, 2, 1}, "crazyflie.yaml": {12, 12, 4}, "regression.yaml": {20, 12, 1}, "horizon.yaml": {3, 2, 1},
		"two-carts.yaml": {2, 2, 1}, "factor-gradient.yaml": {2, 2, 1}, "factor-gauss-newton.yaml": {2, 2, 1},
	}
	for name, data := range examples(t) {
		f, err := family.Parse(name, data)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		inputs, states := f.Shape()
		if got := [3]int{len(f.Tasks), states, inputs}; got != shapes[name] {
			t.Errorf("%s: %d tasks, %d columns, %d rows; want %v", name, got[0], got[1], got[2], shapes[name])
		}
	}
}
