package check

import (
	"reflect"
	"slices"
	"testing"

	"github.com/metalqr/metalqr/family"
	"github.com/metalqr/metalqr/lqr"
)

// Every setting that a family can have is known here, as one that is taken into
// account or one that does not change h. A new one must be considered before a
// certificate of a family that has it can be trusted.
func TestEverySettingIsConsidered(t *testing.T) {
	for _, tt := range []struct {
		of    any
		known []string
	}{
		{lqr.Spec{}, []string{"Name", "A", "B", "Q", "R", "N", "Sigma0", "X0", "Noise", "Discount", "AverageCost", "SampleTime"}},
		{family.Task{}, []string{"Name", "Weight", "Outer", "Inner", "F", "G", "Finite", "Sets"}},
		{family.Family{}, []string{"Name", "Kind", "Gains", "Tasks", "Meta", "Drawn"}},
		{family.Meta{}, []string{"Algorithm", "Normalize", "Start", "RadiusLimit", "Seed", "Inner", "Outer"}},
		{family.Inner{}, []string{"Rule", "Rate", "Steps", "Learn", "Delta", "Strength", "Tolerance"}},
	} {
		for _, f := range reflect.VisibleFields(reflect.TypeOf(tt.of)) {
			if f.IsExported() && !slices.Contains(tt.known, f.Name) {
				t.Errorf("%T.%s: does it change h?", tt.of, f.Name)
			}
		}
	}
}
