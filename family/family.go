package family

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/metalqr/metalqr/lqr"
	"github.com/metalqr/metalqr/matrixeq"
	"github.com/metalqr/metalqr/objective"
)

// A Family is a finite set of weighted tasks of one shape, and how to train on
// it. It is immutable once returned.
type Family struct {
	Name  string
	Kind  Kind
	Gains Gains  // of tasks on a finite horizon
	Tasks []Task // at least one; those listed, then those drawn
	Meta  Meta
	Drawn *Drawn // nil if the file has no generate

	more *stream // what Draw draws from; nil without generate
	dir  string  // where the files that tasks name are; empty: they may name none
}

// A Task is one member of a family. What it is of is in one of three places:
// an infinite-horizon LQR task in Outer to G, one on a finite horizon in Finite,
// one over data in Sets.
type Task struct {
	Name   string
	Weight float64   // > 0, as given; not normalised
	Outer  lqr.Spec  // the task that counts
	Inner  *lqr.Spec // the task as its inner step sees it; nil: the same

	F *lqr.Task // Outer, checked and solved
	G *lqr.Task // Inner, checked and solved; F itself where Inner is nil

	Finite *Finite // on a finite horizon; else nil
	Sets   *Sets   // over data; else nil
}

// Objectives are f, what counts, and g, what inner steps see; they are the same
// value where g = f.
func (t *Task) Objectives() (f, g objective.Objective) {
	switch {
	case t.Sets != nil:
		return t.Sets.F, t.Sets.G
	case t.Finite != nil:
		return t.Finite.F, t.Finite.G
	}
	return t.F, t.G
}

// Unsolved says why the minimum of f is not known; it is empty where it is.
func (t *Task) Unsolved() string {
	switch {
	case t.Sets != nil:
		return t.Sets.Unsolved
	case t.Finite != nil && t.Finite.tied():
		return "the best gain for all times of a horizon has no closed form (gains: per-time has one)"
	}
	return ""
}

// Beyond says what the family has besides LQR tasks on an infinite horizon, the
// tasks that proofs are about; empty where it has nothing else.
func (f *Family) Beyond() string {
	if f.Kind != LQR {
		return fmt.Sprintf("tasks of kind %v", f.Kind)
	}
	for i := range f.Tasks {
		if f.Tasks[i].Finite != nil {
			return "tasks on a finite horizon"
		}
	}
	return ""
}

// Shape is that of a gain, r×d, of the gains of all times, T·r×d, or of the parameters of a model as a gain file
// has them.
func (f *Family) Shape() (rows, cols int) {
	if s := f.Tasks[0].Sets; s != nil {
		return s.shape()
	}
	if h := f.Tasks[0].Finite; h != nil && f.Gains == GainsPerTime {
		return h.Outer.Horizon * f.Inputs(), f.States()
	}
	return f.Inputs(), f.States()
}

// States is d, the number of states of every task of kind LQR.
func (f *Family) States() int { return f.Tasks[0].states() }

// Inputs is r, the number of inputs of every task of kind LQR.
func (f *Family) Inputs() int { return f.Tasks[0].inputs() }

func (t *Task) states() int {
	if t.Finite != nil {
		return t.Finite.Outer.A[0].Rows
	}
	return t.Outer.A.Rows
}

func (t *Task) inputs() int {
	if t.Finite != nil {
		return t.Finite.Outer.B[0].Cols
	}
	return t.Outer.B.Cols
}

// Guess is a start for training where the optima of the tasks are not known,
// and what it is called; nil where zero will do.
func (f *Family) Guess() (x []float64, kind string) {
	if s := f.Tasks[0].Sets; s != nil && f.Kind == KMeans {
		return s.spread(), "rows"
	}
	return f.withoutEnd(), "infinite-horizon"
}

// A Reader reads families. The zero value solves tasks one by one.
type Reader struct {
	// Solve makes the tasks of many specs, as [lqr.New] does of one: tasks[i] or
	// errs[i], the error of New, of specs[i], whatever the other specs are. Package
	// fleet has one that solves them in lanes. nil: lqr.New.
	Solve func(specs []lqr.Spec) (tasks []*lqr.Task, errs []error)
}

