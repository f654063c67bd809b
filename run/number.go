package run

import (
	"encoding/json"
	"math"
)

// A Number is a float64 that JSON shows as null where it is not finite (a cost
// outside the domain). It reads back to the same bits.
type Number float64

// MarshalJSON writes the shortest digits that read back to the same bits.
func (n Number) MarshalJSON() ([]byte, error) {
	x := float64(n)
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return []byte("null"), nil
	}
	return json.Marshal(x)
}

// UnmarshalJSON reads null as +Inf.
func (n *Number) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		*n = Number(math.Inf(1))
		return nil
	}
	return json.Unmarshal(b, (*float64)(n))
}

// infinite is the cost outside a domain.
var infinite = Number(math.Inf(1))

func numbers(x []float64) []Number {
	out := make([]Number, len(x))
	for i, v := range x {
		out[i] = Number(v)
	}
	return out
}
