package family

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/metalqr/metalqr/lqr"
	"github.com/metalqr/metalqr/matrixeq"
)

// where a file is refused, and why. Lines and columns were counted by hand.
var refusals = []struct {
	name, text   string
	line, column int
	path         string
	kind         error
	message      string // a part of it
}{
	// Not the YAML of a family file.
	{"empty", "", 1, 1, "", ErrSyntax, "empty"},
	{"only comments", "# nothing\n", 1, 1, "", ErrSyntax, "empty"},
	{"NUL", "family: a\x00b", 1, 10, "", ErrSyntax, "control character 0x00"},
	{"invalid UTF-8", "family: é\nx: \xff", 2, 4, "", ErrSyntax, "byte 0xff is not UTF-8"},
	{"carriage return", "family: a\rb: 1", 1, 10, "", ErrSyntax, "carriage return"},
	{"tab indentation", "meta:\n\tseed: 1\n", 2, 1, "", ErrSyntax, "tab"},
	{"tab after dash", "tasks:\n-\tname: x\n", 2, 2, "", ErrSyntax, "tab"},
	{"anchor", "defaults: &d {R: 1}\n", 1, 11, "", ErrSyntax, "anchors"},
	{"alias", "tasks:\n  - *d\n", 2, 5, "", ErrSyntax, "anchors"},
	{"alias in flow", "tasks: [*d]\n", 1, 9, "", ErrSyntax, "anchors"},
	{"merge key", "tasks:\n  - <<: x\n", 2, 5, "", ErrSyntax, "merge"},
	{"tag", "family: !!str x\n", 1, 9, "", ErrSyntax, "tags"},
	{"block scalar", "family: |\n  x\n", 1, 9, "", ErrSyntax, "block scalars"},
	{"complex key", "? a\n: b\n", 1, 1, "", ErrSyntax, "complex keys"},
	{"directive", "%YAML 1.2\n---\n", 1, 1, "", ErrSyntax, "directives"},
	{"reserved", "family: @x\n", 1, 9, "", ErrSyntax, "cannot start"},
	{"text after marker", "--- family: a\n", 1, 5, "", ErrSyntax, "the line below"},
	{"key over lines", "{family\n: a}\n", 1, 2, "", ErrSyntax, "expected a key and ':'"},
	{"second document", "family: a\n---\nfamily: b\n", 2, 1, "", ErrSyntax, "second document"},
	{"text after end", "family: a\n...\nx: 1\n", 3, 1, "", ErrSyntax, "unexpected text"},
	{"unclosed list", "family: a\ntasks: [{A: [[1, 2]\n", 2, 13, "", ErrSyntax, `'[' is never closed`},
	{"missing bracket", "A: [1, 2\nB: 3\n", 2, 1, "", ErrSyntax, "'[' of line 1, column 4"},
	{"crossed brackets", "A: [1, 2}\n", 1, 9, "", ErrSyntax, "'}' closes what '[' opened"},
	{"empty item", "A: [1,,2]\n", 1, 7, "", ErrSyntax, "nothing before this comma"},
	{"mapping in list", "tasks: [name: x]\n", 1, 13, "", ErrSyntax, "needs { }"},
	{"two colons", "tasks: {a: b: c}\n", 1, 13, "", ErrSyntax, "second ':'"},
	{"flow key", "{[1]: 2}\n", 1, 2, "", ErrSyntax, "cannot be a key"},
	{"block key", "[1]: 2\n", 1, 4, "", ErrSyntax, "cannot be a key"},
	{"no space after colon", "family:a\n", 1, 1, "", ErrValue, "expected a mapping"},
	{"no space after second colon", "family: a\nmeta:b\n", 2, 5, "", ErrSyntax, "a space is needed"},
	{"no space in flow", "{family:a}\n", 1, 8, "", ErrSyntax, "a space is needed"},
	{"no space after quoted", "\"family\":a\n", 1, 9, "", ErrSyntax, "a space is needed"},
	{"no space in key", "a:b: 1\n", 1, 2, "", ErrSyntax, "a space is needed"},
	{"key expected", "family: a\nmeta\n", 2, 1, "", ErrSyntax, `expected a key and ':', found "meta"`},
	{"two keys on a line", "family: a: b\n", 1, 9, "", ErrSyntax, "second key on this line"},
	{"text after quotes", "family: \"a\" b\n", 1, 13, "", ErrSyntax, "after the end"},
	{"text after brackets", "tasks: [] x\n", 1, 11, "", ErrSyntax, "after the end"},
	{"text over lines", "family: a\n  b\n", 2, 3, "", ErrSyntax, "unexpected indentation: column 3"},
	{"deeper key", "family: a\n  meta: {}\n", 2, 3, "", ErrSyntax, "unexpected indentation"},
	{"between columns", "meta:\n    seed: 1\n  outer: {}\n", 3, 3, "", ErrSyntax, "unexpected indentation"},
	{"item for key", "family: a\n- b\n", 2, 1, "", ErrSyntax, "a list item where a key"},
	{"dash after key", "tasks: - a\n", 1, 8, "", ErrSyntax, "starts on the line below"},
	{"dash in flow", "A: [- 1]\n", 1, 5, "", ErrSyntax, "dash"},
	{"no key", ": 1\n", 1, 1, "", ErrSyntax, "nothing before this ':'"},
	{"open quote", "family: \"a\nb\"\n", 1, 9, "", ErrSyntax, "not closed on its line"},
	{"bad escape", "family: \"a\\q\"\n", 1, 11, "", ErrSyntax, "escape"},
	{"lone surrogate", `family: "\ud800x"`, 1, 10, "", ErrSyntax, "escape"},
	{"nesting of lists", "A: " + strings.Repeat("[", 64), 1, 67, "", ErrLimit, "nested more than 64"},
	{"nesting of items", strings.Repeat("- ", 65) + "x", 1, 129, "", ErrLimit, "nested more than 64"},

	// Keys.
	{"unknown key", "famly: a\n", 1, 1, "famly", ErrKey, `unknown key "famly"; did you mean family?`},
	{"unknown task key", "tasks:\n  - {name: x, AA: 1}\n", 2, 15, "tasks[0].AA", ErrKey, "did you mean A?"},
	{"far-off key", "meta: {bananas: 1}\n", 1, 8, "meta.bananas", ErrKey, "expected algorithm, normalize, start, radius_limit, seed, inner or outer"},
	{"repeated key", "family: a\nmeta: {}\nfamily: b\n", 3, 1, "family", ErrKey, "repeated"},
	{"repeated in flow", "meta: {inner: {steps: 1, steps: 2}}\n", 1, 26, "meta.inner.steps", ErrKey, "repeated"},
	{"nothing to do", "family: a\n", 1, 1, "", ErrKey, "needs tasks or generate"},
	{"no tasks", "family: a\ntasks: []\n", 2, 8, "tasks", ErrValue, "no tasks"},
	{"too many steps", "tasks: [{A: 1, B: 1, Q: 1, R: 1}]\nmeta: {inner: {steps: 2147483647}}\n", 2, 23, "meta.inner.steps", ErrLimit, "at most 10000"},
	{"too large a batch", "tasks: [{A: 1, B: 1, Q: 1, R: 1}]\nmeta: {outer: {method: algorithm-1, rate: 1, batch: 2000000000}}\n", 2, 53, "meta.outer.batch", ErrValue, "at most 1000000"},
	{"control character in a name", "tasks:\n  - {name: \"a\\x9Bb\", A: 1, B: 1, Q: 1, R: 1}\n", 2, 12, "tasks[0].name", ErrValue, "control characters"},
	{"empty name", "tasks:\n  - {name: '', A: 1, B: 1, Q: 1, R: 1}\n", 2, 12, "tasks[0].name", ErrValue, "1 to 100 bytes"},
	{"second default name", "tasks:\n  - {name: task-2, A: 1, B: 1, Q: 1, R: 1}\n  - {A: 1, B: 1, Q: 1, R: 1}\n", 3, 5, "tasks[1]", ErrKey, "a second task named"},
	{"default name", "defaults: {name: x}\n" + oneTask, 1, 18, "defaults.name", ErrKey, "every task"},
	{"same name", "tasks:\n  - {name: x, A: 1, B: 1, Q: 1, R: 1}\n  - {A: 1, name: x, B: 1, Q: 1, R: 1}\n", 3, 18, "tasks[1].name", ErrKey, `second task named "x"`},
	{"no R", "tasks:\n  - name: x\n    A: 1\n    B: 1\n    Q: 1\n", 2, 5, "tasks[0]", ErrKey, "no R"},

	// Values of the wrong kind, range or shape.
	{"tasks not a list", "tasks: {name: x}\n", 1, 8, "tasks", ErrValue, "expected a list, found a mapping"},
	{"task not a mapping", "tasks: [x]\n", 1, 9, "tasks[0]", ErrValue, `expected a mapping, found "x"`},
	{"name missing", "tasks:\n  - name:\n    A: 1\n", 2, 10, "tasks[0].name", ErrValue, "found nothing"},
	{"name with slash", "tasks: [{name: a/b}]\n", 1, 16, "tasks[0].name", ErrValue, "slashes"},
	{"name too long", "family: " + strings.Repeat("x", 101), 1, 9, "family", ErrValue, "1 to 100 bytes"},
	{"number missing", "tasks: [{name: a, A: [[1, ~]]}]\n", 1, 27, "tasks[0].A[0][1]", ErrValue, "found nothing"},
	{"text", "tasks: [{name: a, A: one}]\n", 1, 22, "tasks[0].A", ErrValue, `found "one"`},
	{"quoted number", "tasks: [{name: a, A: '1e3'}]\n", 1, 22, "tasks[0].A", ErrValue, "remove the quotes around 1e3"},
	{"quoted text", "tasks: [{name: a, A: 'x'}]\n", 1, 22, "tasks[0].A", ErrValue, "found the text 'x'"},
	{"hexadecimal", "tasks: [{name: a, A: 0x10}]\n", 1, 22, "tasks[0].A", ErrValue, "in decimal"},
	{"underscores", "tasks: [{name: a, A: 1_000}]\n", 1, 22, "tasks[0].A", ErrValue, "underscores"},
	{"infinity", "tasks: [{name: a, A: -.inf}]\n", 1, 22, "tasks[0].A", ErrValue, "infinity"},
	{"NaN", "tasks: [{name: a, A: .NaN}]\n", 1, 22, "tasks[0].A", ErrValue, "NaN"},
	{"out of range", "tasks: [{name: a, A: [[1, 1e400]]}]\n", 1, 27, "tasks[0].A[0][1]", ErrValue, "beyond the range"},
	{"ragged", "tasks:\n  - name: a\n    A: [[1, 2],\n        [3]]\n", 4, 9, "tasks[0].A[1]", ErrValue, "row 2 of the matrix has 1 entries, row 1 has 2"},
	{"ragged in block style", "tasks:\n  - name: a\n    A:\n      - [1, 2]\n      - [3, 4, 5]\n", 5, 9, "tasks[0].A[1]", ErrValue, "row 2 of the matrix has 3"},
	{"number for row", "tasks: [{name: a, A: [[1], 2]}]\n", 1, 28, "tasks[0].A[1]", ErrValue, "expected row 2"},
	{"flat list", "tasks: [{name: a, B: [0, 0.1]}]\n", 1, 22, "tasks[0].B", ErrValue, "[[0, 0.1]] for one row, [[0], [0.1]] for one column"},
	{"long flat list", "tasks: [{name: a, B: [0, 0, 0, 0, 1]}]\n", 1, 22, "tasks[0].B", ErrValue, "[[1, 2]] for one row"},
	{"empty matrix", "tasks: [{name: a, B: []}]\n", 1, 22, "tasks[0].B", ErrValue, "empty"},
	{"empty row", "tasks: [{name: a, B: [[]]}]\n", 1, 23, "tasks[0].B[0]", ErrValue, "0 entries"},
	{"too deep", "tasks: [{name: a, B: [[[1]]]}]\n", 1, 24, "tasks[0].B[0][0]", ErrValue, "found a list"},
	{"mapping for matrix", "tasks: [{name: a, B: {x: 1}}]\n", 1, 22, "tasks[0].B", ErrValue, "found a mapping"},
	{"weight 0", "tasks:\n" + taskOf("weight: 0"), 2, 47, "tasks[0].weight", ErrValue, "positive"},
	{"weight below 0", "tasks:\n" + taskOf("weight: -1e-9"), 2, 47, "tasks[0].weight", ErrValue, "got -1e-09"},
	{"discount 0", "tasks:\n" + taskOf("discount: 0"), 2, 49, "tasks[0].discount", ErrValue, "(0, 1]"},
	{"sample_time 0", "tasks:\n" + taskOf("sample_time: 0"), 2, 52, "tasks[0].sample_time", ErrValue, "omit it"},
	{"two initial states", "tasks:\n" + taskOf("Sigma0: 1, x0: 1"), 2, 54, "tasks[0].x0", ErrValue, "contradicts Sigma0"},
	{"two default initial states", "defaults:\n  x0: 1\n  Sigma0: 1\n" + oneTask, 2, 7, "defaults.x0", ErrValue, "contradicts Sigma0"},
	{"boolean", "tasks:\n" + taskOf("average_cost: yes"), 2, 53, "tasks[0].average_cost", ErrValue, "expected true or false"},
	{"other shape", "tasks:\n  - {name: a, A: 1, B: 1, Q: 1, R: 1}\n  - {name: b, A: 1, B: [[1, 2]], Q: 1, R: [[1, 0], [0, 1]]}\n", 3, 5, "tasks[1]", ErrValue, `"b" has 1 states and 2 inputs, but "a" has 1 and 1`},

	// How to train.
	{"first order with Newton", "meta: {algorithm: fo-maml, outer: {method: newton-cg}}\n", 1, 44, "meta.outer.method", ErrValue, "contradicts algorithm fo-maml"},
	{"Reptile with L-BFGS", "meta: {algorithm: reptile, outer: {method: lbfgs}}\n", 1, 44, "meta.outer.method", ErrValue, "contradicts algorithm reptile"},
	{"FTML with Algorithm 1", "meta: {algorithm: ftml, outer: {method: algorithm-1}}\n", 1, 41, "meta.outer.method", ErrValue, "contradicts algorithm ftml"},
	{"delta of another algorithm", "meta: {inner: {delta: 1e-5}}\n", 1, 23, "meta.inner.delta", ErrValue, "belongs to algorithm hf-maml"},
	{"strength of another algorithm", "meta: {inner: {strength: 1}}\n", 1, 26, "meta.inner.strength", ErrValue, "belongs to algorithms imaml and moreau"},
	{"strength and rate", "meta: {algorithm: imaml, inner: {strength: 1, rate: 0.1}}\n", 1, 53, "meta.inner.rate", ErrValue, "contradicts strength"},
	{"proximal steps", "meta: {algorithm: moreau, inner: {steps: 2}}\n", 1, 42, "meta.inner.steps", ErrValue, "solved, not stepped"},
	{"proximal rule", "meta: {algorithm: imaml, inner: {rule: natural}}\n", 1, 40, "meta.inner.rule", ErrValue, "no steps of a rule"},
	{"Hessian-free Gauss–Newton", "meta: {algorithm: hf-maml, inner: {rule: gauss-newton}}\n", 1, 42, "meta.inner.rule", ErrValue, "about gradient steps"},
	{"learned rate of FO-MAML", "meta: {algorithm: fo-maml, inner: {learn: rate}}\n", 1, 43, "meta.inner.learn", ErrValue, "for algorithm maml"},
	{"learned natural rate", "meta: {inner: {learn: rates, rule: natural}}\n", 1, 23, "meta.inner.learn", ErrValue, "for gradient steps"},
	{"learned list of rates", "meta: {inner: {learn: rates, rate: [1, 2]}}\n", 1, 23, "meta.inner.learn", ErrValue, "contradicts a list of rates"},
	{"last rate alone", "meta: {outer: {method: algorithm-1, last_rate: 1}}\n", 1, 48, "meta.outer.last_rate", ErrValue, "needs over"},
	{"over alone", "meta: {outer: {method: algorithm-1, over: 1}}\n", 1, 43, "meta.outer.over", ErrValue, "needs last_rate"},
	{"epochs without batches", "meta: {outer: {method: algorithm-1, sampling: epochs}}\n", 1, 47, "meta.outer.sampling", ErrValue, "needs batch"},
	{"clip of another method", "meta: {outer: {clip: 1}}\n", 1, 22, "meta.outer.clip", ErrValue, "belongs to method algorithm-1"},
	{"clip of nothing", "meta: {outer: {method: algorithm-1, clip: 0}}\n", 1, 43, "meta.outer.clip", ErrValue, "positive"},
	{"delta of nothing", "meta: {algorithm: hf-maml, inner: {delta: 0}}\n", 1, 43, "meta.inner.delta", ErrValue, "positive"},
	{"radius limit", "meta: {radius_limit: 0}\n", 1, 22, "meta.radius_limit", ErrValue, "positive"},
	{"fresh tasks of nothing", "meta: {outer: {method: algorithm-1, sampling: fresh, batch: 2}}\n" + oneTask, 1, 47, "meta.outer.sampling", ErrValue, "needs generate"},
	{"unknown algorithm", "meta: {algorithm: malm}\n", 1, 19, "meta.algorithm", ErrValue, "did you mean maml?"},
	{"unknown rule", "meta: {inner: {rule: newton}}\n", 1, 22, "meta.inner.rule", ErrValue, "expected gradient, natural or gauss-newton"},
	{"unknown method", "meta: {outer: {method: bfgs}}\n", 1, 24, "meta.outer.method", ErrValue, "did you mean lbfgs?"},
	{"unknown normalization", "meta: {normalize: yes}\n", 1, 19, "meta.normalize", ErrValue, "none or optimal-cost"},
	{"word missing", "meta: {normalize: }\n", 1, 18, "meta.normalize", ErrValue, "found nothing"},
	{"unknown start", "meta: {start: nought}\n", 1, 15, "meta.start", ErrValue, "or a gain"},
	{"start of another shape", "meta:\n  start: [[1, 2]]\n" + oneTask, 2, 10, "meta.start", ErrValue, "start is 1×2; a gain of this family is 1×1"},
	{"negative rate", "meta: {inner: {rate: -0.1}}\n", 1, 22, "meta.inner.rate", ErrValue, "negative"},
	{"rate word", "meta: {inner: {rate: fast}}\n", 1, 22, "meta.inner.rate", ErrValue, "auto"},
	{"rates and steps", "meta: {inner: {rate: [0.1, 0.2], steps: 3}}\n", 1, 41, "meta.inner.steps", ErrValue, "3 steps, but 2 rates"},
	{"no steps", "meta: {inner: {steps: 0}}\n", 1, 23, "meta.inner.steps", ErrValue, "at least 1"},
	{"half a step", "meta: {inner: {steps: 1.5}}\n", 1, 23, "meta.inner.steps", ErrValue, "expected an integer"},
	{"negative seed", "meta: {seed: -1}\n", 1, 14, "meta.seed", ErrValue, "from 0 to 9223372036854775808"},
	{"seed too large", "meta: {seed: 18446744073709551616}\n", 1, 14, "meta.seed", ErrValue, "from 0 to"},
	{"tolerance", "meta: {outer: {tolerance: 0}}\n", 1, 27, "meta.outer.tolerance", ErrValue, "positive"},
	{"iterations", "meta: {outer: {iterations: 0}}\n", 1, 28, "meta.outer.iterations", ErrValue, "at least 1"},
	{"rate of another method", "meta: {outer: {method: lbfgs, rate: 1}}\n", 1, 37, "meta.outer.rate", ErrValue, "belongs to method algorithm-1; the method is lbfgs"},
	{"batch of another method", "meta: {outer: {batch: 2}}\n", 1, 23, "meta.outer.batch", ErrValue, "belongs to method algorithm-1"},
	{"algorithm-1 with rate 0", "meta: {outer: {method: algorithm-1, rate: 0}}\n", 1, 43, "meta.outer.rate", ErrValue, "positive"},

	// Tasks that package lqr refuses, placed at the field they are about.
	{"indefinite Q", "tasks:\n  - name: a\n    A: 1\n    B: 1\n    Q: -1\n    R: 1\n", 5, 8, "tasks[0].Q", ErrTask, "not positive semidefinite"},
	{"indefinite default R", "defaults:\n  R: 0\ntasks: [{name: a, A: 1, B: 1, Q: 1}]\n", 2, 6, "defaults.R", ErrTask, `task "a": R is not positive definite`},
	{"asymmetric Q", "tasks: [{name: a, A: [[1, 0], [0, 1]], B: [[0], [1]], Q: [[1, 2], [0, 1]], R: 1}]\n", 1, 58, "tasks[0].Q", ErrTask, "not symmetric"},
	{"shape of B", "tasks: [{name: a, A: 1, B: [[1], [1]], Q: 1, R: 1}]\n", 1, 28, "tasks[0].B", ErrTask, "B is 2×1, want 1 row, one for each state"},
	{"transposed B", "tasks: [{name: a, A: [[1, 0], [0, 1]], B: [[0, 1]], Q: [[1, 0], [0, 1]], R: 1}]\n", 1, 43, "tasks[0].B", ErrTask, "B is 1×2, want 2 rows, one for each state; it seems to be transposed"},
	{"shape of x0", "tasks:\n" + taskOf("x0: [1, 2]"), 2, 43, "tasks[0].x0", ErrTask, "2×1"},
	{"not stabilisable", "tasks:\n  - {name: a, A: 2, B: 0, Q: 1, R: 1}\n", 2, 5, "tasks[0]", ErrTask, "not stabilizable"},
	{"no optimum", "tasks:\n  - {name: a, A: 1, B: 1, Q: 0, R: 1}\n", 2, 5, "tasks[0]", ErrTask, "Q does not see the eigenvalue"},
	{"noise alone", "tasks:\n" + taskOf("noise: 1"), 2, 46, "tasks[0].noise", ErrTask, "average_cost"},
	{"inner view", "tasks:\n" + taskOf("inner: {R: -1}"), 2, 50, "tasks[0].inner.R", ErrTask, "as its inner step sees it"},

	// Generators.
	{"no nominal", "generate: {count: 2, within: 1}\n", 1, 11, "generate", ErrKey, "needs nominal"},
	{"no count", "generate: {" + nominal + ", within: 1}\n", 1, 11, "generate", ErrKey, "needs count"},
	{"count 0", "generate: {" + nominal + ", count: 0, within: 1}\n", 1, 54, "generate.count", ErrLimit, "from 1 to 1000000"},
	{"no generator", "generate: {" + nominal + ", count: 2}\n", 1, 11, "generate", ErrKey, "one of within, pairwise, masks, ranges or factors"},
	{"two generators", "generate: {" + nominal + ", count: 2, within: 1, pairwise: 1}\n", 1, 78, "generate.pairwise", ErrKey, "within already"},
	{"negative radius", "generate: {" + nominal + ", count: 2, within: -1}\n", 1, 65, "generate.within", ErrValue, "negative"},
	{"negative distance", "generate: {" + nominal + ", count: 2, pairwise: {A: -1}}\n", 1, 67, "generate.pairwise", ErrValue, "negative"},
	{"shape of mask", "generate: {" + nominal + ", count: 2, masks: {A: [[1, 2]]}}\n", 1, 68, "generate.masks.A", ErrValue, "is 1×2, but the nominal A is 1×1"},
	{"asymmetric range", "generate: {nominal: {A: [[1, 1], [0, 1]], B: [[0], [1]], Q: [[1, 0], [0, 1]], R: 1}, count: 2, ranges: {Q: [[1, [0, 1]], [0, 1]]}}\n", 1, 108, "generate.ranges.Q", ErrValue, "symmetric"},
	{"order of bounds", "generate: {" + nominal + ", count: 2, factors: {A: [2, 1]}}\n", 1, 70, "generate.factors.A", ErrValue, "out of order"},
	{"bounds overflow", "generate: {" + nominal + ", count: 2, ranges: {A: [-1e308, 1e308]}}\n", 1, 69, "generate.ranges.A", ErrValue, "overflow"},
	{"one bound", "generate: {" + nominal + ", count: 2, factors: {A: [2]}}\n", 1, 70, "generate.factors.A", ErrValue, "bounds [lo, hi], found a list of 1"},
	{"drawn name taken", "tasks: [{name: task-001, A: 1, B: 1, Q: 1, R: 1}]\ngenerate: {" + nominal + ", count: 2, within: 0}\n", 2, 11, "generate", ErrKey, `"task-001"`},
	{"nothing valid to draw", "generate: {" + nominal + ", count: 2, factors: {R: [-2, -1]}}\n", 1, 66, "generate.factors", ErrDraw, `task-001" in 1000: not R positive definite (1000); the last: R is not positive definite`},
}