// Read is Reader.Read of the zero Reader.
func Read(path string) (*Family, error) { return Reader{}.Read(path) }

// Read reads a family file; path - is standard input. Files above the limit of
// Parse are refused without being read.
func (rd Reader) Read(path string) (*Family, error) {
	if path == "-" {
		return rd.read("stdin", ".", os.Stdin)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		return nil, &Error{File: path, Kind: ErrSyntax, Message: "is a directory"}
	}
	if info.Size() > maxBytes {
		return nil, tooLarge(path, info.Size())
	}
	return rd.read(path, filepath.Dir(path), f)
}

func (rd Reader) read(name, dir string, r io.Reader) (*Family, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxBytes+1))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return rd.parse(name, dir, data)
}

func tooLarge(name string, size int64) error {
	return &Error{File: name, Kind: ErrLimit,
		Message: fmt.Sprintf("%d bytes or more; a family file may have %d MiB", size, maxBytes>>20)}
}

// Parse is Reader.Parse of the zero Reader.
func Parse(name string, data []byte) (*Family, error) { return Reader{}.Parse(name, data) }

// Parse reads a family from YAML or JSON, draws the tasks to be drawn, and
// checks and solves every task. name is used in errors, and its
// base without extension names a family that has no name of its own. Tasks
// that name files of data are refused: [Read] reads those.
//
// Every error is an *Error. data is not retained.
func (rd Reader) Parse(name string, data []byte) (*Family, error) { return rd.parse(name, "", data) }

// parse is Parse for a family whose files are in a directory, if it has one.
func (rd Reader) parse(name, dir string, data []byte) (*Family, error) {
	t, err := parse(name, data)
	if err != nil {
		return nil, err
	}
	doc := document{Meta: DefaultMeta()}
	if t.isNull(0) {
		return nil, t.fail(0, ErrSyntax, "the file is empty: expected family, tasks or generate")
	}
	if err := t.fields(0, &doc); err != nil {
		return nil, err
	}
	f := &Family{Name: doc.Family, Kind: doc.Kind, Gains: doc.Gains, Meta: doc.Meta, dir: dir}
	if f.Name == "" {
		base := filepath.Base(name)
		f.Name = strings.TrimSuffix(base, filepath.Ext(base))
		if badName(f.Name) != "" {
			f.Name = "family"
		}
	}
	if err := f.build(t, &doc, rd.solver()); err != nil {
		return nil, err
	}
	return f, nil
}

// build turns the document into checked tasks.
func (f *Family) build(t *tree, doc *document, solve solver) error {
	if err := f.checkMeta(t); err != nil {
		return err
	}
	count := 0
	if !doc.Tasks.IsZero() {
		count = t.count(doc.Tasks.node)
	}
	if count == 0 && doc.Generate == nil {
		if !doc.Tasks.IsZero() {
			return t.failAt(doc.Tasks.node, ErrValue, "no tasks, and nothing to generate them")
		}
		return t.failAt(0, ErrKey, "a family needs tasks or generate")
	}
	if d := doc.Defaults; d != nil {
		if at := t.find(d.node, "name"); at >= 0 {
			return t.failAt(at, ErrKey, "a default name would name every task")
		}
		if err := f.checkKeys(t, d.node); err != nil {
			return err
		}
		if err := f.contradiction(t, d); err != nil {
			return err
		}
	}
	named := map[string]bool{}
	if count > 0 {
		// A task is solved after those behind it are read, and its error comes
		// before theirs all the same.
		q := &queue{tree: t, defaults: doc.Defaults, solve: solve}
		for n := range t.items(doc.Tasks.node) {
			err := f.listed(q, n, named)
			if err != nil || len(q.tasks) == together {
				if e := f.settle(q); e != nil {
					return e
				}
			}
			if err != nil {
				return err
			}
		}
		if err := f.settle(q); err != nil {
			return err
		}
	}
	if doc.Generate != nil {
		var err error
		if f.Kind == LQR {
			err = f.generate(t, doc, named, solve)
		} else {
			err = f.generateData(t, doc, named)
		}
		if err != nil {
			return err
		}
	}
	if f.Meta.Outer.Sampling == SampleFresh && doc.Generate == nil {
		return t.failAt(t.find(0, "meta", "outer", "sampling"), ErrValue, "fresh needs generate, to draw from")
	}
	if err := f.checkHorizons(t); err != nil {
		return err
	}
	return f.checkStart(t)
}

