package family

import (
	"github.com/metalqr/metalqr/lqr"
	"github.com/metalqr/metalqr/matrixeq"
)

// The types of this file are the file format: their json tags are the keys,
// and their jsonschema tags the descriptions an editor shows. Pointers and
// absent matrices tell "not written" from zero.

type document struct {
	Schema   schemaURL    `json:"$schema,omitempty" jsonschema:"where an editor finds this schema; otherwise ignored"`
	Family   string       `json:"family,omitempty" jsonschema:"name of the family; the file's own name if omitted"`
	Kind     Kind         `json:"kind,omitempty" jsonschema:"what the tasks are: lqr; or over data, regression (least squares), ridge, logistic, softmax, kmeans (soft clustering); omitted: lqr"`
	Gains    Gains        `json:"gains,omitempty" jsonschema:"of tasks with a horizon: one (for all times), or per-time; omitted: one"`
	Defaults *taskDoc     `json:"defaults,omitempty" jsonschema:"any field of a task but its name; a task's own field takes precedence"`
	Tasks    taskList     `json:"tasks,omitzero" jsonschema:"the tasks, one by one"`
	Generate *generateDoc `json:"generate,omitempty" jsonschema:"draw tasks around a nominal one; they follow the tasks listed"`
	Meta     Meta         `json:"meta,omitzero" jsonschema:"how to train"`
}

type taskDoc struct {
	Name        string          `json:"name,omitempty" jsonschema:"unique within the family; omitted: task-1, task-2, … by position"`
	A           seriesDoc       `json:"A,omitzero" jsonschema:"d×d plant of s⁺ = A s + B a; with sample_time, of ṡ = A s + B a"`
	B           seriesDoc       `json:"B,omitzero" jsonschema:"d×r input matrix"`
	Q           seriesDoc       `json:"Q,omitzero" jsonschema:"d×d cost of the state, sᵀQs: symmetric, positive semidefinite"`
	R           seriesDoc       `json:"R,omitzero" jsonschema:"r×r cost of the input, aᵀRa: symmetric, positive definite"`
	N           seriesDoc       `json:"N,omitzero" jsonschema:"d×r cross term of the cost, 2 sᵀN a; omitted: 0"`
	Sigma0      matrixeq.Matrix `json:"Sigma0,omitzero" jsonschema:"d×d second moment of the initial state; omitted: I"`
	X0          []float64       `json:"x0,omitempty" jsonschema:"a known initial state, a flat list of d numbers; instead of Sigma0"`
	Noise       seriesDoc       `json:"noise,omitzero" jsonschema:"d×d covariance of the process noise (with sample_time, its intensity); needs a discount below 1 or average_cost"`
	Discount    *float64        `json:"discount,omitempty" jsonschema:"γ in (0, 1], per step; omitted: 1"`
	AverageCost *bool           `json:"average_cost,omitempty" jsonschema:"minimise the stationary cost per step; needs noise"`
	SampleTime  *float64        `json:"sample_time,omitempty" jsonschema:"A and B are continuous in time; sampled by zero-order hold at this interval"`
	Weight      *float64        `json:"weight,omitempty" jsonschema:"positive; weights are normalised to sum to 1; omitted: 1"`
	Inner       *innerDoc       `json:"inner,omitempty" jsonschema:"the task as its inner step sees it, where it differs"`

	Horizon  *int            `json:"horizon,omitempty" jsonschema:"T: the cost is that of T steps; then A, B, Q, R, N and noise may be {over_time: [M0, M1, …]}, one for each"`
	Terminal matrixeq.Matrix `json:"terminal,omitzero" jsonschema:"d×d cost of the state at the end of a horizon; omitted: 0"`

	// Of the kinds over data.
	X           matrixeq.Matrix `json:"x,omitzero" jsonschema:"rows of features, [[…], …]"`
	Y           []float64       `json:"y,omitempty" jsonschema:"a target for each row of x: a number, or a class 0, 1, …"`
	Data        filePath        `json:"data,omitempty" jsonschema:"a CSV, NPY or NPZ file in place of x and y; relative to the family file"`
	Target      column          `json:"target,omitempty" jsonschema:"the target's column in files: its name, or its number from 1; of an NPZ file the array; omitted: the last column, the array y"`
	Large       *setDoc         `json:"large,omitempty" jsonschema:"the rows that count: a file, or {x, y}; with small"`
	Small       *setDoc         `json:"small,omitempty" jsonschema:"the rows that inner steps see: a file, or {x, y}; with large"`
	Split       *splitDoc       `json:"split,omitempty" jsonschema:"inner steps see some of the rows, drawn"`
	L2          *float64        `json:"l2,omitempty" jsonschema:"weight λ of the penalty λ‖θ‖²; omitted: 0"`
	Bias        *Bias           `json:"bias,omitempty" jsonschema:"a constant feature, after the others: none, penalized, or free (of the penalty); omitted: none"`
	Classes     *int            `json:"classes,omitempty" jsonschema:"of softmax: how many there are"`
	Centers     *int            `json:"centers,omitempty" jsonschema:"of kmeans: how many there are"`
	Temperature *float64        `json:"temperature,omitempty" jsonschema:"of kmeans: τ in the unit of squared features; towards 0, the nearest centre alone counts"`
	Epsilon     *float64        `json:"epsilon,omitempty" jsonschema:"of kmeans: declares that no local minimum of the cost is more than this above its infimum; Proposition 1 rests on it"`

	node int // where it was written; not a key
}

