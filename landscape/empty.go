package landscape

import (
	"context"
	"slices"

	"github.com/metalqr/metalqr/certificate"
)

// empty is the error about a domain of which every piece is outside. It looks
// for a task or a pair that is enough; failing that it names all that the cover
// needs.
func (p *Problem) empty(ctx context.Context, cover []certificate.Piece) error {
	// Left and right of the cover the tasks that bound it exclude every gain.
	var needed []int
	_, _, atLow, atHigh := p.window()
	for _, i := range []int{atLow, atHigh} {
		if i >= 0 && !slices.Contains(needed, i) {
			needed = append(needed, i)
		}
	}
	for _, c := range cover {
		if c.Is == certificate.Out && !slices.Contains(needed, c.Task) {
			needed = append(needed, c.Task)
		}
	}
	slices.Sort(needed)
	names := func(index ...int) []string {
		var list []string
		for _, i := range index {
			list = append(list, p.tasks[i].name)
		}
		return list
	}
	excludes := func(index ...int) bool {
		q := &Problem{family: p.family}
		for _, i := range index {
			q.tasks = append(q.tasks, p.tasks[i])
		}
		cover, err := q.domain(newMeter(ctx, Options{Boxes: 10000, Workers: 1}))
		return err != nil || !slices.ContainsFunc(cover, func(c certificate.Piece) bool { return c.Is != certificate.Out })
	}
	for _, i := range needed {
		if excludes(i) {
			return &EmptyError{Tasks: names(i)}
		}
	}
	for k, i := range needed {
		for _, j := range needed[:k] {
			if excludes(j, i) {
				return &EmptyError{Tasks: names(j, i)}
			}
		}
	}
	return &EmptyError{Tasks: names(needed...)}
}