const (
	oneTask = "tasks: [{name: a, A: 1, B: 1, Q: 1, R: 1}]\n"
	nominal = "nominal: {A: 1, B: 1, Q: 1, R: 1}"
)

// taskOf is a task on one line, with one more field from column 39.
func taskOf(field string) string { return "  - {name: a, A: 1, B: 1, Q: 1, R: 1, " + field + "}\n" }

func TestRefusals(t *testing.T) {
	for _, tt := range refusals {
		t.Run(tt.name, func(t *testing.T) { refused(t, tt.text, tt.line, tt.column, tt.path, tt.kind, tt.message) })
	}
}

// refused checks that a file is, where, and why.
func refused(t *testing.T, text string, line, column int, path string, kind error, message string) {
	t.Helper()
	f, err := Parse("f.yaml", []byte(text))
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("got %v, %v; want an *Error", f, err)
	}
	if e.Line != line || e.Column != column || e.Path != path {
		t.Errorf("at %d:%d %q, want %d:%d %q\n%v", e.Line, e.Column, e.Path, line, column, path, e)
	}
	for _, k := range []error{ErrSyntax, ErrLimit, ErrKey, ErrValue, ErrTask, ErrDraw} {
		if errors.Is(err, k) != (k == kind) {
			t.Errorf("is %q: %v", k, errors.Is(err, k))
		}
	}
	if !strings.Contains(e.Message, message) {
		t.Errorf("message %q, want %q in it", e.Message, message)
	}
	if prefix := fmt.Sprintf("f.yaml:%d:%d: ", line, column); !strings.HasPrefix(e.Error(), prefix) {
		t.Errorf("text %q, want prefix %q", e.Error(), prefix)
	}
	if len(e.Error()) > 1024 {
		t.Errorf("%d bytes of text", len(e.Error()))
	}
}