func (d *taskDoc) decodeNode(t *tree, n int) error {
	d.node = n
	return t.fields(n, d)
}

type innerDoc struct {
	A      seriesDoc       `json:"A,omitzero" jsonschema:"instead of the task's A"`
	B      seriesDoc       `json:"B,omitzero" jsonschema:"instead of the task's B"`
	Q      seriesDoc       `json:"Q,omitzero" jsonschema:"instead of the task's Q"`
	R      seriesDoc       `json:"R,omitzero" jsonschema:"instead of the task's R"`
	N      seriesDoc       `json:"N,omitzero" jsonschema:"instead of the task's N"`
	Sigma0 matrixeq.Matrix `json:"Sigma0,omitzero" jsonschema:"instead of the task's Sigma0 or x0"`
}

type generateDoc struct {
	Nominal  taskDoc      `json:"nominal,omitzero" jsonschema:"of kind lqr, the task to draw around; it is the first of the tasks"`
	Count    int          `json:"count" jsonschema:"how many tasks, the nominal one included"`
	Seed     *uint64      `json:"seed,omitempty" jsonschema:"of the random numbers; omitted: 1"`
	Within   *float64     `json:"within,omitempty" jsonschema:"draw in the ball ‖ΔA‖ + ‖ΔB‖ + ‖ΔQ‖ + ‖ΔR‖ ≤ this, about the nominal task"`
	Pairwise *pairwiseDoc `json:"pairwise,omitempty" jsonschema:"perturb each matrix by 0.6 of this in operator norm, keeping every two tasks within this: one number, or one for each of A, B, Q, R (omitted: unchanged)"`
	Masks    *masksDoc    `json:"masks,omitempty" jsonschema:"add to each matrix its mask times a random number, uniform in [0, scale)"`
	Ranges   *rangesDoc   `json:"ranges,omitempty" jsonschema:"draw entries uniformly between bounds"`
	Factors  *factorsDoc  `json:"factors,omitempty" jsonschema:"multiply each matrix by a random factor, uniform between bounds"`

	// Of the kinds over data.
	Sinusoids *sinusoidsDoc `json:"sinusoids,omitempty" jsonschema:"of regression and ridge: y = a sin(x + φ) + noise, a and φ drawn for each task, features of x bumps"`
	Lines     *linesDoc     `json:"lines,omitempty" jsonschema:"of regression and ridge: y = xᵀ(w + within·wᵢ) + noise, wᵢ drawn for each task"`
	Blobs     *blobsDoc     `json:"blobs,omitempty" jsonschema:"of logistic, softmax and kmeans: normal clouds about centres that each task moves"`

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

// seriesDoc is a matrix, or one for each time.
type seriesDoc struct {
	matrixeq.Matrix
	over []matrixeq.Matrix
}

// IsZero reports whether nothing was written.
func (d seriesDoc) IsZero() bool { return d.Matrix.IsZero() && d.over == nil }

// series is the matrix as a task on a finite horizon has it.
func (d seriesDoc) series() lqr.Series {
	switch {
	case d.over != nil:
		return d.over
	case d.Matrix.IsZero():
		return nil
	}
	return lqr.Series{d.Matrix}
}

func (d *seriesDoc) decodeNode(t *tree, n int) error {
	if t.find(n, "over_time") < 0 {
		var err error
		d.Matrix, err = t.matrix(n)
		return err
	}
	var o overTimeDoc
	if err := t.fields(n, &o); err != nil {
		return err
	}
	d.over = o.OverTime
	return nil
}

type overTimeDoc struct {
	OverTime matrixList `json:"over_time" jsonschema:"one matrix for each time 0, 1, … of a horizon"`
}

type matrixList []matrixeq.Matrix

func (l *matrixList) decodeNode(t *tree, n int) error {
	if t.nodes[n].kind != list || t.count(n) == 0 {
		return t.failAt(n, ErrValue, "expected a list of matrices, one for each time, found %s", t.describe(n))
	}
	for c := range t.items(n) {
		m, err := t.matrix(c)
		if err != nil {
			return err
		}
		*l = append(*l, m)
	}
	return nil
}

// setDoc is one set of rows: the name of a file, or the rows themselves.
type setDoc struct {
	X    matrixeq.Matrix `json:"x,omitzero" jsonschema:"rows of features, [[…], …]"`
	Y    []float64       `json:"y,omitempty" jsonschema:"a target for each row"`
	Data filePath        `json:"data,omitempty" jsonschema:"a file in their place"`

	node int
}

func (d *setDoc) decodeNode(t *tree, n int) error {
	d.node = n
	if t.nodes[n].kind != mapping {
		return d.Data.decodeNode(t, n)
	}
	if err := t.fields(n, d); err != nil {
		return err
	}
	return d.contradiction(t)
}

type splitDoc struct {
	Count    int     `json:"count" jsonschema:"how many rows inner steps see"`
	PerClass bool    `json:"per_class,omitempty" jsonschema:"that many of each class"`
	Disjoint bool    `json:"disjoint,omitempty" jsonschema:"what counts are the other rows; omitted: all rows"`
	Seed     *uint64 `json:"seed,omitempty" jsonschema:"of the draw; omitted: 1"`
}

func (d *splitDoc) decodeNode(t *tree, n int) error {
	if err := t.fields(n, d); err != nil {
		return err
	}
	if t.find(n, "count") < 0 {
		return t.failAt(n, ErrKey, "split needs count, the number of rows that inner steps see")
	}
	return nil
}

type sinusoidsDoc struct {
	Rows     int     `json:"rows,omitempty" jsonschema:"of a task; omitted: 100"`
	Features int     `json:"features,omitempty" jsonschema:"bumps; omitted: 12"`
	Noise    float64 `json:"noise,omitempty" jsonschema:"standard deviation; omitted: 0"`
}

type linesDoc struct {
	Rows     int     `json:"rows,omitempty" jsonschema:"of a task; omitted: 100"`
	Features int     `json:"features,omitempty" jsonschema:"omitted: 5"`
	Within   float64 `json:"within,omitempty" jsonschema:"how far tasks are from one another; omitted: 0"`
	Noise    float64 `json:"noise,omitempty" jsonschema:"standard deviation; omitted: 0"`
}

type blobsDoc struct {
	Rows     int     `json:"rows,omitempty" jsonschema:"of a task; omitted: 100"`
	Features int     `json:"features,omitempty" jsonschema:"omitted: 2"`
	Classes  int     `json:"classes,omitempty" jsonschema:"clouds; omitted: 2"`
	Apart    float64 `json:"apart,omitempty" jsonschema:"standard deviation of the centres; omitted: 3"`
	Within   float64 `json:"within,omitempty" jsonschema:"of each task's own move of them; omitted: 0"`
}

// filePath is the path of a file, and not empty.
type filePath string

func (p *filePath) decodeNode(t *tree, n int) error {
	text, err := t.scalarText(n)
	if err == nil && text == "" {
		err = t.failAt(n, ErrValue, "expected the name of a file, found nothing")
	}
	*p = filePath(text)
	return err
}

// column is the name of a column, or its number as text.
type column string

func (c *column) decodeNode(t *tree, n int) error {
	text, err := t.scalarText(n)
	*c = column(text)
	return err
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
