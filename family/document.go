package family

import (
	"github.com/metalqr/metalqr/matrixeq"
)

// The types of this file are the file format: their json tags are the keys,
// and their jsonschema tags the descriptions an editor shows. Pointers and
// absent matrices tell "not written" from zero.

type document struct {
	Schema   schemaURL    `json:"$schema,omitempty" jsonschema:"where an editor finds this schema; otherwise ignored"`
	Family   string       `json:"family,omitempty" jsonschema:"name of the family; the file's own name if omitted"`
	Defaults *taskDoc     `json:"defaults,omitempty" jsonschema:"any field of a task but its name; a task's own field takes precedence"`
	Tasks    taskList     `json:"tasks,omitzero" jsonschema:"the tasks, one by one"`
	Generate *generateDoc `json:"generate,omitempty" jsonschema:"draw tasks around a nominal one; they follow the tasks listed"`
	Meta     Meta         `json:"meta,omitzero" jsonschema:"how to train"`
}

type taskDoc struct {
	Name        string          `json:"name,omitempty" jsonschema:"unique within the family; omitted: task-1, task-2, … by position"`
	A           matrixeq.Matrix `json:"A,omitzero" jsonschema:"d×d plant of s⁺ = A s + B a; with sample_time, of ṡ = A s + B a"`
	B           matrixeq.Matrix `json:"B,omitzero" jsonschema:"d×r input matrix"`
	Q           matrixeq.Matrix `json:"Q,omitzero" jsonschema:"d×d cost of the state, sᵀQs: symmetric, positive semidefinite"`
	R           matrixeq.Matrix `json:"R,omitzero" jsonschema:"r×r cost of the input, aᵀRa: symmetric, positive definite"`
	N           matrixeq.Matrix `json:"N,omitzero" jsonschema:"d×r cross term of the cost, 2 sᵀN a; omitted: 0"`
	Sigma0      matrixeq.Matrix `json:"Sigma0,omitzero" jsonschema:"d×d second moment of the initial state; omitted: I"`
	X0          []float64       `json:"x0,omitempty" jsonschema:"a known initial state, a flat list of d numbers; instead of Sigma0"`
	Noise       matrixeq.Matrix `json:"noise,omitzero" jsonschema:"d×d covariance of the process noise (with sample_time, its intensity); needs a discount below 1 or average_cost"`
	Discount    *float64        `json:"discount,omitempty" jsonschema:"γ in (0, 1], per step; omitted: 1"`
	AverageCost *bool           `json:"average_cost,omitempty" jsonschema:"minimise the stationary cost per step; needs noise"`
	SampleTime  *float64        `json:"sample_time,omitempty" jsonschema:"A and B are continuous in time; sampled by zero-order hold at this interval"`
	Weight      *float64        `json:"weight,omitempty" jsonschema:"positive; weights are normalised to sum to 1; omitted: 1"`
	Inner       *innerDoc       `json:"inner,omitempty" jsonschema:"the task as its inner step sees it, where it differs"`

	node int // where it was written; not a key
}

func (d *taskDoc) decodeNode(t *tree, n int) error {
	d.node = n
	return t.fields(n, d)
}

type innerDoc struct {
	A      matrixeq.Matrix `json:"A,omitzero" jsonschema:"instead of the task's A"`
	B      matrixeq.Matrix `json:"B,omitzero" jsonschema:"instead of the task's B"`
	Q      matrixeq.Matrix `json:"Q,omitzero" jsonschema:"instead of the task's Q"`
	R      matrixeq.Matrix `json:"R,omitzero" jsonschema:"instead of the task's R"`
	N      matrixeq.Matrix `json:"N,omitzero" jsonschema:"instead of the task's N"`
	Sigma0 matrixeq.Matrix `json:"Sigma0,omitzero" jsonschema:"instead of the task's Sigma0 or x0"`
}

type generateDoc struct {
	Nominal  taskDoc      `json:"nominal" jsonschema:"the task to draw around; it is the first of the tasks"`
	Count    int          `json:"count" jsonschema:"how many tasks, the nominal one included"`
	Seed     *uint64      `json:"seed,omitempty" jsonschema:"of the random numbers; omitted: 1"`
	Within   *float64     `json:"within,omitempty" jsonschema:"draw in the ball ‖ΔA‖ + ‖ΔB‖ + ‖ΔQ‖ + ‖ΔR‖ ≤ this, about the nominal task"`
	Pairwise *pairwiseDoc `json:"pairwise,omitempty" jsonschema:"perturb each matrix by 0.6 of this in operator norm, keeping every two tasks within this: one number, or one for each of A, B, Q, R (omitted: unchanged)"`
	Masks    *masksDoc    `json:"masks,omitempty" jsonschema:"add to each matrix its mask times a random number, uniform in [0, scale)"`
	Ranges   *rangesDoc   `json:"ranges,omitempty" jsonschema:"draw entries uniformly between bounds"`
	Factors  *factorsDoc  `json:"factors,omitempty" jsonschema:"multiply each matrix by a random factor, uniform between bounds"`

	node int
}