// listed reads and appends one task of the list, which q is to solve.
func (f *Family) listed(q *queue, n int, named map[string]bool) error {
	var d taskDoc
	t := q.tree
	if err := t.decode(n, &d); err != nil {
		return err
	}
	if err := f.checkKeys(t, n); err != nil {
		return err
	}
	at := t.find(n, "name")
	if at < 0 {
		d.Name = fmt.Sprintf("task-%d", len(f.Tasks)+1)
		at = n
	}
	if named[d.Name] {
		return t.failAt(at, ErrKey, "a second task named %s", quote(d.Name))
	}
	named[d.Name] = true
	task, err := f.task(t, &d, q.defaults)
	if err != nil {
		return err
	}
	f.Tasks = append(f.Tasks, task)
	if f.Kind != LQR {
		return nil
	}
	if task.Finite == nil {
		q.docs, q.tasks = append(q.docs, d), append(q.tasks, len(f.Tasks)-1)
	}
	return f.fits(t, &d, &task)
}

// fits refuses a task of other dimensions than the first.
func (f *Family) fits(t *tree, d *taskDoc, task *Task) error {
	if task.states() != f.States() || task.inputs() != f.Inputs() {
		return t.failAt(d.node, ErrValue, "task %s has %d states and %d inputs, but %s has %d and %d: one gain must fit all",
			quote(task.Name), task.states(), task.inputs(), quote(f.Tasks[0].Name), f.States(), f.Inputs())
	}
	return nil
}

func (f *Family) checkStart(t *tree) error {
	w := f.Meta.Start.Gain
	if r, d := f.Shape(); f.Meta.Start.Kind == StartGain && (w.Rows != r || w.Cols != d) {
		what, by := "a gain of this family is", " (inputs by states)"
		if f.Kind != LQR {
			what, by = "the parameters of this family are", ""
		}
		return t.failAt(t.find(0, "meta", "start"), ErrValue, "the start is %d×%d; %s %d×%d%s", w.Rows, w.Cols, what, r, d, by)
	}
	return nil
}

// checkMeta refuses settings of training that contradict the kind of the tasks.
func (f *Family) checkMeta(t *tree) error {
	if f.Kind == LQR {
		return nil
	}
	for _, c := range []struct {
		wrong bool
		path  []string
		why   string
	}{
		{f.Meta.Inner.Rule != RuleGradient, []string{"inner", "rule"}, f.Meta.Inner.Rule.String() + " contradicts kind " + f.Kind.String() + ": it is a rule of kind lqr; here gradient"},
		{f.Meta.RadiusLimit > 0, []string{"radius_limit"}, "contradicts kind " + f.Kind.String() + ", which has no spectral radius"},
		{f.Meta.Normalize != NormalizeNone && f.Kind == KMeans, []string{"normalize"}, "optimal-cost contradicts kind kmeans, whose optimal costs are not known"},
		{f.Meta.Start.Kind == StartMeanOptimal && f.Kind == KMeans, []string{"start"}, "mean-optimal contradicts kind kmeans, whose optima are not known"},
	} {
		if c.wrong {
			return t.failAt(t.find(0, append([]string{"meta"}, c.path...)...), ErrValue, "%s", c.why)
		}
	}
	return nil
}