// A cause can be asked for its numbers.
func TestCauses(t *testing.T) {
	_, err := Parse("f", []byte("tasks: [{name: a, A: 2, B: 0, Q: 1, R: 1}]"))
	var unstable *matrixeq.NotStabilizableError
	var task *lqr.TaskError
	if !errors.As(err, &unstable) || unstable.Eigenvalue != 2 || !errors.As(err, &task) || task.Task != "a" {
		t.Errorf("%v", err)
	}
	_, err = Parse("f", []byte("generate: {"+nominal+", count: 2, factors: {R: [-2, -1]}}"))
	var draw *DrawError
	if !errors.As(err, &draw) || draw.Draws != maxDraws || len(draw.Failed) != 1 || draw.Failed[0] != (Failed{conditionR, maxDraws}) ||
		!errors.Is(draw.Last, matrixeq.ErrNotPositiveDefinite) {
		t.Errorf("%+v", draw)
	}
}

// The excerpt shows the line and a caret below the column, and stays short.
func TestExcerpt(t *testing.T) {
	_, err := Parse("f.yaml", []byte("family: a\ntasks:\n  - {name: é, AA: 1}\n"))
	want := "f.yaml:3:15: tasks[0].AA: unknown key \"AA\"; did you mean A?\n" +
		"  3 |   - {name: é, AA: 1}\n" +
		"    |               ^"
	if err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}

	long := "tasks: [{name: x, A: [[" + strings.Repeat("1.5, ", 1e5) + "oops, " + strings.Repeat("1, ", 1e5) + "1]]}]"
	_, err = Parse(strings.Repeat("é", 1000), []byte(long))
	var e *Error
	if !errors.As(err, &e) || e.Line != 1 || e.Column != 24+5e5 {
		t.Fatalf("%v", err)
	}
	lines := strings.Split(e.Error(), "\n")
	caret := strings.Index(lines[2], "^")
	if len(e.Error()) > 1024 || len(lines) != 3 || !strings.HasPrefix(string([]rune(lines[1])[caret:]), "oops, 1, 1") {
		t.Errorf("%d bytes:\n%v", len(e.Error()), e)
	}
}

