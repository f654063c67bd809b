package maml

import "github.com/metalqr/metalqr/objective"

// A Directed point has a Grad that is not the gradient of its Value, where
// Direction says why; Direction is empty where it is. What its HessVec gives is
// then no Hessian of it, either.
//
// Only [Algorithm1] steps along one: it asks of no function that it fall. Every
// other method refuses with a *SettingError that quotes Direction.
type Directed interface {
	objective.Point
	Direction() string
}

// A Truncated rule has a Pull that is not the transpose of its Jacobian, so
// that what is pulled back along it is no gradient.
type Truncated interface {
	objective.Rule
	Truncation() string // what its Pull leaves out, in words
}

// direction says why the gradient of a point is none, or nothing.
func direction(p objective.Point) string {
	if d, ok := p.(Directed); ok {
		return d.Direction()
	}
	return ""
}