// contradiction refuses what cannot be meant within one mapping; everything
// else about a task is judged by lqr.New.
func (f *Family) contradiction(t *tree, d *taskDoc) error {
	if d.X0 != nil && !d.Sigma0.IsZero() {
		return t.failAt(t.find(d.node, "x0"), ErrValue, "contradicts Sigma0: give the initial state or its second moment, not both")
	}
	for _, c := range []struct {
		key  string
		v    *float64
		ok   func(float64) bool
		want string
	}{
		{"weight", d.Weight, func(x float64) bool { return x > 0 }, "must be positive"},
		{"discount", d.Discount, func(x float64) bool { return x > 0 && x <= 1 }, "must lie in (0, 1]"},
		{"sample_time", d.SampleTime, func(x float64) bool { return x > 0 }, "must be positive (omit it for a discrete plant)"},
	} {
		if c.v != nil && !c.ok(*c.v) {
			return t.failAt(t.find(d.node, c.key), ErrValue, "%s, got %v", c.want, *c.v)
		}
	}
	if f.Kind != LQR {
		return f.dataContradiction(t, d)
	}
	return nil
}

// merge returns d with the fields it lacks taken from defaults. An initial
// state of either kind replaces one of either kind.
func merge(d taskDoc, defaults *taskDoc) taskDoc {
	if defaults == nil {
		return d
	}
	d = mergeData(d, defaults)
	if d.X0 == nil && d.Sigma0.IsZero() {
		d.X0, d.Sigma0 = defaults.X0, defaults.Sigma0
	}
	for _, m := range []struct{ to, from *seriesDoc }{
		{&d.A, &defaults.A}, {&d.B, &defaults.B}, {&d.Q, &defaults.Q}, {&d.R, &defaults.R},
		{&d.N, &defaults.N}, {&d.Noise, &defaults.Noise},
	} {
		if m.to.IsZero() {
			*m.to = *m.from
		}
	}
	inherit(&d.Horizon, defaults.Horizon)
	if d.Terminal.IsZero() {
		d.Terminal = defaults.Terminal
	}
	inherit(&d.Discount, defaults.Discount)
	inherit(&d.AverageCost, defaults.AverageCost)
	inherit(&d.SampleTime, defaults.SampleTime)
	inherit(&d.Weight, defaults.Weight)
	switch {
	case d.Inner == nil:
		d.Inner = defaults.Inner
	case defaults.Inner != nil:
		in := *d.Inner
		for i, m := range in.series() {
			if m.IsZero() {
				*m = *defaults.Inner.series()[i]
			}
		}
		if in.Sigma0.IsZero() {
			in.Sigma0 = defaults.Inner.Sigma0
		}
		d.Inner = &in
	}
	return d
}

func inherit[T any](to **T, from *T) {
	if *to == nil {
		*to = from
	}
}

func (d *innerDoc) matrices() []*matrixeq.Matrix {
	return []*matrixeq.Matrix{&d.A.Matrix, &d.B.Matrix, &d.Q.Matrix, &d.R.Matrix, &d.N.Matrix, &d.Sigma0}
}

func (d *innerDoc) series() []*seriesDoc { return []*seriesDoc{&d.A, &d.B, &d.Q, &d.R, &d.N} }

func specMatrices(s *lqr.Spec) []*matrixeq.Matrix {
	return []*matrixeq.Matrix{&s.A, &s.B, &s.Q, &s.R, &s.N, &s.Sigma0}
}

// spec is the task as stated; d has been merged with the defaults.
func (d *taskDoc) spec() lqr.Spec {
	return lqr.Spec{
		Name: d.Name, A: d.A.Matrix, B: d.B.Matrix, Q: d.Q.Matrix, R: d.R.Matrix, N: d.N.Matrix, Sigma0: d.Sigma0, X0: d.X0, Noise: d.Noise.Matrix,
		Discount: value(d.Discount), AverageCost: value(d.AverageCost), SampleTime: value(d.SampleTime),
	}
}

// seenBy is the outer task as its inner step sees it, or nil if the same.
func (d *innerDoc) seenBy(outer lqr.Spec) *lqr.Spec {
	if d == nil {
		return nil
	}
	inner, differs := outer, false
	for i, m := range specMatrices(&inner) {
		if from := d.matrices()[i]; !from.IsZero() && !from.Equal(*m) {
			*m, differs = *from, true
		}
	}
	if !d.Sigma0.IsZero() {
		inner.X0 = nil
	}
	if !differs {
		return nil
	}
	return &inner
}

