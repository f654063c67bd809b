package family_test

import (
	"errors"
	"fmt"
	"log"

	"github.com/metalqr/metalqr/family"
)

func Example() {
	f, err := family.Parse("carts.yaml", []byte(`
defaults: {Q: [[1, 0], [0, 1]], R: 1}
tasks:
  - {name: nominal, A: [[1, 0.1], [0, 1]], B: [[0], [0.1]], weight: 2}
  - {name: heavy, A: [[1, 0.1], [0, 0.9]], B: [[0], [0.08]]}
`))
	if err != nil {
		log.Fatal(err)
	}
	for _, t := range f.Tasks {
		fmt.Printf("%s: weight %v, optimal cost %.4f\n", t.Name, t.Weight, t.F.Optimum().Cost)
	}
	d, i, j := family.Diameter(f)
	fmt.Printf("diameter %.2f, between %s and %s\n", d, f.Tasks[i].Name, f.Tasks[j].Name)
	// Output:
	// nominal: weight 2, optimal cost 37.2531
	// heavy: weight 1, optimal cost 36.5686
	// diameter 0.12, between nominal and heavy
}

func ExampleParse_generate() {
	f, err := family.Parse("fleet.yaml", []byte(`
generate:
  nominal: {A: 1.1, B: 1, Q: 1, R: 1}
  count: 4
  pairwise: 0.1
  seed: 3
`))
	if err != nil {
		log.Fatal(err)
	}
	for _, t := range f.Tasks {
		fmt.Printf("%-8s A %.2f  B %.2f\n", t.Name, t.Outer.A.At(0, 0), t.Outer.B.At(0, 0))
	}
	// Output:
	// nominal  A 1.10  B 1.00
	// task-001 A 1.04  B 1.06
	// task-002 A 1.04  B 1.06
	// task-003 A 1.04  B 1.06
}

func ExampleError() {
	_, err := family.Parse("carts.yaml", []byte("tasks:\n  - name: nominal\n    B: [0, 0.1]\n"))
	fmt.Println(err)
	fmt.Println(errors.Is(err, family.ErrValue))
	// Output:
	// carts.yaml:3:8: tasks[0].B: a flat list is not a matrix: write [[0, 0.1]] for one row, [[0], [0.1]] for one column
	//   3 |     B: [0, 0.1]
	//     |        ^
	// true
}

func ExampleGainError() {
	_, err := family.ParseGain("gain.csv", []byte("0.5, 1.2\n0.1, n/a\n"), 2, 2)
	fmt.Println(err)
	// Output: gain.csv: row 2, column 2: expected a number, found "n/a"
}
