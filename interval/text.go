package interval

import (
	"encoding/json"
	"fmt"
	"strconv"
)

// String shows both ends with the fewest digits that read back as the same
// float64s, as in "[0.1, 0.30000000000000004]", and the empty set as "[]".
func (a Interval) String() string {
	if a.IsEmpty() {
		return "[]"
	}
	b := make([]byte, 0, 48)
	b = append(b, '[')
	b = strconv.AppendFloat(b, a.Lo(), 'g', -1, 64)
	b = append(b, ", "...)
	b = strconv.AppendFloat(b, a.Hi(), 'g', -1, 64)
	return string(append(b, ']'))
}

// MarshalJSON writes [lo,hi] with the fewest digits that read back as the same
// float64s, null for an end that is infinite, and [] for the empty set.
func (a Interval) MarshalJSON() ([]byte, error) {
	if a.IsEmpty() {
		return []byte("[]"), nil
	}
	b := make([]byte, 0, 48)
	b = appendEnd(append(b, '['), a.Lo())
	b = appendEnd(append(b, ','), a.Hi())
	return append(b, ']'), nil
}

func appendEnd(b []byte, x float64) []byte {
	if x-x != 0 {
		return append(b, "null"...)
	}
	return strconv.AppendFloat(b, x, 'g', -1, 64)
}

// UnmarshalJSON reads what MarshalJSON writes. A number is read to the nearest
// float64: an interval between decimals that are not float64s is not enclosed.
// It refuses ends in the wrong order, or not two of them, and leaves a as it was.
func (a *Interval) UnmarshalJSON(data []byte) error {
	var ends []*float64
	if err := json.Unmarshal(data, &ends); err != nil {
		return fmt.Errorf("interval: %w", err)
	}
	if ends != nil && len(ends) == 0 {
		*a = Empty()
		return nil
	}
	if len(ends) != 2 {
		return fmt.Errorf("interval: %s has %d ends, want [lo, hi]", data, len(ends))
	}
	b := Entire()
	if ends[0] != nil {
		b.lo = *ends[0]
	}
	if ends[1] != nil {
		b.hi = *ends[1]
	}
	if b.lo > b.hi {
		return fmt.Errorf("interval: lower end %v is above the upper end %v", b.lo, b.hi)
	}
	*a = b
	return nil
}