// value is *p, or zero.
func value[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}

// task is one task of the file, solved except for F and G.
func (f *Family) task(t *tree, d, defaults *taskDoc) (Task, error) {
	if err := f.contradiction(t, d); err != nil {
		return Task{}, err
	}
	if f.Kind != LQR {
		return f.dataTask(t, d, defaults, nil, uint64(len(f.Tasks)))
	}
	full := merge(*d, defaults)
	for i, m := range []*seriesDoc{&full.A, &full.B, &full.Q, &full.R} {
		if m.IsZero() {
			return Task{}, t.failAt(d.node, ErrKey, "this task has no %s, and there is no default", matrixNames[i])
		}
	}
	task := Task{Name: full.Name, Weight: 1}
	if full.Weight != nil {
		task.Weight = *full.Weight
	}
	if err := f.checkHorizon(t, d, defaults, &full); err != nil {
		return Task{}, err
	}
	if full.Horizon != nil {
		task.Finite = full.finite()
	} else {
		task.Outer = full.spec()
		task.Inner = full.Inner.seenBy(task.Outer)
	}
	if task.Finite != nil {
		if err := task.Finite.solve(f.Gains); err != nil {
			return Task{}, f.taskError(t, d, defaults, err)
		}
	}
	return task, nil
}

// matrixNames names the matrices that a generator may change, in the order of
// specMatrices.
var matrixNames = [4]string{"A", "B", "Q", "R"}

// innerError marks an error about the task as its inner step sees it.
type innerError struct{ error }

func (e innerError) Unwrap() error { return e.error }

// taskError places an error of lqr.New in the file: at the field it is about,
// or where the task does not have that field, at the default, or at the task.
func (f *Family) taskError(t *tree, d, defaults *taskDoc, err error) error {
	at, message := d.node, err.Error()
	if e := (*lqr.TaskError)(nil); errors.As(err, &e) {
		message = strings.TrimPrefix(e.Err.Error(), "matrixeq: ")
	}
	if e := (*matrixeq.ShapeError)(nil); errors.As(err, &e) && e.Name == "B" {
		// Its columns are what the number of inputs is known from.
		rows := fmt.Sprintf("%d rows", e.WantRows)
		if e.WantRows == 1 {
			rows = "1 row"
		}
		message = fmt.Sprintf("B is %d×%d, want %s, one for each state", e.Rows, e.Cols, rows)
		if e.Cols == e.WantRows {
			message += "; it seems to be transposed"
		}
	}
	inner := errors.As(err, new(innerError))
	if field, _, _ := strings.Cut(fieldOf(err), "["); field != "" { // of A[3], at time 3, A
		paths := [][]string{{field}}
		if inner {
			paths = [][]string{{"inner", field}, {field}}
		}
		for i := len(paths) - 1; i >= 0; i-- {
			if defaults != nil {
				if n := t.find(defaults.node, paths[i]...); n >= 0 {
					at = n
				}
			}
			if n := t.find(d.node, paths[i]...); n >= 0 {
				at = n
			}
		}
	}
	what := "task " + quote(d.Name)
	if inner {
		what += " as its inner step sees it"
	}
	e := t.failAt(at, ErrTask, "%s: %s", what, message)
	e.Err = err
	return e
}

// fieldOf is the key of a task that an error is about, or nothing.
func fieldOf(err error) string {
	var (
		spec       *lqr.SpecError
		shape      *matrixeq.ShapeError
		finite     *matrixeq.NotFiniteError
		symmetric  *matrixeq.NotSymmetricError
		definite   *matrixeq.NotPositiveDefiniteError
		semidefine *matrixeq.NotPositiveSemidefiniteError
	)
	switch {
	case errors.As(err, &spec):
		return spec.Field
	case errors.As(err, &shape):
		return shape.Name
	case errors.As(err, &finite):
		return finite.Name
	case errors.As(err, &symmetric):
		return symmetric.Name
	case errors.As(err, &definite):
		return definite.Name
	case errors.As(err, &semidefine):
		return semidefine.Name
	}
	return ""
}
