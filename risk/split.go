package risk

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/metalqr/metalqr/objective"
)

// A Split is the two sets of one task: f, what counts, is over the large one,
// and g, what an inner step sees, over the small one. They may also come from
// separate files.
type Split struct {
	Large Data
	Small Data
}

// A Draw says which rows the small set has.
type Draw struct {
	Count    int    // rows; of each class where PerClass
	PerClass bool   // Count rows of every class that occurs, the targets being classes
	Disjoint bool   // the large set is the others; otherwise it is all of them
	Seed     uint64 // of the choice
	Task     uint64 // its stream: every task of a family has its own
}

// Split draws the small set without replacement, every choice equally likely.
// Rows keep their order. The error is a *ModelError or a *DataError.
func (w Draw) Split(d Data) (Split, error) {
	if err := d.Check(); err != nil {
		return Split{}, err
	}
	if w.Count <= 0 {
		return Split{}, &ModelError{Of: "split", Field: "Count", Value: w.Count, Want: "a positive number"}
	}
	groups := [][]int{make([]int, d.Rows)}
	for i := range d.Rows {
		groups[0][i] = i
	}
	names := []string{"rows"}
	if w.PerClass {
		if d.Y == nil {
			return Split{}, &DataError{Message: "a split by class needs targets, and there are none"}
		}
		order := groups[0]
		slices.SortStableFunc(order, func(i, j int) int {
			switch {
			case d.Y[i] < d.Y[j]:
				return -1
			case d.Y[i] > d.Y[j]:
				return 1
			}
			return 0
		})
		groups, names = nil, nil
		for lo := 0; lo < len(order); {
			hi := lo
			for hi < len(order) && d.Y[order[hi]] == d.Y[order[lo]] {
				hi++
			}
			groups = append(groups, order[lo:hi])
			names = append(names, fmt.Sprintf("rows of class %v", d.Y[order[lo]]))
			lo = hi
		}
	}
	random := rand.New(rand.NewPCG(w.Seed, w.Task))
	chosen := make([]bool, d.Rows)
	for g, rows := range groups {
		limit := len(rows)
		if w.Disjoint {
			limit-- // something must be left
		}
		if w.Count > limit {
			return Split{}, &DataError{Message: fmt.Sprintf("%d are to be drawn from %d %s", w.Count, len(rows), names[g]), Value: float64(w.Count), Limit: int64(limit), Kind: ErrLimit}
		}
		for k := range w.Count { // Fisher and Yates, as far as needed
			j := k + random.IntN(len(rows)-k)
			rows[k], rows[j] = rows[j], rows[k]
			chosen[rows[k]] = true
		}
	}
	var small, others []int
	for i, c := range chosen {
		if c {
			small = append(small, i)
		} else {
			others = append(others, i)
		}
	}
	s := Split{Large: d}
	var err error
	if s.Small, err = d.Pick(small); err != nil {
		return Split{}, err
	}
	if w.Disjoint {
		s.Large, err = d.Pick(others)
	}
	return s, err
}

// A Pair is the two objectives of one task.
type Pair struct {
	Outer objective.Objective // f, over the large set
	Inner objective.Objective // g, over the small set
}

// Objectives makes the pair: outer over the large set, inner over the small
// one. They may differ, as in their penalty; they must have the same number of
// parameters.
func (s Split) Objectives(outer, inner Model) (Pair, error) {
	f, err := outer.On(s.Large)
	if err != nil {
		return Pair{}, fmt.Errorf("large set: %w", err)
	}
	g, err := inner.On(s.Small)
	if err != nil {
		return Pair{}, fmt.Errorf("small set: %w", err)
	}
	if f.Dim() != g.Dim() {
		return Pair{}, fmt.Errorf("the small set's objective: %w", &objective.LengthError{Len: g.Dim(), Want: f.Dim()})
	}
	return Pair{Outer: f, Inner: g}, nil
}