func TestRead(t *testing.T) {
	dir := t.TempDir()
	if _, err := Read(filepath.Join(dir, "absent.yaml")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("absent: %v", err)
	}
	if _, err := Read(dir); !errors.Is(err, ErrSyntax) {
		t.Errorf("directory: %v", err)
	}
	// A sparse file of 1 GB: refused by its size, before it is read.
	huge := filepath.Join(dir, "huge.yaml")
	if err := os.WriteFile(huge, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(huge, 1<<30); err != nil {
		t.Fatal(err)
	}
	var err error
	if n := allocated(func() { _, err = Read(huge) }); n > 1<<16 {
		t.Errorf("%d bytes allocated to refuse a file", n)
	}
	if !errors.Is(err, ErrLimit) || !strings.Contains(err.Error(), "256 MiB") {
		t.Errorf("1 GB: %v", err)
	}
	// Standard input, as a file or as a pipe, has a limit too.
	stdin := os.Stdin
	defer func() { os.Stdin = stdin }()
	if os.Stdin, err = os.Open("../examples/carts.yaml"); err != nil {
		t.Fatal(err)
	}
	defer os.Stdin.Close()
	if f, err := Read("-"); err != nil || f.Name != "carts" {
		t.Errorf("standard input: %v, %v", f, err)
	}
	// The file's name names the family.
	path := filepath.Join(dir, "my carts.yaml")
	if err := os.WriteFile(path, []byte(oneTask), 0o600); err != nil {
		t.Fatal(err)
	}
	if f, err := Read(path); err != nil || f.Name != "my carts" {
		t.Errorf("%v, %v", f, err)
	}
}