func (d *generateDoc) decodeNode(t *tree, n int) error {
	d.node = n
	return t.fields(n, d)
}

type pairwiseDoc struct {
	A *float64 `json:"A,omitempty" jsonschema:"ε for A"`
	B *float64 `json:"B,omitempty" jsonschema:"ε for B"`
	Q *float64 `json:"Q,omitempty" jsonschema:"ε for Q"`
	R *float64 `json:"R,omitempty" jsonschema:"ε for R"`
}

func (d *pairwiseDoc) decodeNode(t *tree, n int) error {
	if t.nodes[n].kind == mapping {
		return t.fields(n, d)
	}
	ε, err := t.number(n)
	if err != nil {
		return err
	}
	d.A, d.B, d.Q, d.R = &ε, &ε, &ε, &ε
	return nil
}

type masksDoc struct {
	A     matrixeq.Matrix `json:"A,omitzero" jsonschema:"mask of A, of its shape"`
	B     matrixeq.Matrix `json:"B,omitzero" jsonschema:"mask of B, of its shape"`
	Q     matrixeq.Matrix `json:"Q,omitzero" jsonschema:"mask of Q, symmetric"`
	R     matrixeq.Matrix `json:"R,omitzero" jsonschema:"mask of R, symmetric"`
	Scale *float64        `json:"scale,omitempty" jsonschema:"largest multiple of the masks; omitted: 1"`
}

type rangesDoc struct {
	A boundsDoc `json:"A,omitzero" jsonschema:"A with entries to draw written as [lo, hi]"`
	B boundsDoc `json:"B,omitzero" jsonschema:"B with entries to draw written as [lo, hi]"`
	Q boundsDoc `json:"Q,omitzero" jsonschema:"Q with entries to draw written as [lo, hi]; symmetric, and drawn so"`
	R boundsDoc `json:"R,omitzero" jsonschema:"R with entries to draw written as [lo, hi]; symmetric, and drawn so"`
}

// boundsDoc is a matrix whose entries are numbers or pairs [lo, hi].
type boundsDoc struct {
	lo, hi matrixeq.Matrix
}

// IsZero reports whether the bounds were not written.
func (d boundsDoc) IsZero() bool { return d.lo.IsZero() }

func (d *boundsDoc) decodeNode(t *tree, n int) error {
	var hi []float64
	entry := func(c int, lo *matrixeq.Matrix) error {
		b := interval{}
		if t.nodes[c].kind != list {
			x, err := t.number(c)
			if err != nil {
				return err
			}
			b = interval{x, x}
		} else if err := b.decodeNode(t, c); err != nil {
			return err
		}
		lo.Data = append(lo.Data, b.Lo)
		hi = append(hi, b.Hi)
		return nil
	}
	// [lo, hi] by itself is a 1×1 matrix.
	if t.nodes[n].kind == list && t.count(n) == 2 && t.nodes[n+1].kind != list {
		if err := entry(n, &d.lo); err != nil {
			return err
		}
		d.lo.Rows, d.lo.Cols = 1, 1
	} else {
		lo, err := rows(t, n, "[lo, hi]", entry)
		if err != nil {
			return err
		}
		d.lo = lo
	}
	d.hi = matrixeq.Matrix{Rows: d.lo.Rows, Cols: d.lo.Cols, Data: hi}
	return nil
}

type factorsDoc struct {
	A *interval `json:"A,omitempty" jsonschema:"bounds of the factor of A"`
	B *interval `json:"B,omitempty" jsonschema:"bounds of the factor of B"`
	Q *interval `json:"Q,omitempty" jsonschema:"bounds of the factor of Q"`
	R *interval `json:"R,omitempty" jsonschema:"bounds of the factor of R"`
}

// An interval is written [lo, hi].
type interval struct{ Lo, Hi float64 }

func (b *interval) decodeNode(t *tree, n int) error {
	if t.nodes[n].kind != list {
		return t.failAt(n, ErrValue, "expected bounds [lo, hi], found %s", t.describe(n))
	}
	if c := t.count(n); c != 2 {
		return t.failAt(n, ErrValue, "expected bounds [lo, hi], found a list of %d", c)
	}
	var err error
	if b.Lo, err = t.number(n + 1); err != nil {
		return err
	}
	if b.Hi, err = t.number(n + 2); err != nil {
		return err
	}
	if b.Lo > b.Hi {
		return t.failAt(n, ErrValue, "the bounds [%v, %v] are out of order", b.Lo, b.Hi)
	}
	return nil
}

// taskList is the list of tasks, still to be read: one at a time, since a task
// read takes far more memory than its text.
type taskList struct{ node int }

// IsZero reports whether the list was not written.
func (l taskList) IsZero() bool { return l.node == 0 }

func (l *taskList) decodeNode(t *tree, n int) error {
	if t.nodes[n].kind != list {
		return t.failAt(n, ErrValue, "expected a list, found %s", t.describe(n))
	}
	l.node = n
	return nil
}

// schemaURL is any text: it is for editors.
type schemaURL string

func (s *schemaURL) decodeNode(t *tree, n int) error {
	text, err := t.scalarText(n)
	*s = schemaURL(text)
	return err
}
